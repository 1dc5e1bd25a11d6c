"""Notebooks as plain JSON, read without changing a byte of what a student wrote."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.desk.errors import DeskError, reason

Cell = dict[str, Any]
Notebook = dict[str, Any]
KINDS = ("code", "markdown", "raw")
TOO_OLD = "is of an old notebook format: open it in JupyterLab, save it, and try again"


def read_notebook(path: Path) -> Notebook:
    """A notebook of format 4.

    Raises:
        DeskError: there is none, or it cannot be read; the message says why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DeskError(f"Cannot read {reason(error)}.") from None
    return parse(data, path)


def parse(data: bytes, path: Path) -> Notebook:
    """The notebook in a file's bytes: UTF-8 or UTF-16, with or without a byte order mark."""
    try:
        notebook = json.loads(data)
    except UnicodeDecodeError as error:
        raise DeskError(f"{path} is not text ({error.reason}).") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        text = f"{path} is not a notebook any more: broken JSON, {error.msg} ({where})."
        raise DeskError(text if data.strip() else f"{path} is empty.") from None
    except (RecursionError, ValueError):
        raise DeskError(f"{path} is not a notebook: JSON that cannot be read.") from None
    wrong = what_is_wrong(notebook)
    if wrong:
        raise DeskError(f"{path} {wrong}.")
    return notebook


def what_is_wrong(notebook: Any) -> str:
    """Why this is no notebook of format 4; empty if it is one."""
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        is_old = isinstance(notebook, dict) and "worksheets" in notebook
        return TOO_OLD if is_old else "is JSON, but not a notebook"
    for number, cell in enumerate(notebook["cells"], start=1):
        if not is_cell(cell):
            return f"is damaged: its cell {number} is none"
    return ""


def is_cell(cell: Any) -> bool:
    """Whether it has a kind, a text, and metadata that are a mapping."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in KINDS:
        return False
    source, metadata = cell.get("source"), cell.get("metadata", {})
    is_lines = isinstance(source, list) and all(isinstance(line, str) for line in source)
    return (isinstance(source, str) or is_lines) and isinstance(metadata, dict)


def notebook_bytes(notebook: Notebook) -> bytes:
    """The file of a notebook, as Jupyter lays it out."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a letter, as a broken paste leaves it
        return (json.dumps(notebook, indent=1, sort_keys=True) + "\n").encode()


def text_of(cell: Cell) -> str:
    """What the cell says, as it is in the file."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def plain(cell: Cell) -> str:
    """The text with one kind of line end and nothing around it, to compare."""
    return text_of(cell).replace("\r\n", "\n").replace("\r", "\n").strip()


def marks(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata of the cell."""
    found = cell.get("metadata", {}).get("nbgrader")
    return found if isinstance(found, dict) else {}


def grade_id(cell: Cell) -> str:
    """nbgrader's name of the cell, or nothing."""
    found = marks(cell).get("grade_id")
    return found if isinstance(found, str) else ""


def is_answer(cell: Cell) -> bool:
    """Whether students write in it."""
    return bool(marks(cell).get("solution"))


def is_graded(cell: Cell) -> bool:
    """Whether it has points."""
    return bool(marks(cell).get("grade"))


def by_grade_id(cells: Iterable[Cell]) -> dict[str, Cell]:
    """The cells that nbgrader knows, by its names."""
    return {grade_id(cell): cell for cell in cells if grade_id(cell)}
