"""Saves graded submissions: gradebook, notebook, feedback, and last the record that all is there.

The rows in the gradebook are the ones that nbgrader's own steps write, in one commit a submission
instead of one a cell.
"""

import contextlib
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import ColumnElement, Select, or_, select

from autograde.building.worked import write_bytes_if_new, write_if_new
from autograde.grading.classroom import Classroom
from autograde.grading.feedback import NO_RESPONSE, Earlier
from autograde.grading.judge import Graded
from autograde.grading.records import Record, calls_path, write_record
from autograde.grading.submissions import TIMESTAMP, Submission
from autograde.lesson import Lesson

MAX_CALLS = 2_000_000


def autograded_path(room: Classroom, submission: Submission) -> Path:
    """Where the graded notebook goes."""
    lesson = submission.lesson
    return room.autograded / submission.student / lesson.name / f"{lesson.slug}.ipynb"


def feedback_path(room: Classroom, submission: Submission) -> Path:
    """Where the feedback goes."""
    lesson = submission.lesson
    return room.feedback / submission.student / lesson.name / f"{lesson.slug}.html"


def save(
    room: Classroom, book: Gradebook, submission: Submission, key: str, graded: Graded
) -> Record:
    """Write the results of one submission; the record comes last and says that all is there."""
    lesson = submission.lesson
    save_grades(book, submission, graded)
    path = autograded_path(room, submission)
    sweep(path.parent, feedback_path(room, submission).parent)
    write_if_new(path, graded.notebook)
    if submission.timestamp:  # For formgrader, which shows when it was handed in.
        write_if_new(path.with_name(TIMESTAMP), f"{submission.timestamp} UTC\n")
    write_if_new(feedback_path(room, submission), graded.feedback)
    write_calls(calls_path(room, lesson, submission.student), graded)
    record = Record(
        student=submission.student,
        lesson=lesson.name,
        key=key,
        scores=graded.scores,
        notes=graded.notes,
        seconds=graded.seconds,
        fingerprint=graded.fingerprint,
        penalty=graded.penalty,
        trials=graded.trials,
    )
    write_record(room, lesson, record)
    return record


@contextlib.contextmanager
def one_commit(book: Gradebook) -> Iterator[None]:
    """All that nbgrader would commit step by step, at once: all of it is saved or nothing."""
    session = book.db()
    book.db.commit = session.flush
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del book.db.commit


def save_grades(book: Gradebook, submission: Submission, graded: Graded) -> None:
    """Scores, automatic comments and the late penalty, as nbgrader's steps save them.

    A student who is not in the gradebook is added. Points given by hand are kept, and what was
    graded by hand before is marked for another look.
    """
    lesson, student = submission.lesson, submission.student
    with one_commit(book):
        book.update_or_create_student(student)
        when = submission.timestamp
        book.update_or_create_submission(lesson.name, student, timestamp=when)
        saved = book.find_submission_notebook(lesson.slug, lesson.name, student)
        grades = rows_by_name(book, Grade, saved)
        for one in graded.scores:
            grade = grades[one.grade_id]
            grade.auto_score = one.points
            grade.needs_manual_grade = grade.manual_score is not None or one.points is None
        for name, comment in rows_by_name(book, Comment, saved).items():
            comment.auto_comment = NO_RESPONSE if name in graded.unwritten else None
        saved.late_submission_penalty = graded.penalty if graded.late else None


def rows_by_name(book: Gradebook, kind: type, saved: SubmittedNotebook) -> dict[str, Any]:
    """The grades or comments of a notebook, by grade_id, in one query."""
    query = select(BaseCell.name, kind).join(kind, kind.cell_id == BaseCell.id)
    return dict(book.db.execute(query.where(kind.notebook_id == saved.id)).all())


def earlier_work(book: Gradebook, lesson: Lesson) -> dict[str, Earlier]:
    """What people have entered in formgrader for a lesson, by student."""
    found: dict[str, Earlier] = {}
    for submission in book.db.scalars(submissions_of(lesson)):
        found[submission.student_id] = Earlier(extension=submission.extension)
    for kind in (Grade, Comment):
        query = (
            select(SubmittedAssignment.student_id, BaseCell.name, kind)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(kind, kind.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == kind.cell_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .where(Assignment.name == lesson.name, entered_by_hand(kind))
        )
        for student, name, row in book.db.execute(query):
            take_in(found[student], name, row)
    book.db.rollback()  # Nothing was written; let go of the database.
    return found


def submissions_of(lesson: Lesson) -> Select:
    """All submissions of a lesson."""
    query = select(SubmittedAssignment).join(Assignment)
    return query.where(Assignment.name == lesson.name)


def entered_by_hand(kind: type) -> ColumnElement[bool]:
    """Whether a person has entered something in a row."""
    if kind is Grade:
        return or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None))
    return Comment.manual_comment.is_not(None)


def take_in(earlier: Earlier, name: str, row: Grade | Comment) -> None:
    """Remember what a row says."""
    if isinstance(row, Comment):
        earlier.comments[name] = row.manual_comment
        return
    if row.manual_score is not None:
        earlier.scores[name] = row.manual_score
    if row.extra_credit is not None:
        earlier.extra[name] = row.extra_credit


def write_calls(path: Path, graded: Graded) -> None:
    """What was asked of the student's functions, and the answers, for a dispute; bounded."""
    if not graded.calls:
        path.unlink(missing_ok=True)
        return
    kept, left = [], MAX_CALLS
    for one in graded.calls:
        text = json.dumps(one, ensure_ascii=False)
        left -= len(text)
        kept.append(text if left >= 0 else json.dumps({"cell": one["cell"], "calls": "too long"}))
    text = "[" + ",\n".join(kept) + "]\n"
    write_bytes_if_new(path, gzip.compress(text.encode(), compresslevel=3, mtime=0))


def sweep(*folders: Path) -> None:
    """Throw away what a run that was ended in the middle of writing has left half written."""
    for folder in folders:
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
