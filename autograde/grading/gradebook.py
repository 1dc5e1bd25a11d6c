"""Everything that is written to and read from nbgrader's gradebook, through nbgrader itself."""

import contextlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path

import nbgrader.api
from nbformat import NotebookNode
from nbgrader.api import Gradebook, InvalidEntry, MissingEntry, SubmittedAssignment
from nbgrader.preprocessors import SaveCells
from sqlalchemy import inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SAWarning

from autograde.errors import CourseError
from autograde.grading.classroom import Classroom
from autograde.grading.quiet import quiet_log
from autograde.lesson import Lesson


@dataclass(frozen=True)
class SavedGrade:
    """One graded cell of one student, as the gradebook has it now, manual grading included."""

    student: str
    grade_id: str
    points: float
    possible: float
    needs_manual_grade: bool
    by_hand: bool = False


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
            with connect(room) as gradebook:
                complete(gradebook)
                yield gradebook
    except (DBAPIError, ArgumentError, NoSuchModuleError, InvalidEntry) as error:
        reason = str(getattr(error, "orig", None) or error)
        raise CourseError(database_trouble(room, reason), exit_code=1) from None


def connect(room: Classroom) -> Gradebook:
    """nbgrader's gradebook, if there is a driver for its kind of database."""
    try:
        return Gradebook(room.db_url, room.course_id)
    except ModuleNotFoundError as error:
        raise CourseError(no_driver(room, error.name), exit_code=1) from None


def complete(gradebook: Gradebook) -> None:
    """Make up for a run that was ended while nbgrader made a new database.

    nbgrader writes its version last, and only into a database without tables.
    """
    connection = gradebook.db()
    if inspect(gradebook.engine).has_table("alembic_version"):
        if connection.execute(text("SELECT count(*) FROM alembic_version")).scalar():
            connection.rollback()
            return
    else:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    version = {"version": nbgrader.api.get_alembic_version()}
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:version)"), version)
    connection.commit()


def find_programs() -> None:
    """Put this Python's programs on PATH: for a new gradebook nbgrader starts `alembic` from it."""
    if shutil.which("alembic") is None:
        programs = os.fspath(Path(sys.executable).parent)
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])


def no_driver(room: Classroom, module: str | None) -> str:
    """What is missing for a database of this kind."""
    hint = "pip install -c constraints.txt -e .[postgresql]" if "postgres" in room.db_url else ""
    install = f"Install it with: {hint}" if hint else "Install it with pip."
    return f"For the gradebook {shown_url(room)} Python needs the driver {module}. {install}"


def shown_url(room: Classroom) -> str:
    """The gradebook's address without its password."""
    try:
        return make_url(room.db_url).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(room.db_url)


def database_trouble(room: Classroom, reason: str) -> str:
    """What to do about a database that does not answer."""
    address = shown_url(room)
    if "full" in reason:
        return (
            f"The disk is full: the gradebook {address} cannot grow. Free some space, then run "
            "this again: what is graded so far is saved."
        )
    if "readonly" in reason or "unable to open" in reason:
        return (
            f"The gradebook {address} cannot be written ({reason}). Make the file and its folder "
            "writable for you, or name another gradebook with --db, then run this again."
        )
    if "locked" in reason:
        return (
            f"The gradebook {address} is locked by another program. Wait until the other "
            "`course grade`, nbgrader or formgrader is done, then run this again: nothing is lost."
        )
    return (
        f"The gradebook {address} cannot be used: {reason}. If an older nbgrader made it, "
        "`nbgrader db upgrade` may help."
    )


def save_lesson(room: Classroom, lesson: Lesson, source: NotebookNode) -> None:
    """Make the lesson an assignment, or bring it up to date.

    Raises:
        CourseError: graded cells were added or removed although work has been graded.
    """
    with open_gradebook(room) as gradebook:
        gradebook.update_or_create_assignment(lesson.name)
    names = {"assignment": lesson.name, "notebook": lesson.slug, "student": "."}
    resources = {"unique_key": lesson.slug, "nbgrader": {**names, "db_url": room.db_url}}
    with open_gradebook(room):
        try:
            SaveCells(config=room.config, log=quiet_log()).preprocess(source, resources)
        except RuntimeError:
            raise CourseError(
                f"The cells of {lesson.name} that are graded are not the ones in "
                f"{shown_url(room)}, and work has been graded already. Keep a copy of it, forget "
                f"the old grades with `nbgrader db assignment remove {lesson.name} --force`, and "
                "grade again.",
                exit_code=1,
            ) from None


def set_due_date(room: Classroom, lesson: Lesson, when: datetime) -> None:
    """When work for a lesson is due, in UTC."""
    with open_gradebook(room) as gradebook:
        gradebook.update_or_create_assignment(lesson.name, duedate=when)


def grant_extension(room: Classroom, lesson: Lesson, student: str, days: float) -> datetime | None:
    """Let a student hand in so many days later, 0 to take it back; the new date, if there is one.

    Raises:
        CourseError: nobody of this name is known; the lesson is not built.
    """
    from autograde.grading.graded_source import graded_source

    save_lesson(room, lesson, graded_source(lesson))
    with open_gradebook(room) as gradebook:
        known = [one.id for one in gradebook.students]
        if student not in known:
            close = get_close_matches(student, known, 3)
            hint = f"Did you mean {' or '.join(close)}?" if close else "course report lists them."
            raise CourseError(f"There is no student called {student!r} in the gradebook. {hint}")
        gradebook.update_or_create_submission(lesson.name, student)
        gradebook.grant_extension(lesson.name, student, days=days)
        due = gradebook.find_assignment(lesson.name).duedate
        return due + timedelta(days=days) if due else None


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
                grade.manual_score is not None,
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
