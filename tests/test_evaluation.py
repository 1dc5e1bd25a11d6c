"""Tests of course_lib.evaluation: fresh seeds, sampled actions and pictures."""

import os

import numpy as np
import pytest
import torch

from course_lib.agents import make_policy
from course_lib.environments import make_vector
from course_lib.evaluation import evaluate, evaluate_agent, record_episode


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


def lean(obs):
    """`Steady` as a function of NumPy arrays."""
    return (obs @ np.array([0.02, 0.05, 1.0, 0.3]) > 0).astype(int)


def test_an_agent_is_any_function_of_observations():
    assert evaluate_agent(lean, "CartPole-v1", episodes=5, seed=3).tolist() == [500.0] * 5


def test_an_episode_counts_until_it_ends_and_not_after():
    always_left = evaluate_agent(lambda obs: np.zeros(len(obs), int), "CartPole-v1", 30, seed=1)
    assert always_left.min() >= 8 and always_left.max() <= 11


def test_the_same_seed_gives_the_same_returns_and_another_one_others():
    def still(obs):
        return torch.zeros(len(obs), 1)

    first, same, other = (evaluate_agent(still, "Pendulum-v1", 4, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("environment_id", "answer"),
    [
        ("CartPole-v1", [[0], [1]]),
        ("CartPole-v1", [0.0, 1.0]),
        ("CartPole-v1", [0, 2]),
        ("CartPole-v1", [0, -1]),
        ("CartPole-v1", [0]),
        ("CartPole-v1", None),
        ("Pendulum-v1", [0.0, 0.0]),
        ("Pendulum-v1", [[0.0], [np.nan]]),
        ("Pendulum-v1", [[0], [1]]),
    ],
)
def test_what_is_not_an_action_a_row_is_refused(environment_id, answer):
    with pytest.raises(ValueError, match="an agent returns"):
        evaluate_agent(lambda obs: answer, environment_id, episodes=2)


def test_an_agent_cannot_change_what_the_environment_knows():
    def meddling(obs):
        action = lean(obs)
        obs[:] = 0
        return action

    assert evaluate_agent(meddling, "CartPole-v1", episodes=2).tolist() == [500.0] * 2
