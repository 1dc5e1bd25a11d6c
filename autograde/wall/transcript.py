"""What was asked of a submission and what it answered, kept within bounds for a later dispute."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograde.grading.harmless import safe_text
from autograde.wall.packing import raw
from autograde.wall.wire import ARRAYS

MAX_CALLS = 2_000
MAX_NUMBERS = 64
MAX_TEXT = 300
MAX_CALL, MAX_SIZE = 20_000, 4_000_000  # characters of a call, and of all calls of a check


class Transcript:
    """The calls of one check, in order; beyond `MAX_CALLS` or `MAX_SIZE` they are only counted."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.left = MAX_SIZE
        self.left_out = 0

    def add(
        self, target: Any, args: tuple, kwargs: Mapping[str, Any], answer: Any, **more: Any
    ) -> None:
        """One call and what came of it; `more` is written down as well."""
        if len(self.calls) >= MAX_CALLS or self.left <= 0:
            self.left_out += 1
            return
        pen = Pen()
        call = {
            "called": target.__name__,
            "with": [pen.written(one) for one in args],
            "and": {name: pen.written(one) for name, one in kwargs.items()},
            "raised" if isinstance(answer, BaseException) else "answered": pen.written(answer),
            **{name: pen.written(one) for name, one in more.items()},
        }
        self.left -= MAX_CALL - pen.left
        self.calls.append(call)

    def taken(self) -> tuple[dict[str, Any], ...]:
        """The calls so far, which are then forgotten here."""
        calls, self.calls, self.left = tuple(self.calls), [], MAX_SIZE
        if self.left_out:
            calls = (*calls, {"left out": self.left_out})
            self.left_out = 0
        return calls


class Pen:
    """Writes down values as they can be read in JSON, up to so many characters."""

    def __init__(self) -> None:
        self.left = MAX_CALL

    def written(self, value: Any) -> Any:
        """Small values in full, large ones by their hash."""
        if self.left <= 0:
            return "…"
        self.left -= 10
        if value is None or isinstance(value, bool | int | float):
            return value if not isinstance(value, float) or math.isfinite(value) else str(value)
        if isinstance(value, np.ndarray) and value.dtype.str[1:] in ARRAYS:
            return self.tensor(torch.from_numpy(np.ascontiguousarray(value)))
        if isinstance(value, Tensor):
            return self.tensor(value.detach())
        if isinstance(value, list | tuple):
            return [self.written(one) for one in value[:MAX_NUMBERS]]
        if isinstance(value, dict):
            items = list(value.items())[:MAX_NUMBERS]
            return {self.text(key)[:60]: self.written(one) for key, one in items}
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {safe_text(value)}")
        if isinstance(value, torch.Generator):
            return f"generator {digest(value.get_state())}"
        plain = isinstance(value, str)
        return self.text(value if plain else getattr(value, "__name__", type(value).__name__))

    def text(self, value: Any) -> str:
        """The beginning of a text."""
        text = safe_text(value)[:MAX_TEXT]
        self.left -= len(text)
        return text

    def tensor(self, tensor: Tensor) -> dict[str, Any]:
        """dtype, shape and either all numbers or their hash."""
        about = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
        if tensor.numel() > MAX_NUMBERS or tensor.is_complex():
            return {**about, "sha256": digest(tensor)}
        self.left -= 10 * tensor.numel()
        numbers = tensor.reshape(-1).tolist()
        return {**about, "values": [n if math.isfinite(n) else str(n) for n in numbers]}


def digest(tensor: Tensor) -> str:
    """A hash of the numbers."""
    return hashlib.sha256(raw(tensor)).hexdigest()[:32]
