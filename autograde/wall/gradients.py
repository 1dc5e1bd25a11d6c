"""Gradients across the wall: what one side computes, the other can differentiate, to any order.

Whoever computes keeps the graph under a number. The other side gets the values and hangs them into
its own graph with `attach`; when a gradient arrives there, it asks for the vector-Jacobian product,
which may itself be kept and differentiated again. Both sides use this file.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from autograde.wall.structures import replaced, swapped, tensors_in

MAX_GRAPHS = 2000


class Peer(Protocol):
    """The other side: where graphs are kept that values here came from."""

    dropped: list[int]

    def backward(self, graph: int, grads: list, *, create: bool) -> dict[str, Any]:
        """The vector-Jacobian product as {"value": list, "graph": number or None}."""


class Graphs:
    """Graphs kept for the other side, by number: the leaves it gave and what came of them."""

    def __init__(self, most_bytes: float = math.inf) -> None:
        self.kept: dict[int, tuple[list[Tensor], list[Tensor]]] = {}
        self.most_bytes = most_bytes
        self.last = 0

    def keep(self, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
        """A number for the graph between these, or None if there is none."""
        if not inputs or not any(one.requires_grad for one in outputs):
            return None
        self.last += 1
        self.kept[self.last] = (inputs, outputs)
        while len(self.kept) > MAX_GRAPHS or self.size() > self.most_bytes:
            self.kept.pop(next(iter(self.kept)))
        return self.last

    def size(self) -> int:
        """The bytes of all that is kept, as far as it can be seen."""
        if self.most_bytes == math.inf:
            return 0
        return sum(one.nbytes for pair in self.kept.values() for one in (*pair[0], *pair[1]))

    def backward(self, graph: int, grads: list, *, create: bool) -> dict[str, Any]:
        """Σ grad · ∂output/∂input for every input, with a graph of its own if asked for."""
        if graph not in self.kept:
            raise RuntimeError("the graph of this result is no longer there")
        inputs, outputs = self.kept[graph]
        pairs = zip(outputs, grads, strict=True)
        live = [(out, grad) for out, grad in pairs if grad is not None and out.requires_grad]
        if not live:
            return {"value": [None] * len(inputs), "graph": None}
        with torch.enable_grad():
            # One scalar: given `grad_outputs`, torch imports sympy, which takes half a second.
            total = sum((out * grad).sum() for out, grad in live)
        found = torch.autograd.grad(
            total, inputs, allow_unused=True, retain_graph=True, create_graph=create
        )
        givers = [grad for _, grad in live if grad.requires_grad]
        results = [one for one in found if one is not None]
        number = self.keep([*inputs, *givers], results) if create else None
        return {"value": list(found), "graph": number}

    def drop(self, graphs: Sequence[int]) -> None:
        """Forget graphs that nobody will ask for again."""
        for one in graphs:
            self.kept.pop(one, None)


class Token:
    """Tells the other side, when it dies, that a graph is not needed any more."""

    def __init__(self, peer: "Selected", graph: int) -> None:
        self.peer, self.graph = peer, graph

    def __del__(self) -> None:
        self.peer.dropped.append(self.graph)


class Attached(torch.autograd.Function):
    """Values whose graph is on the other side."""

    @staticmethod
    def forward(ctx: Any, token: Token, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        values, ctx.inputs = tensors[:count], tensors[count:]
        ctx.token, ctx.count = token, count
        ctx.set_materialize_grads(False)
        return tuple(one.detach().clone() for one in values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple:
        peer, create = ctx.token.peer, torch.is_grad_enabled()
        reply = peer.backward(ctx.token.graph, list(grads), create=create)
        found = fitting(reply["value"], ctx.inputs)
        if create and reply.get("graph") is not None:
            live = [one for one in grads if one is not None and one.requires_grad]
            present = attach(
                peer.peer, reply["graph"], [g for g in found if g is not None], [*ctx.inputs, *live]
            )
            rest = iter(present)
            found = [None if one is None else next(rest) for one in found]
        return None, None, *[None] * ctx.count, *found


def fitting(found: Any, inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients, if they are what gradients of these inputs can be."""
    if not isinstance(found, list) or len(found) != len(inputs):
        raise RuntimeError("the gradients do not fit the inputs")
    for one, given in zip(found, inputs, strict=True):
        if one is None:
            continue
        if not isinstance(one, Tensor) or one.shape != given.shape or one.dtype != given.dtype:
            raise RuntimeError("a gradient does not fit its input")
    return found


def attach(
    peer: Peer, graph: int, values: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[Tensor]:
    """The values, with the other side's graph behind those that say they want a gradient."""
    places = [place for place, one in enumerate(values) if one.requires_grad]
    if not places or not torch.is_grad_enabled():
        return [one.detach() for one in values]
    # Only what has a graph is passed through, so `backward` gets one gradient for each of these.
    wanted = [values[place].detach() for place in places]
    hung = Attached.apply(Token(Selected(peer, places, len(values)), graph), len(wanted),
                          *wanted, *inputs)  # fmt: skip
    result = [one.detach() for one in values]
    for place, one in zip(places, hung, strict=True):
        result[place] = one
    return result


class Selected:
    """A peer that is given gradients of some of the values, and none of the others."""

    def __init__(self, peer: Peer, places: list[int], count: int) -> None:
        self.peer, self.places, self.count = peer, places, count
        self.dropped = peer.dropped

    def backward(self, graph: int, grads: list, *, create: bool) -> dict[str, Any]:
        """As the peer's, with None where there is no gradient."""
        every: list = [None] * self.count
        for place, grad in zip(self.places, grads, strict=True):
            every[place] = grad
        return self.peer.backward(graph, every, create=create)


def linked(peer: Peer, links: dict[int, list], value: Any) -> Any:
    """Arguments with the other side's graph between them; `links`: {place: [graph, places]}."""
    tensors, found = list(tensors_in(value)), {}
    for place, (graph, places) in links.items():
        given = [tensors[one] for one in places]
        found[id(tensors[place])] = attach(peer, graph, [tensors[place]], given)[0]
    return swapped(value, found)


def perform(
    graphs: Graphs, function: Callable, args: tuple, kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Call a function for the other side; its value, and the graph if there is one.

    Inputs that have a graph of their own (`linked`) pass their gradient on to those behind them.
    """
    inputs = [one for one in tensors_in([args, kwargs]) if one.requires_grad and one.is_leaf]
    value = function(*args, **kwargs)
    return {"value": value, "graph": graphs.keep(inputs, list(tensors_in(value, modules=False)))}


def take(peer: Peer, reply: dict[str, Any], inputs: list[Tensor]) -> Any:
    """The value of a reply, differentiable with respect to what was given."""
    value = reply["value"]
    if reply.get("graph") is None or not inputs:
        return value
    tensors = list(tensors_in(value, modules=False))
    return replaced(value, iter(attach(peer, reply["graph"], tensors, inputs)))
