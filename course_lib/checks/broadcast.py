"""Catches the silent broadcast in the act: (T,) against (T, 1), which makes (T, T).

Used only to explain a failure; a right function may broadcast as it likes.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from course_lib.checks.explanations import BROADCAST
from course_lib.checks.outcome import run_case
from course_lib.checks.problem import Case, Problem
from course_lib.checks.relations import Diagnosis

ELEMENTWISE = frozenset({"mul", "add", "sub", "div", "truediv", "minimum", "maximum", "where"})


class BroadcastWatch(TorchFunctionMode):
    """Remembers the shapes of the first elementwise product of a row and a column."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: tuple[tuple[int, ...], ...] | None = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "").strip("_").removeprefix("r")
        if self.shapes is None and name in ELEMENTWISE and isinstance(result, Tensor):
            shapes = [tuple(one.shape) for one in args if isinstance(one, Tensor) and one.ndim]
            if len(shapes) == 2 and is_row_and_column(*shapes, result.numel()):
                self.shapes = tuple(shapes)
        return result


def is_row_and_column(first: tuple[int, ...], second: tuple[int, ...], numel: int) -> bool:
    """Whether the same data with and without a trailing axis of 1 were multiplied out."""
    short, long = sorted((first, second), key=len)
    return len(long) == len(short) + 1 and long == (*short, 1) and numel > torch.Size(long).numel()


def broadcast_mistake(exercise: Problem, function: Callable, case: Case) -> Diagnosis | None:
    """Run the case once more under watch; a diagnosis if a row met a column.

    A function that runs in another process has a `watch` of its own.
    """
    with function.watch() if hasattr(function, "watch") else BroadcastWatch() as watch:
        run_case(exercise, function, case)
    if watch.shapes is None:
        return None
    first, second = watch.shapes
    return Diagnosis("broadcast", f"{BROADCAST} In this case they were {first} and {second}.")
