"""A linear-quadratic regulator in one dimension, batched: sampling from the problem whose exact
gradient is `lqr_gradient`."""

import numpy as np

from course_lib.environments.vector import BatchedEnvironment


class ScalarLQR(BatchedEnvironment):
    """s' = a s + b u, reward −(q s² + r u²) of the state that was left, 50 steps, no other end.

    Left alone the state grows, since a > 1; u = −gain · s pulls it back where |a − b gain| < 1.
    Actions are not clipped, so that the problem stays linear; their bounds say where it makes
    sense to look. One sees s itself.

    Args:
        num_envs: N.
        seed: of the first states, uniform in [−2, 2]; `None` draws a fresh one.
        a, b, q, r: the dynamics and the costs.
        max_steps: the horizon.
    """

    observation_size = 1
    action_size = 1
    action_low = -4.0
    action_high = 4.0
    observation_bounds = (-np.inf, np.inf)

    def __init__(
        self,
        num_envs: int,
        seed: int | None = None,
        a: float = 1.1,
        b: float = 0.5,
        q: float = 1.0,
        r: float = 0.2,
        max_steps: int = 50,
    ) -> None:
        super().__init__(num_envs, seed)
        self.a, self.b, self.q, self.r = a, b, q, r
        self.max_steps = max_steps

    def first_state(self, count: int) -> np.ndarray:
        return self.random.uniform(-2.0, 2.0, (count, 1))

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        action = action.astype(np.float64)
        cost = self.q * np.square(state) + self.r * np.square(action)
        never = np.zeros(self.num_envs, dtype=bool)
        return self.a * state + self.b * action, -cost[:, 0].astype(np.float32), never

    def observe(self, state: np.ndarray) -> np.ndarray:
        return state.astype(np.float32)
