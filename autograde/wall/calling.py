"""What the worker does around calls: notices changed inputs and broadcasts, tells of errors."""

import contextlib
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch

from autograde.grading.harmless import safe_text
from autograde.wall.cells import CellTimeout
from autograde.wall.packing import raw
from autograde.wall.structures import tensors_in


class Changes:
    """Remembers the inputs of a call, to say afterwards which of them it changed."""

    def __init__(self, args: tuple, kwargs: dict[str, Any]) -> None:
        self.tensors = list(tensors_in([args, kwargs]))
        given = [*args, *kwargs.values()]
        self.generators = [one for one in given if isinstance(one, torch.Generator)]
        self.before = [content(one) for one in self.tensors]
        self.states = [one.get_state() for one in self.generators]

    def found(self) -> dict[str, list]:
        """[place, what is there now] of the tensors and of the generators that are not the same."""
        tensors = zip(self.tensors, self.before, strict=True)
        generators = zip(self.generators, self.states, strict=True)
        return {
            "changed": [
                [place, one.detach()]
                for place, (one, old) in enumerate(tensors)
                if content(one) != old
            ],
            "moved": [
                [place, one]
                for place, (one, old) in enumerate(generators)
                if not torch.equal(one.get_state(), old)
            ],
        }


def content(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Shape, dtype and bytes: two NaNs of the same bits are the same."""
    return tensor.shape, tensor.dtype, raw(tensor).tobytes()


def run_all(function: Callable, watched: tuple[str, ...], cases: list) -> list[list]:
    """[value, gradients, changed inputs, error] of each case, until one is not written yet."""
    from course_lib.checks.outcome import run_case
    from course_lib.checks.problem import Case, Seed

    exercise, found = SimpleNamespace(watched=watched, observe=None), []
    for inputs, seeds in cases:
        given = {name: Seed(seeds[name]) if name in seeds else one for name, one in inputs.items()}
        got = run_case(exercise, function, Case("", given))
        error = told(got.error) if got.error is not None else None
        found.append([got.value, dict(got.gradients), list(got.changed), error])
        if isinstance(got.error, NotImplementedError):
            break
    return found


def method(name: str) -> Callable:
    """The method of this name, as a function of the object and the rest."""
    return lambda one, *args, **kwargs: getattr(one, name)(*args, **kwargs)


def in_manner(function: Callable, name: str, number: int) -> Callable:
    """The function, called in another manner than once with what is given."""
    from course_lib.checks.outcome import again, stretched

    return partial({"again": again, "stretched": stretched}[name], function, number)


def step(iterator: Iterator) -> list:
    """[the next item], or [] at the end."""
    for item in iterator:
        return [item]
    return []


@contextlib.contextmanager
def watching(wanted: bool) -> Iterator[Callable[[], list]]:
    """Look out for a row times a column; calls back with the two shapes."""
    if not wanted:
        yield list
        return
    from course_lib.checks.broadcast import BroadcastWatch

    with BroadcastWatch() as watch:
        yield lambda: [list(shape) for shape in watch.shapes or ()]


def end_others(child: int, *, alone: bool) -> None:
    """End the process that went on from here, and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(-1 if alone else child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def never() -> None:
    """The worker waits as long as the trusted side lives."""


def told(error: BaseException) -> list[str]:
    """The kind of an error, its text, and the line of a cell where it happened."""
    if isinstance(error, CellTimeout):
        return ["CellTimeout", safe_text(error), ""]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(("/tmp/ipykernel", "<ipython-input"))
    ]
    line = f"line {frames[-1].lineno}: {(frames[-1].line or '').strip()}" if frames else ""
    return [type(error).__name__[:60], safe_text(error)[:2000], safe_text(line)[:300]]
