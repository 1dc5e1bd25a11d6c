"""The trusted side's line to one worker: questions there, answers back, within a time limit.

Every word from the worker comes through `wire.receive`; what is no message ends the worker. `Lost`
says that a worker hung, died or broke the rules: it is no `Exception`, so that no check takes it
for an error of the student's function.
"""

import socket
import threading
import time
from collections.abc import Callable
from types import NoneType
from typing import Any

from autograde.wall.endings import BROKE, DIED, HUNG, Interrupted, Lost, Stopped
from autograde.wall.lending import Loans
from autograde.wall.packing import pack, send
from autograde.wall.proxies import error_of, remote_kind
from autograde.wall.reader import Reader
from autograde.wall.remote_module import remote_module
from autograde.wall.wire import BrokenFrame

GRACE_SECONDS = 2.0  # between the interrupt and the end of the process
MAX_ASKED = 1_000_000


class Conversation:
    """What is said over `connection`.

    `until` is when the work at hand has to be done; whoever uses the conversation sets it.
    """

    def __init__(self, connection: socket.socket, stop: threading.Event) -> None:
        self.listen(connection)
        self.stop = stop
        self.until = time.monotonic() + 60.0
        self.loans = Loans()
        self.dropped: list[int] = []

    def listen(self, connection: socket.socket) -> None:
        """Talk over this socket from now on."""
        self.connection, self.reader = connection, Reader(connection)

    def hello(self) -> list[str]:
        """The walls that a new worker has put up, told before any cell of a student's."""
        return [str(one) for one in self.hear()["walls"]]

    def checkpoint(self, descriptor: int) -> bool:
        """Have the worker fork, if it can; the process that waits listens on this socket."""
        self.yes_or_no(self.exchange({"do": "checkpoint"}))
        try:
            socket.send_fds(self.connection, [b"!"], [descriptor])
        except OSError:
            raise Lost(DIED) from None
        return self.yes_or_no(self.hear())

    def yes_or_no(self, reply: dict[str, Any]) -> bool:
        """The answer to a question that has only these two."""
        if type(reply.get("value")) is not bool:
            raise Lost(BROKE, "another answer than yes or no")
        return reply["value"]

    def go_on(self, connection: socket.socket) -> bool:
        """Talk to the process that waited, over a new connection."""
        self.connection.close()
        self.listen(connection)
        self.until = time.monotonic() + GRACE_SECONDS
        try:
            return self.hear().get("value") is True
        except Lost:
            return False

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
        graph = reply.get("graph")
        if ("part" if do == "cell" else "value") not in reply or type(graph) not in (int, NoneType):
            raise Lost(BROKE, "another answer than asked for")
        return reply

    def exchange(self, message: dict[str, Any], *, answering: bool = False) -> dict[str, Any]:
        """Send a message and wait for the next one.

        A worker speaks only when asked: what is there before the question is no answer to it. But
        one that has asked itself may have been interrupted since.
        """
        if not answering and self.reader.has_more():
            raise Lost(BROKE, "an answer that nobody asked for")
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
        if tag[0] == "network" and type(tag[1]) is int and type(tag[2]) is str:
            made = remote_module(self, tag[1], tag[2], decode(tag[3]))
            return made.train(decode(tag[4]) is True)
        if tag[0] == "yours" and tag[1] in self.loans.lent:
            return self.loans.lent[tag[1]]
        raise BrokenFrame("something that was never there")
