"""Everything that is written to and read from nbgrader's gradebook, through nbgrader itself."""

import contextlib
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, SaveCells
from sqlalchemy.exc import OperationalError, SAWarning

from autograde.errors import CourseError
from autograde.grading.classroom import Classroom
from autograde.grading.collecting import Submission
from autograde.lesson import Lesson


@dataclass(frozen=True)
class SavedGrade:
    """One graded cell of one student, as the gradebook has it now, manual grading included."""

    student: str
    grade_id: str
    points: float
    possible: float
    needs_manual_grade: bool


@dataclass(frozen=True)
class SavedSubmission:
    """One student's notebook in the gradebook."""

    student: str
    penalty: float
    seconds_late: float


@contextlib.contextmanager
def open_gradebook(room: Classroom) -> Iterator[Gradebook]:
    """The gradebook; trouble with the database becomes one clear message."""
    try:
        room.base.mkdir(parents=True, exist_ok=True)
        find_programs()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own queries, harmless
            with Gradebook(room.db_url, room.course_id) as gradebook:
                yield gradebook
    except OperationalError as error:
        raise CourseError(database_trouble(room, str(error.orig or error)), exit_code=1) from None


def find_programs() -> None:
    """Put this Python's programs on PATH: for a new gradebook nbgrader starts `alembic` from it."""
    if shutil.which("alembic") is None:
        programs = os.fspath(Path(sys.executable).parent)
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])


def database_trouble(room: Classroom, reason: str) -> str:
    """What to do about a database that does not answer."""
    if "locked" in reason:
        return (
            f"The gradebook {room.db_url} is locked by another program. Wait until the other "
            "`course grade`, nbgrader or formgrader is done, then run this again: nothing is lost."
        )
    return (
        f"The gradebook {room.db_url} cannot be used: {reason}. If an older nbgrader made it, "
        "`nbgrader db upgrade` may help."
    )


def save_lesson(room: Classroom, lesson: Lesson, source: NotebookNode) -> None:
    """Make the lesson an assignment, or bring it up to date.

    Raises:
        CourseError: graded cells were added or removed although work has been graded.
    """
    with open_gradebook(room) as gradebook:
        gradebook.update_or_create_assignment(lesson.name)
    resources = resources_of(room, lesson, ".")
    with open_gradebook(room):
        try:
            SaveCells(config=room.config, log=quiet_log()).preprocess(source, resources)
        except RuntimeError:
            raise CourseError(
                f"The cells of {lesson.name} that are graded are not the ones in {room.db_url}, "
                "and work has been graded already. Keep a copy of that file, forget the old grades "
                f"with `nbgrader db assignment remove {lesson.name} --force`, and grade again.",
                exit_code=1,
            ) from None


def save_grades(room: Classroom, submission: Submission, notebook: NotebookNode) -> NotebookNode:
    """Save a rebuilt notebook with outputs, by nbgrader's own steps after its execution.

    A student who is not in the gradebook is added. Points given by hand are kept.
    """
    lesson, student = submission.lesson, submission.student
    with open_gradebook(room) as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(lesson.name, student, timestamp=submission.timestamp)
        converter = Autograde(coursedir=room.directory, config=room.config)
        resources: dict[str, Any] = resources_of(room, lesson, student)
        for step in converter.autograde_preprocessors:
            if not issubclass(step, Execute):
                made = step(config=room.config, log=quiet_log())
                notebook, resources = made(notebook, resources)
    return notebook


def resources_of(room: Classroom, lesson: Lesson, student: str) -> dict[str, Any]:
    """What nbgrader's steps want to know about a notebook."""
    names = {"assignment": lesson.name, "notebook": lesson.slug, "student": student}
    return {"unique_key": lesson.slug, "nbgrader": {**names, "db_url": room.db_url}}


def set_due_date(room: Classroom, lesson: Lesson, when: datetime) -> None:
    """When work for a lesson is due, in UTC."""
    with open_gradebook(room) as gradebook:
        gradebook.update_or_create_assignment(lesson.name, duedate=when)


def due_date(room: Classroom, lesson: Lesson) -> str:
    """The lesson's due date in UTC, or an empty string."""
    with open_gradebook(room) as gradebook:
        try:
            return str(gradebook.find_assignment(lesson.name).duedate or "")
        except MissingEntry:
            return ""


def saved_grades(room: Classroom, lesson: Lesson) -> list[SavedGrade]:
    """All grades of a lesson; none if nothing was graded."""
    with open_gradebook(room) as gradebook:
        return [
            SavedGrade(
                submission.student_id,
                grade.name,
                float(grade.score),
                float(grade.max_score),
                bool(grade.needs_manual_grade),
            )
            for submission in gradebook.assignment_submissions(lesson.name)
            for notebook in submission.notebooks
            for grade in notebook.grades
        ]


def saved_submissions(room: Classroom, lesson: Lesson) -> dict[str, SavedSubmission]:
    """All submissions of a lesson by student."""
    with open_gradebook(room) as gradebook:
        found = gradebook.assignment_submissions(lesson.name)
        return {one.student_id: as_saved(one) for one in found}


def saved_submission(room: Classroom, lesson: Lesson, student: str) -> SavedSubmission:
    """One submission that is in the gradebook."""
    with open_gradebook(room) as gradebook:
        return as_saved(gradebook.find_submission(lesson.name, student))


def as_saved(submission: SubmittedAssignment) -> SavedSubmission:
    """What is needed of a submission."""
    penalty = float(submission.late_submission_penalty or 0.0)
    return SavedSubmission(submission.student_id, penalty, float(submission.total_seconds_late))


def known_students(room: Classroom) -> list[str]:
    """Everybody in the gradebook."""
    with open_gradebook(room) as gradebook:
        return sorted(student.id for student in gradebook.students)


def quiet_log() -> logging.Logger:
    """nbgrader's steps warn about what the report says better."""
    log = logging.getLogger("autograde.nbgrader")
    log.setLevel(logging.CRITICAL)
    return log
