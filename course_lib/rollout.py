"""Experience as tensors, time first: whole episodes side by side, and rollouts of fixed length.

Learning from it lives in course_lib.algorithms."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.environments import VectorEnvironment
from course_lib.policies import Policy


class Episodes(NamedTuple):
    """N whole episodes in columns, padded at the end to the length T of the longest one.

    Attributes:
        obs: (T, N, S) float32, what each action was chosen from.
        action: (T, N) int64, or (T, N, D) float32.
        reward: (T, N) float32, 0 in the padding.
        mask: (T, N) bool, true where the episode was still running.
    """

    obs: Tensor
    action: Tensor
    reward: Tensor
    mask: Tensor

    @property
    def episode_return(self) -> Tensor:
        """(N,) undiscounted sums of rewards."""
        return self.reward.sum(0)

    @property
    def env_steps(self) -> int:
        """How many steps the episodes have together, padding left out."""
        return int(self.mask.sum())

    def log_prob(self, policy: Policy) -> Tensor:
        """(T, N) log π(a|s) under `policy`, with its gradient; 0 without a gradient in the padding.

        Only the real steps go through the network.
        """
        log_prob = torch.zeros(self.mask.shape)
        log_prob[self.mask] = policy.log_prob(self.obs[self.mask], self.action[self.mask])
        return log_prob


def collect_episodes(
    policy: Policy, environment: VectorEnvironment, generator: torch.Generator
) -> Episodes:
    """Run one new episode in each of the N environments, until the last one has ended."""
    obs = environment.reset()
    running = np.ones(environment.num_envs, dtype=bool)
    history = []
    while running.any():
        action = policy.sample(torch.from_numpy(obs), generator)
        step = environment.step(action.numpy())
        history.append((obs, action.numpy(), step.reward * running, running))
        running = running & ~(step.terminated | step.truncated)
        obs = step.obs
    return Episodes(*(torch.from_numpy(np.array(column)) for column in zip(*history, strict=True)))


class Rollout(NamedTuple):
    """T steps of N environments; episodes begin and end inside, wherever they do.

    Attributes:
        obs: (T, N, S) float32.
        action: (T, N) int64, or (T, N, D) float32.
        reward: (T, N) float32.
        terminated: (T, N) bool, the MDP ended with this step.
        truncated: (T, N) bool, the time limit cut the episode after this step.
        next_obs: (T, N, S) float32, what the step really led to: at an end the final observation.
        log_prob: (T, N) log π(a|s) of the policy that acted, without a gradient; `None` if it was
            not asked for.
        finished_returns: undiscounted returns of the episodes that ended in this rollout.
    """

    obs: Tensor
    action: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    next_obs: Tensor
    log_prob: Tensor | None
    finished_returns: list[float]


class Collector:
    """Steps an environment on and on, and cuts the stream into rollouts.

    Episodes go on from one rollout to the next; `env_steps` counts steps of single environments.
    """

    def __init__(self, environment: VectorEnvironment, generator: torch.Generator) -> None:
        self.environment = environment
        self.generator = generator
        self.env_steps = 0
        self._obs = environment.reset()
        self._return = np.zeros(environment.num_envs)

    def collect(self, policy: Policy, num_steps: int, with_log_prob: bool = True) -> Rollout:
        """Take `num_steps` steps in each environment, with actions drawn from `policy`.

        `with_log_prob=False` saves a pass through the network where the data is used only once.
        """
        history, finished_returns = [], []
        for _ in range(num_steps):
            action = policy.sample(torch.from_numpy(self._obs), self.generator).numpy()
            obs, reward, terminated, truncated, next_obs = self.environment.step(action)
            history.append((self._obs, action, reward, terminated, truncated, next_obs))
            self._obs = obs
            finished_returns += self._finish_episodes(reward, terminated | truncated)
        self.env_steps += num_steps * self.environment.num_envs
        columns = [torch.from_numpy(np.array(column)) for column in zip(*history, strict=True)]
        log_prob = None
        if with_log_prob:
            with torch.no_grad():
                log_prob = policy.log_prob(columns[0], columns[1])
        return Rollout(*columns, log_prob, finished_returns)

    def _finish_episodes(self, reward: np.ndarray, ended: np.ndarray) -> list[float]:
        self._return += reward
        if not ended.any():
            return []
        finished = self._return[ended].tolist()
        self._return[ended] = 0.0
        return finished
