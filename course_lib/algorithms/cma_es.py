"""CMA-ES: a search over parameters that learns along which directions they should vary together.

The method itself is the library `cma`; here it meets an environment."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from course_lib.algorithms.progress import Progress
from course_lib.population import Population

if TYPE_CHECKING:
    import cma


@dataclass(frozen=True)
class CMAESConfig:
    """Settings of `cma_es`; the defaults learn CartPole-v1.

    Attributes:
        population: M, parameter vectors drawn in a generation.
        episodes: how many episodes each is judged by.
        initial_std: the spread of the first generation around 0.
        hidden: widths of the policy's hidden layers; none makes it linear.
    """

    population: int = 16
    episodes: int = 1
    initial_std: float = 1.0
    hidden: tuple[int, ...] = ()


def cma_es(environment_id: str, config: CMAESConfig, seed: int) -> Iterator[Progress]:
    """Search for ever, yielding after each generation; the caller decides when to stop.

    The yielded policy has the mean of the search distribution for parameters.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments and the parameters.

    Raises:
        ValueError: parameters or returns that are not finite, or the environment is unknown.

    Source: Hansen and Ostermeier (2001); Hansen (2016), arXiv:1604.00772; the library `cma`;
    lecture 001, the benchmark's CMA-ES.
    """
    population = Population(environment_id, config.population, config.episodes, config.hidden, seed)
    strategy = make_strategy(population.num_parameters, config, seed)
    while True:
        # 1. Draw parameters.
        sample = np.stack(strategy.ask())

        # 2. Judge each by its own episodes.
        returns = population.play(torch.from_numpy(sample))
        score = returns.mean(-1).numpy()

        # 3. Move and turn the distribution towards the better half; cma minimises.
        strategy.tell(sample, -score)

        # 4. Report.
        metrics = {"best_return": score.max().item(), "std": float(strategy.sigma)}
        policy = population.member(torch.from_numpy(strategy.mean))
        yield Progress(population.env_steps, returns.flatten().tolist(), policy, metrics)


def make_strategy(
    num_parameters: int, config: CMAESConfig, seed: int
) -> "cma.CMAEvolutionStrategy":
    """A search from 0 with random numbers of its own, that writes nothing and never stops."""
    import cma  # here: it takes longer to load than all the rest of the course

    random = np.random.default_rng(seed)
    options = {
        "popsize": config.population,
        "seed": math.nan,  # leaves NumPy's global random numbers alone
        "randn": lambda *shape: random.standard_normal(shape),
        "verbose": -9,
        "verb_log": 0,
    }
    return cma.CMAEvolutionStrategy(np.zeros(num_parameters), config.initial_std, options)
