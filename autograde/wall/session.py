"""What can be asked of a worker: to run cells, to tell names, to call what they define."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from autograde.wall.casework import as_sent, crossing, outcomes_from
from autograde.wall.conversation import Conversation
from autograde.wall.endings import BROKE, Interrupted, Lost, Stopped
from autograde.wall.gradients import take
from autograde.wall.lending import MAX_LENT_BYTES
from autograde.wall.noting import Watch, change, pairs
from autograde.wall.proxies import Remote
from autograde.wall.remote_module import Method, RemoteModule
from autograde.wall.structures import tensors_in
from autograde.wall.transcript import Transcript
from course_lib.checks.problem import Case, Outcome, Problem


class Session(Conversation):
    """The conversation with a worker in which a student's cells run."""

    def __init__(self, connection: socket.socket, stop: threading.Event) -> None:
        super().__init__(connection, stop)
        self.watched: list[list] | None = None
        self.state: torch.Tensor | None = None
        self.transcript = Transcript()
        self.cpu_seconds = 0.0  # of calls, as the worker says: a lie is left to the wall clock.
        self.print: Callable[[str], object] = lambda text: None

    def run_cell(self, source: str) -> dict[str, Any]:
        """Run a cell of the student's; the part as the worker tells it."""
        try:
            part = self.ask("cell", source=source, seconds=self.left)["part"]
        except Stopped:
            raise
        except (Exception, Interrupted) as error:  # It could not even say what went wrong.
            status = "timeout" if isinstance(error, Interrupted) else "error"
            return {"status": status, "error": type(error).__name__, "message": str(error)}
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
            if isinstance(value, Remote | RemoteModule):
                value.__name__ = value.__qualname__ = name
        return found

    def go_on(self, connection: socket.socket) -> bool:
        """Talk to the process that waited, over a new connection."""
        self.state = None
        return super().go_on(connection)

    def call(
        self,
        target: Remote | Method,
        args: tuple,
        kwargs: dict[str, Any],
        manner: tuple[str, int] | None = None,
    ) -> Any:
        """Call a student's function as if it were here.

        `manner` is "again" or "stretched", and how often: see `course_lib.checks.outcome`.
        """
        tensors = list(tensors_in([args, kwargs]))
        generators = [one for one in [*args, *kwargs.values()] if isinstance(one, torch.Generator)]
        links = self.loans.links(tensors)
        lent = dict(self.loans.lent)
        if not lent:
            self.loans.left = MAX_LENT_BYTES
        try:
            reply = self.ask(
                "call", target=target.name if isinstance(target, Method) else target,
                args=args, kwargs=kwargs, manner=manner, seconds=self.left,
                grad=torch.is_grad_enabled(), watch=self.watched is not None,
                state=self.moved_state(), links=links,
            )  # fmt: skip
        except Exception as error:
            self.transcript.add(target, args, kwargs, error)
            raise
        finally:
            self.loans.lent = lent  # What was lent for this call is not there after it.
        require_manner(manner, reply["value"])
        more = {"manner": list(manner)} if manner else {}
        self.transcript.add(target, args, kwargs, reply["value"], **more)
        self.note(reply, tensors, generators)
        places = [place for place, one in enumerate(tensors) if one.requires_grad]
        return take(self, reply, [tensors[place] for place in places if place not in links])

    def run_cases(
        self, target: Remote, exercise: Problem, cases: Sequence[Case]
    ) -> list[Outcome | None]:
        """What comes of those cases that can cross together; None for all others."""
        found: list[Outcome | None] = [None] * len(cases)
        places = crossing(exercise, cases)
        chosen = [cases[place] for place in places]
        if not chosen:
            return found
        try:
            reply = self.ask(
                "cases", target=target, watched=exercise.watched,
                cases=[as_sent(one) for one in chosen], seconds=self.left,
                state=self.moved_state(),
            )  # fmt: skip
        except Stopped:
            raise
        except Exception:  # One by one, each can say for itself what is wrong.
            self.state = None
            return found
        outcomes = outcomes_from(reply["value"], exercise, chosen)
        self.note(reply, [], [])
        for place, case, outcome in zip(places, chosen, outcomes, strict=False):
            answer = outcome.value if outcome.error is None else outcome.error
            self.transcript.add(target, (), case.inputs, answer, gradients=outcome.gradients)
            found[place] = outcome
        return found

    def moved_state(self) -> torch.Generator | None:
        """The generator of torch's own random numbers, if the worker's is another."""
        state = torch.get_rng_state()
        moved = self.state is None or not torch.equal(state, self.state)
        self.state = state
        return torch.default_generator if moved else None

    def note(self, reply: dict[str, Any], tensors: list, generators: list) -> None:
        """Take over what the call changed: inputs, generators, torch's own generator, output."""
        for place, new in pairs(reply.get("changed"), len(tensors), torch.Tensor):
            change(tensors[place], new)
        for place, new in pairs(reply.get("moved"), len(generators), torch.Generator):
            generators[place].set_state(new.get_state())
        if isinstance(reply.get("state"), torch.Generator):
            self.state = reply["state"].get_state()
            torch.set_rng_state(self.state)
        if type(reply.get("cpu")) is float and reply["cpu"] > 0:
            self.cpu_seconds += reply["cpu"]
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


def require_manner(manner: tuple[str, int] | None, value: Any) -> None:
    """A function that was called again and again has so many results; the worker cannot mistake it.

    Raises:
        Lost: it has not.
    """
    if manner and manner[0] == "again" and (type(value) is not list or len(value) != manner[1]):
        raise Lost(BROKE, "another number of results than asked for")
