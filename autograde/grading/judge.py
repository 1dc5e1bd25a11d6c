"""What one judge does with one submission: read, rebuild, execute, score, write the feedback.

A judge is a process of the grader's pool, or of a cluster. It gets everything that it needs in a
`Task`, returns a `Graded`, and writes nothing: that is left to the process that started the class.
"""

import contextlib
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_solution
from traitlets.config import Config

from autograde.grading.choosing import cells_to_run
from autograde.grading.executing import CellResult, Limits, execute
from autograde.grading.feedback import Earlier, FeedbackPages, automatic_comment
from autograde.grading.graded_source import grade_id
from autograde.grading.incidents import incidents
from autograde.grading.lots import Lots, agent_notes
from autograde.grading.notes import Note, bounded_notes, shortened
from autograde.grading.outcomes import Score
from autograde.grading.reading import Unreadable, cells_in
from autograde.grading.rebuilding import Rebuilt, add_heading, rebuild
from autograde.grading.scoring import score, score_nothing
from autograde.grading.similar import fingerprint
from course_lib.checks.agent_tasks import Trial, graded_with

GRACE_SECONDS = 240.0  # on top of what a notebook may take, before a judge counts as hung
MAX_MESSAGE = 6_000
MEMORY_BYTES = 8 * 2**30
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Kit:
    """What all submissions of one lesson share: its source as JSON, settings, limits."""

    lesson: str
    slug: str
    source: str
    config: Config
    limits: Limits
    lots: Lots | None = field(default=None, repr=False)  # None where no agent plays


@dataclass(frozen=True)
class Task:
    """One submission as a judge gets it; `data` is None if there is no file that can be read."""

    kit: Kit
    student: str
    file_name: str
    data: bytes | None
    notes: tuple[Note, ...] = ()
    seconds_late: float = 0.0
    earlier: Earlier = field(default_factory=Earlier)


@dataclass(frozen=True)
class Graded:
    """A graded submission, not yet saved: the notebook and the feedback as texts of files."""

    notebook: str
    feedback: str
    scores: tuple[Score, ...]
    notes: tuple[Note, ...]
    unwritten: tuple[str, ...] = ()
    late: bool = False
    penalty: float = 0.0
    seconds: float = 0.0
    calls: tuple[dict[str, Any], ...] = ()
    fingerprint: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()


@cache
def become_a_judge() -> None:
    """Once in every judge: one thread for numbers, so that no grade depends on the machine."""
    import torch

    torch.set_num_threads(1)


def run_task(task: Task) -> Graded:
    """Grade one submission; a judge that hangs is ended, so that the class goes on."""
    with ONE_AT_A_TIME, watched(task.kit.limits.notebook_seconds + GRACE_SECONDS):
        become_a_judge()
        return grade(task)


@contextlib.contextmanager
def watched(seconds: float) -> Iterator[None]:
    """End the whole process if the block takes longer than so many seconds."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def grade(task: Task) -> Graded:
    """Read, rebuild, execute and score."""
    started = time.perf_counter()
    clear = ClearHiddenTests(config=task.kit.config)
    try:
        if task.data is None:
            raise Unreadable("")
        cells, more = cells_in(task.data, task.file_name)
    except Unreadable as error:
        notes = list(task.notes)
        if task.data is not None:
            notes.append(Note("unreadable", f"{task.file_name} {error}.", problem=True))
        return grade_nothing(task, notes)
    rebuilt = rebuild(parsed(task.kit.source), cells, clear)
    lots = task.kit.lots or Lots.drawn()
    with graded_with(lots.episodes) as trials:
        scores, found, calls = run_and_score(rebuilt, clear, task.kit.limits)
    notes = [*task.notes, *more, *rebuilt.notes, *found]
    notes += agent_notes(trials, lots.names, task.student)
    graded = finished(task, rebuilt.notebook, scores, notes, calls, time.perf_counter() - started)
    return replace(graded, trials=tuple(trials))


def run_and_score(
    rebuilt: Rebuilt, clear: ClearHiddenTests, limits: Limits
) -> tuple[list[Score], list[Note], tuple[dict[str, Any], ...]]:
    """Run a rebuilt notebook and put the outputs into it; scores, incidents, recorded calls."""
    notebook = rebuilt.notebook
    results = execute(cells_to_run(rebuilt, clear, everything=limits.everything), limits)
    scores = score(notebook, results, rebuilt.unwritten)
    return scores, incidents(notebook, results), calls_of(notebook, results)


def grade_nothing(task: Task, notes: list[Note]) -> Graded:
    """No points, but a notebook and a feedback that say why."""
    clear = ClearHiddenTests(config=task.kit.config)
    notebook = rebuild(parsed(task.kit.source), [], clear).notebook
    reason = notes[-1].text if notes else "There is no notebook."
    return finished(task, notebook, score_nothing(notebook, reason), notes)


def finished(
    task: Task,
    notebook: NotebookNode,
    scores: list[Score],
    notes: list[Note],
    calls: tuple[dict[str, Any], ...] = (),
    seconds: float = 0.0,
) -> Graded:
    """The texts of the files, and everything within bounds."""
    marks = fingerprint(notebook, parsed(task.kit.source))
    pages = pages_for(task.kit.slug, Settings(task.kit.config))
    penalty, late = pages.penalty(task.student, scores, task.earlier, task.seconds_late)
    kept = bounded_notes([*late, *notes])
    add_heading(notebook, kept)
    tidied = pages.tidied(notebook, task.kit.lesson, task.student)
    text = nbformat.writes(tidied) + "\n"
    return Graded(
        notebook=text,
        feedback=pages.page(tidied, task.student, scores, task.earlier, penalty),
        scores=tuple(replace(one, message=shortened(one.message, MAX_MESSAGE)) for one in scores),
        notes=tuple(kept),
        unwritten=tuple(
            grade_id(c) for c in tidied.cells if is_solution(c) and automatic_comment(c)
        ),
        late=task.seconds_late > 0,
        penalty=penalty,
        seconds=seconds,
        calls=calls,
        fingerprint=marks,
    )


def untouched(notebook: NotebookNode) -> tuple[str, ...]:
    """The answers that are still as they were given out."""
    answers = (cell for cell in notebook.cells if is_solution(cell))
    return tuple(grade_id(cell) for cell in answers if automatic_comment(cell))


def calls_of(notebook: NotebookNode, results: Mapping[int, CellResult]) -> tuple[dict, ...]:
    """What was asked of the student's functions and what they answered, by cell."""
    return tuple(
        {"cell": grade_id(notebook.cells[index]) or str(index), "calls": list(result.calls)}
        for index, result in sorted(results.items())
        if result.calls
    )


@lru_cache(maxsize=8)
def parsed(source: str) -> NotebookNode:
    """The lesson's notebook; nobody changes it, `rebuild` copies what it takes."""
    return nbformat.reads(source, as_version=4)


class Settings:
    """nbgrader's settings as the key of a cache: equal where they say the same."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.text = repr(config)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.text == other.text


@lru_cache(maxsize=8)
def pages_for(slug: str, settings: Settings) -> FeedbackPages:
    """One maker of feedback for all submissions of a lesson: its templates are compiled once."""
    return FeedbackPages(slug, settings.config)


def end_with(lifeline: Any) -> None:
    """End this process at once when the other end of the pipe is closed, by whatever means."""

    def wait() -> None:
        try:
            lifeline.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def start_judge(lifeline: Any) -> None:
    """The first thing that a process of the local pool does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's, which closes the pipe.
    end_with(lifeline)
    become_a_judge()
    limit_memory()


def limit_memory() -> None:
    """So much more than now, so that no answer of a submission's fills the machine from here."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm") as pages:
            mapped = int(pages.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, mapped + MEMORY_BYTES))
