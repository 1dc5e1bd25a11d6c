"""Long experiments of the lessons: variants × tasks × seeds, trained once, their results stored.

`python -m course_lib.experiments NAME` makes one or completes it; `stored(NAME)` reads it, and
`EXPERIMENTS[NAME].run(variant, task)` is what a reader trains again, with functions of their own.
"""

from course_lib.experiments.benchmark import BENCHMARK
from course_lib.experiments.experiment import Experiment
from course_lib.experiments.judging import Training, budgeted_training, returns_of
from course_lib.experiments.ppo_ablation import PPO_ABLATION
from course_lib.experiments.ppo_table import PPO_TABLE, PUBLISHED
from course_lib.experiments.published import (
    PUBLISHED_BENCHMARK,
    PUBLISHED_BOLD,
    PUBLISHED_NAMES,
)
from course_lib.experiments.results import Results, read_results

EXPERIMENTS: dict[str, Experiment] = {one.name: one for one in (PPO_TABLE, PPO_ABLATION, BENCHMARK)}

__all__ = [
    "EXPERIMENTS",
    "PUBLISHED",
    "PUBLISHED_BENCHMARK",
    "PUBLISHED_BOLD",
    "PUBLISHED_NAMES",
    "Experiment",
    "Results",
    "Training",
    "budgeted_training",
    "returns_of",
    "stored",
]


def stored(name: str) -> Results:
    """The stored results of an experiment.

    Raises:
        ValueError: there is no experiment of that name, or it was not made yet.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment is called {name!r}; known are {', '.join(EXPERIMENTS)}")
    return read_results(EXPERIMENTS[name])
