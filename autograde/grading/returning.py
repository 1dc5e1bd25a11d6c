"""What goes back to a learning platform: points as the CSV that it imports, feedback as a .zip.

Moodle: the assignment's grading worksheet (columns Identifier, Grade and Last modified (grade);
`mod/assign/feedback/offline`), feedback under the names of its own archive
(`mod/assign/feedback/file`), and for students without a number the gradebook's CSV import.
Canvas: the gradebook's CSV, where a student is found by ID or, without one, by SIS Login ID.
"""

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from autograde.building.worked import write_bytes_if_new, write_if_new
from autograde.errors import CourseError
from autograde.grading.classroom import Classroom
from autograde.grading.identities import Identity, remembered
from autograde.grading.platforms import CANVASES, MOODLES
from autograde.grading.report import as_text, number
from autograde.grading.results import LessonResults, Row, gather
from autograde.grading.trouble import clear_messages
from autograde.lesson import Lesson

PLATFORMS = (MOODLES, CANVASES)
WORKSHEET = ("Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)")
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
FILES = {
    MOODLES: ("moodle-worksheet.csv", "moodle-feedback.zip", "moodle-gradebook.csv"),
    CANVASES: ("canvas-gradebook.csv",),
}
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that the same feedback makes the same archive


@dataclass(frozen=True)
class Returned:
    """What was written for a lesson: files, students in them, and who is not."""

    lesson: str
    possible: float
    files: tuple[Path, ...]
    students: int
    unnumbered: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A student's row of results, and who that is on the platform."""

    row: Row
    identity: Identity | None


@clear_messages()
def export(
    room: Classroom,
    lessons: list[Lesson],
    platform: str,
    folder: Path,
    *,
    title: str | None = None,
    unfinished: bool = False,
) -> list[Returned]:
    """Write the files of each lesson that is graded into `folder`.

    Args:
        room: the class.
        lessons: those that are wanted.
        platform: one of `PLATFORMS`.
        folder: gets a folder a lesson.
        title: the assignment's name in Canvas; default: the lesson's.
        unfinished: also those who wait for points by hand, with what they have so far.

    Raises:
        CourseError: no such platform, nothing of these lessons is graded, a file cannot be written.
    """
    if platform not in PLATFORMS:
        known = " or ".join(PLATFORMS)
        raise CourseError(f"There is no platform called {platform!r} here: --platform {known}.")
    tables = gather(room, lessons)
    if not tables:
        names = ", ".join(lesson.name for lesson in lessons)
        raise CourseError(f"Nothing of {names} is graded yet. Grade it with: course grade")
    write = to_moodle if platform == MOODLES else to_canvas
    found = []
    for table in tables:
        one = write(room, table, folder, title or table.lesson.name, unfinished)
        for name in FILES[platform]:  # Points of an earlier export are not to be imported again.
            if folder / one.lesson / name not in one.files:
                (folder / one.lesson / name).unlink(missing_ok=True)
        found.append(one)
    return found


def lines(
    room: Classroom, table: LessonResults, platform: str, *, unfinished: bool
) -> tuple[list[Line], tuple[str, ...]]:
    """Who gets points now, and who has to wait for them."""
    known = remembered(room, table.lesson)
    kept, waiting = [], []
    for row in table.handed_in:
        if row.by_hand and not unfinished:
            waiting.append(row.student)
            continue
        identity = known.get(row.student)
        kept.append(Line(row, identity if identity and identity.platform == platform else None))
    return kept, tuple(waiting)


def to_moodle(
    room: Classroom, table: LessonResults, folder: Path, title: str, unfinished: bool
) -> Returned:
    """The grading worksheet, the feedback, and what has to go another way."""
    kept, waiting = lines(room, table, MOODLES, unfinished=unfinished)
    ours, own = [one for one in kept if one.identity], folder / table.lesson.name
    others = [one.row for one in kept if not one.identity]
    possible, files = table.handed_in[0].possible, []
    if ours:
        rows = [
            (f"Participant {one.identity.number}", one.row.student, number(one.row.points),
             number(possible), "-")
            for one in ours
        ]  # fmt: skip
        files.append(written(own / "moodle-worksheet.csv", [WORKSHEET, *rows]))
        files.append(zipped(room, table.lesson, ours, own / "moodle-feedback.zip"))
    if others:
        rows = [(row.student, number(row.points)) for row in others]
        files.append(written(own / "moodle-gradebook.csv", [("student", title), *rows]))
    names = tuple(row.student for row in others)
    return Returned(table.lesson.name, possible, tuple(files), len(kept), names, waiting)


def to_canvas(
    room: Classroom, table: LessonResults, folder: Path, title: str, unfinished: bool
) -> Returned:
    """The gradebook's CSV, with the points possible in its second line."""
    kept, waiting = lines(room, table, CANVASES, unfinished=unfinished)
    possible = table.handed_in[0].possible
    rows = [("    Points Possible", "", "", "", "", number(possible))]
    for one in kept:
        student, points = one.row.student, number(one.row.points)
        who = (one.identity.number, "", "") if one.identity else ("", "", student)
        rows.append((student, *who, "", points))
    path = folder / table.lesson.name / "canvas-gradebook.csv"
    files = (written(path, [(*CANVAS, title), *rows]),) if kept else ()
    names = tuple(one.row.student for one in kept if not one.identity)
    return Returned(table.lesson.name, possible, files, len(kept), names, waiting)


def written(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """A CSV in UTF-8, in which no spreadsheet finds a formula but Moodle its lone hyphen."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([value if value == "-" else as_text(value) for value in row] for row in rows)
    write_if_new(path, out.getvalue())
    return path


def zipped(room: Classroom, lesson: Lesson, ours: list[Line], path: Path) -> Path:
    """Everybody's feedback under the name that Moodle gave the submission."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in ours:
            page = room.feedback / one.row.student / lesson.name / f"{lesson.slug}.html"
            name = one.row.student.replace("_", " ")  # Moodle splits at underscores
            folder = f"{name}_{one.identity.number}_assignsubmission_file_"
            if page.exists():
                about = zipfile.ZipInfo(f"{folder}/{page.name}", LONG_AGO)
                archive.writestr(about, page.read_bytes(), zipfile.ZIP_DEFLATED)
    write_bytes_if_new(path, out.getvalue())
    return path
