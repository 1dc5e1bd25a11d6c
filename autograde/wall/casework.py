"""The cases of a check that cross together: one message there, one answer back.

A case crosses if it is data. One that lends something (a network, a function), that is driven step
by step, or whose result is looked at before it is compared, is left to single calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograde.wall.endings import BROKE, Lost
from autograde.wall.proxies import error_of
from autograde.wall.wire import ARRAYS, DTYPES
from course_lib.checks.outcome import detach
from course_lib.checks.problem import Case, Outcome, Problem, Seed

MAX_BYTES = 4 * 2**20  # of tensors in one message
SINGLE = (bool, int, float, str, np.bool, np.integer, np.floating, torch.dtype, Seed)
DATA = frozenset(DTYPES.values())


def crossing(exercise: Problem, cases: Sequence[Case]) -> list[int]:
    """The places of the cases that cross, as many as fit into one message."""
    if exercise.observe:
        return []
    found, size = [], 0
    for place, case in enumerate(cases):
        if not case.call and all(is_data(one) for one in case.inputs.values()):
            size += sum(one.nbytes for one in case.inputs.values() if isinstance(one, Tensor))
            if size <= MAX_BYTES:
                found.append(place)
    return found


def is_data(value: Any) -> bool:
    """Whether a value is all there is to it: numbers, text, tensors without a graph."""
    if value is None or isinstance(value, SINGLE):
        return True
    if isinstance(value, Tensor):
        return value.dtype in DATA and value.layout is torch.strided and not value.requires_grad
    if isinstance(value, np.ndarray):
        return value.dtype.str[1:] in ARRAYS
    if type(value) is dict:
        return all(is_data(one) for one in value.values())
    return type(value) in (list, tuple) and all(is_data(one) for one in value)


def as_sent(case: Case) -> list[dict[str, Any]]:
    """[the inputs, the numbers of those that are seeds]."""
    seeds = {name: one.number for name, one in case.inputs.items() if isinstance(one, Seed)}
    return [{name: None if name in seeds else one for name, one in case.inputs.items()}, seeds]


def outcomes_from(told: Any, exercise: Problem, cases: Sequence[Case]) -> list[Outcome]:
    """What the worker says of the cases, in order; it may stop before the last one.

    Raises:
        Lost: what it says is no list of outcomes.
    """
    if type(told) is not list or len(told) > len(cases):
        raise Lost(BROKE, "outcomes that are none")
    pairs = zip(told, cases, strict=False)
    return [outcome_from(one, exercise.watched, case.inputs) for one, case in pairs]


def outcome_from(told: Any, watched: Sequence[str], inputs: Mapping[str, Any]) -> Outcome:
    """One outcome, of [value, gradients by input, the inputs that were changed, an error]."""
    if type(told) is not list or len(told) != 4 or type(told[1]) is not dict:
        raise Lost(BROKE, "an outcome that is none")
    value, gradients, changed, error = told
    if error is not None:
        raised = error_of(error)
        return Outcome(error=raised, error_line=raised.student_line)
    given = {name: inputs[name] for name in watched if can_have_gradient(inputs.get(name))}
    if not all(fits(gradients.get(name), one) for name, one in given.items()):
        raise Lost(BROKE, "a gradient that does not fit its input")
    names = changed if type(changed) is list else []
    return Outcome(
        detach(value),
        {name: gradients.get(name) for name in given},
        tuple(name for name, one in inputs.items() if isinstance(one, Tensor) and name in names),
    )


def can_have_gradient(value: Any) -> bool:
    """Whether an input is given with `requires_grad` if it is watched."""
    return isinstance(value, Tensor) and value.is_floating_point()


def fits(gradient: Any, given: Tensor) -> bool:
    """Whether this can be the gradient of that input; none is one, too."""
    if gradient is None:
        return True
    same = isinstance(gradient, Tensor) and gradient.shape == given.shape
    return same and gradient.dtype == given.dtype
