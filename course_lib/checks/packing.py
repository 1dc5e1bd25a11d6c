"""Cases and outcomes as plain data: JSON for the structure, flat arrays for the numbers.

Nothing here can carry code: a callable is the name of one of `callables.py`, an error that of its
class, and what is neither data nor one of those is refused.
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.checks.callables import FUNCTIONS, MODULES
from course_lib.checks.problem import Seed

DTYPES = {
    str(one).removeprefix("torch."): one
    for one in (torch.float64, torch.float32, torch.int64, torch.int32, torch.bool)
}
LIBRARIES = ("builtins", "torch", "numpy")


class Stranger:
    """Stands for a result of a type that is not written down; it equals nothing."""


class ForeignError(Exception):
    """Stands for an error of a class that only the exercise knew."""


class Numbers:
    """One flat array a dtype, into which tensors are laid one after the other."""

    def __init__(self) -> None:
        self.parts: dict[str, list[np.ndarray]] = {name: [] for name in DTYPES}
        self.sizes = dict.fromkeys(DTYPES, 0)
        self.arrays: Mapping[str, np.ndarray] = {}

    def add(self, tensor: Tensor) -> list[Any]:
        """Lay a tensor into the array of its dtype; where it is, for `get`."""
        name = str(tensor.dtype).removeprefix("torch.")
        if name not in DTYPES:
            raise TypeError(f"tensors of {tensor.dtype} cannot be recorded")
        place = [name, self.sizes[name], list(tensor.shape)]
        self.parts[name].append(tensor.detach().contiguous().numpy().reshape(-1))
        self.sizes[name] += tensor.numel()
        return place

    def get(self, place: list[Any]) -> Tensor:
        """The tensor that `add` put there."""
        name, start, shape = place
        size = int(np.prod(shape, dtype=np.int64))
        return torch.from_numpy(self.arrays[name][start : start + size].copy()).reshape(shape)

    def write(self, path: Path) -> None:
        """Write all arrays into a file, uncompressed and without pickles."""
        used = {name: np.concatenate(parts) for name, parts in self.parts.items() if parts}
        np.savez(path, allow_pickle=False, **used)

    @staticmethod
    @contextmanager
    def opened(path: Path) -> Iterator["Numbers"]:
        """The arrays of a file, to `get` tensors from."""
        numbers = Numbers()
        with np.load(path, allow_pickle=False) as stored:
            numbers.arrays = {name: stored[name] for name in stored.files}
        yield numbers


def pack(value: Any, numbers: Numbers) -> Any:
    """A value in JSON's own types; its tensors go into `numbers`.

    Raises:
        TypeError: it holds a callable that the student edition does not have.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        return {"tensor": numbers.add(value)}
    if isinstance(value, tuple | list):
        return [pack(one, numbers) for one in value]
    if isinstance(value, Mapping):
        return {"mapping": [[key, pack(one, numbers)] for key, one in value.items()]}
    if isinstance(value, Seed):
        return {"seed": value.number}
    if isinstance(value, BaseException):
        return {"error": [type(value).__module__, type(value).__qualname__]}
    return pack_callable(value, numbers)


def pack_callable(value: Any, numbers: Numbers) -> Any:
    """A function or module by its name, a module with its tensors."""
    kind = type(value)
    if isinstance(value, nn.Module) and MODULES.get(kind.__name__) is kind:
        state = {name: one.detach() for name, one in value.state_dict().items()}
        return {"module": [kind.__name__, pack(state, numbers)]}
    if callable(value) and FUNCTIONS.get(getattr(value, "__name__", "")) is value:
        return {"function": value.__name__}
    if callable(value):
        raise TypeError(
            f"{value!r} cannot be recorded: it is not in course_lib/checks/callables.py"
        )
    return {"stranger": kind.__name__}


def unpack(stored: Any, numbers: Numbers) -> Any:
    """What was packed; sequences come back as tuples."""
    if isinstance(stored, list):
        return tuple(unpack(one, numbers) for one in stored)
    if not isinstance(stored, dict):
        return stored
    ((kind, content),) = stored.items()
    if kind == "tensor":
        return numbers.get(content)
    if kind == "mapping":
        return {key: unpack(one, numbers) for key, one in content}
    if kind == "seed":
        return Seed(content)
    if kind == "error":
        return error_of(*content)
    if kind == "module":
        return MODULES[content[0]](**unpack(content[1], numbers))
    return FUNCTIONS[content] if kind == "function" else Stranger()


def error_of(module: str, name: str) -> BaseException:
    """An error of this class, if it is Python's or a library's; its message was not kept."""
    if module.split(".")[0] not in LIBRARIES:
        return ForeignError()
    found = getattr(importlib.import_module(module), name, None)
    is_error = isinstance(found, type) and issubclass(found, BaseException)
    return found.__new__(found) if is_error else ForeignError()
