"""What the trusted side passes to a student's function and keeps for itself: functions, networks.

In the worker they look like the real thing: a function can be called, a network has parameters (as
copies, by their names) and a forward pass; both are computed on the other side of the wall, with
gradients to every tensor that went in. They work until the call that they were passed to returns.
"""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from autograde.wall.gradients import Peer, take
from autograde.wall.networks import fill
from autograde.wall.structures import state_of, tensors_in


class Lender(Peer, Protocol):
    """The trusted side, as the worker sees it."""

    def ask(self, **question: Any) -> dict[str, Any]:
        """Ask, and wait for the answer."""


class Borrowed:
    """A function of the trusted side."""

    def __init__(self, lender: Lender, number: int, name: str) -> None:
        self.lender, self.number = lender, number
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        question = {"number": self.number, "state": [], "args": args, "kwargs": kwargs}
        reply = self.lender.ask(ask="call", grad=torch.is_grad_enabled(), **question)
        return take(self.lender, reply, live([args, kwargs]))

    def __deepcopy__(self, memo: dict) -> "Borrowed":
        return self


class BorrowedModule(nn.Module):
    """A network of the trusted side; its tensors are copies that may be changed."""

    def __init__(self) -> None:
        super().__init__()
        self.line: list[Any] = []

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        lender, number = self.line[0].lender, self.line[0].number
        state = list(state_of(self).values())
        question = {"number": number, "state": state, "args": args, "kwargs": kwargs}
        reply = lender.ask(ask="call", grad=torch.is_grad_enabled(), **question)
        return take(lender, reply, live([state, args, kwargs]))


def live(values: Any) -> list[Tensor]:
    """The tensors that want a gradient."""
    return [one for one in tensors_in(values) if one.requires_grad]


def borrowed_module(lender: Lender, number: int, parts: list) -> BorrowedModule:
    """The network with this number; `parts` are [name, whether a parameter, tensor]."""
    root = BorrowedModule()
    root.line.append(Borrowed(lender, number, "network"))
    fill(root, parts)
    return root
