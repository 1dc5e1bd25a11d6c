"""Compares two outcomes: where they differ, in words a student can use."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.outcome import leaves
from course_lib.checks.problem import GRADIENT, VALUE, Case, Outcome, Problem


@dataclass(frozen=True)
class Difference:
    """One way in which an outcome is not what was wanted.

    `kind` is one of error, missing, type, count, shape, dtype, finite, value, changed, gradient,
    no-gradient, leak.
    """

    kind: str
    part: str
    text: str
    case: Case
    got: Any = None
    wanted: Any = None


def differences(exercise: Problem, case: Case, wanted: Outcome, got: Outcome) -> list[Difference]:
    """Everything that is wrong with `got`, the most telling first."""

    def differ(kind: str, text: str, part: str = case.part, **values: Any) -> Difference:
        return Difference(kind, part, text, case, **values)

    if got.error is not None:
        return [error_difference(case, got)]
    found = value_differences(exercise, wanted.value, got.value, differ)
    found += [
        differ("changed", f"your function changed its input `{name}` in place", got=name)
        for name in got.changed
    ]
    if not any(one.kind in ("type", "count", "shape") for one in found):
        part = GRADIENT if case.part == VALUE else case.part
        found += gradient_differences(exercise, wanted, got, part, differ)
    return found


def error_difference(case: Case, got: Outcome) -> Difference:
    """A function that raises, or that is not written yet."""
    error = got.error
    if isinstance(error, NotImplementedError):
        return Difference("missing", case.part, "nothing is written here yet", case)
    text = f"your function raised {type(error).__name__}: {error}"
    if isinstance(error, TypeError) and "argument" in str(error) and not got.error_line:
        text += f"\nKeep the argument names of the stub: {', '.join(case.inputs)}"
    elif got.error_line:
        text += f"\nIt happened at {got.error_line}"
    return Difference("error", case.part, text, case, got=error)


def value_differences(exercise: Problem, wanted: Any, got: Any, differ) -> list[Difference]:
    """Type, number, shape, dtype, finiteness and value of everything that came out."""
    wanted_leaves, got_leaves = leaves(wanted), leaves(got)
    if len(wanted_leaves) != len(got_leaves):
        text = f"{len(wanted_leaves)} value(s) should come out, {len(got_leaves)} did"
        return [differ("count", text, got=got, wanted=wanted)]
    found = []
    for place, pair in enumerate(zip(wanted_leaves, got_leaves, strict=True), start=1):
        differing = leaf_differences(exercise, *pair, differ)
        if len(wanted_leaves) > 1:
            where = f" (result {place} of {len(wanted_leaves)})"
            differing = [replace(one, text=one.text + where) for one in differing]
        found += differing
    return found


def leaf_differences(exercise: Problem, wanted: Any, got: Any, differ) -> list[Difference]:
    """The same for a single tensor or number."""
    values = {"got": got, "wanted": wanted}
    if isinstance(wanted, Tensor):
        if not isinstance(got, Tensor):
            return [differ("type", type_text(got), **values)]
        if got.shape != wanted.shape:
            text = f"the shape should be {tuple(wanted.shape)}, it is {tuple(got.shape)}"
            return [differ("shape", text, **values)]
        if got.dtype != wanted.dtype:
            text = f"the dtype should be {short(wanted.dtype)}, it is {short(got.dtype)}"
            found = [differ("dtype", text, **values)]
        else:
            found = []
        if got.is_floating_point() and not bool(
            (got.isfinite() | ~wanted.to(got.dtype).isfinite()).all()
        ):
            return [*found, differ("finite", "the result is not finite", **values)]
        if not close(exercise, wanted, got):
            found.append(differ("value", "the value is wrong", **values))
        return found
    if isinstance(wanted, bool | int | float) and isinstance(got, Tensor) and got.ndim == 0:
        got = got.item()
    if isinstance(wanted, float) and isinstance(got, int | float):
        same = close(exercise, torch.tensor(wanted), torch.tensor(float(got)))
    else:
        same = type(got) is type(wanted) and got == wanted
    return [] if same else [differ("value", "the value is wrong", **values)]


def gradient_differences(
    exercise: Problem, wanted: Outcome, got: Outcome, part: str, differ
) -> list[Difference]:
    """Gradients that are missing, wrong, or where none should be."""
    found = []
    for name, gradient in got.gradients.items():
        values = {"got": gradient, "wanted": wanted.gradients.get(name)}
        if name in exercise.no_gradient and reaches(gradient):
            text = f"a gradient flows into `{name}`; here it is a constant: detach it"
            found.append(differ("leak", text, part, got=gradient))
        if name in exercise.gradient and not same_gradient(exercise, values["wanted"], gradient):
            reached = reaches(gradient)
            kind = "gradient" if reached else "no-gradient"
            text = f"the gradient of `{name}` is wrong" if reached else no_gradient_text(name)
            found.append(differ(kind, text, part, **values))
    return found


def same_outcome(exercise: Problem, one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes are equal in all that is judged: used to recognise a known mistake."""
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    first, second = leaves(one.value), leaves(other.value)
    return (
        len(first) == len(second)
        and set(one.changed) == set(other.changed)
        and all(same_leaf(exercise, a, b) for a, b in zip(first, second, strict=True))
        and all(
            same_gradient(exercise, one.gradients.get(name), other.gradients.get(name))
            for name in exercise.gradient + exercise.no_gradient
        )
    )


def same_leaf(exercise: Problem, one: Any, other: Any) -> bool:
    """Whether two single results are equal within tolerance."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and close(exercise, one, other, exercise.sampling_noise)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return close(exercise, torch.tensor(float(one)), torch.tensor(float(other)))
    return type(one) is type(other) and not isinstance(one, Tensor) and one == other


def same_gradient(exercise: Problem, one: Tensor | None, other: Tensor | None) -> bool:
    """Equal within tolerance; a missing gradient equals a gradient of zeros."""
    if one is None or other is None:
        return not reaches(one) and not reaches(other)
    return close(exercise, one, other)


def reaches(gradient: Tensor | None) -> bool:
    """Whether there is a gradient that is not all zero."""
    return gradient is not None and bool((gradient != 0).any())


def close(exercise: Problem, wanted: Tensor, got: Tensor, noise: float = 0.0) -> bool:
    """Equality within the exercise's tolerance (in float32 a hundred times that), and noise."""
    if wanted.shape != got.shape:
        return False
    if wanted.dtype == got.dtype and torch.equal(wanted, got):
        return True
    if not wanted.is_floating_point() and not got.is_floating_point():
        return bool(torch.equal(wanted.to(torch.int64), got.to(torch.int64)))
    narrow = torch.float64 not in (wanted.dtype, got.dtype)
    wider = 100.0 if narrow else 1.0
    a, b = wanted.double(), got.double()
    finite = a[a.isfinite()]
    scale = float(finite.abs().max()) if finite.numel() else 1.0
    absolute = exercise.absolute_tolerance * wider * max(min(scale, 1.0), 1e-3) + noise
    relative = exercise.relative_tolerance * wider + noise
    return bool(torch.isclose(b, a, rtol=relative, atol=absolute, equal_nan=True).all())


def type_text(got: Any) -> str:
    """Why something that is not a tensor is not what was wanted."""
    if got is None:
        return "your function returned None: is the `return` missing?"
    if isinstance(got, int | float) and not math.isnan(got):
        return "a Python number came back: a loss must stay a tensor, or its gradient is lost"
    return f"a torch tensor should come out, a {type(got).__name__} did"


def no_gradient_text(name: str) -> str:
    """What cuts a gradient off."""
    return (
        f"no gradient reaches `{name}`: something on the way cuts it off "
        "(`detach()`, `no_grad()`, `.item()`, `.numpy()`, `torch.tensor(…)`)"
    )


def short(dtype: torch.dtype) -> str:
    """float64 for torch.float64."""
    return str(dtype).removeprefix("torch.")
