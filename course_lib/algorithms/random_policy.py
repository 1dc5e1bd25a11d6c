"""No learning at all: uniformly random actions, the row that every table should begin with."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.algorithms.progress import Progress
from course_lib.environments import BatchedEnvironment, make_vector
from course_lib.rollout import collect_episodes


@dataclass(frozen=True)
class RandomPolicyConfig:
    """Settings of `random_policy`.

    Attributes:
        episodes_per_update: N, whole episodes between two reports.
    """

    episodes_per_update: int = 16


class UniformPolicy(nn.Module):
    """Every action as likely as any other, within an environment's bounds."""

    def __init__(self, environment: BatchedEnvironment) -> None:
        super().__init__()
        self.num_actions, self.action_size = environment.num_actions, environment.action_size
        self.low, self.high = environment.action_low, environment.action_high

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """One random action a row of `obs` (N, S), whatever it shows."""
        if self.num_actions is not None:
            return torch.randint(self.num_actions, obs.shape[:1], generator=generator)
        share = torch.rand(len(obs), self.action_size, generator=generator)
        return self.low + (self.high - self.low) * share


def random_policy(environment_id: str, config: RandomPolicyConfig, seed: int) -> Iterator[Progress]:
    """Play for ever, yielding after each batch of episodes; nothing is learned.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments and the actions.

    Raises:
        ValueError: the environment is unknown.

    Source: the first row of the table in Duan et al. (2016), arXiv:1604.06778; lecture 001.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.episodes_per_update, seed)
    policy = UniformPolicy(environment)
    env_steps = 0
    while True:
        episodes = collect_episodes(policy, environment, generator)
        env_steps += episodes.env_steps
        yield Progress(env_steps, episodes.episode_return.tolist(), policy, {})
