"""All exercises by name: as code where the code is, else as the student edition's recordings."""

import importlib
import pkgutil
from functools import cache

from course_lib.checks.problem import Problem
from course_lib.checks.recorded import read_recording, recorded_names

EXERCISES = "course_lib.checks.exercises"


def exercise_names() -> list[str]:
    """The names of all exercises there are, sorted."""
    return sorted({*live_names(), *recorded_names()})


@cache
def load_exercise(name: str) -> Problem:
    """The exercise of this name; `KeyError` if there is none."""
    if name in live_names():
        return importlib.import_module(f"{EXERCISES}.{name}").EXERCISE
    if name in recorded_names():
        return read_recording(name)
    raise KeyError(name)


def live_names() -> set[str]:
    """The names of the exercises that are here with their answers."""
    try:
        package = importlib.import_module(EXERCISES)
    except ModuleNotFoundError:
        return set()
    return {module.name for module in pkgutil.iter_modules(package.__path__)}
