"""What the worker does when asked to: runs cells, and calls what they defined.

Nothing here has to be trusted: it shares its process with the student's code.
"""

import contextlib
import copy
import operator
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import torch

from autograde.grading.recording import Recorder, RecordingShell
from autograde.wall.calling import (
    Changes,
    end_others,
    in_manner,
    method,
    never,
    run_all,
    step,
    watching,
)
from autograde.wall.cells import recorded, run_part, time_limit
from autograde.wall.gradients import linked, perform
from autograde.wall.handing import Handing

MAX_PRINTED = 2_000
MAX_NAMES = 2_000
OPERATIONS = {
    "len": len,
    "iter": iter,
    "item": operator.getitem,
    "next": step,
    "copy": copy.deepcopy,
}


class Server(Handing):
    """One worker: a shell with the student's names; `do_…` are the questions it understands."""

    def __init__(self, connection: socket.socket, shell: RecordingShell, *, alone: bool) -> None:
        super().__init__(connection)
        self.alone = alone
        self.shell = shell
        self.state = torch.get_rng_state()

    def run(self, walls: list[str]) -> None:
        """Serve until the other side hangs up; then end without anybody's clean-up."""
        try:
            self.reply({"walls": walls})
            while True:
                message = self.reader.message(self.find, never)
                if "do" in message:  # Else it answers a question that was given up meanwhile.
                    self.answer(message)
        except EOFError:
            pass
        finally:
            os._exit(0)

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
        """One of `OPERATIONS`."""
        return {"value": OPERATIONS[name](*args)}

    def do_backward(self, graph: int, grads: list, create: bool, seconds: float) -> dict[str, Any]:
        """A vector-Jacobian product of an earlier call."""
        with time_limit(seconds):
            return self.graphs.backward(graph, grads, create=create)

    def do_call(
        self,
        target: Callable | str,
        args: tuple,
        kwargs: dict[str, Any],
        manner: tuple[str, int] | None,
        seconds: float,
        grad: bool,
        watch: bool,
        state: torch.Generator | None,
        links: dict[int, list],
    ) -> dict[str, Any]:
        """Call something, or that method of the first argument; what came of it and of those."""
        self.take_over(state)
        changes = Changes(args, kwargs)
        if isinstance(target, str):
            target = method(target)
        if manner is not None:
            target = in_manner(target, *manner)
        with (
            recorded(self.shell) as recorder,
            watching(watch) as shapes,
            torch.set_grad_enabled(grad),
            time_limit(seconds),
        ):
            args, kwargs = linked(self, links, (args, kwargs))
            started = time.process_time()
            reply = perform(self.graphs, target, args, kwargs)
            reply["cpu"] = time.process_time() - started
        return {**reply, **changes.found(), "shapes": shapes(), **self.aside(recorder)}

    def do_cases(
        self,
        target: Callable,
        watched: tuple[str, ...],
        cases: list,
        seconds: float,
        state: torch.Generator | None,
    ) -> dict[str, Any]:
        """Run a function on the cases of an exercise, one after the other."""
        self.take_over(state)
        with recorded(self.shell) as recorder, torch.enable_grad(), time_limit(seconds):
            value = run_all(target, watched, cases)
        return {"value": value, **self.aside(recorder)}

    def take_over(self, state: torch.Generator | None) -> None:
        """Go on with the random numbers where the trusted side is."""
        if state is not None:
            torch.set_rng_state(state.get_state())
            self.state = torch.get_rng_state()

    def aside(self, recorder: Recorder) -> dict[str, Any]:
        """What was printed meanwhile, and where torch's random numbers are if they moved."""
        printed = "".join(one.get("text", "") for one in recorder.plain())[:MAX_PRINTED]
        if torch.equal(torch.get_rng_state(), self.state):
            return {"printed": printed}
        self.state = torch.get_rng_state()
        return {"printed": printed, "state": torch.default_generator}

    def do_checkpoint(self) -> dict[str, Any]:
        """Fork: the child goes on, this process waits in case the child is lost."""
        self.reply({"value": True})
        descriptor = self.sent_descriptor(self.connection)
        line = socket.socket(fileno=descriptor)
        try:
            child = os.fork()
        except OSError:
            line.close()
            return {"value": False}
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
