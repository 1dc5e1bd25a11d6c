"""The cross-entropy method: try parameters at random, keep the best, and draw near them next."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.algorithms.progress import Progress
from course_lib.population import Population
from course_lib.reference import cem_update


@dataclass(frozen=True)
class CEMConfig:
    """Settings of `cem`; the defaults learn CartPole-v1.

    Attributes:
        population: M, parameter vectors drawn in a generation.
        episodes: how many episodes each is judged by.
        elite_fraction: the share of them that the next generation is fitted to.
        initial_std: the spread of the first generation around 0.
        min_std: the spread never falls below this.
        hidden: widths of the policy's hidden layers; none makes it linear.
    """

    population: int = 40
    episodes: int = 1
    elite_fraction: float = 0.25
    initial_std: float = 1.0
    min_std: float = 0.3  # with 0.1 one seed of twenty froze at a return of 460
    hidden: tuple[int, ...] = ()


def cem(
    environment_id: str,
    config: CEMConfig,
    seed: int,
    update: Callable[[Tensor, Tensor, float, float], tuple[Tensor, Tensor]] = cem_update,
) -> Iterator[Progress]:
    """Search for ever, yielding after each generation; the caller decides when to stop.

    There is no gradient and no policy that draws: a member is a deterministic policy, and the one
    that is yielded has the generation's new mean for parameters.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments and the parameters.
        update: `update(sample, score, elite_fraction, min_std)` → (mean, std), by default
            `cem_update`.

    Raises:
        ValueError: parameters or returns that are not finite, or the environment is unknown.

    Source: Rubinstein (1999); Szita and Lőrincz (2006); lecture 001, the benchmark's CEM.
    """
    generator = torch.Generator().manual_seed(seed)
    population = Population(environment_id, config.population, config.episodes, config.hidden, seed)
    mean = torch.zeros(population.num_parameters)
    std = torch.full_like(mean, config.initial_std)
    while True:
        # 1. Draw parameters.
        noise = torch.randn(config.population, len(mean), generator=generator)
        sample = mean + std * noise

        # 2. Judge each by its own episodes.
        returns = population.play(sample)
        score = returns.mean(-1).to(sample.dtype)

        # 3. Fit the next generation to the best.
        mean, std = update(sample, score, config.elite_fraction, config.min_std)

        # 4. Report.
        metrics = {"best_return": score.max().item(), "std": std.mean().item()}
        yield Progress(
            population.env_steps, returns.flatten().tolist(), population.member(mean), metrics
        )
