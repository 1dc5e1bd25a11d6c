"""Tests of course_lib.algorithms.ppo and .ppo_kl: loops, probes and plugged-in functions."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import PPOConfig, PPOKLConfig, ppo, ppo_kl
from course_lib.environments import PROBES, make_vector
from course_lib.reference import (
    adapt_kl_coef,
    categorical_entropy,
    categorical_kl,
    generalized_advantage,
    kl_penalty_loss,
    minibatch_indices,
    normalize_advantage,
    ppo_loss,
    sample_categorical,
)

GAMMA = 0.7
SIZES = {"num_envs": 4, "num_steps": 8, "epochs": 2, "minibatch_size": 16, "hidden": (8,)}
PROBE = {
    "num_envs": 16,
    "num_steps": 8,
    "epochs": 4,
    "minibatch_size": 64,
    "learning_rate": 0.01,
    "hidden": (16,),
    "gamma": GAMMA,
    "reward_scale": 1.0,
    "max_grad_norm": 5.0,
    "normalize": False,
}
LOOPS = [(ppo, PPOConfig), (ppo_kl, PPOKLConfig)]
both_loops = pytest.mark.parametrize(("loop", "settings"), LOOPS, ids=["clip", "kl"])


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(loop, config, updates=2, environment_id="CartPole-v1", seed=0, **functions):
    *_, last = islice(loop(environment_id, config, seed, **functions), updates)
    return last


def visited(environment_id):
    """Observations that acting well leads to."""
    environment = make_vector(environment_id, 16, seed=9)
    observations = [environment.reset()]
    for _ in range(3):
        observations.append(environment.step(environment.exact_action(observations[-1])).obs)
    return np.concatenate(observations)


@pytest.mark.parametrize("probe", PROBES)
@both_loops
def test_a_probe_is_learned_exactly(loop, settings, probe):
    progress = trained(loop, settings(**PROBE), 80, probe)
    obs = visited(probe)
    with torch.no_grad():
        value = progress.critic(torch.from_numpy(obs)).numpy()
        probability = progress.policy.logits(torch.from_numpy(obs)).softmax(-1).numpy()
    assert value == pytest.approx(PROBES[probe].exact_value(obs, GAMMA), abs=0.05)
    best = probability[np.arange(len(obs)), PROBES[probe].exact_action(obs)]
    assert best.min() > 0.95


def test_a_flipped_loss_prefers_the_worse_action():
    def flipped(log_prob, old_log_prob, advantage, *rest):
        return ppo_loss(log_prob, old_log_prob, -advantage, *rest)

    policy = trained(ppo, PPOConfig(**PROBE), 40, "Probe4-v0", loss=flipped).policy
    assert policy.logits(torch.zeros(1, 1)).softmax(-1)[0, 1] < 0.05


@both_loops
def test_a_seed_gives_the_same_training_and_another_seed_another_one(loop, settings):
    config = settings(**SIZES)
    assert torch.equal(
        weights(trained(loop, config, seed=1)), weights(trained(loop, config, seed=1))
    )
    assert not torch.equal(
        weights(trained(loop, config, seed=1)), weights(trained(loop, config, seed=2))
    )


@both_loops
def test_training_neither_uses_nor_changes_the_global_random_numbers(loop, settings):
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained(loop, settings(**SIZES)))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained(loop, settings(**SIZES))), first)


def reward_alone(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
    return reward


def in_order(size, minibatch_size, generator):
    return list(torch.arange(size).split(minibatch_size))


SHARED = {
    "advantage": (generalized_advantage, reward_alone),
    "normalize": (normalize_advantage, lambda advantage, eps: -advantage),
    "minibatches": (minibatch_indices, in_order),
    "sample": (
        sample_categorical,
        lambda logits, generator: torch.ones(len(logits), dtype=torch.int64),
    ),
}
PLUGS = [
    *((ppo, PPOConfig, name) for name in SHARED),
    *((ppo_kl, PPOKLConfig, name) for name in SHARED),
    (ppo, PPOConfig, "loss"),
    (ppo, PPOConfig, "entropy"),
    (ppo_kl, PPOKLConfig, "loss"),
    (ppo_kl, PPOKLConfig, "kl"),
    (ppo_kl, PPOKLConfig, "adapt"),
]
OWN = {
    (ppo, "loss"): (ppo_loss, lambda log_prob, *rest: log_prob.sum()),
    (ppo, "entropy"): (categorical_entropy, lambda logits: -categorical_entropy(logits)),
    (ppo_kl, "loss"): (kl_penalty_loss, lambda log_prob, *rest: log_prob.sum()),
    (ppo_kl, "kl"): (categorical_kl, lambda p, q: -categorical_kl(p, q)),
    (ppo_kl, "adapt"): (adapt_kl_coef, lambda kl_coef, kl, target_kl: 100.0),
}


@pytest.mark.parametrize(("loop", "settings", "name"), PLUGS)
def test_each_given_function_is_really_used(loop, settings, name):
    extra = {"entropy_coef": 0.1} if loop is ppo else {}
    config = settings(**SIZES, **extra)
    same, other = OWN[loop, name] if (loop, name) in OWN else SHARED[name]
    reference = weights(trained(loop, config, 3))
    assert torch.equal(weights(trained(loop, config, 3, **{name: same})), reference)
    assert not torch.equal(weights(trained(loop, config, 3, **{name: other})), reference)


@both_loops
def test_without_normalisation_the_function_is_not_called(loop, settings):
    config = settings(**SIZES, normalize=False)
    trained(loop, config, normalize=lambda advantage, eps: 1 / 0)


def test_each_epoch_goes_once_over_every_step():
    seen = []

    def counted(size, minibatch_size, generator):
        seen.append((size, minibatch_size))
        return minibatch_indices(size, minibatch_size, generator)

    trained(ppo, PPOConfig(**SIZES), 3, minibatches=counted)
    # 3 updates · 2 epochs over 8 · 4 steps.
    assert seen == 6 * [(32, 16)]


def test_the_ratio_is_one_at_first_and_moves_in_the_second_epoch():
    ratios = []

    def spy(log_prob, old_log_prob, *rest):
        ratios.append((log_prob - old_log_prob).exp().detach())
        return ppo_loss(log_prob, old_log_prob, *rest)

    config = PPOConfig(**SIZES | {"minibatch_size": 32})
    trained(ppo, config, 2, loss=spy)
    # Two updates of two epochs: the old log-probabilities are new in every update, and only there.
    assert torch.allclose(ratios[0], torch.ones(32), atol=1e-5)
    assert torch.allclose(ratios[2], torch.ones(32), atol=1e-5)
    assert (ratios[1] - 1).abs().max() > 1e-3
    assert (ratios[3] - 1).abs().max() > 1e-3


def test_the_loss_gets_constants_where_nothing_is_to_be_learned():
    seen = {}

    def spy(
        log_prob, old_log_prob, advantage, value, value_target, entropy,
        clip_epsilon, value_coef, entropy_coef,
    ):  # fmt: skip
        seen.update(locals())
        return ppo_loss(
            log_prob, old_log_prob, advantage, value, value_target, entropy,
            clip_epsilon, value_coef, entropy_coef,
        )  # fmt: skip

    trained(ppo, PPOConfig(**SIZES), 1, loss=spy)
    tensors = {name: x for name, x in seen.items() if isinstance(x, torch.Tensor)}
    learning = {name for name, tensor in tensors.items() if tensor.requires_grad}
    assert learning == {"log_prob", "value", "entropy"}
    assert {tuple(tensor.shape) for tensor in tensors.values()} == {(16,)}


def test_the_price_of_moving_rises_with_the_distance_and_is_reported():
    dear = trained(ppo_kl, PPOKLConfig(**SIZES, target_kl=1e-9), 4)
    cheap = trained(ppo_kl, PPOKLConfig(**SIZES, target_kl=100.0), 4)
    # Three adaptations come before the fourth update: β = 1 doubled, or halved, three times.
    assert dear.metrics["kl_coef"] == 2.0**3
    assert cheap.metrics["kl_coef"] == 0.5**3


def test_a_high_price_keeps_the_policy_where_it_is():
    moved = {
        kl_coef: trained(
            ppo_kl,
            PPOKLConfig(**SIZES | {"epochs": 20}, kl_coef=kl_coef),
            3,
            adapt=lambda kl_coef, kl, target_kl: kl_coef,
        ).metrics["kl"]
        for kl_coef in (0.0, 100.0)
    }
    assert moved[100.0] < 0.2 * moved[0.0]


@both_loops
def test_a_step_size_that_has_fallen_to_zero_changes_nothing(loop, settings):
    config = settings(**SIZES, decay_steps=32)
    first, second = (weights(step) for step in islice_copies(loop, config))
    assert torch.equal(first, second)
    keeps = dataclasses.replace(config, decay_steps=None)
    first, second = (weights(step) for step in islice_copies(loop, keeps))
    assert not torch.equal(first, second)


def islice_copies(loop, config):
    """Trained once and twice, from the same seed."""
    return [trained(loop, config, updates) for updates in (1, 2)]


def test_steps_are_counted():
    progress = list(islice(ppo("CartPole-v1", PPOConfig(**SIZES), 0), 3))
    assert [step.env_steps for step in progress] == [32, 64, 96]


@both_loops
def test_a_term_that_is_no_number_is_named_with_its_update(loop, settings):
    calls = []

    def broken_later(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
        calls.append(1)
        return reward * (float("nan") if len(calls) == 2 else 1.0)

    with pytest.raises(ValueError, match=r"update 2: the loss is nan; advantage already"):
        trained(loop, settings(**SIZES), 3, advantage=broken_later)


@pytest.mark.parametrize("distribution", ["gaussian", "beta"])
@both_loops
def test_continuous_actions_train_with_both_distributions(loop, settings, distribution):
    config = settings(**SIZES, distribution=distribution)
    progress = trained(loop, config, 2, "ContinuousCartPole-v0")
    assert torch.isfinite(weights(progress)).all()
    assert progress.metrics["kl"] > 0


@pytest.mark.parametrize(
    ("loop", "settings", "name"), [(ppo, PPOConfig, "entropy"), (ppo_kl, PPOKLConfig, "kl")]
)
def test_each_broken_term_is_named(loop, settings, name):
    def broken(logits, *others):
        return logits.sum(-1) * float("nan")

    with pytest.raises(ValueError, match=rf"update 1: the loss is nan; {name} already"):
        trained(loop, settings(**SIZES), 1, **{name: broken})


@both_loops
def test_a_loss_that_is_no_number_stops_the_run(loop, settings):
    def broken(log_prob, *rest):
        return log_prob.sum() * float("nan")

    with pytest.raises(ValueError, match=r"update 1: the loss is nan; all its inputs are finite"):
        trained(loop, settings(**SIZES), 1, loss=broken)
