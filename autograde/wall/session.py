"""The trusted side of the conversation with one worker.

Every word from the worker comes through `wire.receive`, within a time limit; what is no message
ends the worker. `Lost` says that a worker hung, died or broke the rules: it is no `Exception`, so
that no check takes it for an error of the student's function.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from autograde.wall.endings import BROKE, DIED, HUNG, Interrupted, Lost, Stopped
from autograde.wall.gradients import take
from autograde.wall.lending import Loans
from autograde.wall.noting import Watch, change, pairs
from autograde.wall.packing import pack, send
from autograde.wall.proxies import Remote, error_of, remote_kind
from autograde.wall.reader import Reader
from autograde.wall.structures import tensors_in
from autograde.wall.transcript import Transcript
from autograde.wall.wire import BrokenFrame

GRACE_SECONDS = 2.0  # between the interrupt and the end of the process
MAX_ASKED = 1_000_000


class Session:
    """A conversation with a worker over `connection`.

    `until` is when the work at hand has to be done; whoever uses the session sets it.
    """

    def __init__(self, connection: socket.socket, stop: threading.Event) -> None:
        self.connection, self.reader = connection, Reader(connection)
        self.stop = stop
        self.until = time.monotonic() + 60.0
        self.loans = Loans()
        self.dropped: list[int] = []
        self.watched: list[list] | None = None
        self.state: torch.Tensor | None = None
        self.transcript = Transcript()
        self.print: Callable[[str], object] = lambda text: None

    def hello(self) -> list[str]:
        """The walls that a new worker has put up, told before any cell of a student's."""
        return [str(one) for one in self.hear()["walls"]]

    def checkpoint(self, descriptor: int) -> None:
        """Have the worker fork; the process that waits listens on this socket."""
        self.exchange({"do": "checkpoint"})
        try:
            socket.send_fds(self.connection, [b"!"], [descriptor])
        except OSError:
            raise Lost(DIED) from None
        self.hear()

    def go_on(self, connection: socket.socket) -> bool:
        """Talk to the process that waited, over a new connection."""
        self.connection.close()
        self.state = None
        self.connection, self.reader = connection, Reader(connection)
        self.until = time.monotonic() + GRACE_SECONDS
        try:
            return self.hear().get("value") is True
        except Lost:
            return False

    def run_cell(self, source: str) -> dict[str, Any]:
        """Run a cell of the student's; the part as the worker tells it."""
        part = self.ask("cell", source=source, seconds=self.left)["part"]
        if not isinstance(part, dict):
            raise Lost(BROKE, "a result of a cell that is none")
        return part

    def known(self) -> list[str]:
        """The names that the student's cells define."""
        found = self.ask("known")["value"]
        names = found if isinstance(found, list) else []
        return [one for one in names if isinstance(one, str) and one.isidentifier()]

    def values(self, names: list[str]) -> dict[str, Any]:
        """The student's values of those names that are defined."""
        found = self.ask("names", names=names)["value"]
        if not isinstance(found, dict) or not set(found) <= set(names):
            raise Lost(BROKE, "names that nobody asked for")
        for name, value in found.items():
            if isinstance(value, Remote):
                value.__name__ = value.__qualname__ = name
        return found

    def call(self, target: Remote, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call a student's function as if it were here."""
        tensors = list(tensors_in([args, kwargs]))
        generators = [one for one in [*args, *kwargs.values()] if isinstance(one, torch.Generator)]
        links = self.loans.links(tensors)
        state = torch.get_rng_state()
        moved = self.state is None or not torch.equal(state, self.state)
        self.state = state
        started, lent = time.perf_counter(), dict(self.loans.lent)
        try:
            reply = self.ask(
                "call", target=target, args=args, kwargs=kwargs, seconds=self.left,
                grad=torch.is_grad_enabled(), watch=self.watched is not None,
                state=torch.default_generator if moved else None, links=links,
            )  # fmt: skip
        except Exception as error:
            self.transcript.add(target, args, kwargs, error, time.perf_counter() - started)
            raise
        finally:
            self.loans.lent = lent  # What was lent for this call is not there after it.
        self.transcript.add(target, args, kwargs, reply["value"], time.perf_counter() - started)
        self.note(reply, tensors, generators)
        places = [place for place, one in enumerate(tensors) if one.requires_grad]
        return take(self, reply, [tensors[place] for place in places if place not in links])

    def note(self, reply: dict[str, Any], tensors: list, generators: list) -> None:
        """Take over what the call changed: inputs, generators, torch's own generator, output."""
        for place, new in pairs(reply.get("changed"), len(tensors), torch.Tensor):
            change(tensors[place], new)
        for place, new in pairs(reply.get("moved"), len(generators), torch.Generator):
            generators[place].set_state(new.get_state())
        if isinstance(reply.get("state"), torch.Generator):
            self.state = reply["state"].get_state()
            torch.set_rng_state(self.state)
        if self.watched is not None and isinstance(reply.get("shapes"), list):
            self.watched.append(reply["shapes"])
        if isinstance(reply.get("printed"), str) and reply["printed"]:
            self.print(reply["printed"])

    def backward(self, graph: int, grads: list, *, create: bool) -> dict[str, Any]:
        """A vector-Jacobian product of something the worker computed."""
        return self.ask("backward", graph=graph, grads=grads, create=create, seconds=self.left)

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watch]:
        """Have calls made under the watch for a broadcast."""
        self.watched = []
        try:
            yield Watch(self.watched)
        finally:
            self.watched = None

    def now(self) -> float:
        """The clock that `until` is on."""
        return time.monotonic()

    @property
    def left(self) -> float:
        """Seconds left for the work at hand."""
        return max(self.until - time.monotonic(), 0.01)

    def ask(self, do: str, **question: Any) -> dict[str, Any]:
        """One question, one answer; what the worker asks meanwhile is answered.

        Raises:
            Lost: there will be no answer.
            Exception: the student's code raised it.
            Interrupted: the student's code took too long.
        """
        reply = self.exchange({"do": do, **question})
        for _ in range(MAX_ASKED):
            if "ask" not in reply:
                break
            reply = self.exchange(self.loans.answer(reply), answering=True)
        if "error" in reply:
            error = error_of(reply["error"])
            if type(error).__name__ == "CellTimeout":
                raise Interrupted(str(error))
            raise error
        if do != "cell" and "value" not in reply:
            raise Lost(BROKE, "an answer without a value")
        return reply

    def exchange(self, message: dict[str, Any], *, answering: bool = False) -> dict[str, Any]:
        """Send a message and wait for the next one."""
        dropped, self.dropped[:] = list(self.dropped), []
        frame = pack({**message, **({} if answering else {"dropped": dropped})}, self.loans.keep)
        try:
            send(self.connection, frame, self.wait)
        except EOFError:
            raise Lost(DIED) from None
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """The worker's next message."""
        try:
            reply = self.reader.message(self.find, self.wait)
        except EOFError:
            raise Lost(DIED) from None
        except BrokenFrame as error:
            raise Lost(BROKE, str(error)) from None
        dropped = reply.pop("dropped", [])
        numbers = dropped if type(dropped) is list else []
        self.loans.graphs.drop([one for one in numbers if type(one) is int])
        return reply

    def wait(self) -> None:
        """Look at the clock."""
        if self.stop.is_set():
            raise Stopped
        if time.monotonic() > self.until + GRACE_SECONDS:
            raise Lost(HUNG)

    def find(self, tag: list, decode: Callable) -> Any:
        """What a tag of the worker stands for: something of the student's, or what it was lent."""
        if tag[0] == "handle" and type(tag[1]) is int and type(tag[2]) is str:
            return remote_kind(tag[2][:60])(self, tag[1], tag[2][:60])
        if tag[0] == "yours" and tag[1] in self.loans.lent:
            return self.loans.lent[tag[1]]
        raise BrokenFrame("something that was never there")
