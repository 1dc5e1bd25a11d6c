"""Grades a class: collects the work, runs it in parallel, saves each result as it comes in.

Threads wait for the processes that run the submissions; everything that is written (gradebook,
notebooks, feedback, records) is written by the thread that called `grade_class`.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from autograde.building.worked import write_if_new
from autograde.grading import gradebook
from autograde.grading.classroom import Classroom
from autograde.grading.collecting import TIMESTAMP, Submission, collect
from autograde.grading.executing import Limits, Stopped
from autograde.grading.feedback import FeedbackWriter
from autograde.grading.incidents import late_note
from autograde.grading.jobs import Graded, Job, prepare, run_job, unreadable
from autograde.grading.notes import Note
from autograde.grading.rebuilding import add_heading
from autograde.grading.records import Record, read_record, write_record
from autograde.lesson import Lesson, all_lessons

OnRecord = Callable[[Record, bool], None]


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


def grade_class(
    room: Classroom,
    lessons: list[Lesson],
    *,
    submitted: Path | None = None,
    workers: int | None = None,
    limits: Limits | None = None,
    force: bool = False,
    on_start: Callable[[int], None] | None = None,
    on_record: OnRecord | None = None,
) -> Outcome:
    """Grade everything that was handed in for these lessons and has changed since last time.

    Args:
        room: where gradebook and results are.
        lessons: the lessons to grade.
        submitted: where to look for submissions; default: the classroom's own folder.
        workers: submissions that run at the same time; default: one a CPU.
        limits: wall-clock limits.
        force: grade also what has not changed.
        on_start: called with the number of submissions.
        on_record: called for each, with its record and whether it was graded now.

    Raises:
        CourseError: nothing to grade, a lesson is not built, or the gradebook does not answer.
    """
    limits = limits or Limits()
    found = collect(submitted or room.submitted, lessons, all_lessons(room.root))
    outcome = Outcome(strays=found.strays)
    if on_start:
        on_start(len(found.submissions))
    report = on_record or (lambda record, graded: None)
    jobs = []
    for job in prepare(room, found, lessons, limits):
        record = read_record(room, job.submission.lesson, job.submission.student)
        if not force and record and record.key == job.key and is_saved(room, job.submission):
            outcome.records.append(record)
            outcome.unchanged += 1
            report(record, False)
        else:
            jobs.append(job)
    run_jobs(room, jobs, limits, workers or cpu_count(), outcome, report)
    outcome.records.sort(key=lambda record: (record.lesson, record.student))
    return outcome


def is_saved(room: Classroom, submission: Submission) -> bool:
    """Whether the results that a record speaks of are still there."""
    return all(path.exists() for path in (autograded_path(room, submission), database(room)))


def database(room: Classroom) -> Path:
    """The gradebook's file; for a database elsewhere, the folder that surely exists."""
    prefix = "sqlite:///"
    if not room.db_url.startswith(prefix):
        return room.base
    return Path(room.db_url.removeprefix(prefix).split("?")[0])


def autograded_path(room: Classroom, submission: Submission) -> Path:
    """Where the graded notebook goes."""
    lesson = submission.lesson
    return room.autograded / submission.student / lesson.name / f"{lesson.slug}.ipynb"


def cpu_count() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    room: Classroom,
    jobs: list[Job],
    limits: Limits,
    workers: int,
    outcome: Outcome,
    report: OnRecord,
) -> None:
    """Run the jobs side by side and save each as it comes in; Ctrl-C keeps what is saved."""
    stop = threading.Event()
    clear = ClearHiddenTests(config=room.config)
    writer = FeedbackWriter(room) if jobs else None
    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(run_job, job, limits, clear, stop): job for job in jobs}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    job = waiting.pop(future)
                    record = save(room, job, future, clear, writer)
                    outcome.records.append(record)
                    outcome.graded += 1
                    report(record, True)
        except KeyboardInterrupt:
            outcome.interrupted = True
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def save(
    room: Classroom,
    job: Job,
    future: "Future[Graded]",
    clear: ClearHiddenTests,
    writer: FeedbackWriter,
) -> Record:
    """Write the results of one submission; the record comes last and says that all is there."""
    submission, lesson = job.submission, job.submission.lesson
    try:
        graded = future.result()
    except Stopped:
        raise KeyboardInterrupt from None
    except Exception as error:  # One submission must not cost the others their grades.
        text = f"The grader failed on it: {type(error).__name__}: {error}."
        graded = unreadable(job, [*submission.notes, Note("grader-failed", text, True)], clear)
    gradebook.save_grades(room, submission, graded.notebook)
    notes = [*late_note(room, submission), *graded.notes]
    add_heading(graded.notebook, notes)
    write_notebook(room, submission, graded.notebook)
    writer.write(submission, graded.notebook)
    record = Record(
        submission.student, lesson.name, job.key, tuple(graded.scores), tuple(notes), graded.seconds
    )
    write_record(room, lesson, record)
    return record


def write_notebook(room: Classroom, submission: Submission, notebook: NotebookNode) -> None:
    """Write the graded notebook, and beside it when it was handed in, for formgrader."""
    path = autograded_path(room, submission)
    write_if_new(path, nbformat.writes(notebook) + "\n")
    if submission.timestamp:
        write_if_new(path.with_name(TIMESTAMP), f"{submission.timestamp} UTC\n")
