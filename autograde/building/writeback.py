"""`course build --from-notebook`: an edit made in JupyterLab goes back into the lesson's source."""

import jupytext
import nbformat
from nbformat import NotebookNode

from autograde.building.source import (
    CELL_START,
    FORMAT,
    digest,
    is_blank,
    kept_metadata,
    source_text,
)
from autograde.building.worked import both_changed, read_worked, recorded, write_if_new
from autograde.errors import CourseError
from autograde.lesson import Lesson

LAYOUT_KEYS = ("cell_marker", "lines_to_next_cell", "title")


def bring_back(lesson: Lesson) -> bool:
    """Write the worked notebook's edits into the source; False if there were none.

    Raises:
        CourseError: there is no notebook, the source was edited too, or the notebook holds
            something that a text file cannot.
    """
    worked = read_worked(lesson)
    if worked is None:
        raise CourseError(
            f"{lesson.relative(lesson.worked)} does not exist: nothing to bring back."
        )
    text = source_text(lesson)
    source = jupytext.reads(text, fmt=FORMAT)
    in_notebook, in_source = digest(worked.cells), digest(source.cells)
    if in_notebook == in_source:
        return False
    if recorded(worked).get("cells") == in_notebook:
        raise CourseError(
            f"{lesson.relative(lesson.worked)} was not edited since it was built, but "
            f"{lesson.relative(lesson.source)} was. Build it with: course build {lesson.name}",
            exit_code=1,
        )
    if recorded(worked).get("cells") != in_source:
        raise CourseError(both_changed(lesson), exit_code=1)
    refuse_attachments(lesson, worked)
    return write_if_new(lesson.source, percent_text(worked, text))


def percent_text(worked: NotebookNode, text: str = "") -> str:
    """The notebook in the percent format, laid out like the old source where cells are the same."""
    old_cells = jupytext.reads(text, fmt=FORMAT).cells
    layout = {(cell.cell_type, cell.source): cell.metadata for cell in old_cells}
    cells = []
    for cell in worked.cells:
        if is_blank(cell):
            continue
        old = layout.get((cell.cell_type, cell.source), {})
        metadata = {key: old[key] for key in LAYOUT_KEYS if key in old} | kept_metadata(cell)
        make = getattr(nbformat.v4, f"new_{cell.cell_type}_cell")
        cells.append(make(source=cell.source, metadata=nbformat.from_dict(metadata)))
    no_header = nbformat.from_dict({"jupytext": {"notebook_metadata_filter": "-all"}})
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=no_header)
    return header(text) + jupytext.writes(notebook, fmt=FORMAT)


def header(text: str) -> str:
    """What stands above the first cell: nothing, or jupytext's own settings."""
    first = CELL_START.search(text)
    above = text[: first.start()] if first else ""
    cells = jupytext.reads(above, fmt=FORMAT).cells
    return "" if any(not is_blank(cell) for cell in cells) else above


def refuse_attachments(lesson: Lesson, worked: NotebookNode) -> None:
    """A picture pasted into a cell has no place in a text file."""
    pasted = [number for number, cell in enumerate(worked.cells, 1) if cell.get("attachments")]
    if pasted:
        raise CourseError(
            f"{lesson.relative(lesson.worked)}, cell {pasted[0]}: a picture was pasted into this "
            "cell, and the source cannot hold it. Draw it in code, or take it out.",
            exit_code=1,
        )
