"""`course book`: reads the worked notebooks, makes the pages, writes what has changed."""

from dataclasses import dataclass, field
from pathlib import Path

from autograde.book.chapter import Chapter, read_chapter
from autograde.book.folder import Written, refuse_foreign, write_book
from autograde.book.pages import Book
from autograde.errors import CourseError
from autograde.lesson import Lesson, all_lessons


@dataclass
class Result:
    """What was made: `missing` lessons have no notebook yet, `broken` ones cannot be shown."""

    lessons: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    not_executed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    written: Written | None = None
    size: int = 0


def make_book(root: Path, folder: Path) -> Result:
    """Make the book of a course in a folder.

    Raises:
        CourseError: there is nothing to show, or the folder is not a book's.
    """
    refuse_foreign(folder)
    result = Result()
    chapters = [one for lesson in all_lessons(root) if (one := read(lesson, result))]
    if not chapters:
        told = "".join(f"\n  {one}" for one in result.broken)
        raise CourseError(f"No lesson has a worked notebook to show: course build{told}", 1)
    files = Book(chapters).files()
    result.written = write_book(folder, files)
    result.size = sum(map(len, files.values()))
    return result


def read(lesson: Lesson, result: Result) -> Chapter | None:
    """A lesson's chapter, or a note in the result on why there is none."""
    try:
        chapter = read_chapter(lesson)
    except CourseError as error:
        result.broken.append(str(error))
        return None
    if chapter is None:
        result.missing.append(lesson.name)
        return None
    result.lessons.append(lesson.name)
    if not chapter.executed:
        result.not_executed.append(lesson.name)
    return chapter
