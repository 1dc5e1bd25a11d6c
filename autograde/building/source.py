"""A lesson's source as a notebook with reproducible ids, and hashes of what an author wrote."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable

import jupytext
import nbformat
from nbformat import NotebookNode

from autograde.errors import CourseError
from autograde.lesson import Lesson

FORMAT = "py:percent"
CELL_START = re.compile(r"^# %%(?!%)", re.MULTILINE)
RECORD = "course_build"  # the key in a worked notebook's metadata
NBGRADER_KEYS = ("grade", "grade_id", "locked", "points", "schema_version", "solution", "task")
NOTEBOOK_METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
MAX_ID = 64  # nbformat's limit


def source_text(lesson: Lesson) -> str:
    """The text of the source, or what is wrong with the file."""
    try:
        return lesson.source.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CourseError(
            f"{lesson.relative(lesson.source)} is missing: the lesson in the folder "
            f"{lesson.name} has to be called {lesson.slug}.py.",
            exit_code=1,
        ) from None
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{lesson.relative(lesson.source)} is not UTF-8: {error}.", exit_code=1
        ) from None


def read_source(lesson: Lesson) -> NotebookNode:
    """The source as a notebook: no outputs, only the metadata that counts, reproducible ids."""
    text = source_text(lesson)
    require_python(text, lesson.relative(lesson.source))
    return tidy_notebook(jupytext.reads(text, fmt=FORMAT))


def require_python(text: str, name: str) -> None:
    """Magics are comments in the percent format, so the whole file has to be Python."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").rstrip()
        raise CourseError(f"{name}, line {error.lineno}: {error.msg}\n    {line}", 1) from None


def tidy_notebook(notebook: NotebookNode) -> NotebookNode:
    """A new notebook of the same cells, with nothing in it that could differ tomorrow."""
    cells = [tidy_cell(cell) for cell in notebook.cells if not is_blank(cell)]
    for cell, identity in zip(cells, cell_ids(cells), strict=True):
        cell["id"] = identity
    metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata, nbformat_minor=5)


def tidy_cell(cell: NotebookNode) -> NotebookNode:
    """The cell without outputs and without metadata of editors."""
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }[cell.cell_type]
    return make(source=cell.source, metadata=nbformat.from_dict(kept_metadata(cell)))


def kept_metadata(cell: NotebookNode) -> dict:
    """nbgrader's own keys and the tags; everything else belongs to an editor."""
    kept = {}
    if "nbgrader" in cell.metadata:
        given = cell.metadata["nbgrader"]
        kept["nbgrader"] = {key: given[key] for key in NBGRADER_KEYS if key in given}
    if cell.metadata.get("tags"):
        kept["tags"] = list(cell.metadata["tags"])
    return kept


def is_blank(cell: NotebookNode) -> bool:
    """JupyterLab leaves empty cells behind; they are not part of a lesson."""
    return not cell.source.strip() and "nbgrader" not in cell.metadata


def cell_ids(cells: list[NotebookNode]) -> list[str]:
    """An id a cell: its grade_id, else a hash of its text; a repeated one gets a number."""
    ids: list[str] = []
    for cell in cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        base = re.sub(r"[^a-zA-Z0-9_-]", "-", grade_id)[:MAX_ID] if grade_id else text_hash(cell)
        identity, number = base, 1
        while identity in ids:
            number += 1
            identity = f"{base[: MAX_ID - 4]}-{number}"
        ids.append(identity)
    return ids


def text_hash(cell: NotebookNode) -> str:
    """Twelve characters that depend on the cell's kind and text only."""
    return hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]


def digest(cells: Iterable[NotebookNode]) -> str:
    """A hash of what an author writes: kinds, texts, nbgrader's metadata and tags."""
    parts = [[c.cell_type, c.source, kept_metadata(c)] for c in cells if not is_blank(c)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that are executed."""
    return [c for c in notebook.cells if c.cell_type == "code" and not is_blank(c)]
