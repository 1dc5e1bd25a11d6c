"""Reward-weighted regression: imitate your own episodes, the better ones more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_policy
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.reference import rwr_weight
from course_lib.rollout import collect_episodes

SMALLEST_TEMPERATURE = 1e-3  # where all returns are the same


@dataclass(frozen=True)
class RWRConfig:
    """Settings of `rwr`; the defaults learn CartPole-v1.

    Attributes:
        episodes_per_update: N, whole episodes played before each regression.
        temperature: T, in standard deviations of the N returns: small imitates only the best.
        num_epochs: gradient steps of a regression.
        learning_rate: Adam's step size. At 0.05 half of ten seeds imitated a few lucky episodes
            so closely that they never tried anything better.
        max_grad_norm: a longer gradient is scaled to this length.
        hidden: widths of the policy's hidden layers; none makes it linear.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    episodes_per_update: int = 32
    temperature: float = 0.3
    num_epochs: int = 10
    learning_rate: float = 0.02
    max_grad_norm: float = 1.0
    hidden: tuple[int, ...] = ()
    distribution: str = "gaussian"


def rwr(
    environment_id: str,
    config: RWRConfig,
    seed: int,
    weight: Callable[[Tensor, float], Tensor] = rwr_weight,
) -> Iterator[Progress]:
    """Train for ever, yielding after each regression; the caller decides when to stop.

    An expectation-maximisation: the weights say which episodes one would like to have played, the
    regression makes them likely. No baseline, no critic, no step size towards the return.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the network and the actions.
        weight: `weight(episode_return, temperature)` → (N,), by default `rwr_weight`.

    Raises:
        ValueError: the loss is not finite, or the environment is unknown.

    Source: Peters and Schaal (2007), "Reinforcement Learning by Reward-Weighted Regression"; in the
    episodic form of lecture 001's benchmark (Duan et al., 2016).
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.episodes_per_update, seed)
    policy = make_policy(environment, config.hidden, generator, config.distribution)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    env_steps = update = 0
    while True:
        # 1. Act: N whole episodes with the policy as it is.
        episodes = collect_episodes(policy, environment, generator)
        env_steps += episodes.env_steps

        # 2. How much each of them is to count: together 1.
        episode_return = episodes.episode_return
        spread = episode_return.std(correction=0).item()
        temperature = max(config.temperature * spread, SMALLEST_TEMPERATURE)
        episode_weight = weight(episode_return, temperature)

        # 3. Make these episodes more likely, each as much as it counts.
        for _ in range(config.num_epochs):
            update += 1
            log_prob = episodes.log_prob(policy)
            objective = -(episode_weight * log_prob.sum(0)).sum()
            require_finite(update, objective, log_prob=log_prob, weight=episode_weight)
            optimizer.zero_grad()
            objective.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), config.max_grad_norm)
            optimizer.step()

        # 4. Report.
        metrics = {"loss": objective.item(), "temperature": temperature}
        yield Progress(env_steps, episode_return.tolist(), policy, metrics)
