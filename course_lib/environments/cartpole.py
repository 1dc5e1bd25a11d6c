"""CartPole three ways (two actions, a continuous force, hidden velocities), each batched in NumPy
and as a single gymnasium environment that can be rendered."""

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from course_lib.environments.vector import BatchedEnvironment

GRAVITY = 9.8
POLE_MASS = 0.1
TOTAL_MASS = 0.1 + 1.0
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
FORCE = 10.0
FORCES = np.array([-FORCE, FORCE])
SECONDS_PER_STEP = 0.02
MAX_POSITION = 2.4
MAX_ANGLE = 12 * 2 * math.pi / 360
MAX_STEPS = 500
VISIBLE_WITHOUT_VELOCITY = [0, 2]


def cartpole_dynamics(state: np.ndarray, force: np.ndarray) -> np.ndarray:
    """The state 0.02 s later: (…, 4) cart position, cart velocity, pole angle, angular velocity.

    The order of the operations and `np.square` are gymnasium's: floating-point numbers that are
    added in another order drift away from it within a few hundred steps.

    Args:
        state: (…, 4) float64.
        force: (…,) float64 in newtons.

    Source: Barto, Sutton and Anderson (1983); gymnasium's CartPole-v1, Euler integration.
    """
    _, x_dot, theta, theta_dot = state.T
    cosine, sine = np.cos(theta), np.sin(theta)
    temp = (force + POLE_MOMENT * np.square(theta_dot) * sine) / TOTAL_MASS
    theta_acceleration = (GRAVITY * sine - cosine * temp) / (
        HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * np.square(cosine) / TOTAL_MASS)
    )
    x_acceleration = temp - POLE_MOMENT * theta_acceleration * cosine / TOTAL_MASS
    rate = np.array((x_dot, x_acceleration, theta_dot, theta_acceleration)).T
    return state + SECONDS_PER_STEP * rate


def has_fallen(state: np.ndarray) -> np.ndarray:
    """Whether the cart left the track or the pole leans by more than 12 degrees: (…, 4) → (…,)."""
    return (np.abs(state[..., 0]) > MAX_POSITION) | (np.abs(state[..., 2]) > MAX_ANGLE)


class CartPole(BatchedEnvironment):
    """gymnasium's CartPole-v1, batched: push left (0) or right (1), +1 a step, 500 steps."""

    observation_size = 4
    num_actions = 2
    max_steps = MAX_STEPS
    observation_scale = (1.0, 1.0, 0.1, 1.0)  # angles are in radians: 0.2 is a fall

    def first_state(self, count: int) -> np.ndarray:
        return self.random.uniform(-0.05, 0.05, (count, 4))

    def force(self, action: np.ndarray) -> np.ndarray:
        return FORCES[action]

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state = cartpole_dynamics(state, self.force(action))
        return state, np.ones(self.num_envs, dtype=np.float32), has_fallen(state)

    def observe(self, state: np.ndarray) -> np.ndarray:
        return state.astype(np.float32)


class ContinuousCartPole(CartPole):
    """CartPole with one continuous action: the share of the force, clipped to [−1, 1]."""

    num_actions = None
    action_size = 1

    def force(self, action: np.ndarray) -> np.ndarray:
        return FORCE * np.clip(action[:, 0].astype(np.float64), self.action_low, self.action_high)


class HiddenVelocityCartPole(CartPole):
    """CartPole-v1 that shows positions only: one observation is not a Markov state."""

    observation_size = 2
    observation_scale = (1.0, 0.1)

    def observe(self, state: np.ndarray) -> np.ndarray:
        return state[:, VISIBLE_WITHOUT_VELOCITY].astype(np.float32)


class ContinuousCartPoleEnv(CartPoleEnv):
    """`ContinuousCartPole` as one gymnasium environment; drawn and reset as gymnasium's own.

    gymnasium's `TimeLimit` wrapper adds the limit of 500 steps.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode=render_mode)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        action = np.asarray(action, dtype=np.float64)
        if action.shape != (1,) or np.isnan(action).any():
            raise ValueError(f"the action must be one number in an array of shape (1,): {action}")
        if self.state is None:
            raise ValueError("call reset() before the first step()")
        self.state = cartpole_dynamics(self.state, FORCE * np.clip(action[0], -1.0, 1.0))
        if self.render_mode == "human":
            self.render()
        return self.state.astype(np.float32), 1.0, bool(has_fallen(self.state)), False, {}


class HiddenVelocityCartPoleEnv(CartPoleEnv):
    """`HiddenVelocityCartPole` as one gymnasium environment."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode=render_mode)
        high = self.observation_space.high[VISIBLE_WITHOUT_VELOCITY]
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        obs, info = super().reset(seed=seed, options=options)
        return obs[VISIBLE_WITHOUT_VELOCITY], info

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        return obs[VISIBLE_WITHOUT_VELOCITY], reward, terminated, truncated, info
