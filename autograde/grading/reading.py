"""Reads a student's notebook as data: whatever the file holds, this returns cells and remarks.

Nothing is executed and nothing of nbgrader's metadata is believed, except which cell is which.
"""

import codecs
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograde.grading.notes import Note

MAX_BYTES = 50 * 2**20
MAX_CELLS = 2_000
MAX_SOURCE = 200_000
MAX_TEXT = 2_000_000  # characters of all cells together
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "a byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


@dataclass(frozen=True)
class StudentCell:
    """A cell as the student left it: its kind, its text, and which cell it says it is."""

    kind: str
    source: str
    grade_id: str = ""
    cell_id: str = ""
    tags: tuple[str, ...] = ()


class Unreadable(Exception):
    """The file is not a notebook; the message ends a sentence that begins with its name."""


def read_cells(path: Path) -> tuple[list[StudentCell], list[Note]]:
    """The cells of the notebook, and what was odd about the file.

    Raises:
        Unreadable: it is no notebook at all.
    """
    return cells_in(read_bytes(path), path.name)


def cells_in(data: bytes, name: str) -> tuple[list[StudentCell], list[Note]]:
    """The cells of a notebook's bytes, as `read_cells` gives them for a file."""
    text, notes = decode(data, name)
    notebook = parse(text)
    notes += upgrade_note(notebook, name)
    cells, skipped, length = [], 0, 0
    for raw in cells_of(notebook)[:MAX_CELLS]:
        cell = student_cell(raw)
        length += len(cell.source) if cell else 0
        if length > MAX_TEXT:
            text = f"Only the first {len(cells):,} cells were read: the rest is too long."
            notes.append(Note("many-cells", text, True))
            break
        cells += [cell] if cell else []
        skipped += cell is None
    if skipped:
        notes.append(Note("odd-cells", f"{skipped} of its cells are damaged and were left out."))
    if len(cells_of(notebook)) > MAX_CELLS:
        notes.append(Note("many-cells", f"Only the first {MAX_CELLS:,} cells were read.", True))
    return cells, notes


def read_bytes(path: Path) -> bytes:
    """The file's bytes; links, pipes and very large files are not opened."""
    try:
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            raise Unreadable("is a symbolic link, which is not followed")
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable("is not a file")
        if about.st_size > MAX_BYTES:
            size = about.st_size / 2**20
            raise Unreadable(f"has {size:.0f} MiB; notebooks up to {MAX_BYTES // 2**20} are read")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from None
    if not data.strip():
        raise Unreadable("is empty")
    return data


def decode(data: bytes, name: str) -> tuple[str, list[Note]]:
    """The text, and a note if it is not plain UTF-8."""
    for mark, encoding, described in MARKS:
        if data.startswith(mark):
            note = Note("encoding", f"{name} is saved with {described}; it was read all the same.")
            return decode_as(data, encoding), [note]
    if b"\0" in data[:4]:
        note = Note("encoding", f"{name} is saved as UTF-16; it was read all the same.")
        return decode_as(data, "utf-16-be" if data[0] == 0 else "utf-16-le"), [note]
    return decode_as(data, "utf-8"), []


def decode_as(data: bytes, encoding: str) -> str:
    """The text in this encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not text: {error.reason} at byte {error.start:,}") from None


def parse(text: str) -> dict[str, Any]:
    """The notebook's JSON object."""
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        cut = "it ends too early" if error.pos >= len(text.rstrip()) - 1 else error.msg
        raise Unreadable(f"is broken JSON: {cut} ({where})") from None
    except (RecursionError, ValueError):
        raise Unreadable("is JSON that is nested too deeply or holds impossible numbers") from None
    if not isinstance(notebook, dict) or not isinstance(cells_of(notebook), list):
        raise Unreadable("is JSON, but not a notebook")
    return notebook


def cells_of(notebook: dict[str, Any]) -> Any:
    """The raw cells of a notebook of format 4; of format 3, those of its first worksheet."""
    if "cells" in notebook:
        return notebook["cells"]
    try:
        return nbformat.convert(nbformat.from_dict(notebook), 4)["cells"]
    except Exception:  # An old format that is damaged can fail anywhere in the conversion.
        return None


def upgrade_note(notebook: dict[str, Any], name: str) -> list[Note]:
    """A note if the file is of an older format."""
    if "cells" in notebook:
        return []
    return [Note("old-format", f"{name} is of an old notebook format; it was converted.")]


def student_cell(raw: Any) -> StudentCell | None:
    """A cell with every field of the type it should have; None if there is no text in it."""
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    source = raw.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        return None
    metadata = mapping(raw.get("metadata"))
    tags = metadata.get("tags")
    return StudentCell(
        kind=raw["cell_type"],
        source=clean(source),
        grade_id=clean(mapping(metadata.get("nbgrader")).get("grade_id")),
        cell_id=clean(raw.get("id")),
        tags=tuple(clean(tag) for tag in tags) if isinstance(tags, list) else (),
    )


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def clean(value: Any) -> str:
    """A string that can be written as UTF-8, with one kind of line end; not a string: empty."""
    if not isinstance(value, str):
        return ""
    text = value.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
