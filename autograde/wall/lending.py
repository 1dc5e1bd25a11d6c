"""What the trusted side lends to a call: functions and networks, and what may be asked of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autograde.wall.gradients import Graphs, perform
from autograde.wall.networks import parts_of
from autograde.wall.proxies import Remote
from autograde.wall.remote_module import RemoteModule
from autograde.wall.structures import links_between, state_of, tensors_in

MAX_LENT_BYTES = 16 * 2**20  # of tensors that one call puts into what it was lent
MAX_KEPT_BYTES = 64 * 2**20


class Loans:
    """What is lent at the moment, by number, and the graphs of what came of it."""

    def __init__(self) -> None:
        self.graphs = Graphs(MAX_KEPT_BYTES)
        self.left = MAX_LENT_BYTES
        self.lent: dict[int, Callable] = {}
        self.last = 0

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answer a worker that wants something computed here in the middle of a call.

        It can call what it was lent for this call, and differentiate what came of that: no more.
        """
        try:
            if question["ask"] == "backward":
                grads, create = question["grads"], bool(question["create"])
                return self.graphs.backward(question["graph"], grads, create=create)
            function = self.lent[question["number"]]
            state, args, kwargs = question["state"], question["args"], question["kwargs"]
            self.count([state, args, kwargs])
            if isinstance(function, nn.Module):
                function = with_state(function, len(state))
            with torch.set_grad_enabled(bool(question["grad"])):
                return perform(self.graphs, function, (*state, *args), kwargs)
        except Exception as error:
            return {"error": [type(error).__name__, str(error)[:500], ""]}

    def count(self, given: list) -> None:
        """What is computed here for a worker takes memory here: only so much for one call."""
        self.left -= sum(one.nbytes for one in tensors_in(given))
        if self.left < 0:
            raise MemoryError("too much was asked of what was lent")

    def links(self, tensors: list[torch.Tensor]) -> dict[int, list]:
        """For inputs computed from other inputs: {place: [the graph's number, their places]}."""
        if not torch.is_grad_enabled():
            return {}
        return {
            place: [self.graphs.keep([tensors[one] for one in used], [tensors[place]]), used]
            for place, used in links_between(tensors).items()
        }

    def keep(self, value: Any) -> list:
        """The tag of what is lent for a call, or belongs to the worker anyway."""
        if isinstance(value, Remote):
            return ["yours", value._number]
        if isinstance(value, RemoteModule):
            kind = type(value).__name__
            return ["network", value._line[1], kind, parts_of(value), value.training]
        if not callable(value):
            raise ValueError(f"a {type(value).__name__} cannot be handed to a student's function")
        self.last += 1
        self.lent[self.last] = value
        if not isinstance(value, nn.Module):
            return ["handle", self.last, str(getattr(value, "__name__", "function"))[:60]]
        return ["module", self.last, parts_of(value)]


def with_state(module: nn.Module, count: int) -> Callable:
    """The network as a function of its tensors (sorted by name) and its inputs."""
    names = list(state_of(module))[:count]

    def function(*tensors: Any, **kwargs: Any) -> Any:
        state = dict(zip(names, tensors[:count], strict=True))
        return torch.func.functional_call(module, state, tensors[count:], kwargs)

    return function
