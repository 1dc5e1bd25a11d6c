"""Rebuilds the notebook that is graded: the lesson's own, with the student's cells lifted into it.

Points, checks, locked cells and metadata come from the lesson. From the student come, by grade_id,
the answers; by cell id, changed versions of the cells that nobody grades; and their own cells,
which stay where they stood, because an answer may need a helper that is defined there. A duplicated
answer counts once: the last one that was written. Experiments are kept for reading and not run.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading.graded_source import grade_id, visible_text
from autograde.grading.harmless import without_html
from autograde.grading.notes import Note
from autograde.grading.pictures import without_odd_pictures
from autograde.grading.reading import StudentCell

HEADING = "Notes of the grader"


@dataclass
class Rebuilt:
    """The notebook to grade, remarks, the answers left as they were given out, and the ids of the
    cells that hold the student's text but are no answers, and the stubs of the answers.
    """

    notebook: NotebookNode
    notes: list[Note] = field(default_factory=list)
    unwritten: set[str] = field(default_factory=set)
    theirs: set[str] = field(default_factory=set)
    stubs: dict[str, str] = field(default_factory=dict)


class Index:
    """The lesson's cells by everything that a student's cell can be recognised by."""

    def __init__(self, source: NotebookNode) -> None:
        cells = list(enumerate(source.cells))
        self.by_grade_id = {grade_id(cell): place for place, cell in cells if grade_id(cell)}
        self.by_id = {cell["id"]: place for place, cell in cells if cell.get("id")}
        plain = [(place, cell) for place, cell in cells if not grade_id(cell)]
        self.by_text = {cell.source.strip(): place for place, cell in plain}

    def find(self, cell: StudentCell) -> int | None:
        """The place of the lesson's cell that this one is, if it is one.

        A grade_id says it best; where an editor has dropped it, the id or the text does.
        """
        if cell.grade_id in self.by_grade_id:
            return self.by_grade_id[cell.grade_id]
        if cell.cell_id in self.by_id:
            return self.by_id[cell.cell_id]
        return self.by_text.get(cell.source.strip())


def rebuild(source: NotebookNode, student: list[StudentCell], clear: ClearHiddenTests) -> Rebuilt:
    """The lesson's notebook with the student's answers and own cells in it."""
    lifted, own = sort_out(Index(source), student)
    rebuilt = Rebuilt(nbformat.from_dict({**source, "cells": []}))
    theirs = own_cells(own[-1])
    cells = rebuilt.notebook.cells
    cells += theirs
    for place, original in enumerate(source.cells):
        cell = filled(nbformat.from_dict(original), lifted[place], rebuilt)
        rebuilt.notes += cell_notes(original, lifted[place], clear)
        if not grade_id(cell) and cell.source != original.source:
            theirs.append(cell)
        added = own_cells(own[place])
        theirs += added
        cells += [cell, *added]
    unique_ids(rebuilt.notebook)
    rebuilt.theirs = {cell["id"] for cell in theirs}
    return rebuilt


def sort_out(
    index: Index, student: list[StudentCell]
) -> tuple[dict[int, list[StudentCell]], dict[int, list[StudentCell]]]:
    """The student's cells by the lesson's cell that they are, and the rest by the one before."""
    lifted: dict[int, list[StudentCell]] = defaultdict(list)
    own: dict[int, list[StudentCell]] = defaultdict(list)
    anchor = -1
    for cell in student:
        place = index.find(cell)
        if place is not None:
            lifted[place].append(cell)
            anchor = place
        elif cell.source.strip():
            own[anchor].append(cell)
    return lifted, own


def filled(cell: NotebookNode, found: list[StudentCell], rebuilt: Rebuilt) -> NotebookNode:
    """The lesson's cell with the student's text, where the student may write."""
    if not grade_id(cell):
        if found and found[-1].source.strip() != cell.source.strip():
            cell.source = shown(found[-1].source, cell.cell_type)
    elif utils.is_solution(cell):
        rebuilt.stubs[grade_id(cell)] = cell.source
        written = [item for item in found if is_written(item.source, cell.source)]
        if written:
            cell.source = shown(written[-1].source, cell.cell_type)
        else:
            rebuilt.unwritten.add(grade_id(cell))
    return cell


def is_written(text: str, stub: str) -> bool:
    """Whether an answer is more than an empty cell or the stub."""
    return bool(text.strip()) and text.strip() != stub.strip()


def cell_notes(cell: NotebookNode, found: list[StudentCell], clear: ClearHiddenTests) -> list[Note]:
    """What happened to a cell with a grade_id."""
    name = grade_id(cell)
    if not name:
        return []
    kind = "answer" if utils.is_solution(cell) else "check" if utils.is_grade(cell) else "cell"
    if not found:
        after = "it counts as not written" if kind == "answer" else "the lesson's was put back"
        return [Note("missing-cell", f"The {kind} “{name}” is missing; {after}.")]
    notes = []
    if len(found) > 1:
        which = "the last one written" if kind == "answer" else "the lesson's, once"
        counted = f"{len(found)} times; {which} counts"
        notes.append(Note("duplicated-cell", f"The {kind} “{name}” is there {counted}."))
    given = visible_text(cell, clear).strip()
    if kind != "answer" and any(item.source.strip() != given for item in found):
        text = f"The {kind} “{name}” is locked and was changed; the lesson's was used."
        notes.append(Note("changed-cell", text))
    return notes


def own_cells(cells: list[StudentCell]) -> list[NotebookNode]:
    """Cells that are the student's own, without any metadata but the tag of an experiment."""
    made = []
    for cell in cells:
        new = {
            "code": nbformat.v4.new_code_cell,
            "markdown": nbformat.v4.new_markdown_cell,
            "raw": nbformat.v4.new_raw_cell,
        }[cell.kind](source=shown(cell.source, cell.kind), id="own")
        if "experiment" in cell.tags:
            new.metadata["tags"] = ["experiment"]
        made.append(new)
    return made


def shown(text: str, kind: str) -> str:
    """The text of a cell; if it is prose, without working HTML and odd pictures."""
    return text if kind == "code" else without_html(without_odd_pictures(text))


def unique_ids(notebook: NotebookNode) -> None:
    """Number the ids that occur more than once."""
    taken = {cell.get("id") for cell in notebook.cells}
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        base = cell.get("id", "cell")
        seen[base] += 1
        number = seen[base]
        while number > 1 and f"{base[:56]}-{number}" in taken:
            number += 1
        if number > 1:
            cell["id"] = f"{base[:56]}-{number}"
            taken.add(cell["id"])


def add_heading(notebook: NotebookNode, notes: list[Note]) -> None:
    """Put the notes on top, where the student and whoever grades by hand read them first."""
    if not notes:
        return
    lines = [f"- {shown(note.text, 'markdown')}" for note in notes]
    text = "\n".join([f"### {HEADING}", "", *lines])
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id="notes-of-the-grader"))
