"""Runs a function on a case and records everything that a judge may look at.

An outcome is plain data: values, gradients, dtypes, what was changed, what was raised. It knows
neither the reference nor the points.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.checks.problem import Case, Outcome, Problem, Seed


def run_cases(exercise: Problem, function: Callable, cases: Sequence[Case]) -> Iterator[Outcome]:
    """What comes of each case, in order.

    A function that runs in another process may have a `run_cases` of its own, so that the cases
    cross together; it returns the outcomes, and None for a case that has to be run from here.
    """
    known = function.run_cases(exercise, cases) if hasattr(function, "run_cases") else []
    for case, outcome in zip_longest(cases, known):
        yield outcome or run_case(exercise, function, case)


def run_case(exercise: Problem, function: Callable, case: Case) -> Outcome:
    """Call `function` with fresh copies of the case's inputs; exceptions become outcomes."""
    inputs = fresh_inputs(case, exercise.watched)
    before = {name: value.detach().clone() for name, value in tensors_of(inputs)}
    try:
        raw = case.call(function, inputs) if case.call else function(**inputs)
        value = exercise.observe(raw, inputs) if exercise.observe else raw
        gradients = gradients_of(value, inputs, exercise.watched)
    except Exception as error:  # A student's function may raise anything.
        return Outcome(error=error, error_line=line_of(function, error))
    changed = tuple(name for name, old in before.items() if not unchanged(inputs[name], old))
    return Outcome(detach(value), gradients, changed)


def fresh_inputs(case: Case, watched: tuple[str, ...]) -> dict[str, Any]:
    """Copies of the inputs: tensors, modules, generators; `requires_grad` where it is watched."""
    inputs: dict[str, Any] = {}
    for name, value in case.inputs.items():
        if isinstance(value, Seed):
            inputs[name] = torch.Generator().manual_seed(value.number)
        elif isinstance(value, Tensor):
            wants_gradient = name in watched and value.is_floating_point()
            inputs[name] = value.detach().clone().requires_grad_(wants_gradient)
        else:
            inputs[name] = copied(value)
    return inputs


def copied(value: Any) -> Any:
    """A module as a whole, and the tensors inside lists and the like; what has a graph stays."""
    if isinstance(value, nn.Module):
        return deepcopy(value)
    if isinstance(value, Tensor):
        return value if value.requires_grad else value.clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(copied(one) for one in value)
    return {key: copied(one) for key, one in value.items()} if type(value) is dict else value


def tensors_of(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The named tensors among the inputs."""
    return ((name, value) for name, value in inputs.items() if isinstance(value, Tensor))


def unchanged(tensor: Tensor, old: Tensor) -> bool:
    """Whether a tensor still holds what it held, shape and NaNs included."""
    return tensor.shape == old.shape and torch.equal(
        torch.nan_to_num(tensor.detach()), torch.nan_to_num(old)
    )


def gradients_of(
    value: Any, inputs: Mapping[str, Any], watched: tuple[str, ...]
) -> dict[str, Tensor | None]:
    """Gradients of a fixed weighting of all outputs with respect to each watched input."""
    names = [
        name for name in watched if isinstance(inputs.get(name), Tensor) and inputs[name].is_leaf
    ]
    names = [name for name in names if inputs[name].requires_grad]
    outputs = [leaf for leaf in leaves(value) if isinstance(leaf, Tensor) and leaf.requires_grad]
    if not outputs or not names:
        return dict.fromkeys(names)
    # One scalar: given `grad_outputs`, torch imports sympy, which takes half a second.
    total = sum((weights_like(leaf, place) * leaf).sum() for place, leaf in enumerate(outputs))
    gradients = torch.autograd.grad(total, [inputs[name] for name in names], allow_unused=True)
    return dict(zip(names, gradients, strict=True))


def weights_like(output: Tensor, place: int) -> Tensor:
    """Fixed, uneven weights, so that errors in different elements cannot cancel."""
    if output.ndim == 0:
        return torch.full_like(output, 1.0 + 0.5 * place)
    generator = torch.Generator().manual_seed(7 + place)
    return torch.empty_like(output).uniform_(0.5, 1.5, generator=generator)


def leaves(value: Any) -> list[Any]:
    """The values inside nested tuples, lists and dictionaries, in order."""
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in leaves(item)]
    if isinstance(value, Mapping):
        return [leaf for key in value for leaf in leaves(value[key])]
    return [value]


def detach(value: Any) -> Any:
    """The same structure with its tensors cut from their graphs and copied."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple | list):
        return tuple(detach(item) for item in value)
    if isinstance(value, Mapping):
        return {key: detach(item) for key, item in value.items()}
    return value


def again(function: Callable, times: int, *args: Any, **kwargs: Any) -> list[Any]:
    """What comes of calling a function several times in a row, each result copied as it comes.

    A function that runs in another process may have an `again` of its own, so that the calls cross
    together.
    """
    if hasattr(function, "again"):
        return function.again(times, *args, **kwargs)
    return [copied(function(*args, **kwargs)) for _ in range(times)]


def stretched(function: Callable, count: int, *args: Any, **kwargs: Any) -> Any:
    """What comes of calling a function with each row of its matrices so many times in a row.

    A function that runs in another process may have a `stretched` of its own, so that only the rows
    cross.
    """
    if hasattr(function, "stretched"):
        return function.stretched(count, *args, **kwargs)

    def long(value: Any) -> Any:
        matrix = isinstance(value, Tensor) and value.ndim > 1
        return value.repeat_interleave(count, 0) if matrix else value

    return function(*map(long, args), **{name: long(value) for name, value in kwargs.items()})


def line_of(function: Callable, error: BaseException) -> str:
    """The line of the function's own code that raised, as "line 3: code"; empty if unknown.

    A function that runs in another process says it with the error, as `student_line`.
    """
    if hasattr(error, "student_line"):
        return error.student_line
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code and frame.filename == code.co_filename]
    if not own or not own[-1].line:
        return ""
    return f"line {own[-1].lineno}: {own[-1].line.strip()}"
