"""What a worker says besides the value of a call, and what of it is taken over."""

from collections.abc import Iterator
from typing import Any

import torch


class Watch:
    """What the worker says that it saw: it may give a mistake its name, and nothing else."""

    def __init__(self, seen: list[list]) -> None:
        self.seen = seen

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...] | None:
        """The two shapes of the first broadcast, if there was one."""
        for pair in self.seen:
            if len(pair) == 2 and all(
                type(shape) is list and len(shape) <= 8 and all(type(n) is int for n in shape)
                for shape in pair
            ):
                return tuple(tuple(shape) for shape in pair)
        return None


def pairs(found: Any, count: int, kind: type) -> Iterator[tuple[int, Any]]:
    """The [place, value] of a list that are what they should be."""
    for one in found if type(found) is list else ():
        fits = type(one) is list and len(one) == 2 and isinstance(one[1], kind)
        if fits and type(one[0]) is int and 0 <= one[0] < count:
            yield one[0], one[1]


def change(tensor: torch.Tensor, new: torch.Tensor) -> None:
    """Do to an input what the student's function did to its copy."""
    if new.dtype != tensor.dtype:
        return
    with torch.no_grad():
        if new.shape == tensor.shape:
            tensor.copy_(new)
        else:
            tensor.data = new.detach()
