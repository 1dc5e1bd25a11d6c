"""What an exercise is made of: cases, known mistakes, right variants, points.

Running a function on cases is in `outcome.py`, deciding about it in `judging.py`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

VALUE, GRADIENT, EDGE, NUMERICS = "value", "gradient", "edge cases", "numerics"
PARTS = (VALUE, GRADIENT, EDGE, NUMERICS)


@dataclass(frozen=True)
class Seed:
    """Stands for a fresh `torch.Generator` with this seed, made anew for every call."""

    number: int


@dataclass(frozen=True)
class Case:
    """One set of keyword arguments, and the part of the points that it decides.

    `call` replaces the plain `function(**inputs)` where something has to be driven step by step or
    called twice; it returns the value to be compared.
    """

    name: str
    inputs: Mapping[str, Any]
    part: str = VALUE
    call: Callable[[Callable, dict[str, Any]], Any] | None = None


@dataclass(frozen=True)
class Mistake:
    """A known wrong version, as code, and the sentence that explains it to who made it."""

    name: str
    explanation: str
    function: Callable


@dataclass(frozen=True, eq=False)
class Exercise:
    """One function of the curriculum: what it must compute, and what goes wrong with it.

    Args:
        name: the function's name in the curriculum.
        reference: the right implementation.
        cases: makes the list of cases from a generator; the first is the one to read.
        statement: what is true once the check passes, in one sentence without a full stop.
        points: points by part; parts without points are still checked, under "value".
        gradient: inputs that must receive the reference's gradient.
        no_gradient: inputs that must receive none.
        noted_gradient: inputs for which both are right, but a gradient is worth a remark.
        mistakes: known wrong versions; the first that matches is named.
        variants: right versions written differently, which must be accepted.
        observe: turns (value, inputs) into what is compared: statistics of random results.
        relative_tolerance, absolute_tolerance: for float64; float32 gets a hundred times more.
        float32: whether the first case is run once more in float32.
    """

    name: str
    reference: Callable
    cases: Callable[[torch.Generator], list[Case]]
    statement: str
    points: Mapping[str, float]
    gradient: tuple[str, ...] = ()
    no_gradient: tuple[str, ...] = ()
    noted_gradient: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    variants: tuple[Callable, ...] = ()
    observe: Callable[[Any, Mapping[str, Any]], Any] | None = None
    relative_tolerance: float = 1e-5
    absolute_tolerance: float = 1e-6
    float32: bool = True

    @property
    def possible(self) -> float:
        """All points of the exercise."""
        return sum(self.points.values())

    @property
    def watched(self) -> tuple[str, ...]:
        """All inputs that are given with `requires_grad`."""
        return self.gradient + self.no_gradient + self.noted_gradient


def exercise_names() -> list[str]:
    """The names of all exercises there are, sorted."""
    package = importlib.import_module("course_lib.checks.exercises")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


@cache
def load_exercise(name: str) -> Exercise:
    """The exercise of this name; `KeyError` if there is none."""
    if name not in exercise_names():
        raise KeyError(name)
    return importlib.import_module(f"course_lib.checks.exercises.{name}").EXERCISE
