"""Which algorithms there are, by name, and which settings a run starts from.

Read off course_lib.algorithms and course_lib.runs, so that what is added there is known here."""

import difflib
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from course_lib import algorithms
from course_lib.algorithms import Progress
from course_lib.runs import RUNS, Run

ARGUMENTS = ["environment_id", "config", "seed"]
MAX_STEPS = 100_000  # where no run of the algorithm or the environment says how long


@dataclass(frozen=True)
class Algorithm:
    """A training loop.

    Attributes:
        name: the function's, such as "ppo_kl".
        start: the loop itself: (environment_id, config, seed) → an iterator of `Progress`.
        config_class: the dataclass of its settings.
    """

    name: str
    start: Callable[..., Iterator[Progress]]
    config_class: type

    @property
    def summary(self) -> str:
        """What it is, in a sentence: the loop's own, or its module's where it says only that the
        loop goes on for ever."""
        own = first_sentence(inspect.getdoc(self.start))
        module = inspect.getdoc(inspect.getmodule(self.start))
        return first_sentence(module) if " for ever" in own else own

    @property
    def runs(self) -> list[Run]:
        """The runs in `RUNS` that train with it."""
        return [run for run in RUNS.values() if run.algorithm is self.start]


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line and without its full stop."""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".")


def all_algorithms() -> dict[str, Algorithm]:
    """The algorithms that learn in an environment, by name."""
    found = {}
    for name in algorithms.__all__:
        function = getattr(algorithms, name)
        if not inspect.isfunction(function):
            continue
        if list(inspect.signature(function).parameters)[: len(ARGUMENTS)] == ARGUMENTS:
            config_class = typing.get_type_hints(function)["config"]
            found[name] = Algorithm(name, function, config_class)
    return found


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of this name; a hyphen is an underscore, and case does not matter.

    Raises:
        ValueError: there is none; the message names those that are close, and all.
    """
    known = all_algorithms()
    wanted = name.lower().replace("-", "_")
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise ValueError(f"no algorithm is called {name!r}; {hint}There are {', '.join(known)}")


def find_run(algorithm: Algorithm, environment_id: str) -> Run:
    """The first run of an algorithm in an environment; without one, one with the defaults.

    The goal is then that of other runs in the environment, the budget the largest of the
    algorithm's or the environment's.
    """
    there = [run for run in RUNS.values() if run.environment_id == environment_id]
    for run in there:
        if run.algorithm is algorithm.start:
            return run
    goals = [run.threshold for run in there if run.threshold is not None]
    budgets = [run.max_steps for run in algorithm.runs or there]
    return Run(
        f"{algorithm.name} on {environment_id}",
        algorithm.start,
        environment_id,
        algorithm.config_class(),
        max(goals, default=None),
        max(budgets, default=MAX_STEPS),
    )


def settings_of(config: Any) -> dict[str, Any]:
    """Name → value of each setting."""
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
