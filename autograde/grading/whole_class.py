"""Grades a class: collects the work, lets judges grade it in parallel, saves each as it comes in.

Everything that is written (gradebook, notebooks, feedback, records) is written by the process that
called `grade_class`, a submission at a time. A run that ends in the middle, for whatever reason,
has lost nothing: the next one goes on with what has no record yet.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook

from autograde.errors import CourseError
from autograde.grading import gradebook
from autograde.grading.classroom import Classroom
from autograde.grading.collecting import collect
from autograde.grading.executing import Limits
from autograde.grading.jobs import Desk, Job, jobs, prepare
from autograde.grading.judge import Graded, grade_nothing
from autograde.grading.judges import JudgeDied, Judges, LocalJudges, run_jobs
from autograde.grading.locking import only_one
from autograde.grading.lots import class_lots
from autograde.grading.notes import Note
from autograde.grading.records import Record, read_record
from autograde.grading.saving import autograded_path, feedback_path, save, sweep
from autograde.grading.trouble import clear_messages
from autograde.lesson import Lesson, all_lessons

OnRecord = Callable[[Record, bool], None]
NOT_FINAL = ""  # the key of a record that the next run makes again


@dataclass
class Outcome:
    """What a run of the grader did."""

    records: list[Record] = field(default_factory=list)
    graded: int = 0
    unchanged: int = 0
    strays: list[Note] = field(default_factory=list)
    interrupted: bool = False

    @property
    def problems(self) -> int:
        """How many submissions and stray files a person should look at."""
        return len(self.strays) + sum(bool(record.problems) for record in self.records)


@dataclass
class Run:
    """One call of `grade_class` at work."""

    room: Classroom
    book: Gradebook
    outcome: Outcome
    report: OnRecord
    force: bool


def grade_class(
    room: Classroom,
    lessons: list[Lesson],
    *,
    submitted: Path | None = None,
    judges: Judges | None = None,
    limits: Limits | None = None,
    force: bool = False,
    fresh_episodes: bool = False,
    on_start: Callable[[int], None] | None = None,
    on_record: OnRecord | None = None,
) -> Outcome:
    """Grade everything that was handed in for these lessons and has changed since last time.

    Args:
        room: where gradebook and results are.
        lessons: the lessons to grade.
        submitted: where to look for submissions; default: the classroom's own folder.
        judges: who grades; default: a process on this machine for each CPU. They are closed.
        limits: wall-clock limits.
        force: grade also what has not changed.
        fresh_episodes: draw other episodes for agents, which are then graded again.
        on_start: called with the number of submissions.
        on_record: called for each, with its record and whether it was graded now.

    Raises:
        CourseError: nothing to grade, a lesson is not built, the gradebook does not answer, the
            disk is full, or another process grades this class.
    """
    judges = judges or LocalJudges()
    with contextlib.closing(judges), clear_messages(), only_one(room.state / "lock"):
        sweep(room.report, *(room.state / lesson.name for lesson in lessons))
        found = collect(submitted or room.submitted, lessons, all_lessons(room.root))
        outcome = Outcome(strays=found.strays)
        if on_start:
            on_start(len(found.submissions))
        with gradebook.open_gradebook(room) as book:
            run = Run(room, book, outcome, on_record or (lambda record, graded: None), force)
            lots = class_lots(room.state, anew=fresh_episodes)
            desks = prepare(room, book, found, lessons, limits or Limits(), lots)
            grade_all(run, judges, changed(run, jobs(found, desks), desks))
    outcome.records.sort(key=lambda record: (record.lesson, record.student))
    return outcome


def changed(run: Run, todo: Iterator[Job], desks: dict[Lesson, Desk]) -> Iterator[Job]:
    """The jobs whose results are not there yet; the others are reported as they are."""
    for job in todo:
        submission = job.submission
        record = read_record(run.room, submission.lesson, submission.student)
        known = submission.student in desks[submission.lesson].earlier
        if run.force or not known or not is_saved(run.room, job, record):
            yield job
        else:
            run.outcome.records.append(record)
            run.outcome.unchanged += 1
            run.report(record, False)


def is_saved(room: Classroom, job: Job, record: Record | None) -> bool:
    """Whether this very job has a record, and the files that it speaks of are still there."""
    files = autograded_path(room, job.submission), feedback_path(room, job.submission)
    return record is not None and record.key == job.key and all(path.exists() for path in files)


def grade_all(run: Run, judges: Judges, todo: Iterator[Job]) -> None:
    """Let the judges grade the jobs and save each as it comes in; Ctrl-C keeps what is saved."""
    try:
        for job, result in run_jobs(judges, todo):
            with uninterrupted():
                record = save_result(run, job, result)
                run.outcome.records.append(record)
                run.outcome.graded += 1
            run.report(record, True)
    except KeyboardInterrupt:
        run.outcome.interrupted = True


def save_result(run: Run, job: Job, result: Graded | Exception) -> Record:
    """Save what a judge returned; where it failed, that is an incident of this submission alone.

    A failure may be the machine's: its record does not count as graded, and the next run tries
    again.
    """
    if isinstance(result, CourseError):  # The machine's trouble: no submission can be graded.
        raise result
    if isinstance(result, Graded):
        return save(run.room, run.book, job.submission, job.key, result)
    code = "judge-died" if isinstance(result, JudgeDied) else "grader-failed"
    text = f"The grader failed on it: {type(result).__name__}: {result}."
    notes = [*job.task.notes, Note(code, text, problem=True)]
    return save(run.room, run.book, job.submission, NOT_FINAL, grade_nothing(job.task, notes))


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C wait until the block is done, so that a finished result is saved."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
