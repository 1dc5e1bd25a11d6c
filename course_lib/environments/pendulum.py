"""Pendulum swing-up, batched in NumPy; the single one to watch is gymnasium's own Pendulum-v1."""

import numpy as np

from course_lib.environments.vector import BatchedEnvironment

GRAVITY = 10.0
MASS = 1.0
LENGTH = 1.0
SECONDS_PER_STEP = 0.05
MAX_SPEED = 8.0
MAX_TORQUE = 2.0
MAX_STEPS = 200


def pendulum_dynamics(state: np.ndarray, torque: np.ndarray) -> np.ndarray:
    """The state 0.05 s later: (…, 2) angle from upright in radians, angular velocity.

    The order of the operations is gymnasium's, so that the numbers are its numbers.

    Args:
        state: (…, 2) float64.
        torque: (…,) in newton metres, within ±2: too weak to lift the pendulum in one go.

    Source: gymnasium's Pendulum-v1, semi-implicit Euler integration.
    """
    angle, speed = state.T
    acceleration = 3 * GRAVITY / (2 * LENGTH) * np.sin(angle) + 3.0 / (MASS * LENGTH**2) * torque
    speed = np.clip(speed + acceleration * SECONDS_PER_STEP, -MAX_SPEED, MAX_SPEED)
    return np.array((angle + speed * SECONDS_PER_STEP, speed)).T


def pendulum_cost(state: np.ndarray, torque: np.ndarray) -> np.ndarray:
    """θ² + 0.1 θ̇² + 0.001 u², with the angle θ taken from (−π, π]: (…, 2), (…,) → (…,)."""
    angle, speed = state.T
    angle = ((angle + np.pi) % (2 * np.pi)) - np.pi
    return np.square(angle) + 0.1 * np.square(speed) + 0.001 * np.square(torque)


class Pendulum(BatchedEnvironment):
    """gymnasium's Pendulum-v1, batched: swing up and hold, reward −cost, 200 steps, no other end.

    What one sees is (cos θ, sin θ, θ̇). A torque outside ±2 is clipped.
    """

    observation_size = 3
    action_size = 1
    action_low = -MAX_TORQUE
    action_high = MAX_TORQUE
    max_steps = MAX_STEPS
    observation_scale = (1.0, 1.0, 4.0)  # the speed reaches 8

    def first_state(self, count: int) -> np.ndarray:
        return self.random.uniform((-np.pi, -1.0), (np.pi, 1.0), (count, 2))

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        torque = np.clip(action[:, 0], self.action_low, self.action_high)
        reward = -pendulum_cost(state, torque)
        never = np.zeros(self.num_envs, dtype=bool)
        return pendulum_dynamics(state, torque), reward.astype(np.float32), never

    def observe(self, state: np.ndarray) -> np.ndarray:
        angle, speed = state.T
        return np.array((np.cos(angle), np.sin(angle), speed), dtype=np.float32).T.copy()
