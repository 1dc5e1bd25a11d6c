"""The worked notebook's file, and its record of what it was built from.

The record tells whether the notebook was edited since, and whether its outputs fit the code.
"""

from copy import deepcopy

import nbformat
from nbformat import NotebookNode

from autograde.building.source import RECORD, code_cells, digest
from autograde.errors import CourseError
from autograde.lesson import Lesson
from course_lib.desk.files import write_bytes_if_new as write_bytes_if_new
from course_lib.desk.files import write_if_new as write_if_new


def refuse_edited(lesson: Lesson, source: NotebookNode, old: NotebookNode) -> None:
    """Never write over an edit of the worked notebook that is not in the source."""
    built, in_file, now = recorded(old).get("cells"), digest(old.cells), digest(source.cells)
    if in_file in (built, now):
        return
    worked = lesson.relative(lesson.worked)
    if built == now:
        raise CourseError(
            f"{worked} was edited since it was built. Bring the edit back to the source with\n"
            f"    course build --from-notebook {lesson.name}\n"
            f"or throw it away with\n    course build --force {lesson.name}",
            exit_code=1,
        )
    raise CourseError(both_changed(lesson), exit_code=1)


def both_changed(lesson: Lesson) -> str:
    """What to do when there are two new versions of a lesson."""
    worked, source = lesson.relative(lesson.worked), lesson.relative(lesson.source)
    return (
        f"{worked} and {source} were both edited since the notebook was built, and neither may "
        f"write over the other. Save the notebook under another name, run\n"
        f"    course build --force {lesson.name}\n"
        "and carry its edits over by hand."
    )


def read_worked(lesson: Lesson) -> NotebookNode | None:
    """The worked notebook as it is in the file; None if there is none."""
    if not lesson.worked.exists():
        return None
    try:
        return nbformat.read(lesson.worked, as_version=4)
    except Exception as error:
        raise CourseError(
            f"{lesson.relative(lesson.worked)} cannot be read as a notebook ({error}). "
            f"Make it anew with: course build --force {lesson.name}",
            exit_code=1,
        ) from None


def keep_outputs(source: NotebookNode, old: NotebookNode | None) -> NotebookNode:
    """The source's notebook, with the old one's outputs if exactly this code made them."""
    worked = deepcopy(source)
    same = old is not None and recorded(old).get("executed") == digest(code_cells(source))
    same = same and digest(code_cells(old)) == digest(code_cells(source))
    same = same and all(cell.execution_count for cell in code_cells(old))
    if same:
        for cell, before in zip(code_cells(worked), code_cells(old), strict=True):
            cell.outputs = deepcopy(before.outputs)
    worked.metadata = finished_metadata(source, executed=bool(same))
    return worked


def finished_metadata(source: NotebookNode, executed: bool) -> NotebookNode:
    """The notebook's metadata with the record of what it was built from."""
    record = {"cells": digest(source.cells)}
    if executed:
        record["executed"] = digest(code_cells(source))
    return nbformat.from_dict({**source.metadata, RECORD: record})


def recorded(notebook: NotebookNode) -> dict:
    """What the notebook says that it was built from."""
    return notebook.metadata.get(RECORD, {})


def was_executed(notebook: NotebookNode) -> bool:
    """Whether the record says that the outputs belong to the code."""
    return "executed" in recorded(notebook)


def notebook_text(notebook: NotebookNode) -> str:
    """The text of a notebook's file."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
