"""Finds what was handed in: SUBMITTED/STUDENT/LESSON/slug.ipynb, and what is odd about it.

Archives are read as well: of one student, in that student's folder; of a class, as learning
platforms make them, in SUBMITTED or in its place. Links are never followed, and nothing outside the
students' folders is looked at.
"""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from autograde.errors import CourseError
from autograde.grading.archives import is_archive, is_other_archive, parts_of, shown
from autograde.grading.class_archives import (
    any_notebook,
    by_lesson,
    collect_class,
    from_archive,
    listed,
)
from autograde.grading.notes import Note
from autograde.grading.platforms import is_student
from autograde.grading.submissions import (
    NO_DATE,
    TIMESTAMP,
    Collection,
    Submission,
    as_time,
    choose,
)
from autograde.lesson import Lesson


def collect(folder: Path, lessons: list[Lesson], known: list[Lesson]) -> Collection:
    """The submissions for `lessons`; folders of no lesson in `known` are strays.

    Args:
        folder: holds a folder a student, or archives; or is itself the archive of a class.
        lessons: the lessons that are graded now.
        known: all lessons there are.

    Raises:
        CourseError: there is nothing to grade.
    """
    found = Collection()
    archives = [folder] if is_archive(folder) else []
    for entry in entries(folder):
        if is_archive(entry):
            archives.append(entry)
        elif not is_folder(entry):
            found.strays.append(stray(entry, folder, not_a_student(entry)))
        elif not is_student(entry.name):
            found.strays.append(stray(entry, folder, "cannot be a student's name"))
        else:
            found.students.append(entry.name)
            found.strays += stray_lessons(entry, folder, known)
    collect_folders(found, folder, lessons, known)
    for archive in archives:
        collect_class(found, archive, lessons, known)
    if not found.submissions:
        raise CourseError(nothing_found(folder, lessons, found.strays))
    found.submissions.sort(key=lambda one: (lessons.index(one.lesson), one.student))
    return found


def collect_folders(
    found: Collection, folder: Path, lessons: list[Lesson], known: list[Lesson]
) -> None:
    """What lies in the students' own folders: in a lesson's folder, or in an archive."""
    for student in found.students:
        for lesson in lessons:
            own = folder / student / lesson.name
            if own.is_dir():
                found.submissions.append(find_submission(student, lesson, own))
        for archive in filter(is_archive, entries(folder / student)):
            names, notes = listed(archive)
            files = [(name, parts_of(name)) for name in names]
            found.strays += [note for note in notes if not names]
            for lesson, choice in by_lesson(files, lessons, known).items():
                made = from_archive(student, lesson, archive, choice, tuple(notes))
                found.add_once(made)


def not_a_student(entry: Path) -> str:
    """What is wrong with something that is no folder."""
    if is_other_archive(entry):
        return "is an archive of a kind that is not read; make a .zip of it"
    return "is not a student's folder"


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
    name = shown(entry.relative_to(folder).as_posix())
    link = " (a symbolic link, which is not followed)" if entry.is_symlink() else ""
    return Note("stray", f"{name} {reason}{link}.", problem=True)


def stray_lessons(student: Path, folder: Path, known: list[Lesson]) -> list[Note]:
    """Notes on everything in a student's folder that is not a lesson."""
    names = {lesson.name for lesson in known}
    return [
        stray(entry, folder, "is not the folder of a lesson")
        for entry in entries(student)
        if entry.name not in names and not is_archive(entry)
    ]


def find_submission(student: str, lesson: Lesson, folder: Path) -> Submission:
    """The submission in a folder, with notes on everything that is not as it should be."""
    if folder.is_symlink():
        note = Note("link", "The lesson's folder is a symbolic link, which is not followed.", True)
        return Submission(student, lesson, folder, notes=(note,))
    timestamp, odd = read_timestamp(folder / TIMESTAMP)
    notebooks = [item.name for item in entries(folder) if item.suffix.lower() == ".ipynb"]
    archives = [item for item in entries(folder) if is_archive(item)]
    if notebooks:
        name, notes = choose(notebooks, f"{lesson.slug}.ipynb")
        return Submission(student, lesson, folder, folder / name, timestamp, (*notes, *odd))
    for archive in archives:
        names, notes = listed(archive)
        files = [(name, parts_of(name)) for name in names]
        if any_notebook(files):
            made = from_archive(student, lesson, archive, files, (*notes, *odd))
            return replace(made, timestamp=timestamp or made.timestamp)
        odd = [*notes, *odd]
    note = Note("missing", f"There is no notebook; {lesson.slug}.ipynb was expected.", True)
    return Submission(student, lesson, folder, None, timestamp, (note, *odd))


def read_timestamp(path: Path) -> tuple[datetime | None, list[Note]]:
    """When the work was handed in, in UTC, as nbgrader's collectors write it down."""
    if path.is_symlink() or not path.is_file():
        return None, []
    try:
        with open(path, encoding="utf-8") as file:
            return as_time(file.read(200)), []
    except (OSError, ValueError, OverflowError):
        return None, [NO_DATE]


def nothing_found(folder: Path, lessons: list[Lesson], strays: list[Note]) -> str:
    """Where submissions were looked for, and what the folders should look like."""
    names = ", ".join(lesson.name for lesson in lessons) or "no lesson"
    example = lessons[0] if lessons else None
    wanted = f"STUDENT{os.sep}{example.name}{os.sep}{example.slug}.ipynb" if example else ""
    state = "is empty or holds none for" if folder.exists() else "does not exist; looked there for"
    odd = "".join(f"{note.text}\n" for note in strays[:5])
    return (
        f"There are no submissions: {folder} {state} {names}.\n{odd}"
        f"A submission lies in {folder}{os.sep}{wanted}, one folder a student.\n"
        "Name another folder with --submitted DIR, or see an invented class with `course demo`."
    )
