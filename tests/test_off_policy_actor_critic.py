"""Off-policy actor-critic: the weights of old steps, the probes, and the functions given to it."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import OffPolicyActorCriticConfig, off_policy_actor_critic
from course_lib.algorithms.off_policy_actor_critic import weighed_advantage
from course_lib.environments import PROBES, make_vector
from course_lib.reference import critic_loss, first_order_loss, normalize_advantage, vtrace_target

SMALL = OffPolicyActorCriticConfig(num_envs=4, num_steps=8, hidden=(8,))
GAMMA = 0.7
PROBE = OffPolicyActorCriticConfig(
    num_envs=16,
    num_steps=8,
    hidden=(16,),
    learning_rate=0.01,
    critic_learning_rate=0.01,
    gamma=GAMMA,
    reward_scale=1.0,
    max_grad_norm=5.0,
)


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(updates=3, environment_id="CartPole-v1", config=SMALL, seed=0, **functions):
    steps = off_policy_actor_critic(environment_id, config, seed, **functions)
    *_, last = islice(steps, updates)
    return last


def as_it_is(advantage, eps):
    return advantage


def visited(environment_id):
    """Observations that acting well leads to."""
    environment = make_vector(environment_id, 16, seed=9)
    observations = [environment.reset()]
    for _ in range(3):
        observations.append(environment.step(environment.exact_action(observations[-1])).obs)
    return np.concatenate(observations)


def test_the_weighed_advantage_by_hand():
    # One environment, three steps; the second one ends, γ = 0.5, ρ̄ = 2.
    column = torch.tensor([[1.0], [2.0], [3.0]])
    value, next_value = 10 * column, 10 * column + 5
    terminated = torch.tensor([[False], [True], [False]])
    ratio, value_target = torch.tensor([[4.0], [1.0], [0.5]]), 100 * column
    got = weighed_advantage(
        column, value, next_value, terminated, torch.zeros_like(terminated), ratio, value_target,
        0.5, 2.0,
    )  # fmt: skip
    first = (1 + 0.5 * 200 - 10) * 2 / 4  # the next step's target; a ratio of 4 counts as 2
    second = 2 - 20
    third = 3 + 0.5 * 35 - 30  # the rollout ends: V of what it led to
    assert got[:, 0].tolist() == [first, second, third]


def test_a_time_limit_bootstraps_from_the_final_observation():
    ended, never = torch.tensor([[True], [False]]), torch.zeros(2, 1, dtype=torch.bool)
    zero, one = torch.zeros(2, 1), torch.ones(2, 1)
    got = weighed_advantage(zero, zero, 7 * one, never, ended, one, 100 * one, 0.5, 1.0)
    assert got[:, 0].tolist() == [3.5, 3.5]


def test_with_equal_clips_the_policy_and_the_critic_learn_from_the_same_surprise():
    generator = torch.Generator().manual_seed(0)
    shape = (6, 5)
    reward, value, spare, log_prob, behavior = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(5)
    )
    terminated, truncated = (torch.rand(shape, generator=generator) < 0.2 for _ in range(2))
    truncated &= ~terminated
    next_value = torch.cat((value[1:], spare[:1]))
    next_value = torch.where(truncated | terminated, spare, next_value)
    td_target = vtrace_target(
        reward, value, next_value, terminated, truncated, log_prob, behavior, 0.9, 1.5, 1.5
    )
    ratio = (log_prob - behavior).exp()
    weight = weighed_advantage(
        reward, value, next_value, terminated, truncated, ratio, td_target, 0.9, 1.5
    )
    # v_t − V(s_t) = min(ρ̄, ρ_t) [r + γ v_{t+1} − V(s_t)], as ρ̄ = c̄.
    assert (ratio > 1.5).any()
    torch.testing.assert_close(ratio * weight, td_target - value)


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_is_learned_exactly_from_old_steps(probe):
    progress = trained(80, probe, PROBE, normalize=as_it_is)
    obs = visited(probe)
    with torch.no_grad():
        value = progress.critic(torch.from_numpy(obs)).numpy()
        probability = progress.policy.logits(torch.from_numpy(obs)).softmax(-1).numpy()
    assert value == pytest.approx(PROBES[probe].exact_value(obs, GAMMA), abs=0.05)
    best = probability[np.arange(len(obs)), PROBES[probe].exact_action(obs)]
    assert best.min() > 0.95


def ignoring_truncation(reward, value, next_value, terminated, truncated, *rest):
    """The misconception: a time limit ends the world."""
    ended = terminated | truncated
    return vtrace_target(reward, value, next_value, ended, ended, *rest)


def never_ending(reward, value, next_value, terminated, truncated, *rest):
    """The misconception: bootstrapping after a termination."""
    nowhere = torch.zeros_like(terminated)
    return vtrace_target(reward, value, next_value, nowhere, terminated | truncated, *rest)


@pytest.mark.parametrize(
    ("probe", "wrong_target"), [("Probe6-v0", ignoring_truncation), ("Probe1-v0", never_ending)]
)
def test_a_probe_reveals_the_bug_that_it_isolates(probe, wrong_target):
    progress = trained(80, probe, PROBE, target=wrong_target)
    obs = visited(probe)
    with torch.no_grad():
        value = progress.critic(torch.from_numpy(obs)).numpy()
    assert np.abs(value - PROBES[probe].exact_value(obs, GAMMA)).max() > 0.3


def test_only_the_newest_rollout_is_on_policy():
    once = dataclasses.replace(SMALL, num_updates=1, num_rollouts=1)
    assert trained(5, config=once).metrics["ratio"] == pytest.approx(1.0, abs=1e-6)
    older = dataclasses.replace(once, num_rollouts=8, learning_rate=0.05)
    assert abs(trained(5, config=older).metrics["ratio"] - 1) > 1e-3


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
    "target": (vtrace_target, lambda *arguments: 2 * vtrace_target(*arguments)),
    "loss": (critic_loss, lambda value, target: -critic_loss(value, target)),
    "policy_loss": (first_order_loss, lambda *arguments: -first_order_loss(*arguments)),
    "normalize": (normalize_advantage, as_it_is),
}


@pytest.mark.parametrize("plug", OTHER)
def test_each_given_function_is_really_used(plug):
    same, other = OTHER[plug]
    reference = weights(trained())
    assert torch.equal(weights(trained(**{plug: same})), reference)
    assert not torch.equal(weights(trained(**{plug: other})), reference)


def test_a_target_that_is_no_number_is_named_with_its_update():
    calls = []

    def broken_later(*arguments):
        calls.append(1)
        return vtrace_target(*arguments) * (float("nan") if len(calls) == 3 else 1.0)

    with pytest.raises(ValueError, match=r"update 3: the loss is nan; value_target already"):
        trained(target=broken_later)


def test_continuous_actions_are_learned_too():
    progress = trained(2, "ContinuousCartPole-v0")
    assert progress.env_steps == 2 * 4 * 8


def test_the_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.gamma = 0.5
