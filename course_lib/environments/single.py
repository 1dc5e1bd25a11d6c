"""A batched environment of the course as one gymnasium environment: a batch of one."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from course_lib.environments.registry import BATCHED


class SingleEnvironment(gymnasium.Env):
    """One environment of a batched class that names its `observation_bounds`.

    Its time limit is the batch's own; after an end gymnasium expects `reset()`.

    Args:
        environment_id: the name in `BATCHED`.
        render_mode: `None`; there is nothing to draw.
    """

    def __init__(self, environment_id: str, render_mode: str | None = None) -> None:
        self._batch = BATCHED[environment_id](num_envs=1)
        self.render_mode = render_mode
        self.observation_space = spaces.Box(
            *self._batch.observation_bounds, (self._batch.observation_size,), dtype=np.float32
        )
        if self._batch.num_actions is not None:
            self.action_space = spaces.Discrete(self._batch.num_actions)
        else:
            bounds = self._batch.action_low, self._batch.action_high
            self.action_space = spaces.Box(*bounds, (self._batch.action_size,), dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._batch.random = self.np_random
        return self._batch.reset()[0], {}

    def step(
        self, action: int | np.ndarray
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        step = self._batch.step(np.asarray(action)[None])
        return (
            step.next_obs[0],
            float(step.reward[0]),
            bool(step.terminated[0]),
            bool(step.truncated[0]),
            {},
        )
