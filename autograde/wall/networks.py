"""Networks on the other side of the wall: their tensors here, by name, as a skeleton of modules."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from autograde.wall.structures import state_of

MAX_PARTS, MAX_NAME, MAX_DEPTH = 2000, 300, 20


def can_cross(value: Any) -> bool:
    """Whether it is a network whose tensors are all there."""
    return isinstance(value, nn.Module) and not any(map(is_lazy, state_of(value).values()))


def parts_of(module: nn.Module) -> list[list]:
    """[name, whether a parameter, tensor] of everything in a network, by name."""
    parameters = dict(module.named_parameters())
    return [[name, name in parameters, one] for name, one in state_of(module).items()]


def fill(root: nn.Module, parts: list) -> None:
    """Put copies of a network's tensors into an empty one, under the same names.

    Raises:
        KeyError: a name that no network could have.
    """
    for name, is_parameter, tensor in parts:
        *path, last = name.split(".")
        holder = root
        for step in path:
            if step not in dict(holder.named_children()):
                holder.add_module(step, nn.Module())
            holder = getattr(holder, step)
        if is_parameter:
            wants = tensor.requires_grad
            holder.register_parameter(last, nn.Parameter(tensor.detach(), requires_grad=wants))
        else:
            holder.register_buffer(last, tensor)


def refresh(module: nn.Module, parts: list, training: bool) -> nn.Module:
    """Give a network the values that its copy on the other side has now."""
    state = state_of(module)
    with torch.no_grad():
        for name, is_parameter, tensor in parts:
            own = state.get(name)
            if own is None or own.shape != tensor.shape:
                continue
            if not torch.equal(own, tensor):  # Writing ends the use of graphs: not needlessly.
                own.copy_(tensor)
            if is_parameter and own.requires_grad != tensor.requires_grad:
                own.requires_grad_(tensor.requires_grad)
    if module.training != training:
        module.train(training)
    return module


def are_parts(parts: Any) -> bool:
    """Whether what the other side says is a list of a network's tensors."""
    return type(parts) is list and len(parts) <= MAX_PARTS and all(map(is_part, parts))


def is_part(part: Any) -> bool:
    """Whether this is a name, whether it is a parameter, and its tensor."""
    if type(part) is not list or len(part) != 3:
        return False
    name, is_parameter, tensor = part
    named = type(name) is str and len(name) <= MAX_NAME and name.count(".") <= MAX_DEPTH
    named = named and not any(step.startswith("__") for step in name.split("."))
    kind = type(is_parameter) is bool and isinstance(tensor, Tensor)
    return named and kind and (tensor.is_floating_point() or not is_parameter)
