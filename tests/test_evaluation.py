"""Tests of course_lib.evaluation: fresh seeds, sampled actions and pictures."""

import os

import numpy as np
import pytest
import torch

from course_lib.agents import make_policy
from course_lib.environments import make_vector
from course_lib.evaluation import evaluate, record_episode


class Steady:
    """Balances CartPole for 500 steps by a rule: push to where the pole falls."""

    def sample(self, obs, generator):
        lean = obs[:, 2] + 0.3 * obs[:, 3] + 0.02 * obs[:, 0] + 0.05 * obs[:, 1]
        return (lean > 0).to(torch.int64)


def new_policy(environment_id="CartPole-v1"):
    environment = make_vector(environment_id, 1)
    return make_policy(environment, generator=torch.Generator().manual_seed(0))


def test_a_policy_that_balances_is_worth_500():
    assert evaluate(Steady(), "CartPole-v1", episodes=5, seed=3).tolist() == [500.0] * 5


def test_actions_are_sampled_and_the_seed_decides():
    policy = new_policy()
    first = evaluate(policy, "CartPole-v1", seed=1)
    assert first.shape == (20,)
    assert np.array_equal(first, evaluate(policy, "CartPole-v1", seed=1))
    assert not np.array_equal(first, evaluate(policy, "CartPole-v1", seed=2))
    # A nearly uniform policy that acted greedily would always push to the same side at the start
    # and fall within eight to eleven steps; sampled, it lasts about 22.
    assert 15 < evaluate(policy, "CartPole-v1", episodes=200, seed=1).mean() < 30


@pytest.mark.parametrize(
    "environment_id", ["CartPole-v1", "ContinuousCartPole-v0", "HiddenVelocityCartPole-v0"]
)
def test_an_episode_is_recorded_as_pictures(environment_id):
    frames = record_episode(new_policy(environment_id), environment_id, seed=1)
    assert len(frames) > 8
    assert {frame.shape for frame in frames} == {(400, 600, 3)}
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}
    assert not np.array_equal(frames[0], frames[-1])


def test_every_third_picture_is_kept_and_the_last_one():
    policy = new_policy()
    all_frames = record_episode(policy, "CartPole-v1", seed=1)
    few = record_episode(policy, "CartPole-v1", seed=1, every=3)
    kept = sorted({*range(0, len(all_frames), 3), len(all_frames) - 1})
    assert len(few) == len(kept)
    assert all(np.array_equal(frame, all_frames[i]) for frame, i in zip(few, kept, strict=True))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        record_episode(policy, "CartPole-v1", every=0)


@pytest.mark.parametrize("driver", [None, "x11"])
def test_drawing_leaves_the_choice_of_a_screen_as_it_was(monkeypatch, driver):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    if driver is not None:
        monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    record_episode(new_policy(), "CartPole-v1", every=100)
    assert os.environ.get("SDL_VIDEODRIVER") == driver
