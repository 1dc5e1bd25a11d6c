"""Tensors inside nested arguments and results: finding them, and putting others in their place."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def tensors_in(value: Any, *, modules: bool = True) -> Iterator[Tensor]:
    """The tensors inside, in an order that both sides agree on; of a module, by name."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors_in(one, modules=modules)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()), modules=modules)
    elif modules and isinstance(value, nn.Module):
        yield from state_of(value).values()


def links_between(tensors: Sequence[Tensor]) -> dict[int, list[int]]:
    """Which of the tensors were computed from which others of them: place by place."""
    leaves = [place for place, one in enumerate(tensors) if one.requires_grad and one.is_leaf]
    made = [place for place, one in enumerate(tensors) if one.grad_fn is not None]
    found = {}
    for place in made if leaves else ():
        with torch.enable_grad():
            total = tensors[place].sum()
        given = [tensors[leaf] for leaf in leaves]
        slopes = torch.autograd.grad(total, given, allow_unused=True, retain_graph=True)
        used = [leaf for leaf, slope in zip(leaves, slopes, strict=True) if slope is not None]
        if used:
            found[place] = used
    return found


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, sorted."""
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return dict(sorted(state.items()))


def replaced(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same structure with other tensors, in the order of `tensors_in`."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, list | tuple):
        return replaced_items(value, (replaced(one, tensors) for one in value))
    if isinstance(value, dict):
        return {key: replaced(one, tensors) for key, one in value.items()}
    return value


def swapped(value: Any, found: dict[int, Tensor]) -> Any:
    """The same structure with some tensors exchanged for others."""
    if isinstance(value, Tensor):
        return found.get(id(value), value)
    if isinstance(value, list | tuple):
        items = iter([swapped(one, found) for one in value])
        return replaced_items(value, items)
    if isinstance(value, dict):
        return {key: swapped(one, found) for key, one in value.items()}
    return value


def replaced_items(value: list | tuple, items: Iterator[Any]) -> list | tuple:
    """A list or tuple of the same kind with other items."""
    made = type(value)(items)
    if hasattr(value, "fields"):
        made.fields = value.fields
    return made
