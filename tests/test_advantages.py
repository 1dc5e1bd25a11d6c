"""Bootstrapped estimates: by hand, at their limits, and against Stable-Baselines3."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from course_lib.reference import (
    generalized_advantage,
    n_step_return,
    normalize_advantage,
    td_error,
)
from tests.helpers import double, random_rollout

ROLLOUTS = st.builds(random_rollout, st.integers(0, 2**20), st.integers(1, 9), st.integers(1, 4))


def without(rollout, *names):
    return {name: value for name, value in rollout.items() if name not in names}


def test_a_td_error_by_hand():
    got = td_error(
        double([1.0, 1.0]), double([2.0, 2.0]), double([3.0, 3.0]), torch.tensor([False, True]), 0.5
    )
    torch.testing.assert_close(got, double([1 + 0.5 * 3 - 2, 1 - 2]))


def test_advantages_over_three_steps_by_hand():
    reward, value, next_value = (
        double([[1.0], [2.0], [3.0]]),
        double([[0.5]] * 3),
        double([[4.0]] * 3),
    )
    no, yes = torch.tensor([[False]]), torch.tensor([[True]])
    terminated, truncated = torch.cat([no, no, yes]), torch.cat([no, yes, no])
    gamma, gae_lambda = 0.5, 0.4
    last = 3 - 0.5
    middle = 2 + gamma * 4 - 0.5
    first = 1 + gamma * 4 - 0.5 + gamma * gae_lambda * middle
    got = generalized_advantage(reward, value, next_value, terminated, truncated, gamma, gae_lambda)
    torch.testing.assert_close(got, double([[first], [middle], [last]]))


@given(ROLLOUTS, st.floats(0, 1))
def test_lambda_zero_is_the_td_error(rollout, gamma):
    got = generalized_advantage(**rollout, gamma=gamma, gae_lambda=0.0)
    torch.testing.assert_close(got, td_error(**without(rollout, "truncated"), gamma=gamma))


@given(ROLLOUTS, st.floats(0, 1))
def test_lambda_one_is_the_longest_n_step_return_minus_the_value(rollout, gamma):
    got = generalized_advantage(**rollout, gamma=gamma, gae_lambda=1.0)
    longest = n_step_return(**without(rollout, "value"), gamma=gamma, num_steps=len(got) + 3)
    torch.testing.assert_close(got, longest - rollout["value"])


@given(ROLLOUTS, st.floats(0, 1))
def test_one_step_is_the_td_target(rollout, gamma):
    got = n_step_return(**without(rollout, "value"), gamma=gamma, num_steps=1)
    error = td_error(**without(rollout, "truncated"), gamma=gamma)
    torch.testing.assert_close(got, error + rollout["value"])


def n_step_by_definition(reward, next_value, terminated, truncated, gamma, num_steps):
    """The sum as it is written, one element after the other."""
    steps, envs = reward.shape
    target = torch.zeros_like(reward)
    for n, start in ((n, t) for n in range(envs) for t in range(steps)):
        weight = 1.0
        for t in range(start, min(start + num_steps, steps)):
            target[start, n] += weight * reward[t, n]
            weight *= gamma
            if terminated[t, n] or truncated[t, n]:
                break
        if not terminated[t, n]:
            target[start, n] += weight * next_value[t, n]
    return target


@given(ROLLOUTS, st.floats(0, 1), st.integers(1, 12))
def test_n_step_returns_are_the_sum_as_written(rollout, gamma, num_steps):
    inputs = without(rollout, "value")
    got = n_step_return(**inputs, gamma=gamma, num_steps=num_steps)
    torch.testing.assert_close(
        got, n_step_by_definition(**inputs, gamma=gamma, num_steps=num_steps)
    )


@given(st.integers(0, 2**20), st.integers(1, 8), st.floats(0, 1), st.floats(0, 1))
def test_a_rollout_split_at_an_end_gives_the_same_advantages(seed, cut, gamma, gae_lambda):
    rollout = random_rollout(seed, 9, 3)
    rollout["terminated"][cut - 1] = True
    rollout["truncated"][cut - 1] = False
    whole = generalized_advantage(**rollout, gamma=gamma, gae_lambda=gae_lambda)
    parts = [
        generalized_advantage(
            **{name: value[part] for name, value in rollout.items()},
            gamma=gamma,
            gae_lambda=gae_lambda,
        )
        for part in (slice(None, cut), slice(cut, None))
    ]
    torch.testing.assert_close(whole, torch.cat(parts))


def test_truncation_keeps_the_bootstrap_and_termination_does_not():
    reward = torch.ones(4000, 1, dtype=torch.float64)
    limit = (torch.arange(4000) % 8 == 7).unsqueeze(1)
    never = torch.zeros_like(limit)
    value = torch.full_like(reward, 50.0)
    right = generalized_advantage(reward, value, value, never, limit, 0.98, 0.95)
    wrong = generalized_advantage(reward, value, value, limit, never, 0.98, 0.95)
    torch.testing.assert_close(right, torch.zeros_like(right))
    assert float(wrong.mean()) < -10


def stable_baselines_advantage(rollout, gamma, gae_lambda):
    """SB3's rollout buffer, which adds γV(final observation) to the reward of a truncated step."""
    buffers = pytest.importorskip("stable_baselines3.common.buffers")
    steps, envs = rollout["reward"].shape
    box = spaces.Box(-1, 1, (1,))
    buffer = buffers.RolloutBuffer(steps, box, box, gamma=gamma, gae_lambda=gae_lambda, n_envs=envs)
    arrays = {name: value.numpy() for name, value in rollout.items()}
    stops = arrays["terminated"] | arrays["truncated"]
    buffer.rewards[:] = arrays["reward"] + gamma * arrays["next_value"] * arrays["truncated"]
    buffer.values[:] = arrays["value"]
    buffer.episode_starts[1:] = stops[:-1]
    last = torch.as_tensor(np.where(stops[-1], 0.0, arrays["next_value"][-1]))
    buffer.compute_returns_and_advantage(last, stops[-1])
    return torch.as_tensor(buffer.advantages)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_stable_baselines3(seed):
    rollout = random_rollout(seed, 32, 6)
    ours = generalized_advantage(**rollout, gamma=0.97, gae_lambda=0.9)
    peer = stable_baselines_advantage(rollout, 0.97, 0.9)
    torch.testing.assert_close(ours.float(), peer.float(), rtol=1e-4, atol=1e-4)


def test_the_comparison_would_see_a_planted_bug():
    rollout = random_rollout(0, 32, 6)
    wrong = {**rollout, "truncated": torch.zeros_like(rollout["truncated"])}
    ours = generalized_advantage(**wrong, gamma=0.97, gae_lambda=0.9)
    peer = stable_baselines_advantage(rollout, 0.97, 0.9)
    assert float((ours - peer).abs().max()) > 0.1


def test_normalized_advantages_have_mean_zero_and_spread_one():
    got = normalize_advantage(double([[1.0, 2.0], [3.0, 6.0]]), eps=1e-12)
    torch.testing.assert_close(got.mean(), double(0.0))
    torch.testing.assert_close(got.std(correction=0), double(1.0))


def test_constant_advantages_stay_finite():
    torch.testing.assert_close(normalize_advantage(double([5.0, 5.0]), 1e-8), double([0.0, 0.0]))
    torch.testing.assert_close(normalize_advantage(double([5.0]), 1e-8), double([0.0]))


def test_bad_input_is_named():
    rollout = random_rollout(0, 4, 2)
    with pytest.raises(ValueError, match=r"truncated: expected shape \(4, 2\) like reward"):
        generalized_advantage(
            **{**rollout, "truncated": rollout["truncated"][0]}, gamma=0.9, gae_lambda=0.9
        )
    with pytest.raises(ValueError, match="gae_lambda: expected a number in"):
        generalized_advantage(**rollout, gamma=0.9, gae_lambda=1.1)
    with pytest.raises(ValueError, match="num_steps: expected at least 1, got 0"):
        n_step_return(**without(rollout, "value"), gamma=0.9, num_steps=0)
