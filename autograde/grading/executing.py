"""Runs the cells of one rebuilt notebook and returns what came of each.

The student's cells run in a worker behind the wall, the lesson's checks here, calling the student's
functions through it; set-up cells that a check needs run on both sides. `execute` is all that the
rest of the grader knows.

A cell that hangs is interrupted. If that does not help, or if the worker is lost, another one takes
its place: a fork that was taken before, or a fresh one. It runs the cells since then again, but not
the one that did it, so that a hang or a crash costs only its question.

After an agent has played, a fresh one takes its place, too: what was seen in the fresh episodes is
nothing that a later cell may show, or else the feedback would tell it.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from autograde.grading.naming import names_of
from autograde.wall.believed import believed, size_of
from autograde.wall.checking import Stage
from autograde.wall.endings import BROKE, DIED, HUNG, Lost, Stopped
from autograde.wall.sandbox import REQUIRED
from autograde.wall.session import Session
from autograde.wall.workers import Worker, require_walls, zygote
from course_lib.checks.agent_tasks import times_shown

DONE, NOT_REACHED = "done", "not reached"
WORKER, JUDGE, BOTH = "worker", "judge", "both"
MAX_WORKERS = 40  # one after the other
MAX_OUTPUTS = 8_000_000  # characters that a notebook's cells may show: four times a worked lesson
TOO_MUCH = {"output_type": "stream", "name": "stdout", "text": "… outputs were left out …\n"}
CHECKPOINT_SECONDS = 2.0  # of work that would have to be done again
ONE_AT_A_TIME = threading.Lock()  # Standard output and random numbers are the whole process's.

__all__ = ["BOTH", "BROKE", "DIED", "DONE", "HUNG", "JUDGE", "NOT_REACHED", "WORKER", "CellResult",
           "CellToRun", "Limits", "Stopped", "execute", "missing_walls"]  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds a cell and a notebook may take; whether the lesson's examples run too.

    `trusted` says that the submissions may run without the walls that this system does not have.
    """

    cell_seconds: float = 30.0
    notebook_seconds: float = 300.0
    everything: bool = False
    trusted: bool = False


@dataclass(frozen=True)
class CellToRun:
    """A code cell by its place in the notebook; several parts run as one cell after the other.

    `where` is WORKER, JUDGE or BOTH; `gives` are the names that the lesson asks the student for in
    this cell: for checks, they are the student's even if the lesson has something of that name.
    """

    index: int
    parts: tuple[str, ...]
    where: str = WORKER
    gives: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CellResult:
    """How a cell ended (DONE, HUNG, DIED, BROKE, NOT_REACHED), and what its parts gave if DONE.

    A part is a dictionary: `status` ("ok", "check failed", "error", "timeout"), `outputs` in
    nbformat's form and, unless it is ok, `error`, `message` and for a failed check `check`.
    `calls` is what was asked of the student's functions and what they answered, as plain JSON.
    """

    ending: str
    parts: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0
    calls: tuple[dict[str, Any], ...] = ()


def execute(
    cells: Sequence[CellToRun],
    limits: Limits,
    stop: threading.Event | None = None,
    library: Path | None = None,
) -> dict[int, CellResult]:
    """Run the cells in order; a result for every cell, whatever they do.

    Args:
        cells: what runs where.
        limits: seconds, and whether walls may be missing.
        stop: set it to end the run.
        library: the folder that holds the workers' `course_lib`; default: the student edition.

    Raises:
        Stopped: `stop` was set meanwhile.
        WallsMissing: this system has not all walls, and the submissions are not trusted.
    """
    theirs = frozenset().union(*(cell.gives for cell in cells))
    codes = [code for cell in cells if cell.where != WORKER for code in cell.parts]
    own = frozenset().union(*(names_of(code).given for code in codes)) - theirs
    with ONE_AT_A_TIME:
        run = Run(library or edition(), limits, stop or threading.Event(), Stage(theirs, own))
        try:
            return {cell.index: run.cell(cell) for cell in cells}
        finally:
            run.close()


@cache
def edition() -> Path:
    """The student edition of the library, without what the lessons ask for."""
    from autograde.lesson import all_lessons, find_course
    from autograde.release.edition import edition_folder

    course = find_course(Path(__file__).resolve().parent)
    return edition_folder([one for one in all_lessons(course) if one.source.exists()])


def missing_walls(library: Path | None = None) -> tuple[str, ...]:
    """The walls that strangers' work needs and that a worker on this system does not have."""
    with ONE_AT_A_TIME:
        worker = zygote(library or edition()).spawn(threading.Event(), 60)
        worker.end()
    return tuple(name for name in REQUIRED if name not in worker.walls)


@dataclass
class Run:
    """One submission on its way: its worker, the checks' namespace, what to do again if lost."""

    library: Path
    limits: Limits
    stop: threading.Event
    stage: Stage
    worker: Worker | None = None
    keeper: socket.socket | None = None
    redo: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    cost: float = 0.0
    lost: bool = False
    num_workers: int = 0

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.limits.notebook_seconds
        self.room = MAX_OUTPUTS

    def cell(self, cell: CellToRun) -> CellResult:
        """Run one cell where it belongs."""
        started = time.monotonic()
        if started >= self.deadline:
            return CellResult(NOT_REACHED)
        parts: list[dict[str, Any]] = []
        shown = times_shown()
        try:
            session = self.ready()
            session.until = min(time.monotonic() + self.limits.cell_seconds, self.deadline)
            for code in cell.parts:
                parts.append(self.part(code, cell.where, session))
                if parts[-1]["status"] not in ("ok", "check failed"):
                    break
        except Lost as lost:
            if self.worker is None:
                return CellResult(NOT_REACHED)
            self.lost = True
            calls = self.worker.session.transcript.taken()
            return CellResult(lost.ending, (), time.monotonic() - started, calls)
        finally:
            if times_shown() > shown:
                self.forget()
        calls = session.transcript.taken()
        return CellResult(DONE, tuple(parts), time.monotonic() - started, calls)

    def part(self, code: str, where: str, session: Session) -> dict[str, Any]:
        """Run one part of a cell: in the worker, here, or first here and then there."""
        ours = self.stage.run(code, session) if where != WORKER else None
        if where == JUDGE:
            return ours
        if self.cost > CHECKPOINT_SECONDS:
            self.checkpoint(session)
        started = time.monotonic()
        part = believed(session.run_cell(code))
        self.cost += time.monotonic() - started
        self.room -= size_of(part["outputs"])
        if self.room < 0:
            part["outputs"] = [dict(TOO_MUCH)]
        if part["status"] != "timeout":
            self.redo.append(code)
            self.ran.append(code)
        return part if ours is None or ours["status"] == "ok" else ours

    def ready(self) -> Session:
        """The conversation with a worker that is where the last one was.

        Raises:
            Lost: there is none any more.
        """
        while self.worker is None or self.lost:
            if self.num_workers >= MAX_WORKERS or time.monotonic() >= self.deadline:
                self.close()
                raise Lost(NOT_REACHED)
            again = list(self.redo)
            if not (self.lost and self.restored()):
                self.start()
            self.lost = False
            self.catch_up(again)
        return self.worker.session

    def start(self) -> None:
        """A fresh worker."""
        self.close()
        cpu_seconds = round(self.limits.notebook_seconds) + 10
        self.worker = zygote(self.library).spawn(self.stop, cpu_seconds)
        if not self.limits.trusted:
            require_walls(self.worker.walls)
        self.num_workers += 1

    def catch_up(self, again: list[str]) -> None:
        """Run the cells again that the new worker has not seen, and forget one that kills it."""
        session = self.worker.session
        for place, code in enumerate(again):
            session.until = min(time.monotonic() + self.limits.cell_seconds, self.deadline)
            try:
                session.run_cell(code)
            except Lost:
                self.ran.remove(self.redo.pop(place))
                self.lost = True
                return

    def checkpoint(self, session: Session) -> None:
        """Have the worker fork: one goes on, one waits here in case that is lost."""
        ours, theirs = socket.socketpair()
        self.cost = 0.0
        with theirs:
            if not session.checkpoint(theirs.fileno()):
                ours.close()
                return
        if self.keeper:
            self.keeper.close()  # The one before may go.
        self.keeper, self.redo = ours, []

    def restored(self) -> bool:
        """Whether the fork that waited has taken over."""
        if self.keeper is None:
            return False
        keeper, self.keeper = self.keeper, None
        ours, theirs = socket.socketpair()
        with keeper, theirs:
            try:
                socket.send_fds(keeper, [b"!"], [theirs.fileno()])
            except OSError:
                ours.close()
                return False
        self.num_workers += 1
        return self.worker.session.go_on(ours)

    def forget(self) -> None:
        """End the worker and the fork that waits, which may share memory; a fresh one goes on."""
        self.close()
        self.redo, self.lost, self.cost = list(self.ran), False, 0.0

    def close(self) -> None:
        """End the worker."""
        if self.keeper:
            self.keeper.close()
            self.keeper = None
        if self.worker:
            worker, self.worker = self.worker, None
            worker.end()
