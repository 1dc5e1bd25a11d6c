"""Tests of course_lib.environments.pendulum: gymnasium's numbers, the cost and the time limit."""

import gymnasium
import numpy as np
import pytest

from course_lib.environments import make_vector


def pendulum_at(angle, speed, num_envs=1):
    environment = make_vector("Pendulum-v1", num_envs, seed=0)
    environment.reset()
    environment.state[:] = [angle, speed]
    return environment


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_batched_pendulum_equals_gymnasiums_bit_for_bit(dtype):
    rng, num_envs = np.random.default_rng(0), 6
    batch = make_vector("Pendulum-v1", num_envs, seed=1)
    first = batch.reset()
    singles = [gymnasium.make("Pendulum-v1").unwrapped for _ in range(num_envs)]
    for i, single in enumerate(singles):
        single.reset(seed=0)
        single.state = batch.state[i].copy()
        assert np.array_equal(single._get_obs(), first[i])
    for _ in range(2_000):
        action = rng.uniform(-2.5, 2.5, (num_envs, 1)).astype(dtype)
        step = batch.step(action)
        for i, single in enumerate(singles):
            obs, reward, terminated, _, _ = single.step(action[i])
            assert np.array_equal(obs, step.next_obs[i])
            # gymnasium squares by `**`, whose last bit may differ from a product's.
            assert step.reward[i] == pytest.approx(reward, rel=1e-6)
            assert terminated == step.terminated[i]
            if step.truncated[i]:
                single.state = batch.state[i].copy()
            assert np.array_equal(single.state, batch.state[i])


def test_the_cost_is_that_of_the_state_in_which_the_torque_acts():
    # θ = π/2, θ̇ = 1, u = 2: (π/2)² + 0.1 · 1 + 0.001 · 4.
    step = pendulum_at(np.pi / 2, 1.0).step(np.array([[2.0]]))
    assert step.reward[0] == pytest.approx(-((np.pi / 2) ** 2 + 0.1 + 0.004))
    # From the same place: θ̇' = 1 + 0.05 (15 sin θ + 3 u) = 1 + 0.05 · 21, θ' = θ + 0.05 θ̇'.
    speed = 1 + 0.05 * 21
    angle = np.pi / 2 + 0.05 * speed
    assert step.next_obs[0] == pytest.approx([np.cos(angle), np.sin(angle), speed])


@pytest.mark.parametrize("angle", [0.4, 0.4 + 2 * np.pi, 0.4 - 6 * np.pi])
def test_whole_turns_cost_nothing(angle):
    step = pendulum_at(angle, 0.0).step(np.zeros((1, 1)))
    assert step.reward[0] == pytest.approx(-(0.4**2))


def test_upright_at_rest_is_free_and_stays():
    environment = pendulum_at(0.0, 0.0)
    for _ in range(50):
        assert environment.step(np.zeros((1, 1))).reward[0] == 0


def test_torque_and_speed_are_clipped():
    weak, strong = (pendulum_at(1.0, 0.0).step(np.array([[u]])) for u in (2.0, 9.0))
    assert all(np.array_equal(a, b) for a, b in zip(weak[1:], strong[1:], strict=True))
    assert pendulum_at(np.pi / 2, 7.9).step(np.array([[2.0]])).next_obs[0, 2] == 8.0


def test_an_episode_is_truncated_after_200_steps_and_never_terminated():
    environment = pendulum_at(3.0, 0.0, num_envs=2)
    for step_number in range(1, 401):
        step = environment.step(np.zeros((2, 1), dtype=np.float32))
        assert step.truncated.all() == (step_number % 200 == 0)
        assert not step.terminated.any()
        assert np.array_equal(step.obs, step.next_obs) != step.truncated.any()


def test_first_states_fill_the_circle_and_the_slow_speeds():
    environment = make_vector("Pendulum-v1", 4_000, seed=0)
    environment.reset()
    angle, speed = environment.state.T
    assert -np.pi <= angle.min() < -3.1 < 3.1 < angle.max() < np.pi
    assert -1 <= speed.min() < -0.99 < 0.99 < speed.max() < 1
