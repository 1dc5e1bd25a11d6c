"""An underpowered car in a valley, batched in NumPy, with three actions and with a continuous one;
the single ones to watch are gymnasium's own."""

import numpy as np

from course_lib.environments.vector import BatchedEnvironment

MIN_POSITION, MAX_POSITION = -1.2, 0.6
MAX_SPEED = 0.07
GRAVITY = 0.0025


def mountain_car_dynamics(state: np.ndarray, push: np.ndarray) -> np.ndarray:
    """The state one step later: (N, 2) position, velocity; a wall on the left stops the car.

    The order of the operations and their dtypes are gymnasium's, so that the numbers are its
    numbers: it turns the position into an angle in the state's dtype and takes the cosine in
    float64.

    Args:
        state: (N, 2) float64, or float32.
        push: (N,) of the same dtype, what the engine adds to the velocity.

    Source: Moore (1990); gymnasium's MountainCar-v0.
    """
    position, velocity = state.T
    slope = (GRAVITY * np.cos((3 * position).astype(np.float64))).astype(state.dtype)
    velocity = np.clip(velocity + (push - slope), -MAX_SPEED, MAX_SPEED)
    position = np.clip(position + velocity, MIN_POSITION, MAX_POSITION)
    velocity = np.where((position == MIN_POSITION) & (velocity < 0), 0, velocity)
    return np.array((position, velocity)).T


class MountainCar(BatchedEnvironment):
    """gymnasium's MountainCar-v0, batched: left, nothing or right; −1 a step, until the hilltop.

    At random nobody gets there within the 200 steps: every return is −200, and nothing says
    which action was any good.
    """

    observation_size = 2
    num_actions = 3
    max_steps = 200
    goal_position = 0.5
    observation_scale = (0.9, 0.07)

    def first_state(self, count: int) -> np.ndarray:
        position = self.random.uniform(-0.6, -0.4, count)
        return np.array((position, np.zeros(count))).T

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state = mountain_car_dynamics(state, (action - 1) * 0.001)
        return state, np.full(self.num_envs, -1.0, dtype=np.float32), self.has_arrived(state)

    def has_arrived(self, state: np.ndarray) -> np.ndarray:
        """Whether the car is on the hilltop and not rolling back: (N, 2) → (N,)."""
        return (state[:, 0] >= self.goal_position) & (state[:, 1] >= 0)

    def observe(self, state: np.ndarray) -> np.ndarray:
        return state.astype(np.float32)


class MountainCarContinuous(MountainCar):
    """gymnasium's MountainCarContinuous-v0, batched: any push, +100 at the top, −0.1 a² a step.

    Doing nothing returns 0, which is more than most of what one tries first. As in gymnasium the
    state is float32, and only the push is clipped, not its cost. The numbers are gymnasium's
    for actions within the bounds; outside, it computes the push with more digits.
    """

    num_actions = None
    action_size = 1
    max_steps = 999
    goal_position = 0.45

    def first_state(self, count: int) -> np.ndarray:
        return super().first_state(count).astype(np.float32)

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        action = action[:, 0].astype(np.float32)
        push = np.clip(action, self.action_low, self.action_high) * np.float32(0.0015)
        state = mountain_car_dynamics(state, push)
        has_arrived = self.has_arrived(state)
        cost = 0.1 * np.square(action.astype(np.float64))
        return state, (100.0 * has_arrived - cost).astype(np.float32), has_arrived
