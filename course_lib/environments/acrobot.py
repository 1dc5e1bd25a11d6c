"""Acrobot, a pendulum of two links driven at the joint between them, batched in NumPy, with three
torques and with a continuous one; the single ones to watch are gymnasium's Acrobot-v1 and a
continuous one that is drawn like it."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.acrobot import AcrobotEnv

from course_lib.environments.vector import BatchedEnvironment

GRAVITY = 9.8
SECONDS_PER_STEP = 0.2
MAX_STEPS = 500
MAX_SPEEDS = np.array((4 * np.pi, 9 * np.pi))


def acrobot_rate(state: np.ndarray, torque: np.ndarray) -> np.ndarray:
    """How fast the state changes: (N, 4) of (N, 4) two angles and two angular velocities, (N,).

    Both links have length, mass and moment of inertia 1 and their centre of mass in the middle.
    The order of the operations is gymnasium's. It squares by `**`, whose last bit may differ from
    a product's in one of a thousand cases; the product is ten times faster.

    Source: Sutton (1996), with the equations of Sutton and Barto's book; gymnasium's Acrobot-v1.
    """
    theta1, theta2, speed1, speed2 = state.T
    cosine, sine = np.cos(theta2), np.sin(theta2)
    d1 = 0.25 + (1.25 + cosine) + 1.0 + 1.0
    d2 = (0.25 + 0.5 * cosine) + 1.0
    phi2 = 0.5 * GRAVITY * np.cos(theta1 + theta2 - np.pi / 2.0)
    phi1 = (
        -0.5 * np.square(speed2) * sine
        - speed2 * speed1 * sine
        + 1.5 * GRAVITY * np.cos(theta1 - np.pi / 2)
        + phi2
    )
    acceleration2 = (torque + d2 / d1 * phi1 - 0.5 * np.square(speed1) * sine - phi2) / (
        0.25 + 1.0 - np.square(d2) / d1
    )
    acceleration1 = -(d2 * acceleration2 + phi1) / d1
    return np.array((speed1, speed2, acceleration1, acceleration2)).T


def acrobot_dynamics(state: np.ndarray, torque: np.ndarray) -> np.ndarray:
    """The state 0.2 s later, by one Runge-Kutta step of fourth order: (N, 4), (N,) → (N, 4)."""
    half = SECONDS_PER_STEP / 2.0
    k1 = acrobot_rate(state, torque)
    k2 = acrobot_rate(state + half * k1, torque)
    k3 = acrobot_rate(state + half * k2, torque)
    k4 = acrobot_rate(state + SECONDS_PER_STEP * k3, torque)
    state = state + SECONDS_PER_STEP / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
    angle, speed = state[:, :2], state[:, 2:]
    while (too_far := np.abs(angle) > np.pi).any():
        angle = np.where(too_far, angle - np.sign(angle) * 2 * np.pi, angle)
    return np.concatenate((angle, speed.clip(-MAX_SPEEDS, MAX_SPEEDS)), axis=1)


def is_above_the_bar(state: np.ndarray) -> np.ndarray:
    """Whether the tip is more than one link above the fixed end: (N, 4) → (N,)."""
    return -np.cos(state[:, 0]) - np.cos(state[:, 1] + state[:, 0]) > 1.0


class Acrobot(BatchedEnvironment):
    """gymnasium's Acrobot-v1, batched: swing the tip above the bar; −1 a step, 500 steps.

    Torque −1, 0 or 1 at the middle joint. One sees cosine and sine of both angles and both
    velocities.
    """

    observation_size = 6
    num_actions = 3
    max_steps = MAX_STEPS
    observation_scale = (1.0, 1.0, 1.0, 1.0, 4.0, 8.0)  # typical speeds, a third of the largest

    def first_state(self, count: int) -> np.ndarray:
        # gymnasium rounds first states to float32.
        return self.random.uniform(-0.1, 0.1, (count, 4)).astype(np.float32).astype(np.float64)

    def torque(self, action: np.ndarray) -> np.ndarray:
        return action - 1.0

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state = acrobot_dynamics(state, self.torque(action))
        above = is_above_the_bar(state)
        return state, np.where(above, 0.0, -1.0).astype(np.float32), above

    def observe(self, state: np.ndarray) -> np.ndarray:
        theta1, theta2, speed1, speed2 = state.T
        seen = (np.cos(theta1), np.sin(theta1), np.cos(theta2), np.sin(theta2), speed1, speed2)
        return np.array(seen, dtype=np.float32).T.copy()


class ContinuousAcrobot(Acrobot):
    """Acrobot with one continuous action: the torque, clipped to [−1, 1]."""

    num_actions = None
    action_size = 1

    def torque(self, action: np.ndarray) -> np.ndarray:
        return np.clip(action[:, 0].astype(np.float64), self.action_low, self.action_high)


class ContinuousAcrobotEnv(AcrobotEnv):
    """`ContinuousAcrobot` as one gymnasium environment; drawn and reset as gymnasium's own.

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
        state = np.asarray(self.state, dtype=np.float64)[None]
        state = acrobot_dynamics(state, action.clip(-1.0, 1.0))
        self.state = state[0]
        if self.render_mode == "human":
            self.render()
        above = bool(is_above_the_bar(state)[0])
        return self._get_ob(), 0.0 if above else -1.0, above, False, {}
