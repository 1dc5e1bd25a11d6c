"""Tests of course_lib.algorithms.random_policy: uniform actions, and nothing learned."""

from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import RandomPolicyConfig, random_policy
from course_lib.evaluation import evaluate

CONFIG = RandomPolicyConfig(episodes_per_update=8)


def test_discrete_actions_are_all_equally_likely():
    policy = next(random_policy("GridWorld-v0", CONFIG, 0)).policy
    action = policy.sample(torch.zeros(40_000, 28), torch.Generator().manual_seed(0))
    share = np.bincount(action, minlength=4) / 40_000
    assert share == pytest.approx([0.25] * 4, abs=5 * 0.5 / np.sqrt(40_000))


def test_continuous_actions_fill_their_bounds():
    policy = next(random_policy("Pendulum-v1", CONFIG, 0)).policy
    action = policy.sample(torch.zeros(4_000, 3), torch.Generator().manual_seed(0))
    assert action.shape == (4_000, 1)
    assert -2 <= action.min() < -1.99 and 1.99 < action.max() <= 2
    assert action.mean().item() == pytest.approx(0, abs=5 * 2 / np.sqrt(3 * 4_000))


def test_steps_are_counted_and_the_seed_decides():
    def episodes(seed):
        return list(islice(random_policy("CartPole-v1", CONFIG, seed), 3))

    total = np.cumsum([sum(step.finished_returns) for step in episodes(0)])  # reward 1 a step
    assert [step.env_steps for step in episodes(0)] == total.tolist()
    assert episodes(0)[2].finished_returns == episodes(0)[2].finished_returns
    assert episodes(0)[2].finished_returns != episodes(1)[2].finished_returns


def test_a_random_push_keeps_the_pole_up_for_about_22_steps():
    policy = next(random_policy("CartPole-v1", CONFIG, 0)).policy
    assert 18 < evaluate(policy, "CartPole-v1", episodes=400).mean() < 27
