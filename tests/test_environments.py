"""Tests of course_lib.environments: physics, ends of episodes, probes and names."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from course_lib.environments import BATCHED, PROBES, make_vector
from course_lib.environments.cartpole import MAX_ANGLE, MAX_POSITION

DRAWN = {  # as gymnasium draws its own
    "ContinuousCartPole-v0": "CartPole-v1",
    "HiddenVelocityCartPole-v0": "CartPole-v1",
    "ContinuousAcrobot-v0": "Acrobot-v1",
}
POLES = ["DoublePendulum-v0", "WideDoublePendulum-v0"]
BATCHES_OF_ONE = ["GridWorld-v0", "TwoWayMaze-v0", "ScalarLQR-v0", *PROBES]


def steadying_action(state, rng):
    """Push against the lean, with one step in ten at random: episodes of many lengths."""
    against_lean = state[:, 2] + 0.3 * state[:, 3] > 0
    return np.where(rng.random(len(state)) < 0.1, rng.integers(0, 2, len(state)), against_lean)


def as_single_action(action, environment_id):
    return action if environment_id == "ContinuousCartPole-v0" else int(action)


def single_environments(environment_id, batch):
    singles = [gymnasium.make(environment_id).unwrapped for _ in range(batch.num_envs)]
    for single, state in zip(singles, batch.state, strict=True):
        single.reset(seed=0)
        single.state = state.copy()
    return singles


@pytest.mark.parametrize(
    ("environment_id", "num_envs", "num_steps"),
    [
        ("CartPole-v1", 7, 3_000),
        ("ContinuousCartPole-v0", 5, 1_000),
        ("HiddenVelocityCartPole-v0", 5, 1_000),
    ],
)
def test_batched_cartpole_equals_the_single_one_bit_for_bit(environment_id, num_envs, num_steps):
    rng = np.random.default_rng(0)
    batch = make_vector(environment_id, num_envs, seed=1)
    batch.reset()
    singles = single_environments(environment_id, batch)
    ends = 0
    for _ in range(num_steps):
        action = steadying_action(batch.state, rng)
        if environment_id == "ContinuousCartPole-v0":
            action = ((2.0 * action - 1) * rng.uniform(0.2, 1.5, num_envs))[:, None]
        step = batch.step(action)
        for i, single in enumerate(singles):
            obs, reward, terminated, _, _ = single.step(as_single_action(action[i], environment_id))
            assert np.array_equal(obs, step.next_obs[i])
            assert (reward, terminated) == (step.reward[i], step.terminated[i])
            if step.terminated[i] or step.truncated[i]:
                ends += 1
                single.reset()
                single.state = batch.state[i].copy()
            assert np.array_equal(single.state, batch.state[i])
    assert ends > num_envs


def test_a_full_push_of_the_continuous_cartpole_is_a_push_of_cartpole():
    rng = np.random.default_rng(0)
    discrete = make_vector("CartPole-v1", 8, seed=3)
    continuous = make_vector("ContinuousCartPole-v0", 8, seed=3)
    assert np.array_equal(discrete.reset(), continuous.reset())
    for _ in range(1_000):
        action = steadying_action(discrete.state, rng).astype(np.int64)
        expected = discrete.step(action)
        for got, want in zip(continuous.step((2.0 * action - 1)[:, None]), expected, strict=True):
            assert np.array_equal(got, want)


def test_half_the_action_is_half_the_force_and_more_than_one_is_clipped():
    def velocity_after(push):
        environment = make_vector("ContinuousCartPole-v0", 1, seed=0)
        environment.reset()
        environment.state[:] = 0.0
        return environment.step(np.array([[push]])).next_obs[0, 1]

    # From rest and upright the acceleration is linear in the force.
    assert velocity_after(0.5) == pytest.approx(0.5 * velocity_after(1.0), rel=1e-6)
    assert velocity_after(-1.0) == -velocity_after(1.0)
    assert velocity_after(3.0) == velocity_after(1.0) > 0
    assert velocity_after(0.0) == 0.0


def balanced(environment_id, num_envs):
    """Environments held upright by hand: they can end by the time limit only."""
    environment = make_vector(environment_id, num_envs, seed=0)
    environment.reset()
    return environment


def test_the_time_limit_truncates_at_step_500_and_not_before():
    environment = balanced("ContinuousCartPole-v0", 2)
    for step_number in range(1, 501):
        environment.state[:] = 0.0
        step = environment.step(np.zeros((2, 1)))
        assert step.truncated.all() == (step_number == 500)
        assert not step.terminated.any()
    assert np.array_equal(step.next_obs, np.zeros((2, 4), dtype=np.float32))
    assert np.abs(step.obs).max() > 0


def test_a_fall_in_the_last_step_is_a_termination_and_no_truncation():
    environment = balanced("CartPole-v1", 2)
    environment.elapsed[:] = 499
    environment.state[0] = [0.0, 0.0, MAX_ANGLE, 10.0]
    step = environment.step(np.array([0, 0]))
    assert step.terminated.tolist() == [True, False]
    assert step.truncated.tolist() == [False, True]


def test_only_the_ended_episode_starts_anew():
    environment = balanced("CartPole-v1", 2)
    environment.state[:] = [[MAX_POSITION, 5.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    step = environment.step(np.array([1, 1]))
    assert step.terminated.tolist() == [True, False]
    assert step.next_obs[0, 0] > MAX_POSITION > step.obs[0, 0] + 2
    assert np.array_equal(step.next_obs[1], step.obs[1])
    assert environment.elapsed.tolist() == [0, 1]


def test_what_a_step_returned_is_not_changed_by_later_steps_or_by_the_caller():
    environment = balanced("CartPole-v1", 3)
    first = environment.step(np.array([0, 1, 0]))
    kept = [array.copy() for array in first]
    first.obs[:] = np.nan
    assert np.array_equal(first.next_obs, kept[4])
    environment.step(np.array([0, 1, 0]))
    assert np.array_equal(first.next_obs, kept[4])
    assert np.isfinite(environment.state).all()


@pytest.mark.parametrize("environment_id", BATCHED)
def test_a_seed_gives_the_same_episodes_and_the_next_reset_other_ones(environment_id):
    def episodes(seed):
        environment = make_vector(environment_id, 4, seed=seed)
        observations = [environment.reset()]
        action = np.zeros(4, dtype=np.int64)
        if environment.action_size is not None:
            action = np.zeros((4, environment.action_size))
        for _ in range(40):
            observations.append(environment.step(action).obs)
        return np.array(observations)

    assert np.array_equal(episodes(5), episodes(5))
    assert episodes(5).dtype == np.float32
    environment = make_vector(environment_id, 16, seed=5)
    assert np.array_equal(environment.reset(seed=7), environment.reset(seed=7))
    if environment_id in ("CartPole-v1", "Probe2-v0", "DoublePendulum-v0"):
        assert not np.array_equal(environment.reset(), environment.reset())


@pytest.mark.parametrize(
    ("environment_id", "action", "message"),
    [
        ("CartPole-v1", np.array([0, 2]), "integers from 0 to 1"),
        ("CartPole-v1", np.array([-1, 0]), "integers from 0 to 1"),
        ("CartPole-v1", np.array([0.0, 1.0]), "integers from 0 to 1"),
        ("CartPole-v1", np.array([0]), r"shape \(2,\), got \(1,\)"),
        ("ContinuousCartPole-v0", np.zeros(2), r"shape \(2, 1\), got \(2,\)"),
        ("ContinuousCartPole-v0", np.array([[0.0], [np.nan]]), "must be numbers"),
    ],
)
def test_actions_that_do_not_fit_are_refused(environment_id, action, message):
    environment = balanced(environment_id, 2)
    with pytest.raises(ValueError, match=message):
        environment.step(action)


def test_a_step_before_the_first_reset_is_refused():
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        make_vector("CartPole-v1", 1).step(np.array([0]))


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'cartpol-v1'; did you mean CartPole-v1 or .*\? The c"):
        make_vector("cartpol-v1", 1)
    with pytest.raises(ValueError, match=r"'xyz'; The course's own are CartPole-v1, Continuous"):
        make_vector("xyz", 1)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        make_vector("CartPole-v1", 0)


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*imum value is:UserWarning")
@pytest.mark.filterwarnings("ignore:.*For Box action spaces, we recommend:UserWarning")
@pytest.mark.parametrize("environment_id", [*DRAWN, *POLES, *BATCHES_OF_ONE])
def test_single_environments_pass_gymnasiums_own_checker(environment_id):
    check_env(gymnasium.make(environment_id).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("environment_id", BATCHES_OF_ONE)
def test_a_single_environment_is_a_batch_of_one_number_by_number(environment_id):
    rng = np.random.default_rng(0)
    batch, single = make_vector(environment_id, 1), gymnasium.make(environment_id)
    assert single.spec.max_episode_steps is None  # the batch keeps the time
    expected = batch.reset(seed=3)[0]
    assert np.array_equal(single.reset(seed=3)[0], expected)
    for _ in range(300):
        if batch.num_actions is None:
            action = rng.uniform(-1, 1, (1, batch.action_size)).astype(np.float32)
        else:
            action = rng.integers(batch.num_actions, size=1)
        step = batch.step(action)
        obs, reward, terminated, truncated, _ = single.step(action[0])
        assert np.array_equal(obs, step.next_obs[0])
        assert (reward, terminated, truncated) == (
            step.reward[0], step.terminated[0], step.truncated[0],
        )  # fmt: skip
        if terminated or truncated:
            # Both have begun anew within the step; a reset would draw a second first state.
            batch.reset(), single.reset()


@pytest.mark.parametrize("environment_id", DRAWN)
def test_the_single_ones_are_drawn_like_gymnasiums_and_end_after_500_steps(environment_id):
    theirs = gymnasium.make(DRAWN[environment_id], render_mode="rgb_array")
    ours = gymnasium.make(environment_id, render_mode="rgb_array")
    for environment in (theirs, ours):
        environment.reset(seed=4)
    assert np.array_equal(ours.render(), theirs.render())
    assert ours.spec.max_episode_steps == 500
    for environment in (theirs, ours):
        environment.close()


def test_every_batched_environment_but_the_sorting_task_can_be_made_as_a_single_one():
    for environment_id in set(BATCHED) - {"SortDigits-v0"}:  # a task for language models
        single, batch = gymnasium.make(environment_id), make_vector(environment_id, 1)
        assert single.spec.max_episode_steps in (None, batch.max_steps)
        assert single.observation_space.shape == (batch.observation_size,)


@pytest.mark.parametrize("probe", PROBES)
def test_the_exact_value_of_a_probe_solves_bellmans_equation_for_the_best_action(probe):
    gamma = 0.7
    environment = make_vector(probe, 32, seed=0)
    obs = environment.reset()
    for _ in range(20):
        step = environment.step(environment.exact_action(obs))
        future = environment.exact_value(step.next_obs, gamma) * ~step.terminated
        expected = step.reward + gamma * future
        assert environment.exact_value(obs, gamma) == pytest.approx(expected)
        obs = step.obs


@pytest.mark.parametrize("probe", ["Probe4-v0", "Probe5-v0"])
def test_the_other_action_of_a_probe_is_worse(probe):
    environment = make_vector(probe, 32, seed=0)
    obs = environment.reset()
    assert (environment.step(1 - environment.exact_action(obs)).reward == -1).all()


def test_the_observations_of_the_sign_probes_take_both_values():
    for probe in ("Probe2-v0", "Probe5-v0"):
        assert set(make_vector(probe, 64, seed=0).reset()[:, 0]) == {-1.0, 1.0}
