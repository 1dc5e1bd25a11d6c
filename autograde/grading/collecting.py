"""Finds what was handed in: SUBMITTED/STUDENT/LESSON/slug.ipynb, and what is odd about it.

Links are never followed, and nothing outside the students' folders is looked at.
"""

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from pathlib import Path

from nbgrader.utils import parse_utc

from autograde.errors import CourseError
from autograde.grading.notes import Note
from autograde.lesson import Lesson

STUDENT = re.compile(r"\w[\w.@ -]*")
TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one lesson; `path` is None if there is no notebook.

    If `path` is an archive, `inside` names the notebook in it; for an archive in an archive, both.
    """

    student: str
    lesson: Lesson
    folder: Path
    path: Path | None = None
    timestamp: datetime | None = None
    notes: tuple[Note, ...] = ()
    inside: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The notebook's name, as the student gave it."""
        if self.inside:
            return self.inside[-1].rsplit("/", 1)[-1]
        return self.path.name if self.path else f"{self.lesson.slug}.ipynb"


@dataclass
class Collection:
    """All submissions, in the order of lessons and students, and what could not be placed."""

    submissions: list[Submission] = field(default_factory=list)
    students: list[str] = field(default_factory=list)
    strays: list[Note] = field(default_factory=list)


def collect(folder: Path, lessons: list[Lesson], known: list[Lesson]) -> Collection:
    """The submissions for `lessons`; folders of no lesson in `known` are strays.

    Raises:
        CourseError: there is nothing to grade.
    """
    found = Collection()
    for entry in entries(folder):
        if not is_folder(entry):
            found.strays.append(stray(entry, folder, "is not a student's folder"))
        elif not STUDENT.fullmatch(entry.name):
            found.strays.append(stray(entry, folder, "cannot be a student's name"))
        else:
            found.students.append(entry.name)
            found.strays += stray_lessons(entry, folder, known)
    for lesson in lessons:
        folders = [(name, folder / name / lesson.name) for name in found.students]
        found.submissions += [
            find_submission(name, lesson, own) for name, own in folders if own.is_dir()
        ]
    if not found.submissions:
        raise CourseError(nothing_found(folder, lessons))
    return found


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, hidden entries left out."""
    if not folder.is_dir():
        return []
    return sorted(item for item in folder.iterdir() if not item.name.startswith("."))


def is_folder(entry: Path) -> bool:
    """Whether it is a folder and not a link to one."""
    return entry.is_dir() and not entry.is_symlink()


def stray(entry: Path, folder: Path, reason: str) -> Note:
    """A note on something that could not be placed."""
    name = entry.relative_to(folder).as_posix().encode("utf-8", "replace").decode("utf-8")
    link = " (a symbolic link, which is not followed)" if entry.is_symlink() else ""
    return Note("stray", f"{name} {reason}{link}.", problem=True)


def stray_lessons(student: Path, folder: Path, known: list[Lesson]) -> list[Note]:
    """Notes on everything in a student's folder that is not a lesson."""
    names = {lesson.name for lesson in known}
    return [
        stray(entry, folder, "is not the folder of a lesson")
        for entry in entries(student)
        if entry.name not in names
    ]


def find_submission(student: str, lesson: Lesson, folder: Path) -> Submission:
    """The submission in a folder, with notes on everything that is not as it should be."""
    if folder.is_symlink():
        note = Note("link", "The lesson's folder is a symbolic link, which is not followed.", True)
        return Submission(student, lesson, folder, notes=(note,))
    path, notes = find_notebook(folder, f"{lesson.slug}.ipynb")
    timestamp, more = read_timestamp(folder / TIMESTAMP)
    return Submission(student, lesson, folder, path, timestamp, (*notes, *more))


def find_notebook(folder: Path, name: str) -> tuple[Path | None, list[Note]]:
    """The notebook with the right name, else the one whose name is closest to it."""
    found = [item for item in entries(folder) if item.suffix.lower() == ".ipynb"]
    exact = [item for item in found if item.name == name]
    if exact:
        return exact[0], []
    if not found:
        return None, [Note("missing", f"There is no notebook; {name} was expected.", True)]
    found.sort(key=lambda item: -SequenceMatcher(None, item.name.lower(), name).ratio())
    others = f" It was chosen from {len(found)} notebooks." if len(found) > 1 else ""
    text = f"The notebook is called {found[0].name}, not {name}; it was graded.{others}"
    return found[0], [Note("file-name", text)]


def read_timestamp(path: Path) -> tuple[datetime | None, list[Note]]:
    """When the work was handed in, in UTC, as nbgrader's collectors write it down."""
    if path.is_symlink() or not path.is_file():
        return None, []
    try:
        with open(path, encoding="utf-8") as file:
            return parse_utc(file.read(200).strip()), []
    except (OSError, ValueError, OverflowError):
        return None, [Note("timestamp", f"{TIMESTAMP} is not a date; the work counts as in time.")]


def nothing_found(folder: Path, lessons: list[Lesson]) -> str:
    """Where submissions were looked for, and what the folders should look like."""
    names = ", ".join(lesson.name for lesson in lessons) or "no lesson"
    example = lessons[0] if lessons else None
    wanted = f"STUDENT{os.sep}{example.name}{os.sep}{example.slug}.ipynb" if example else ""
    state = "is empty or holds none for" if folder.is_dir() else "does not exist; looked there for"
    return (
        f"There are no submissions: {folder} {state} {names}.\n"
        f"A submission lies in {folder}{os.sep}{wanted}, one folder a student.\n"
        "Name another folder with --submitted DIR, or see an invented class with `course demo`."
    )
