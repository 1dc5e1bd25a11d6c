"""Runs the cells of one rebuilt notebook in a process of their own and returns what came of each.

This is the seam behind which a sandbox can take the place of a plain process: `execute` is all
that the rest of the grader knows. A cell that hangs is interrupted; if that does not help, or if
it takes the process with it, the process is ended and a fresh one runs the rest without that cell.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from autograde.grading import worker

START_SECONDS = 120.0  # importing torch on a busy machine
GRACE_SECONDS = 2.0  # between the interrupt and the end of the process
MAX_PROCESSES = 6
MAX_MESSAGE = 64 * 2**20

STARTING = threading.Lock()

DONE, HUNG, DIED, NOT_REACHED = "done", "hung", "died", "not reached"


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds a cell and a notebook may take; whether the lesson's examples run too."""

    cell_seconds: float = 30.0
    notebook_seconds: float = 300.0
    everything: bool = False


@dataclass(frozen=True)
class CellToRun:
    """A code cell by its place in the notebook; several parts run as one cell after the other."""

    index: int
    parts: tuple[str, ...]


@dataclass(frozen=True)
class CellResult:
    """How a cell ended (DONE, HUNG, DIED, NOT_REACHED) and what its parts gave, if it was DONE.

    A part is a dictionary: `status` ("ok", "check failed", "error", "timeout"), `outputs` in
    nbformat's form and, unless it is ok, `error`, `message` and for a failed check `check`.
    `calls` is what was asked of the student's functions and what they answered, as plain JSON.
    """

    ending: str
    parts: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0
    calls: tuple[dict[str, Any], ...] = ()


@dataclass
class Attempt:
    """One process: the cell it is at, until when that may take, and how it ended."""

    current: int | None = None
    until: float = 0.0
    ending: str | None = None
    started: dict[int, float] = field(default_factory=dict)


class Stopped(Exception):
    """The person at the keyboard wants no more grading."""


def execute(
    cells: Sequence[CellToRun], limits: Limits, stop: threading.Event | None = None
) -> dict[int, CellResult]:
    """Run the cells in order; a result for every cell, whatever they do.

    Raises:
        Stopped: `stop` was set meanwhile.
    """
    results: dict[int, CellResult] = {}
    deadline = time.monotonic() + limits.notebook_seconds
    left = list(cells)
    for _ in range(MAX_PROCESSES):
        attempt = run_process(left, limits, deadline, results, stop or threading.Event())
        if attempt.ending == DONE or attempt.current is None or time.monotonic() >= deadline:
            break
        left = [cell for cell in left if cell.index != attempt.current]
    return {cell.index: results.get(cell.index, CellResult(NOT_REACHED)) for cell in cells}


def run_process(
    cells: Sequence[CellToRun],
    limits: Limits,
    deadline: float,
    results: dict[int, CellResult],
    stop: threading.Event,
) -> Attempt:
    """Run the cells in one process, adding what is new to `results`; then end the process."""
    process, ours = start_process(cells, limits)
    attempt = Attempt(until=time.monotonic() + START_SECONDS)
    try:
        while attempt.ending is None:
            if stop.is_set():
                raise Stopped
            listen(ours, attempt, limits, deadline, results)
    finally:
        end(process)
        ours.close()
    if attempt.current is not None and attempt.ending != DONE:
        seconds = time.monotonic() - attempt.started[attempt.current]
        results.setdefault(attempt.current, CellResult(attempt.ending, (), seconds))
    return attempt


def start_process(cells: Sequence[CellToRun], limits: Limits) -> tuple[BaseProcess, Connection]:
    """A worker on its way, and the end of the pipe on which it reports."""
    ours, theirs = context().Pipe(duplex=False)
    work = [{"index": cell.index, "parts": list(cell.parts)} for cell in cells]
    process = context().Process(
        target=worker.serve, args=(theirs, work, limits.cell_seconds), daemon=True
    )
    with STARTING, without_main():
        process.start()
    theirs.close()
    return process, ours


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Keep multiprocessing from importing the program that grades into every worker."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def listen(
    connection: Connection,
    attempt: Attempt,
    limits: Limits,
    deadline: float,
    results: dict[int, CellResult],
) -> None:
    """Wait a moment for a message; notice the end of the process and of its time."""
    now = time.monotonic()
    until = min(attempt.until, deadline)
    if now >= until:
        attempt.ending = HUNG
        return
    if not connection.poll(min(until - now, 0.25)):
        return
    try:
        message = json.loads(connection.recv_bytes(MAX_MESSAGE))
    except (EOFError, OSError, ValueError):
        attempt.ending = DIED
        return
    take_in(message, attempt, limits, results)


def take_in(
    message: dict[str, Any], attempt: Attempt, limits: Limits, results: dict[int, CellResult]
) -> None:
    """What a message says: a cell began, a cell is done, or all are."""
    if message["event"] == "end":
        attempt.ending = DONE
    elif message["event"] == "start":
        attempt.current = message["index"]
        attempt.started[attempt.current] = time.monotonic()
        attempt.until = time.monotonic() + limits.cell_seconds + GRACE_SECONDS
    else:
        done = CellResult(DONE, tuple(message["parts"]), message["seconds"])
        results.setdefault(message["index"], done)


def end(process: BaseProcess) -> None:
    """End the process and whatever it started; it owes nobody a clean-up."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    process.close()


@cache
def context() -> Any:
    """Forks of a process that has torch already, where the system can fork."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["autograde.grading.preload"])
    return forking
