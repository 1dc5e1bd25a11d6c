"""Trajectories: by hand, against the single-episode form, and refused for bad input."""

import math

import pytest
import torch

from course_lib.reference import (
    episode_reward_to_go,
    monte_carlo_estimate,
    reward_to_go,
    trajectory_log_prob,
)
from tests.helpers import double, leaf, random_rollout
from tests.properties import given, st


def test_the_log_probability_of_a_trajectory_is_the_sum_of_its_parts():
    log_p0, log_prob = double([-1.0, -2.0]), leaf([[-0.1, -0.2], [-0.3, -0.4]])
    log_transition = leaf([[-0.5, -0.6], [-0.7, -0.8]])
    got = trajectory_log_prob(log_p0, log_prob, log_transition)
    first = -1.0 + (-0.1 - 0.3) + (-0.5 - 0.7)
    second = -2.0 + (-0.2 - 0.4) + (-0.6 - 0.8)
    torch.testing.assert_close(got, double([first, second]))


def test_the_environment_drops_out_of_the_gradient():
    theta = leaf(0.3)
    policy_term = torch.stack([theta, 2 * theta]).reshape(2, 1)
    for log_transition in (torch.zeros(2, 1), torch.full((2, 1), -7.0)):
        total = trajectory_log_prob(double([-1.0]), policy_term, log_transition.double())
        (slope,) = torch.autograd.grad(total.sum(), theta, retain_graph=True)
        torch.testing.assert_close(slope, double(1.0 + 2.0))


def test_rewards_to_go_stop_at_both_kinds_of_ends():
    reward = double([[1.0], [2.0], [4.0], [8.0]])
    terminated = torch.tensor([[False], [True], [False], [False]])
    truncated = torch.tensor([[False], [False], [True], [False]])
    got = episode_reward_to_go(reward, terminated, truncated, 0.5)
    torch.testing.assert_close(got, double([[1 + 0.5 * 2], [2.0], [4.0], [8.0]]))


def test_leaking_across_an_end_would_give_another_answer():
    rollout = random_rollout(0, 12, 3, end_rate=0.5)
    got = episode_reward_to_go(rollout["reward"], rollout["terminated"], rollout["truncated"], 0.9)
    assert float((got - reward_to_go(rollout["reward"], 0.9)).abs().max()) > 0.1


@given(st.integers(0, 2**20), st.integers(2, 9), st.floats(0, 1), st.booleans())
def test_each_episode_is_a_reward_to_go_of_its_own(seed, cut, gamma, by_truncation):
    rollout = random_rollout(seed, 10, 2, end_rate=0.0)
    ends = torch.zeros(10, 2, dtype=torch.bool)
    ends[cut - 1] = True
    none = torch.zeros_like(ends)
    flags = (none, ends) if by_truncation else (ends, none)
    got = episode_reward_to_go(rollout["reward"], *flags, gamma)
    parts = [reward_to_go(rollout["reward"][part], gamma) for part in (slice(cut), slice(cut, 10))]
    torch.testing.assert_close(got, torch.cat(parts))


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_padding_with_zero_rewards_changes_nothing(seed, gamma):
    rollout = random_rollout(seed, 6, 2)
    inputs = [rollout[name] for name in ("reward", "terminated", "truncated")]
    padded = [torch.cat([tensor, torch.zeros_like(tensor[:3])]) for tensor in inputs]
    torch.testing.assert_close(
        episode_reward_to_go(*padded, gamma)[:6], episode_reward_to_go(*inputs, gamma)
    )


def test_an_estimate_and_its_standard_error_by_hand():
    mean, error = monte_carlo_estimate(double([1.0, 2.0, 6.0]))
    variance = ((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 2
    torch.testing.assert_close(mean, double(3.0))
    torch.testing.assert_close(error, double(math.sqrt(variance / 3)))


def test_the_standard_error_is_the_spread_of_the_mean():
    sample = torch.randn(4000, 25, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spread = sample.mean(1).std()
    errors = torch.stack([monte_carlo_estimate(row)[1] for row in sample])
    five_standard_errors = 5 * float(spread) / math.sqrt(2 * 4000)
    assert abs(float(errors.square().mean().sqrt() - spread)) < five_standard_errors


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"log_p0: expected shape \(3,\), got \(2,\)"):
        trajectory_log_prob(torch.zeros(2), torch.zeros(4, 3), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="log_transition: expected shape"):
        trajectory_log_prob(torch.zeros(3), torch.zeros(4, 3), torch.zeros(3, 3))
    with pytest.raises(ValueError, match="truncated: expected shape"):
        episode_reward_to_go(
            torch.zeros(4, 3), torch.zeros(4, 3).bool(), torch.zeros(3).bool(), 0.9
        )
    with pytest.raises(ValueError, match="the number of samples: expected at least 2, got 1"):
        monte_carlo_estimate(torch.zeros(1))
