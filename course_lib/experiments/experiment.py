"""What an experiment is: a table of runs. How they are trained and judged is in judging.py."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from course_lib.experiments.judging import POINTS, Training, returns_only
from course_lib.runs import Run


class Trial(NamedTuple):
    """One training of an experiment."""

    variant: str
    task: str
    seed: int

    def __str__(self) -> str:
        return f"{self.variant} on {self.task}, seed {self.seed}"


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
        measure: (run, seed, points) → what a training came to.
        fewer_seeds: how many on tasks that cost too much for all.
    """

    name: str
    question: str
    variants: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: int
    run: Callable[[str, str], Run]
    baseline: str
    points: int = POINTS
    measure: Callable[[Run, int, int], Training] = returns_only
    fewer_seeds: Mapping[str, int] = field(default_factory=dict)

    def trials(self) -> Iterator[Trial]:
        """All trainings, seed after seed: interrupted early, each row has as many as the others."""
        for seed in range(self.seeds):
            for task in self.tasks:
                if seed < self.fewer_seeds.get(task, self.seeds):
                    for variant in self.variants:
                        yield Trial(variant, task, seed)

    def fingerprint(self, variant: str, task: str) -> str:
        """What a stored result depends on, as text: results of other settings are out of date."""
        run = self.run(variant, task)
        return f"{run.config!r}, {run.max_steps} steps, judged {self.points} times"
