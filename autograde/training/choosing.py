"""From the words of a command line to a run that can be started, and to the folder it writes to."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograde.errors import CourseError
from autograde.training.settings import with_settings
from course_lib.catalogue import Algorithm, all_algorithms, find_algorithm, find_run
from course_lib.environments import BATCHED, make_vector
from course_lib.runs import RUNS, Run


@dataclass(frozen=True)
class Choice:
    """What is to be trained.

    Attributes:
        algorithm: with which algorithm.
        run: the environment, the settings, the goal and the budget.
        run_name: the run's name in `RUNS`, or `None` if the settings are the algorithm's defaults.
    """

    algorithm: Algorithm
    run: Run
    run_name: str | None

    @property
    def title(self) -> str:
        """The algorithm and where."""
        return f"{self.algorithm.name} on {self.run.environment_id}"


def choose(name: str, environment_id: str | None, steps: int | None, settings: list[str]) -> Choice:
    """The run that is meant.

    Args:
        name: of an algorithm, or of a run in `RUNS`.
        environment_id: where; `None` only for a run's name.
        steps: the budget, if it is not the run's.
        settings: NAME=VALUE each, in place of the run's.
    """
    loops = {one.start: one for one in all_algorithms().values()}
    if name in RUNS and RUNS[name].algorithm in loops:
        run = RUNS[name]
        algorithm = loops[run.algorithm]
        if environment_id not in (None, run.environment_id):
            raise CourseError(f"The run {name} is on {run.environment_id}: leave --env out.")
    else:
        algorithm = described(find_algorithm, name)
        run = run_in(algorithm, environment_id)
    config = with_settings(run.config, settings, algorithm.name)
    run_name = run.name if run.name in RUNS else None
    run = replace(run, config=config, max_steps=steps or run.max_steps)
    return Choice(algorithm, run, run_name)


def run_in(algorithm: Algorithm, environment_id: str | None) -> Run:
    """The run of an algorithm in an environment, which must be said and be there."""
    if environment_id is None:
        there = sorted({run.environment_id for run in algorithm.runs} or BATCHED)
        raise CourseError(f"Say where: --env ID, for instance {' or '.join(there)}.")
    described(make_vector, environment_id, 1, 0)
    return find_run(algorithm, environment_id)


def described(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns; its `ValueError` as a message of the command's."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise CourseError(f"{sentence(str(error))}.") from None


def sentence(text: str) -> str:
    """With a capital at the front, and no full stop at the end."""
    return (text[:1].upper() + text[1:]).rstrip(".")


def other_kind(environment_id: str) -> list[str]:
    """The course's environments whose actions are of the other kind than in this one."""
    discrete = is_discrete(environment_id)
    return [name for name in BATCHED if is_discrete(name) != discrete]


def is_discrete(environment_id: str) -> bool:
    """Whether one chooses among finitely many actions there."""
    return make_vector(environment_id, 1, 0).num_actions is not None


def writable_folder(folder: Path) -> Path:
    """The folder, made if it is not there; tried before anything is trained."""
    folder = folder.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise CourseError(
            f"Cannot write into {folder}: {reason}. Choose another folder with --out."
        ) from None
    return folder
