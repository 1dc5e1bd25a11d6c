"""Stepping an environment into a replay buffer: the acting half of every off-policy loop."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course_lib.environments import BatchedEnvironment
from course_lib.replay import ReplayBuffer


class Explorer:
    """Steps an environment and stores every step; `env_steps` counts single environments.

    Args:
        environment: the environment.
        capacity: how many transitions are kept.
        seed: of the buffer's draws.
        reward_scale: factor of the stored rewards.
    """

    def __init__(
        self, environment: BatchedEnvironment, capacity: int, seed: int, reward_scale: float = 1.0
    ) -> None:
        size = environment.action_size
        action_shape = () if size is None else (size,)
        self.environment = environment
        self.buffer = ReplayBuffer(capacity, (environment.observation_size,), action_shape, seed)
        self.reward_scale = reward_scale
        self.env_steps = 0
        self._obs = torch.from_numpy(environment.reset())
        self._return = np.zeros(environment.num_envs)
        self._finished: list[float] = []

    def step(self, act: Callable[[Tensor], Tensor]) -> None:
        """Take one step in each environment and store it.

        Args:
            act: (N, S) observations → (N,) or (N, D) actions, without a gradient.
        """
        action = act(self._obs)
        obs, reward, terminated, truncated, next_obs = self.environment.step(action.numpy())
        # A truncated step bootstraps from next_obs like any other: it is not a termination.
        self.buffer.add(self._obs, action, self.reward_scale * reward, next_obs, terminated)
        self._obs = torch.from_numpy(obs)
        self.env_steps += self.environment.num_envs
        self._return += reward
        ended = terminated | truncated
        if ended.any():
            self._finished += self._return[ended].tolist()
            self._return[ended] = 0.0

    def warm_up(self, env_steps: int, generator: torch.Generator) -> None:
        """Begin with uniformly random actions, until there are this many steps."""
        while self.env_steps < env_steps:
            self.step(lambda obs: self.random_action(generator))

    def random_action(self, generator: torch.Generator) -> Tensor:
        """Uniformly random actions, one an environment."""
        environment = self.environment
        if environment.num_actions is not None:
            shape = (environment.num_envs,)
            return torch.randint(environment.num_actions, shape, generator=generator)
        share = torch.rand(environment.num_envs, environment.action_size, generator=generator)
        return environment.action_low + (environment.action_high - environment.action_low) * share

    def take_finished_returns(self) -> list[float]:
        """Undiscounted returns of the episodes that ended since the last call."""
        finished, self._finished = self._finished, []
        return finished
