"""Mistakes that can be read off the numbers alone: a sign, a factor, a shape.

Asked only when no known mistake of the exercise matches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks.outcome import leaves
from course_lib.checks.problem import Outcome

SIGN = (
    "Everything that came out is the negative of what was wanted: a sign is flipped. A loss is "
    "minimised, so what should grow carries a minus."
)
EXTRA_AXIS = (
    "The numbers have an axis of length 1 that they should not have. Left alone, (B, 1) against "
    "(B,) silently becomes (B, B) in the next line of code that uses it."
)
TRANSPOSED = "The result is transposed: time comes first here, then the environments: (T, N)."
FACTOR = (
    "What came out is the same multiple of what was wanted in every case ({factor:.4g} times). "
    "Look for a missing or doubled constant: a ½, a coefficient, a temperature."
)


@dataclass(frozen=True)
class Diagnosis:
    """The name of a mistake and the sentence that explains it."""

    name: str
    explanation: str


def general_mistake(pairs: Sequence[tuple[Outcome, Outcome]]) -> Diagnosis | None:
    """The relation between wanted and got that holds in all failed cases, if there is one."""
    if any(got.error is not None for _, got in pairs):
        return None
    tensors = [pair for wanted, got in pairs for pair in tensor_pairs(wanted.value, got.value)]
    if not tensors:
        return None
    if all(got.shape != wanted.shape for wanted, got in tensors):
        return shape_mistake(tensors)
    if any(got.shape != wanted.shape for wanted, got in tensors):
        return None
    ratios = [
        ratio for wanted, got in tensors if (ratio := constant_ratio(wanted, got)) is not None
    ]
    if len(ratios) < len(tensors) or not ratios or max(ratios) - min(ratios) > 1e-3:
        return None
    if abs(ratios[0] + 1) < 1e-3:
        return Diagnosis("sign-flipped", SIGN)
    if len(pairs) < 2 or abs(ratios[0] - 1) < 1e-3 or abs(ratios[0]) < 1e-9:
        return None
    return Diagnosis("constant-factor", FACTOR.format(factor=ratios[0]))


def shape_mistake(tensors: Sequence[tuple[Tensor, Tensor]]) -> Diagnosis | None:
    """An axis too many, or the two axes exchanged."""
    wanted, got = tensors[0]
    if got.numel() == wanted.numel() and [n for n in got.shape if n > 1] == [
        n for n in wanted.shape if n > 1
    ]:
        return Diagnosis("extra-axis", EXTRA_AXIS)
    exchanged = got.ndim == wanted.ndim == 2 and got.T.shape == wanted.shape
    if exchanged and torch.allclose(got.T, wanted.to(got.dtype)):
        return Diagnosis("transposed", TRANSPOSED)
    return None


def tensor_pairs(wanted: object, got: object) -> list[tuple[Tensor, Tensor]]:
    """The tensors of two structures side by side, where both have one."""
    pairs = zip(leaves(wanted), leaves(got), strict=False)
    return [(a, b) for a, b in pairs if isinstance(a, Tensor) and isinstance(b, Tensor)]


def constant_ratio(wanted: Tensor, got: Tensor) -> float | None:
    """c with got = c · wanted in every element, or None."""
    wanted, got = wanted.double().flatten(), got.double().flatten()
    if not (wanted.isfinite().all() and got.isfinite().all()) or not (wanted != 0).any():
        return None
    largest = wanted.abs().argmax()
    ratio = got[largest] / wanted[largest]
    tolerance = 1e-4 * wanted.abs().max() * max(1.0, float(ratio.abs()))
    return float(ratio) if bool(((got - ratio * wanted).abs() <= tolerance).all()) else None
