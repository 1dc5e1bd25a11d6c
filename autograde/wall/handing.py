"""The worker's side of the line: messages, and what is handed out under a number.

Nothing here has to be trusted: it shares its process with the student's code.
"""

import socket
from collections.abc import Callable
from typing import Any

from autograde.grading.harmless import safe_text
from autograde.wall.borrowed import Borrowed, borrowed_module
from autograde.wall.calling import never, told
from autograde.wall.gradients import Graphs
from autograde.wall.networks import can_cross, parts_of, refresh
from autograde.wall.packing import pack, send
from autograde.wall.reader import Reader

MAX_OBJECTS = 100_000


class Handing:
    """One end of the line, with the objects that stay at it and are known by their numbers."""

    def __init__(self, connection: socket.socket) -> None:
        self.connect(connection)
        self.graphs = Graphs()
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.dropped: list[int] = []

    def connect(self, connection: socket.socket) -> None:
        """Talk over this socket from now on."""
        self.connection, self.reader = connection, Reader(connection)

    def answer(self, message: dict[str, Any]) -> None:
        """Do what a message asks for; an error of the student's is an answer too."""
        self.graphs.drop(message.pop("dropped", ()))
        doing = getattr(self, f"do_{message.pop('do')}")
        try:
            self.reply(doing(**message))
        except EOFError:
            raise
        except BaseException as error:
            self.reply({"error": told(error)})

    def reply(self, message: dict[str, Any]) -> None:
        """Send an answer, or say why it cannot be sent."""
        dropped, self.dropped[:] = list(self.dropped), []
        try:
            frame = pack({**message, "dropped": dropped}, self.keep)
        except (ValueError, RuntimeError, RecursionError) as error:
            frame = pack({"error": ["ValueError", safe_text(error)[:500], ""]}, self.keep)
        send(self.connection, frame, never)

    def ask(self, **question: Any) -> dict[str, Any]:
        """Ask the trusted side something while it waits for an answer."""
        self.reply(question)
        answer = self.reader.message(self.find, never)
        while "do" in answer:  # What was lent may itself call something of the student's.
            self.answer(answer)
            answer = self.reader.message(self.find, never)
        if "error" in answer:
            raise RuntimeError(": ".join(answer["error"][:2]))
        return answer

    def backward(self, graph: int, grads: list, *, create: bool) -> dict[str, Any]:
        """A vector-Jacobian product of something the trusted side computed."""
        return self.ask(ask="backward", graph=graph, grads=grads, create=create)

    def keep(self, value: Any) -> list:
        """The tag of something that stays here."""
        if isinstance(value, Borrowed):
            return ["yours", value.number]
        number = self.numbers.get(id(value))
        if number is None:
            if len(self.objects) >= MAX_OBJECTS:
                raise ValueError("too many objects were handed out")
            number = self.numbers[id(value)] = len(self.objects)
            self.objects[number] = value
        kind = type(value).__name__[:60]
        if can_cross(value):
            return ["network", number, kind, parts_of(value), value.training]
        return ["handle", number, kind]

    def find(self, tag: list, decode: Callable) -> Any:
        """What a tag of the trusted side stands for."""
        if tag[0] == "yours":
            return self.objects[tag[1]]
        if tag[0] == "network":
            return refresh(self.objects[tag[1]], decode(tag[3]), decode(tag[4]))
        if tag[0] == "module":
            return borrowed_module(self, tag[1], decode(tag[2]))
        return Borrowed(self, tag[1], tag[2])
