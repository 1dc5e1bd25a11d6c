"""One submission's way from the file to its scores; nothing here writes results."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading import gradebook
from autograde.grading.changes import code_digest, grading_key
from autograde.grading.choosing import cells_to_run
from autograde.grading.classroom import Classroom
from autograde.grading.collecting import Collection, Submission
from autograde.grading.executing import Limits, execute
from autograde.grading.graded_source import graded_source
from autograde.grading.incidents import incidents
from autograde.grading.notes import Note
from autograde.grading.outcomes import Score
from autograde.grading.reading import Unreadable, read_cells
from autograde.grading.rebuilding import rebuild
from autograde.grading.scoring import score, score_nothing
from autograde.lesson import Lesson


@dataclass
class Job:
    """A submission that has to be graded."""

    submission: Submission
    source: NotebookNode
    key: str


@dataclass
class Graded:
    """A submission that was run and scored, not yet saved."""

    submission: Submission
    notebook: NotebookNode
    scores: list[Score]
    notes: list[Note]
    seconds: float = 0.0


def prepare(
    room: Classroom, found: Collection, lessons: list[Lesson], limits: Limits
) -> Iterator[Job]:
    """The lessons into the gradebook, and a job for each submission."""
    sources = {}
    due_dates = {}
    for lesson in lessons:
        if any(one.lesson == lesson for one in found.submissions):
            sources[lesson] = graded_source(lesson)
            gradebook.save_lesson(room, lesson, sources[lesson])
            due_dates[lesson] = gradebook.due_date(room, lesson)
    code = code_digest()
    for one in found.submissions:
        source, due_date = sources[one.lesson], due_dates[one.lesson]
        yield Job(one, source, grading_key(room, one, source, due_date, limits, code))


def run_job(job: Job, limits: Limits, clear: ClearHiddenTests, stop: threading.Event) -> Graded:
    """Read, rebuild, execute and score one submission."""
    started = time.perf_counter()
    submission = job.submission
    notes = list(submission.notes)
    try:
        if submission.path is None:
            raise Unreadable("")
        cells, more = read_cells(submission.path)
    except Unreadable as error:
        if submission.path is not None:
            notes.append(Note("unreadable", f"{submission.path.name} {error}.", problem=True))
        return unreadable(job, notes, clear)
    rebuilt = rebuild(job.source, cells, clear)
    notebook = rebuilt.notebook
    todo = cells_to_run(rebuilt, clear, everything=limits.everything)
    results = execute(todo, limits, stop)
    scores = score(notebook, results, rebuilt.unwritten)
    notes += [*more, *rebuilt.notes, *incidents(notebook, results)]
    return Graded(submission, notebook, scores, notes, time.perf_counter() - started)


def unreadable(job: Job, notes: list[Note], clear: ClearHiddenTests) -> Graded:
    """No points, but a notebook and a feedback that say why."""
    notebook = rebuild(job.source, [], clear).notebook
    return Graded(job.submission, notebook, score_nothing(notebook, notes[-1].text), notes)
