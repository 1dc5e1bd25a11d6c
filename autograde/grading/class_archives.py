"""Submissions that come in archives: the files of a class or a student, by student and lesson."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from autograde.grading.archives import member_bytes, members, parts_of, shown
from autograde.grading.notes import Note
from autograde.grading.platforms import Piece, cleaned, is_student, lesson_of, pieces
from autograde.grading.reading import Unreadable
from autograde.grading.submissions import (
    NO_DATE,
    TIMESTAMP,
    Collection,
    Submission,
    as_time,
    choose,
)
from autograde.lesson import Lesson

LATE_NOTE = Note("marked-late", "The platform marks this work as late; no penalty was taken off.")
WHICH_LESSON = "Name the lesson, as in `course grade 02`."
Files = list[tuple[str, tuple[str, ...]]]  # the name in the archive, and its parts without owner


def collect_class(
    found: Collection, archive: Path, lessons: list[Lesson], known: list[Lesson]
) -> None:
    """What lies in the archive of a class."""
    names, notes = listed(archive)
    found.strays += notes
    owned: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces(names, archive.stem, known):
        if is_student(piece.student):
            owned[piece.student].append(piece)
        else:
            text = f"{shown(piece.member)} in {archive.name} is of nobody whose name can be read."
            found.strays.append(Note("stray", text, problem=True))
    for student, own in owned.items():
        files = [(piece.member, piece.parts) for piece in own]
        late = [LATE_NOTE] if any(piece.marked_late for piece in own) else []
        chosen = by_lesson(files, lessons, known)
        for lesson, choice in chosen.items():
            made = from_archive(student, lesson, archive, choice, tuple(late))
            when, odd = timestamp_in(archive, stamp_of(own, lesson, archive))
            made = replace(made, timestamp=when, notes=(*made.notes, *odd))
            found.add_once(replace(made, platform=own[0].platform, number=own[0].number))
        if not chosen and not by_lesson(files, known, known):
            text = f"{student}, in {archive.name}: it cannot be told which lesson this is for."
            found.strays.append(Note("stray", f"{text} {WHICH_LESSON}", problem=True))


def by_lesson(files: Files, lessons: list[Lesson], known: list[Lesson]) -> dict[Lesson, Files]:
    """The files of one student by the lesson that they are for; those of other lessons left out."""
    found = defaultdict(list)
    for name, parts in files:
        if not parts[-1].lower().endswith((".ipynb", ".zip")):
            continue
        lesson = lesson_of(parts, known) or lesson_of(parts, lessons)
        if lesson in lessons:
            found[lesson].append((name, parts))
    return {lesson: own for lesson, own in found.items() if any_notebook(own)}


def any_notebook(files: Files) -> bool:
    """Whether there is a notebook among them, or an archive that may hold one."""
    return any(parts[-1].lower().endswith((".ipynb", ".zip")) for _, parts in files)


def from_archive(
    student: str,
    lesson: Lesson,
    archive: Path,
    files: Files,
    notes: tuple[Note, ...],
    outer: tuple[str, ...] = (),
) -> Submission:
    """The submission of a student for a lesson, out of these files of an archive."""
    by_name = {parts[-1]: name for name, parts in files}
    notebooks = [name for name in by_name if name.lower().endswith(".ipynb")]
    if notebooks:
        name, more = choose(notebooks, f"{lesson.slug}.ipynb")
        inside = (*outer, by_name[name])
        return Submission(student, lesson, archive.parent, archive, None, (*notes, *more), inside)
    inner = (*outer, next(name for name, parts in files if parts[-1].lower().endswith(".zip")))
    names, odd = listed(archive, inner) if len(inner) == 1 else ([], [])
    deeper = [(name, parts_of(name)) for name in names if name.lower().endswith(".ipynb")]
    if deeper:
        return from_archive(student, lesson, archive, deeper, (*notes, *odd), inner)
    text = f"There is no notebook in {shown(inner[-1])}; {lesson.slug}.ipynb was expected."
    note = Note("missing", text, problem=True)
    return Submission(student, lesson, archive.parent, None, None, (*notes, *odd, note))


def listed(archive: Path, inside: tuple[str, ...] = ()) -> tuple[list[str], list[Note]]:
    """The files in an archive; one that cannot be read holds none, and a note says why."""
    try:
        return members(archive, inside)
    except Unreadable as error:
        name = shown(inside[-1]) if inside else archive.name
        return [], [Note("archive", f"{name} {error}.", problem=True)]


def stamp_of(own: Sequence[Piece], lesson: Lesson, archive: Path) -> str | None:
    """The file in which nbgrader's collector wrote down when the work was handed in.

    What a student uploads to a platform, or packs, is the student's own, and dates nothing.
    """
    for piece in own:
        collected = not piece.number and piece.student != cleaned(archive.stem)
        if collected and piece.parts == (lesson.name, TIMESTAMP):
            return piece.member
    return None


def timestamp_in(archive: Path, name: str | None) -> tuple[datetime | None, list[Note]]:
    """When the work was handed in, as this file of the archive says."""
    if name is None:
        return None, []
    try:
        return as_time(member_bytes(archive, (name,))[:200].decode("utf-8")), []
    except (Unreadable, ValueError, OverflowError):
        return None, [NO_DATE]
