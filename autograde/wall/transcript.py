"""What was asked of a submission and what it answered, kept within bounds for a later dispute."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from autograde.grading.harmless import safe_text
from autograde.wall.packing import raw
from course_lib.checks.problem import Case, Outcome

MAX_CALLS = 2_000
MAX_NUMBERS = 64
MAX_TEXT = 300


class Transcript:
    """The calls of one check, in order; beyond `MAX_CALLS` they are only counted."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.left_out = 0

    def add(
        self, target: Any, args: tuple, kwargs: Mapping[str, Any], answer: Any, seconds: float
    ) -> None:
        """One call and what came of it."""
        if len(self.calls) >= MAX_CALLS:
            self.left_out += 1
            return
        raised = isinstance(answer, BaseException)
        self.calls.append(
            {
                "called": target.__name__,
                "with": [*(written(one) for one in args)],
                "and": {name: written(one) for name, one in kwargs.items()},
                "raised" if raised else "answered": written(answer),
                "microseconds": round(1e6 * seconds),
            }
        )

    def add_case(self, target: Any, case: Case, outcome: Outcome) -> None:
        """One case of those that crossed together, with what came of it."""
        if len(self.calls) >= MAX_CALLS:
            self.left_out += 1
            return
        raised = outcome.error is not None
        self.calls.append(
            {
                "called": target.__name__,
                "with": [],
                "and": {name: written(one) for name, one in case.inputs.items()},
                "raised" if raised else "answered": written(outcome.error or outcome.value),
                "gradients": written(outcome.gradients),
            }
        )

    def taken(self) -> tuple[dict[str, Any], ...]:
        """The calls so far, which are then forgotten here."""
        calls, self.calls = tuple(self.calls), []
        if self.left_out:
            calls = (*calls, {"left out": self.left_out})
            self.left_out = 0
        return calls


def written(value: Any) -> Any:
    """A value as it can be read in JSON: small ones in full, large ones by their hash."""
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, float) or value == value else "nan"
    if isinstance(value, str):
        return safe_text(value)[:MAX_TEXT]
    if isinstance(value, Tensor):
        return written_tensor(value.detach())
    if isinstance(value, list | tuple):
        return [written(one) for one in value[:MAX_NUMBERS]]
    if isinstance(value, dict):
        return {safe_text(key)[:60]: written(one) for key, one in list(value.items())[:MAX_NUMBERS]}
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {safe_text(value)}"[:MAX_TEXT]
    if isinstance(value, torch.Generator):
        return f"generator {digest(value.get_state())}"
    return safe_text(getattr(value, "__name__", type(value).__name__))[:MAX_TEXT]


def written_tensor(tensor: Tensor) -> dict[str, Any]:
    """dtype, shape and either all numbers or their hash."""
    about = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
    if tensor.numel() > MAX_NUMBERS or tensor.is_complex():
        return {**about, "sha256": digest(tensor)}
    numbers = tensor.reshape(-1).tolist()
    return {
        **about,
        "values": [n if n == n and abs(n) != float("inf") else str(n) for n in numbers],
    }


def digest(tensor: Tensor) -> str:
    """A hash of the numbers."""
    return hashlib.sha256(raw(tensor)).hexdigest()[:32]
