"""What an experiment is: a table of runs. How one of them is trained and judged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from course_lib.algorithms.progress import NotFiniteError
from course_lib.evaluation import evaluate
from course_lib.runs import Run

POINTS = 6
EVALUATION_SEED = 4_000_000  # far from the seeds that train


class Trial(NamedTuple):
    """One training of an experiment."""

    variant: str
    task: str
    seed: int


@dataclass(frozen=True)
class Experiment:
    """Every variant on every task, with several seeds.

    Attributes:
        name: what the command calls it.
        question: what it is to find out, in a line.
        variants: the rows of its table.
        tasks: names known to `make_vector`.
        seeds: how many, from 0 on.
        run: (variant, task) → the run to be trained.
        baseline: the variant whose scores count as 0.
        points: how often a policy is judged, evenly over its training.
    """

    name: str
    question: str
    variants: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: int
    run: Callable[[str, str], Run]
    baseline: str
    points: int = POINTS

    def trials(self) -> Iterator[Trial]:
        """All trainings, seed after seed: interrupted early, each row has as many as the others."""
        for seed in range(self.seeds):
            for task in self.tasks:
                for variant in self.variants:
                    yield Trial(variant, task, seed)

    def fingerprint(self, variant: str, task: str) -> str:
        """What a stored result depends on, as text: results of other settings are out of date."""
        run = self.run(variant, task)
        return f"{run.config!r}, {run.max_steps} steps, judged {self.points} times"


def returns_of(
    run: Run, seed: int, points: int = POINTS, **functions: Callable[..., Any]
) -> list[float | None]:
    """Train a run to the end of its budget and judge its policy now and then.

    Args:
        run: what to train, and for how many environment steps.
        seed: of everything random in the training.
        points: how often to judge, evenly spread, the last time at the end.
        functions: a reader's own, by the algorithm's argument names.

    Returns:
        (points,) mean returns of 20 fresh episodes; `None` after a loss that was not finite.
    """
    progress, returns = run.start(seed, **functions), []
    step = next(progress)
    for point in np.arange(1, points + 1) * run.max_steps / points:
        try:
            while step.env_steps < point:
                step = next(progress)
        except NotFiniteError:
            return returns + [None] * (points - len(returns))
        judged_by = EVALUATION_SEED + 1000 * seed + len(returns)
        returns.append(float(evaluate(step.policy, run.environment_id, seed=judged_by).mean()))
    return returns
