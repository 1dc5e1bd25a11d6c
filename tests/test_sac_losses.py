"""SAC's losses: by hand, dead gradients, a saturated tanh, and Stable-Baselines3's step."""

import pytest
import torch
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from course_lib.reference import (
    critic_loss,
    sac_policy_loss,
    sac_target,
    sac_value_loss,
    squashed_gaussian_log_prob,
    temperature_loss,
)
from tests.helpers import double, leaf
from tests.peers import (
    columns,
    feed_replay,
    gradient_of,
    largest_error,
    peer_model,
    peer_step,
    random_transitions,
    step_of,
)
from tests.properties import given, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shared", [True, False])
def test_the_squashed_log_probability_agrees_with_torch(shared):
    mean, pre_tanh = draws(0, 20, 3), draws(1, 20, 3)
    log_std = draws(2, *((3,) if shared else (20, 3)))
    squashed = TransformedDistribution(Normal(mean, log_std.exp()), TanhTransform())
    expected = squashed.log_prob(pre_tanh.tanh()).sum(-1)
    got = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-8)


def test_the_density_of_the_squashed_action_integrates_to_one():
    action = torch.linspace(-1, 1, 20_001, dtype=torch.float64)[1:-1]
    pre_tanh = action.atanh().unsqueeze(-1)
    density = squashed_gaussian_log_prob(
        torch.full_like(pre_tanh, 0.3), double([-0.5]), pre_tanh
    ).exp()
    assert torch.trapezoid(density, action).item() == pytest.approx(1.0, abs=1e-6)


def exact_log_slope(pre_tanh):
    """log(1 − tanh² u) = −2 log cosh u, by a series that needs no cancellation."""
    size = pre_tanh.abs()
    return 2 * double(2.0).log() - 2 * size - 2 * (-2 * size).exp().log1p()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("number", [-20.0, -8.0, 0.0, 8.0, 20.0])
def test_a_saturated_tanh_is_exact(dtype, number):
    pre_tanh = torch.full((1, 2), number, dtype=dtype)
    gaussian = 2 * Normal(0.0, 5.0).log_prob(torch.tensor(number).double())
    expected = gaussian - 2 * exact_log_slope(double(number))
    got = squashed_gaussian_log_prob(
        torch.zeros_like(pre_tanh), torch.full((2,), 5.0, dtype=dtype).log(), pre_tanh
    )
    assert got.dtype == dtype
    torch.testing.assert_close(got.double(), expected.expand(1), rtol=0, atol=1e-4)


def test_far_out_the_log_probability_and_its_gradient_stay_finite():
    pre_tanh = leaf([[1000.0, -1000.0]])
    got = squashed_gaussian_log_prob(double([[999.0, -999.0]]), double([0.0, 0.0]), pre_tanh)
    expected = 2 * (-0.5 - 0.5 * double(2 * torch.pi).log()) - 2 * (2 * double(2.0).log() - 2000)
    torch.testing.assert_close(got.detach(), expected.expand(1))
    got.sum().backward()
    torch.testing.assert_close(pre_tanh.grad, double([[-1.0 + 2, 1.0 - 2]]))


def test_at_u_8_stable_baselines3_is_off_by_a_nat_and_we_are_not():
    # Theirs adds 1e-6 to 1 − tanh² u, which is 4.5e-7 there: the sum is three times as large.
    distributions = pytest.importorskip("stable_baselines3.common.distributions")
    mean, log_std = torch.full((1, 1), 8.0), torch.zeros(1, 1)
    peer = distributions.SquashedDiagGaussianDistribution(1).proba_distribution(mean, log_std)
    theirs = peer.log_prob(mean.tanh(), mean)
    exact = -0.5 * double(2 * torch.pi).log() - exact_log_slope(double(8.0))
    ours = squashed_gaussian_log_prob(mean, log_std, mean)
    assert abs(float(theirs) - float(exact)) > 0.5
    assert abs(float(ours) - float(exact)) < 1e-5
    near = torch.full((1, 1), 0.5)
    agreed = distributions.SquashedDiagGaussianDistribution(1).proba_distribution(near, log_std)
    torch.testing.assert_close(
        agreed.log_prob(near.tanh(), near), squashed_gaussian_log_prob(near, log_std, near),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip


Q1, Q2, LOG_PROB = [1.0, 5.0, -2.0], [2.0, 4.0, -3.0], [-0.5, 0.7, -1.5]


def test_the_value_loss_by_hand_and_its_gradient():
    value, q1, q2, log_prob = leaf([0.0, 1.0, 2.0]), leaf(Q1), leaf(Q2), leaf(LOG_PROB)
    temperature = leaf(0.2)
    loss = sac_value_loss(value, q1, q2, log_prob, temperature)
    target = double([1 + 0.2 * 0.5, 4 - 0.2 * 0.7, -3 + 0.2 * 1.5])
    error = value.detach() - target
    torch.testing.assert_close(loss, 0.5 * error.square().mean())
    loss.backward()
    torch.testing.assert_close(value.grad, error / 3)
    assert all(tensor.grad is None for tensor in (q1, q2, log_prob, temperature))


@pytest.mark.parametrize("temperature", [0.2, leaf(0.2)])
def test_the_target_by_hand_without_a_gradient(temperature):
    got = sac_target(
        double([10.0, 20.0, 30.0]), leaf(Q1), leaf(Q2), leaf(LOG_PROB),
        torch.tensor([False, True, False]), 0.5, temperature,
    )  # fmt: skip
    expected = double([10 + 0.5 * (1 + 0.2 * 0.5), 20.0, 30 + 0.5 * (-3 + 0.2 * 1.5)])
    torch.testing.assert_close(got, expected)
    assert not got.requires_grad


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_without_a_temperature_entropy_plays_no_part(seed, gamma):
    reward, q1, q2, log_prob = (draws(seed + i, 5) for i in range(4))
    never = torch.zeros(5, dtype=torch.bool)
    got = sac_target(reward, q1, q2, log_prob, never, gamma, 0.0)
    torch.testing.assert_close(got, reward + gamma * torch.minimum(q1, q2))


def test_the_policy_loss_by_hand_and_both_its_gradients():
    log_prob, q1, q2, temperature = leaf(LOG_PROB), leaf(Q1), leaf(Q2), leaf(0.2)
    loss = sac_policy_loss(log_prob, q1, q2, temperature)
    torch.testing.assert_close(loss, double((0.2 * (-0.5 + 0.7 - 1.5) - (1 + 4 - 3)) / 3))
    loss.backward()
    torch.testing.assert_close(log_prob.grad, double([0.2 / 3] * 3))
    torch.testing.assert_close(q1.grad, double([-1 / 3, 0.0, 0.0]))
    torch.testing.assert_close(q2.grad, double([0.0, -1 / 3, -1 / 3]))
    assert temperature.grad is None


def test_the_temperature_loss_by_hand_and_its_gradient():
    log_temperature, log_prob = leaf(-1.5), leaf(LOG_PROB)
    loss = temperature_loss(log_temperature, log_prob, -2.0)
    missing = double((-0.5 + 0.7 - 1.5) / 3 - 2.0)
    torch.testing.assert_close(loss, 1.5 * missing)
    loss.backward()
    torch.testing.assert_close(log_temperature.grad, -missing)
    assert log_prob.grad is None


@pytest.mark.parametrize(("entropy", "rises"), [(-3.0, True), (-1.0, False)])
def test_the_temperature_rises_exactly_while_the_entropy_is_too_low(entropy, rises):
    log_temperature = leaf(0.0)
    temperature_loss(log_temperature, double([-entropy] * 4), -2.0).backward()
    assert (float(log_temperature.grad) < 0) == rises


def test_bad_input_is_named():
    row, column = torch.zeros(3), torch.zeros(3, 1)
    with pytest.raises(
        ValueError, match=r"pre_tanh: expected shape \(3, 1\) like mean, got \(3,\)"
    ):
        squashed_gaussian_log_prob(column, torch.zeros(1), row)
    with pytest.raises(ValueError, match="q2: expected shape"):
        sac_value_loss(row, row, column, row, 0.1)
    with pytest.raises(ValueError, match="next_q1: expected shape"):
        sac_target(row, column, row, row, row.bool(), 0.9, 0.1)
    with pytest.raises(ValueError, match="q1: expected shape"):
        sac_policy_loss(row, column, row, 0.1)
    with pytest.raises(ValueError, match=r"log_temperature: expected shape \(\), got \(1,\)"):
        temperature_loss(torch.zeros(1), row, -1.0)
    with pytest.raises(ValueError, match="temperature: expected a number of at least 0"):
        sac_policy_loss(row, row, row, -0.1)


@pytest.fixture(scope="module")
def sac():
    """Stable-Baselines3's SAC before and after one step, its temperature, and the data it saw."""
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    model = peer_model(stable_baselines3.SAC, gamma=0.9, tau=0.3, ent_coef="auto_0.4")
    model.ent_coef_optimizer = torch.optim.SGD([model.log_ent_coef], lr=1.0)
    data = random_transitions()
    feed_replay(model, data)
    log_temperature = model.log_ent_coef.detach().clone()
    before, after = peer_step(model, lambda: model.train(1, len(data["reward"])))
    moved = (log_temperature - model.log_ent_coef.detach()).squeeze()
    return before, after, data, log_temperature.squeeze(), moved


def actions_of(before, data):
    """The peer's actions and log-probabilities, drawn in the order in which it draws them."""
    torch.manual_seed(11)
    action, log_prob = before.actor.action_log_prob(data["obs"])
    with torch.no_grad():
        next_action, next_log_prob = before.actor.action_log_prob(data["next_obs"])
    return action, log_prob, next_action, next_log_prob


def our_critic_gradient(before, data, log_temperature, sign=1.0):
    _, _, next_action, next_log_prob = actions_of(before, data)
    with torch.no_grad():
        next_q = columns(before.critic_target(data["next_obs"], next_action))
    target = sac_target(
        data["reward"], *next_q, sign * next_log_prob, data["terminated"], 0.9,
        log_temperature.exp(),
    )  # fmt: skip
    q_values = columns(before.critic(data["obs"], data["action"]))
    return gradient_of(sum(critic_loss(q, target) for q in q_values), before.critic)


def test_the_critics_agree_with_stable_baselines3(sac):
    before, after, data, log_temperature, _ = sac
    theirs = step_of(before.critic, after.critic)
    assert largest_error(our_critic_gradient(before, data, log_temperature), theirs) < 1e-5
    # A planted bug: the entropy's sign.
    wrong = our_critic_gradient(before, data, log_temperature, sign=-1.0)
    assert largest_error(wrong, theirs) > 1e-2


def test_the_policy_agrees_with_stable_baselines3(sac):
    before, after, data, log_temperature, _ = sac
    action, log_prob, _, _ = actions_of(before, data)
    q_values = columns(after.critic(data["obs"], action))
    theirs = step_of(before.actor, after.actor)
    ours = sac_policy_loss(log_prob, *q_values, log_temperature.exp())
    assert largest_error(gradient_of(ours, before.actor), theirs) < 1e-5
    # A planted bug: the larger critic is climbed.
    wrong = (log_temperature.exp() * log_prob - torch.maximum(*q_values)).mean()
    assert largest_error(gradient_of(wrong, before.actor), theirs) > 1e-2


def test_the_temperature_agrees_with_stable_baselines3(sac):
    before, _, data, log_temperature, moved = sac
    _, log_prob, _, _ = actions_of(before, data)
    theta = log_temperature.clone().requires_grad_()
    temperature_loss(theta, log_prob, -2.0).backward()
    torch.testing.assert_close(theta.grad, moved, rtol=1e-5, atol=1e-5)
    wrong = log_temperature.clone().requires_grad_()
    temperature_loss(wrong, log_prob, 2.0).backward()
    assert abs(float(wrong.grad - moved)) > 1.0
