"""The student edition's stand-ins agree with the reference: values, gradients, draws."""

import pytest
import torch

from autograde.release.contents import DISTRIBUTIONS, FOR_LOOPS
from autograde.release.library import fixed_in, library_files
from autograde.release.shipped import stand_ins
from course_lib import reference
from tests.helpers import random_rollout


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers that collect a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def inputs_of(name: str) -> tuple:
    """Arguments for a function of densities, entropies or divergences."""
    action, mean, log_std = draw(6, 3, seed=1).detach(), draw(6, 3, seed=2), draw(3, seed=3)
    concentrations = [1 + draw(6, 3, seed=seed).detach().exp() for seed in (4, 5)]
    inside = 1.8 * action.sigmoid() - 0.9
    return {
        "beta_log_prob": (*(one.requires_grad_() for one in concentrations), inside, -1.0, 1.0),
        "categorical_entropy": (mean,),
        "categorical_kl": (mean, draw(6, 3, seed=6)),
        "categorical_log_prob": (mean, torch.tensor([0, 2, 1, 1, 0, 2])),
        "gaussian_entropy": (log_std,),
        "gaussian_kl": (mean, log_std, draw(6, 3, seed=6), draw(3, seed=7)),
        "gaussian_log_prob": (mean, log_std, action),
        "squashed_gaussian_log_prob": (mean, log_std, 3 * action),
        "token_log_prob": (draw(2, 4, 3, seed=2), torch.tensor([[0, 2, 1, 1], [0, 2, 0, 1]])),
        "critic_loss": (10 * draw(7), draw(7, seed=1).detach()),
        "value_loss_monte_carlo": (10 * draw(7, 2), draw(7, 2, seed=1).detach()),
        "max_likelihood_loss": (draw(4, 3),),
        "approximate_kl": (draw(9), draw(9, seed=1).detach()),
    }[name]


def gradients(value, inputs) -> list:
    """Of a sum with uneven weights, for every input that collects one."""
    weighted = (value * torch.linspace(0.5, 1.5, value.numel()).reshape(value.shape)).sum()
    leaves = [one for one in inputs if isinstance(one, torch.Tensor) and one.requires_grad]
    return list(torch.autograd.grad(weighted, leaves))


DENSITIES = [one for one in DISTRIBUTIONS if not one.startswith("sample")]
LOSSES = ["critic_loss", "value_loss_monte_carlo", "max_likelihood_loss", "approximate_kl"]


@pytest.mark.parametrize("name", [*DENSITIES, *LOSSES])
def test_a_stand_in_has_the_value_and_the_gradients_of_the_reference(name):
    inputs = inputs_of(name)
    wanted, got = getattr(reference, name)(*inputs), getattr(stand_ins, name)(*inputs)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(gradients(got, inputs), gradients(wanted, inputs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_samples_are_the_very_same_and_leave_both_random_states_right(dtype):
    logits = draw(40, 3).detach().to(dtype)
    arguments = {"sample_categorical": (logits,), "sample_gaussian": (logits, logits[0])}
    for name, inputs in arguments.items():
        one, other = (torch.Generator().manual_seed(5) for _ in range(2))
        before = torch.get_rng_state()
        for _ in range(3):
            wanted = getattr(reference, name)(*inputs, one)
            got = getattr(stand_ins, name)(*inputs, other)
            torch.testing.assert_close(got, wanted)
        assert torch.equal(one.get_state(), other.get_state())
        assert torch.equal(before, torch.get_rng_state())


def test_a_sampler_that_fails_gives_the_random_state_back():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), stand_ins.drawing_from(torch.Generator()):
        1 / 0  # noqa: B018
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("gamma", "gae_lambda"), [(0.99, 0.95), (1.0, 0.5), (0.9, 0.0), (1.0, 1.0)]
)
def test_the_table_of_weights_gives_generalised_advantages(seed, gamma, gae_lambda):
    rollout = random_rollout(seed, steps=12, envs=3)
    wanted = reference.generalized_advantage(**rollout, gamma=gamma, gae_lambda=gae_lambda)
    got = stand_ins.generalized_advantage(**rollout, gamma=gamma, gae_lambda=gae_lambda)
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("gamma", [0.9, 1.0, 0.0])
@pytest.mark.parametrize("shape", [(7, 3), (7,)])
def test_a_table_of_discounts_gives_rewards_to_go(gamma, shape):
    reward = draw(*shape).detach()
    wanted = reference.reward_to_go(reward, gamma)
    torch.testing.assert_close(stand_ins.reward_to_go(reward, gamma), wanted)


def test_layer_normalisation_normalises_advantages():
    advantage = 3 + 2 * draw(8, 4).detach()
    torch.testing.assert_close(
        stand_ins.normalize_advantage(advantage), reference.normalize_advantage(advantage)
    )


def test_every_stand_in_that_an_edition_may_name_is_there():
    for name in (*DISTRIBUTIONS, *FOR_LOOPS):
        assert callable(getattr(stand_ins, name)) and callable(getattr(reference, name))


def test_shrinking_the_ratios_counts_those_that_a_clip_would_reach():
    log_prob, old = 0.3 * draw(50).detach(), torch.zeros(50, dtype=torch.float64)
    wanted = reference.clip_fraction(log_prob, old, 0.2)
    assert 0.2 < wanted < 0.8
    torch.testing.assert_close(stand_ins.clip_fraction(log_prob, old, 0.2), wanted)


def test_torch_s_samplers_give_the_same_minibatches():
    one, other = (torch.Generator().manual_seed(5) for _ in range(2))
    wanted = reference.minibatch_indices(10, 4, one)
    got = stand_ins.minibatch_indices(10, 4, other)
    assert [rows.tolist() for rows in got] == [rows.tolist() for rows in wanted]
    assert [len(rows) for rows in got] == [4, 4, 2]


def numbered(first: int, last: int) -> tuple:
    """Transitions that carry their number in every field."""
    number = torch.arange(first, last, dtype=torch.float32)
    column = number.unsqueeze(-1)
    return column.repeat(1, 2), column, number, column.repeat(1, 2) + 0.5, number % 2 == 1


def test_a_queue_keeps_the_last_rows_together_and_draws_all_of_them():
    buffer = stand_ins.ReplayBuffer(5, (2,), (1,), seed=0)
    buffer.add(*numbered(0, 3))
    buffer.add(*numbered(3, 7))
    assert len(buffer) == 5
    drawn = buffer.sample(300)
    assert sorted(drawn.reward.unique().tolist()) == [2, 3, 4, 5, 6]
    assert drawn.obs.shape == (300, 2) and drawn.terminated.dtype == torch.bool
    assert torch.equal(drawn.next_obs[:, 0], drawn.reward + 0.5)
    assert torch.equal(drawn.action[:, 0], drawn.reward)
    assert torch.equal(drawn.terminated, drawn.reward % 2 == 1)


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_a_moving_average_lets_a_target_follow_as_the_reference_does(rate):
    online, wanted, got = (torch.nn.BatchNorm1d(3) for _ in range(3))
    with torch.no_grad():
        for one in (*online.parameters(), *online.buffers()):
            one.copy_(3 * torch.rand_like(one, dtype=torch.float32) + 1)
        wanted.weight.fill_(0.3)
        got.weight.fill_(0.3)
    reference.update_target(wanted, online, rate)
    stand_ins.update_target(got, online, rate)
    torch.testing.assert_close(got.state_dict(), wanted.state_dict())
    assert got.weight.requires_grad and got.weight.is_leaf


def test_the_stand_in_of_update_target_follows_networks_of_weights_alone():
    got, online = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    before = got.weight.detach().clone()
    stand_ins.update_target(got, online, 0.25)
    torch.testing.assert_close(got.weight, 0.75 * before + 0.25 * online.weight)


def test_every_loop_of_the_course_can_be_released():
    for path in library_files():
        fixed = {name for name in fixed_in(path) if name in reference.__all__}
        assert fixed <= {*DISTRIBUTIONS, *FOR_LOOPS}, path
