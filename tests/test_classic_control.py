"""Tests of course_lib.environments.acrobot and mountain_car: gymnasium's numbers and ends."""

import gymnasium
import numpy as np
import pytest

from course_lib.environments import make_vector
from course_lib.environments.acrobot import Acrobot, ContinuousAcrobot

BATCHES = ["Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0"]


def swinging_action(environment_id, state, rng):
    """Push the way it moves, with one step in ten at random: that swings up and reaches ends."""
    speed = state[:, 3] if environment_id == "Acrobot-v1" else state[:, 1]
    direction = np.where(rng.random(len(state)) < 0.1, rng.integers(-1, 2, len(state)), speed)
    if environment_id != "MountainCarContinuous-v0":
        return np.sign(direction).astype(np.int64) + 1
    return (np.sign(direction) * rng.uniform(0.2, 1.0, len(state)))[:, None].astype(np.float32)


def singles_like(environment_id, batch):
    singles = [gymnasium.make(environment_id).unwrapped for _ in range(batch.num_envs)]
    for single, state in zip(singles, batch.state, strict=True):
        single.reset(seed=0)
        single.state = state.copy()
    return singles


@pytest.mark.parametrize("environment_id", ["MountainCar-v0", "MountainCarContinuous-v0"])
def test_the_batched_mountain_car_equals_gymnasiums_bit_for_bit(environment_id):
    rng, ends = np.random.default_rng(0), 0
    batch = make_vector(environment_id, 5, seed=1)
    batch.reset()
    singles = singles_like(environment_id, batch)
    for _ in range(1_500):
        action = swinging_action(environment_id, batch.state, rng)
        step = batch.step(action)
        for i, single in enumerate(singles):
            obs, reward, terminated, _, _ = single.step(action[i])
            assert np.array_equal(obs, step.next_obs[i])
            assert (np.float32(reward), terminated) == (step.reward[i], step.terminated[i])
            if step.terminated[i] or step.truncated[i]:
                ends += step.terminated[i]
                single.state = batch.state[i].copy()
            assert np.array_equal(single.state, batch.state[i])
    assert ends >= 5


def test_each_step_of_the_batched_acrobot_is_gymnasiums():
    rng, ends = np.random.default_rng(0), 0
    batch = make_vector("Acrobot-v1", 5, seed=1)
    batch.reset()
    singles = singles_like("Acrobot-v1", batch)
    for _ in range(1_000):
        action = swinging_action("Acrobot-v1", batch.state, rng)
        before = batch.state.copy()
        step = batch.step(action)
        for i, single in enumerate(singles):
            # From the same state every time: a double pendulum makes much of a last bit.
            single.state = before[i]
            obs, reward, terminated, _, _ = single.step(action[i])
            assert obs == pytest.approx(step.next_obs[i], rel=1e-6, abs=1e-7)
            assert (reward, terminated) == (step.reward[i], step.terminated[i])
            if not (terminated or step.truncated[i]):
                assert single.state == pytest.approx(batch.state[i], rel=1e-12, abs=1e-13)
            ends += terminated
    assert ends >= 5


@pytest.mark.parametrize("environment_id", BATCHES)
def test_spaces_limits_and_first_states_are_gymnasiums(environment_id):
    batch, spec = make_vector(environment_id, 500, seed=0), gymnasium.spec(environment_id)
    single = gymnasium.make(environment_id)
    assert batch.max_steps == spec.max_episode_steps
    assert single.observation_space.shape == (batch.observation_size,)
    obs = batch.reset()
    theirs = np.array([single.reset(seed=seed)[0] for seed in range(500)])
    assert obs.min(0) == pytest.approx(theirs.min(0), abs=0.01)
    assert obs.max(0) == pytest.approx(theirs.max(0), abs=0.01)
    if batch.num_actions is None:
        bounds = single.action_space.low[0], single.action_space.high[0]
        assert (batch.action_low, batch.action_high) == bounds
    else:
        assert batch.num_actions == single.action_space.n


def test_a_random_mountain_car_never_arrives_and_a_swinging_one_always_does():
    rng = np.random.default_rng(0)
    for action_of, share in ((None, 0.0), (swinging_action, 1.0)):
        car = make_vector("MountainCar-v0", 50, seed=0)
        car.reset()
        arrived = np.zeros(50, dtype=bool)
        for _ in range(200):
            random = rng.integers(3, size=50)
            action = random if action_of is None else action_of("MountainCar-v0", car.state, rng)
            step = car.step(action)
            arrived |= step.terminated
            assert (step.reward == -1).all()
        assert arrived.mean() == share


def test_the_wall_stops_the_car():
    car = make_vector("MountainCar-v0", 1, seed=0)
    car.reset()
    car.state[:] = [-1.19, -0.07]
    assert car.step(np.array([0])).next_obs[0].tolist() == [np.float32(-1.2), 0.0]


def test_the_top_pays_a_hundred_less_the_push():
    car = make_vector("MountainCarContinuous-v0", 1, seed=0)
    car.reset()
    car.state[:] = [0.44, 0.06]
    step = car.step(np.array([[2.0]]))
    # The push is clipped to 1, its cost is not: 100 − 0.1 · 2².
    assert step.terminated[0]
    assert step.reward[0] == pytest.approx(100 - 0.4)


def test_acrobots_angles_are_wrapped_and_its_speeds_bounded():
    acrobot = Acrobot(2, seed=0)
    acrobot.reset()
    acrobot.state[:] = [[3.1, -3.1, 12.0, -28.0], [0.0, 0.0, 0.0, 0.0]]
    acrobot.step(np.array([2, 1]))
    assert (np.abs(acrobot.state[:, :2]) <= np.pi).all()
    assert (np.abs(acrobot.state[:, 2:]) <= [4 * np.pi, 9 * np.pi]).all()
    # Hanging still, without a torque, it goes on hanging.
    assert np.abs(acrobot.state[1]).max() < 1e-9


def test_acrobot_has_arrived_when_the_tip_is_above_the_bar():
    acrobot = Acrobot(2, seed=0)
    acrobot.reset()
    acrobot.state[:] = [[np.pi - 0.1, 0.0, 0.0, 0.0], [np.pi / 2, 0.0, 0.0, 0.0]]
    step = acrobot.step(np.array([1, 1]))
    assert step.terminated.tolist() == [True, False]
    assert step.reward.tolist() == [0.0, -1.0]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_torques_of_acrobot_are_three_of_the_continuous_one_bit_for_bit(rng):
    discrete, continuous = Acrobot(8, seed=3), ContinuousAcrobot(8, seed=3)
    assert np.array_equal(discrete.reset(), continuous.reset())
    ends = 0
    for _ in range(700):
        action = swinging_action("Acrobot-v1", discrete.state, rng)
        expected = discrete.step(action)
        got = continuous.step((action - 1)[:, None].astype(np.float32))
        for one, other in zip(got, expected, strict=True):
            assert np.array_equal(one, other)
        ends += expected.terminated.sum()
    assert ends >= 10


def test_the_continuous_torque_is_clipped_and_half_of_it_pushes_half_as_much():
    def joint_speed_after(torque):
        acrobot = ContinuousAcrobot(1, seed=0)
        acrobot.reset()
        acrobot.state[:] = 0.0
        return acrobot.step(np.array([[torque]])).next_obs[0, 5]

    # From hanging still the first 0.2 s are almost linear in the torque.
    assert joint_speed_after(0.5) == pytest.approx(0.5 * joint_speed_after(1.0), rel=1e-2)
    assert joint_speed_after(-1.0) == -joint_speed_after(1.0)
    assert joint_speed_after(7.0) == joint_speed_after(1.0) != 0


def test_the_batched_continuous_acrobot_equals_the_single_one_bit_for_bit(rng):
    batch, ends = ContinuousAcrobot(3, seed=1), 0
    batch.reset()
    singles = singles_like("ContinuousAcrobot-v0", batch)
    for _ in range(600):
        push = np.sign(batch.state[:, 3]) * rng.uniform(0.5, 1.5, 3)
        action = push[:, None].astype(np.float32)
        step = batch.step(action)
        for i, single in enumerate(singles):
            obs, reward, terminated, truncated, _ = single.step(action[i])
            assert np.array_equal(obs, step.next_obs[i])
            assert (reward, terminated, truncated) == (step.reward[i], step.terminated[i], False)
            if step.terminated[i] or step.truncated[i]:
                ends += 1
                single.state = batch.state[i].copy()
            assert np.array_equal(single.state, batch.state[i])
    assert ends >= 3


def test_the_single_continuous_acrobot_refuses_what_is_no_action():
    single = gymnasium.make("ContinuousAcrobot-v0").unwrapped
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        single.step(np.zeros(1))
    single.reset(seed=0)
    for action in (np.zeros(2), 1, np.array([np.nan])):
        with pytest.raises(ValueError, match="one number in an array of shape"):
            single.step(action)


def test_a_push_with_the_swing_gets_acrobot_up_and_a_random_one_seldom(rng):
    returns = []
    for action_of in (lambda state: np.sign(state[:, 3:]), lambda _: rng.uniform(-1, 1, (50, 1))):
        acrobot = ContinuousAcrobot(50, seed=0)
        acrobot.reset()
        running, length = np.ones(50, dtype=bool), np.zeros(50)
        while running.any():
            step = acrobot.step(action_of(acrobot.state))
            length += running
            running &= ~(step.terminated | step.truncated)
        returns.append(-length.mean())
    assert returns[0] > -120
    assert returns[1] < -450
