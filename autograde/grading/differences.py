"""Whose points a run of the grader has changed: said at its end, and kept in `changes.csv`."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograde.building.worked import write_bytes_if_new
from autograde.grading.changes import same_file
from autograde.grading.classroom import Classroom
from autograde.grading.feedback import Earlier
from autograde.grading.records import Record
from autograde.grading.report import as_text, number

SAME_WORK, NEW_WORK = "graded anew", "handed in anew"
LATE = "late penalty"


@dataclass(frozen=True)
class Change:
    """One question of one student that has other points than before; `why` is the reason."""

    student: str
    lesson: str
    exercise: str
    before: float | None
    after: float | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def differences(before: Record | None, after: Record, earlier: Earlier) -> list[Change]:
    """What is other than before; a question whose points a person has set stays as it is."""
    if before is None:
        return []
    why = SAME_WORK if same_file(before.key, after.key) else NEW_WORK
    old = {one.grade_id: one.points for one in before.scores}
    pairs = [
        (one.exercise, old.get(one.grade_id), one.points)
        for one in after.scores
        if one.grade_id not in earlier.scores
    ]
    pairs.append((LATE, 0.0 - before.penalty, 0.0 - after.penalty))
    return [
        Change(after.student, after.lesson, exercise, was, now, why)
        for exercise, was, now in pairs
        if was != now
    ]


def in_words(changes: Iterable[Change]) -> list[str]:
    """A line each."""
    return [
        f"{one.student}, {one.lesson}, {one.exercise}: {number(one.before)} → {number(one.after)} "
        f"({one.why})"
        for one in changes
    ]


def changes_path(room: Classroom) -> Path:
    """Where all changes are kept."""
    return room.report / "changes.csv"


def keep(room: Classroom, changes: list[Change]) -> None:
    """Add the changes to what is kept, with the time."""
    if not changes:
        return
    path, out = changes_path(room), io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if not path.exists():
        writer.writerow(["when", *(field.name for field in fields(Change))])
    when = datetime.now(UTC).isoformat(timespec="seconds")
    for one in changes:
        student, lesson, exercise, before, after, why = astuple(one)
        texts = map(as_text, (student, lesson, exercise))
        writer.writerow([when, *texts, number(before), number(after), why])
    known = path.read_bytes() if path.exists() else b""  # in what coding a spreadsheet left it
    write_bytes_if_new(path, known + out.getvalue().encode())
