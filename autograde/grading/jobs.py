"""The work of a run: which submissions have to be graded, and the task that a judge gets for each.

Tasks are made one after the other, as judges become free, so that a large class needs no large
memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import nbformat
from nbgrader.api import Gradebook

from autograde.grading import gradebook
from autograde.grading.changes import code_digest, grading_key
from autograde.grading.classroom import Classroom
from autograde.grading.executing import Limits
from autograde.grading.feedback import Earlier
from autograde.grading.graded_source import graded_source
from autograde.grading.judge import Kit, Task
from autograde.grading.lots import Lots, plays_agents
from autograde.grading.notes import Note
from autograde.grading.reading import Unreadable
from autograde.grading.saving import earlier_work
from autograde.grading.submissions import Collection, Submission, submitted_bytes
from autograde.lesson import Lesson


@dataclass(frozen=True)
class Job:
    """A submission, what a judge gets of it, and the hash of all that its grade depends on."""

    submission: Submission
    task: Task
    key: str


@dataclass(frozen=True)
class Desk:
    """What is known of a lesson before its submissions are graded."""

    kit: Kit
    due_date: datetime | None
    earlier: dict[str, Earlier]
    digest: str


def prepare(
    room: Classroom,
    book: Gradebook,
    found: Collection,
    lessons: list[Lesson],
    limits: Limits,
    lots: Lots,
) -> dict[Lesson, Desk]:
    """The lessons into the gradebook, and what is known of them.

    Raises:
        CourseError: a lesson is not built, or its graded cells have changed since it was graded.
    """
    code = code_digest()
    desks = {}
    for lesson in lessons:
        if any(one.lesson == lesson for one in found.submissions):
            source = graded_source(lesson)
            gradebook.save_lesson(room, lesson, source)
            book.db.rollback()  # The lesson was saved by another connection: look again.
            drawn = lots if plays_agents(source) else None
            text = nbformat.writes(source)
            kit = Kit(lesson.name, lesson.slug, text, room.config, limits, drawn)
            due = book.find_assignment(lesson.name).duedate
            desks[lesson] = Desk(kit, due, earlier_work(book, lesson), code)
    return desks


def jobs(found: Collection, desks: dict[Lesson, Desk]) -> Iterator[Job]:
    """A job for each submission, its file read when its turn comes."""
    for submission in found.submissions:
        yield job(submission, desks[submission.lesson])


def job(submission: Submission, desk: Desk) -> Job:
    """Read what was handed in; what cannot be read becomes a note."""
    notes, data = list(submission.notes), None
    try:
        data = submitted_bytes(submission)
    except Unreadable as error:
        notes.append(Note("unreadable", f"{submission.file_name} {error}.", problem=True))
    earlier = desk.earlier.get(submission.student, Earlier())
    task = Task(
        kit=desk.kit,
        student=submission.student,
        file_name=submission.file_name,
        data=data,
        notes=tuple(notes),
        seconds_late=seconds_late(submission.timestamp, desk.due_date, earlier),
        earlier=earlier,
    )
    return Job(submission, task, grading_key(task, str(submission.timestamp), desk.digest))


def seconds_late(handed_in: datetime | None, due: datetime | None, earlier: Earlier) -> float:
    """The seconds after the due date, a student's extension taken into account."""
    if handed_in is None or due is None:
        return 0.0
    if earlier.extension is not None:
        due = due + earlier.extension
    return max(0.0, (handed_in - due).total_seconds())
