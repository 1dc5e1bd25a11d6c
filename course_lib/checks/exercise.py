"""An exercise with its answers as code: cases, reference, known mistakes, right variants.

Running a function on cases is in `outcome.py`, deciding about it in `judging.py`.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.checks.outcome import run_case
from course_lib.checks.problem import (
    EDGE,
    GRADIENT,
    NUMERICS,
    VALUE,
    Case,
    Outcome,
    Problem,
    Seed,
    WorkedCase,
)

__all__ = ["EDGE", "GRADIENT", "NUMERICS", "VALUE", "Case", "Exercise", "Mistake", "Seed"]


@dataclass(frozen=True)
class Mistake:
    """A known wrong version, as code, and the sentence that explains it to who made it."""

    name: str
    explanation: str
    function: Callable


@dataclass(frozen=True, eq=False, kw_only=True)
class Exercise(Problem):
    """One function of the curriculum: what it must compute, and what goes wrong with it.

    Args:
        reference: the right implementation.
        cases: makes the list of cases from a generator; the first is the one to read.
        mistakes: known wrong versions; the first that matches is named.
        variants: right versions written differently, which must be accepted.
        float32: whether the first case is run once more in float32.
    """

    reference: Callable
    cases: Callable[[torch.Generator], list[Case]]
    mistakes: tuple[Mistake, ...] = ()
    variants: tuple[Callable, ...] = ()
    float32: bool = True

    def worked(self, seed: int) -> Sequence[WorkedCase]:
        """The cases of one seed, each with what the reference makes of it."""
        return work_out(self, seed)


@lru_cache(maxsize=512)
def work_out(exercise: Exercise, seed: int) -> tuple[WorkedCase, ...]:
    """Draw the cases and run the reference on them; the mistakes only when they are asked for."""
    cases = exercise.cases(torch.Generator().manual_seed(seed))
    if exercise.float32:
        cases = [*cases, in_float32(cases[0])]
    return tuple(
        WorkedCase(
            case,
            run_case(exercise, exercise.reference, case),
            cache(partial(run_mistake, exercise, case)),
        )
        for case in cases
    )


def run_mistake(exercise: Exercise, case: Case, place: int) -> Outcome:
    """What the known mistake at this place of the list makes of a case."""
    return run_case(exercise, exercise.mistakes[place].function, case)


def in_float32(case: Case) -> Case:
    """The same case with its floating-point tensors in single precision."""
    inputs = {name: single(value) for name, value in case.inputs.items()}
    return replace(case, name=f"{case.name}, in float32", inputs=inputs)


def single(value: Any) -> Any:
    """A tensor or a module in single precision; anything else as it is."""
    if isinstance(value, nn.Module):
        return deepcopy(value).float()
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
