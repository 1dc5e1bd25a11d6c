"""Whose file is it? The names that learning platforms give to what they put into one archive.

Moodle: `Ada Lovelace_1234567_assignsubmission_file_/reinforce.ipynb`, or all in one folder with
the file's name behind the last underscore. Canvas: `lovelaceada_LATE_4321_98765_reinforce.ipynb`.
Else: a folder a student, as in nbgrader's own folders.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autograde.grading.archives import parts_of
from autograde.lesson import Lesson

MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<file>.*)")
CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)")
MOODLES, CANVASES = "moodle", "canvas"
SIGNS_IN_NAMES = "_.@ -"
MAX_NAME_BYTES = 120
# What Windows keeps for devices, with any ending.
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """One file of a class's archive: whose it is, and what it is called without that."""

    member: str
    student: str
    number: str
    parts: tuple[str, ...]
    marked_late: bool = False
    platform: str = ""


def pieces(names: Iterable[str], archive: str, lessons: Sequence[Lesson]) -> list[Piece]:
    """Who handed in which of the files; without any folder, the archive's name says it."""
    split = [(name, parts_of(name)) for name in names]
    depth = common_folders([parts for _, parts in split], {lesson.name for lesson in lessons})
    found = [piece(name, parts[depth:], archive) for name, parts in split]
    return with_numbers([one for one in found if one])


def piece(name: str, parts: tuple[str, ...], archive: str) -> Piece | None:
    """One file; None for what a platform adds of its own."""
    moodle, canvas = MOODLE.fullmatch(parts[0]), CANVAS.fullmatch(parts[-1])
    if moodle:
        if moodle["kind"] != "file":
            return None
        rest = parts[1:] if len(parts) > 1 else (moodle["file"],)
        return Piece(name, cleaned(moodle["name"]), moodle["id"], rest, platform=MOODLES)
    if canvas and len(parts) == 1:
        student, late = cleaned(canvas["name"]), bool(canvas["late"])
        return Piece(name, student, canvas["id"], (canvas["file"],), late, CANVASES)
    if len(parts) == 1:
        return Piece(name, cleaned(archive), "", parts)
    return Piece(name, cleaned(parts[0]), "", parts[1:])


def cleaned(name: str) -> str:
    """A name that can be a folder's on every system."""
    text = "".join(filter(in_names, unicodedata.normalize("NFC", name))).strip(" .-")
    short = text.encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore").rstrip(" .-")
    return f"_{short}" if RESERVED.fullmatch(short) else short


def is_student(name: str) -> bool:
    """Whether this can be a student's name: letters and digits of any script, and a few signs."""
    return all(map(in_names, name)) and (name[:1].isalnum() or name[:1] == "_")


def in_names(letter: str) -> bool:
    """Whether names have such a letter; many scripts write vowels as marks on the letter before."""
    return (
        letter.isalnum() or letter in SIGNS_IN_NAMES or unicodedata.category(letter) in ("Mn", "Mc")
    )


def common_folders(paths: list[tuple[str, ...]], lessons: set[str]) -> int:
    """How many folders at the top hold everything and are nobody's own."""
    depth = 0
    while paths and all(len(parts) > depth + 2 for parts in paths):
        first = {parts[depth] for parts in paths}
        below = {parts[depth + 1] for parts in paths}
        if len(first) > 1 or below & lessons or MOODLE.fullmatch(next(iter(first))):
            break
        depth += 1
    return depth


def with_numbers(found: list[Piece]) -> list[Piece]:
    """Add the platform's number to names that several people have, on some systems in one folder.

    Windows and macOS do not tell capitals from small letters. A name that is somebody else's with
    a number is told from it, too.
    """
    numbers = defaultdict(set)
    for one in found:
        numbers[one.student.casefold()].add(one.number)
    named = [
        replace(one, student=f"{one.student} {one.number}")
        if len(numbers[one.student.casefold()]) > 1 and one.number
        else one
        for one in found
    ]
    return named if named == found else with_numbers(named)


def lesson_of(parts: tuple[str, ...], lessons: Sequence[Lesson]) -> Lesson | None:
    """The lesson that a file belongs to: by its folder, by its name, or the only one there is."""
    for lesson in lessons:
        if lesson.name in parts[:-1]:
            return lesson
    stem = letters(parts[-1].rsplit(".", 1)[0])
    fitting = [
        lesson
        for lesson in lessons
        if stem.startswith((letters(lesson.slug), letters(lesson.name)))
    ]
    if fitting:
        return max(fitting, key=lambda lesson: len(lesson.slug))
    return lessons[0] if len(lessons) == 1 else None


def letters(name: str) -> str:
    """The name's letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
