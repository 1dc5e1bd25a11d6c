"""The folder that a book is written into: its own files only, and only what has changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograde.building.worked import write_bytes_if_new
from autograde.errors import CourseError

MARKER = ".course-book.json"


@dataclass(frozen=True)
class Written:
    """What writing a book has done: how many of its files changed, and how many went."""

    files: int
    changed: int
    removed: int


def write_book(folder: Path, files: Mapping[str, bytes]) -> Written:
    """Write a book; what an earlier one wrote and this one does not hold is removed.

    Interrupted, it leaves a folder that the next run takes up: the list of its files is written
    before them, and each of them in one step.

    Raises:
        CourseError: the folder holds something that is not a book's, or cannot be written.
    """
    earlier = refuse_foreign(folder, files)
    try:
        list_files(folder, earlier | set(files))
        changed = [name for name, data in files.items() if write_bytes_if_new(folder / name, data)]
        gone = [name for name in earlier - set(files) if (folder / name).is_file()]
        for name in gone:
            (folder / name).unlink()
        list_files(folder, set(files))
    except OSError as error:
        name = error.filename or folder
        raise CourseError(f"Cannot write {name}: {error.strerror}.", 1) from None
    return Written(len(files), len(changed), len(gone))


def refuse_foreign(folder: Path, names: Mapping[str, bytes] | None = None) -> set[str]:
    """The files of the book that is there; an error, if something else is."""
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file. Name a folder for the book.")
    earlier = listed(folder)
    if earlier is None and holds_something(folder):
        raise CourseError(
            f"{folder} is not empty, and holds no book: nothing is written there. Name a new "
            "folder, an empty one, or that of an earlier book."
        )
    earlier = earlier or set()
    foreign = [name for name in names or () if name not in earlier and (folder / name).exists()]
    if foreign:
        raise CourseError(
            f"{folder / foreign[0]} is not of the book that is there, and a page of the new one "
            "has that name. Move it away, or name another folder."
        )
    return earlier


def holds_something(folder: Path) -> bool:
    """Whether anything is in a folder, which need not exist."""
    try:
        return any(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CourseError(f"Cannot look into {folder}: {error.strerror}.", 1) from None


def listed(folder: Path) -> set[str] | None:
    """The files of a book, as it lists them; None if there is no book."""
    try:
        names = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{folder / MARKER} cannot be read ({error}), so it is not known which files are the "
            "book's. Name another folder, or remove this one."
        ) from None
    return {name for name in names if isinstance(name, str) and is_inside(name)}


def is_inside(name: str) -> bool:
    """Whether a name leads to a file in the folder, and not out of it."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def list_files(folder: Path, names: set[str]) -> None:
    """Write down which files are the book's."""
    text = json.dumps({"made by": "course book", "files": sorted(names)}, indent=1) + "\n"
    write_bytes_if_new(folder / MARKER, text.encode())
