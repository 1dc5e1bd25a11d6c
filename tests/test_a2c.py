"""Tests of course_lib.algorithms.a2c: the loop, and the probes with their exact answers."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import A2CConfig, a2c
from course_lib.environments import PROBES, make_vector
from course_lib.reference import (
    a2c_loss,
    categorical_entropy,
    generalized_advantage,
    normalize_advantage,
    sample_categorical,
)

SMALL = A2CConfig(num_envs=4, num_steps=8, hidden=(8,))
GAMMA = 0.7
PROBE = A2CConfig(
    num_envs=16,
    num_steps=8,
    hidden=(16,),
    learning_rate=0.01,
    critic_learning_rate=0.01,
    gamma=GAMMA,
    reward_scale=1.0,
    max_grad_norm=5.0,
    normalize=False,
)


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(updates=3, environment_id="CartPole-v1", config=SMALL, seed=0, **functions):
    *_, last = islice(a2c(environment_id, config, seed, **functions), updates)
    return last


def visited(environment_id):
    """Observations that acting well leads to."""
    environment = make_vector(environment_id, 16, seed=9)
    observations = [environment.reset()]
    for _ in range(3):
        observations.append(environment.step(environment.exact_action(observations[-1])).obs)
    return np.concatenate(observations)


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_is_learned_exactly(probe):
    progress = trained(250, probe, PROBE)
    obs = visited(probe)
    with torch.no_grad():
        value = progress.critic(torch.from_numpy(obs)).numpy()
        probability = progress.policy.logits(torch.from_numpy(obs)).softmax(-1).numpy()
    assert value == pytest.approx(PROBES[probe].exact_value(obs, GAMMA), abs=0.05)
    best = probability[np.arange(len(obs)), PROBES[probe].exact_action(obs)]
    assert best.min() > 0.95


def ignoring_truncation(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
    """The misconception: a time limit ends the world."""
    ended = terminated | truncated
    return generalized_advantage(reward, value, next_value, ended, ended, gamma, gae_lambda)


def never_ending(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
    """The misconception: bootstrapping after a termination."""
    nowhere = torch.zeros_like(terminated)
    return generalized_advantage(reward, value, next_value, nowhere, truncated, gamma, gae_lambda)


@pytest.mark.parametrize(
    ("probe", "wrong_advantage"),
    [("Probe6-v0", ignoring_truncation), ("Probe1-v0", never_ending), ("Probe3-v0", never_ending)],
)
def test_a_probe_reveals_the_bug_that_it_isolates(probe, wrong_advantage):
    progress = trained(250, probe, PROBE, advantage=wrong_advantage)
    obs = visited(probe)
    with torch.no_grad():
        value = progress.critic(torch.from_numpy(obs)).numpy()
    assert np.abs(value - PROBES[probe].exact_value(obs, GAMMA)).max() > 0.3


def test_a_flipped_loss_prefers_the_worse_action():
    def flipped(log_prob, advantage, *rest):
        return a2c_loss(log_prob, -advantage, *rest)

    policy = trained(100, "Probe4-v0", PROBE, loss=flipped).policy
    assert policy.logits(torch.zeros(1, 1)).softmax(-1)[0, 1] < 0.05


def test_a_seed_gives_the_same_training_and_another_seed_another_one():
    assert torch.equal(weights(trained(seed=1)), weights(trained(seed=1)))
    assert not torch.equal(weights(trained(seed=1)), weights(trained(seed=2)))


def test_training_neither_uses_nor_changes_the_global_random_numbers():
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained()), first)


OTHER = {
    "advantage": lambda reward, value, next_value, terminated, truncated, gamma, gae_lambda: reward,
    "loss": lambda log_prob, *rest: log_prob.sum(),
    "normalize": lambda advantage, eps: -advantage,
    "entropy": lambda logits: -categorical_entropy(logits),
    "sample": lambda logits, generator: torch.ones(len(logits), dtype=torch.int64),
}
SAME = {
    "advantage": generalized_advantage,
    "loss": a2c_loss,
    "normalize": normalize_advantage,
    "entropy": categorical_entropy,
    "sample": sample_categorical,
}


@pytest.mark.parametrize("name", OTHER)
def test_each_given_function_is_really_used(name):
    config = dataclasses.replace(SMALL, entropy_coef=0.1)
    reference = weights(trained(config=config))
    assert torch.equal(weights(trained(config=config, **{name: SAME[name]})), reference)
    assert not torch.equal(weights(trained(config=config, **{name: OTHER[name]})), reference)


def test_without_normalisation_the_function_is_not_called():
    config = dataclasses.replace(SMALL, normalize=False)
    trained(2, config=config, normalize=lambda advantage, eps: 1 / 0)


def test_the_loss_gets_constants_where_nothing_is_to_be_learned():
    seen = {}

    def spy(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef):
        seen.update(locals())
        return a2c_loss(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef)

    trained(1, loss=spy)
    learning = {
        name for name in ("log_prob", "advantage", "value", "value_target", "entropy")
        if seen[name].requires_grad
    }  # fmt: skip
    assert learning == {"log_prob", "value", "entropy"}
    assert seen["log_prob"].shape == (8, 4)


def test_steps_are_counted_and_the_returns_are_those_of_finished_episodes():
    progress = list(islice(a2c("CartPole-v1", SMALL, 0), 20))
    assert [step.env_steps for step in progress] == [32 * (i + 1) for i in range(20)]
    returns = [value for step in progress for value in step.finished_returns]
    assert len(returns) > 4
    # What is missing are four episodes that still run; a new policy's last far less than 120 steps.
    assert 640 - 4 * 120 < sum(returns) <= 640


def test_the_entropy_of_a_new_policy_is_reported_as_log_two():
    assert trained(1).metrics["entropy"] == pytest.approx(np.log(2), abs=1e-3)


def test_a_term_that_is_no_number_is_named():
    def broken(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
        return reward / torch.zeros_like(reward) * 0

    with pytest.raises(ValueError, match=r"update 1: the loss is nan; advantage already"):
        trained(1, advantage=broken)


def test_each_broken_term_is_named_with_its_update():
    calls = []

    def broken_later(logits):
        calls.append(1)
        return categorical_entropy(logits) * (float("nan") if len(calls) == 2 else 1.0)

    with pytest.raises(ValueError, match=r"update 2: the loss is nan; entropy already"):
        trained(3, entropy=broken_later)
    with pytest.raises(ValueError, match=r"update 1: the loss is nan; all its inputs are finite"):
        trained(1, loss=lambda log_prob, *rest: log_prob.sum() * float("nan"))


@pytest.mark.parametrize("distribution", ["gaussian", "beta"])
def test_continuous_actions_train_with_both_distributions(distribution):
    config = dataclasses.replace(SMALL, distribution=distribution, entropy_coef=0.01)
    assert torch.isfinite(weights(trained(2, "ContinuousCartPole-v0", config))).all()
