"""The worker's side of the conversation: runs cells, and calls what they defined when asked to.

Nothing here has to be trusted: it shares its process with the student's code.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any

import torch

from autograde.grading.harmless import safe_text
from autograde.grading.recording import RecordingShell
from autograde.wall.borrowed import Borrowed, borrowed_module
from autograde.wall.calling import Changes, end_others, never, step, told, watching
from autograde.wall.cells import recorded, run_part, time_limit
from autograde.wall.gradients import Graphs, linked, perform
from autograde.wall.packing import pack, send
from autograde.wall.reader import Reader

MAX_OBJECTS = 100_000
MAX_PRINTED = 2_000
MAX_NAMES = 2_000


class Server:
    """One worker: a shell with the student's names, and what was handed out by number."""

    def __init__(self, connection: socket.socket, shell: RecordingShell, *, alone: bool) -> None:
        self.connect(connection)
        self.alone = alone
        self.shell = shell
        self.graphs = Graphs()
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.dropped: list[int] = []
        self.state = torch.get_rng_state()

    def connect(self, connection: socket.socket) -> None:
        """Talk over this socket from now on."""
        self.connection, self.reader = connection, Reader(connection)

    def run(self, walls: list[str]) -> None:
        """Serve until the other side hangs up; then end without anybody's clean-up."""
        try:
            self.reply({"walls": walls})
            while True:
                self.answer(self.reader.message(self.find, never))
        except EOFError:
            pass
        finally:
            os._exit(0)

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
        return ["handle", number, type(value).__name__[:60]]

    def find(self, tag: list, decode: Callable) -> Any:
        """What a tag of the trusted side stands for."""
        if tag[0] == "yours":
            return self.objects[tag[1]]
        if tag[0] == "module":
            return borrowed_module(self, tag[1], decode(tag[2]))
        return Borrowed(self, tag[1], tag[2])

    def do_cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run a cell."""
        return {"part": run_part(self.shell, source, seconds)}

    def do_names(self, names: list[str]) -> dict[str, Any]:
        """The values of those names that are defined."""
        found = self.shell.user_ns
        return {"value": {name: found[name] for name in names if name in found}}

    def do_known(self) -> dict[str, Any]:
        """All names that cells have defined."""
        hidden = self.shell.user_ns_hidden
        return {"value": [name for name in self.shell.user_ns if name not in hidden][:MAX_NAMES]}

    def do_attribute(self, target: Any, name: str) -> dict[str, Any]:
        """An attribute of an object."""
        return {"value": getattr(target, name)}

    def do_operate(self, name: str, args: tuple) -> dict[str, Any]:
        """len, iter, next and [ ]."""
        operations = {"len": len, "iter": iter, "item": lambda one, key: one[key], "next": step}
        return {"value": operations[name](*args)}

    def do_backward(self, graph: int, grads: list, create: bool, seconds: float) -> dict[str, Any]:
        """A vector-Jacobian product of an earlier call."""
        with time_limit(seconds):
            return self.graphs.backward(graph, grads, create=create)

    def do_call(
        self,
        target: Callable,
        args: tuple,
        kwargs: dict[str, Any],
        seconds: float,
        grad: bool,
        watch: bool,
        state: torch.Generator | None,
        links: dict[int, list],
    ) -> dict[str, Any]:
        """Call something, and tell what came of it and what it changed."""
        if state is not None:
            torch.set_rng_state(state.get_state())
            self.state = torch.get_rng_state()
        changes = Changes(args, kwargs)
        with (
            recorded(self.shell) as recorder,
            watching(watch) as shapes,
            torch.set_grad_enabled(grad),
            time_limit(seconds),
        ):
            args, kwargs = linked(self, links, (args, kwargs))
            reply = perform(self.graphs, target, args, kwargs)
        if not torch.equal(torch.get_rng_state(), self.state):
            self.state = torch.get_rng_state()
            reply["state"] = torch.default_generator
        printed = "".join(one.get("text", "") for one in recorder.plain())[:MAX_PRINTED]
        return {**reply, **changes.found(), "printed": printed, "shapes": shapes()}

    def do_checkpoint(self) -> dict[str, Any]:
        """Fork: the child goes on, this process waits in case the child is lost."""
        self.reply({"value": True})
        descriptor = self.sent_descriptor(self.connection)
        line = socket.socket(fileno=descriptor)
        child = os.fork()
        if child == 0:
            line.close()
            return {"value": True}
        self.connection.close()
        descriptor = self.sent_descriptor(line)
        if descriptor is None:
            self.retire()
        end_others(child, alone=self.alone)
        line.close()
        self.connect(socket.socket(fileno=descriptor))
        return {"value": True}

    def sent_descriptor(self, line: socket.socket) -> int | None:
        """A file descriptor that the trusted side sends; None if it hangs up instead."""
        while True:
            with contextlib.suppress(BlockingIOError):
                _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
                return descriptors[0] if descriptors else None

    def retire(self) -> None:
        """A newer checkpoint has taken over; the first process of a namespace has to stay."""
        while self.alone and os.getpid() == 1:
            try:
                os.wait()
            except ChildProcessError:
                break
        os._exit(0)
