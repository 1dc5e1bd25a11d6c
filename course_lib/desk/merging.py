"""A new version of a lesson with a student's answers and own cells in it.

A text that the student wrote is in the result, whatever happens:
in its place, or, where two changes meet, beside it in a cell that is not run.
"""

from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass, field

from course_lib.desk.matching import Index, identity, without_names
from course_lib.desk.notebooks import Cell, Notebook, grade_id, is_answer, plain

BEFORE = -1  # the place before the first cell
LESSONS = ("nbgrader", "deletable", "editable")  # metadata that mark a cell of the lesson


@dataclass
class Merged:
    """The new notebook, and what a student has to know about it.

    Attributes:
        answers: the answers that were carried over.
        own: the number of cells of their own.
        aside: what could not be put in its place, each with the reason.
        review: answered tasks whose text or signature is new.
    """

    notebook: Notebook
    answers: list[str] = field(default_factory=list)
    own: int = 0
    aside: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)


class Merger:
    """Goes through a student's cells and finds a place for each."""

    def __init__(self, mine: Notebook, base: Notebook | None, new: Notebook) -> None:
        self.mine = mine["cells"]
        self.new, self.old = Index(new["cells"]), Index(base["cells"] if base else [])
        self.found: dict[int, list[Cell]] = defaultdict(list)  # of the new version's cells
        self.own: dict[int, list[Cell]] = defaultdict(list)  # behind which of them
        self.merged = Merged({**new, "cells": []})
        known = self.old.by_grade_id if base else self.new.by_grade_id  # what it could have been
        robbed = without_names(self.mine, self.new).items()
        self.places = {own: to for own, to in robbed if grade_id(self.new.cells[to]) in known}
        self.places_before = without_names(self.mine, self.old)

    def run(self) -> Merged:
        """Sort all cells, then lay the page out."""
        anchor = BEFORE
        for number, cell in enumerate(self.mine):
            place = self.places.get(number, self.new.find(cell))
            before = self.places_before.get(number, self.old.find(cell))
            if place is not None:
                self.found[place].append(cell)
                anchor = place
            elif before is not None:
                self.put_removed(cell, self.old.cells[before], anchor)
            elif plain(cell) or cell.get("attachments"):
                self.own[anchor].append(freed(cell))
                self.merged.own += 1
        lessons = [self.filled(original, place) for place, original in enumerate(self.new.cells)]
        name_cells(lessons, [cell for cells in self.own.values() for cell in cells])
        cells = [*self.own[BEFORE]]
        for place, cell in enumerate(lessons):
            cells += [cell, *self.own[place]]
        self.merged.notebook |= {"cells": cells, "nbformat_minor": 5}
        return self.merged

    def put_removed(self, cell: Cell, before: Cell, anchor: int) -> None:
        """A cell of the old version that the new one does not have."""
        if plain(cell) in ("", plain(before)):
            return
        name = grade_id(before)
        if is_answer(before):
            self.own[anchor].append(freed(cell))
            self.merged.aside.append(f"your answer “{name}”: the new version does not ask for it")
        else:
            self.set_aside(cell, anchor, "a cell that you changed and the new version has not")

    def set_aside(self, cell: Cell, anchor: int, why: str) -> None:
        """Keep a text as a cell that is not run."""
        kept = freed(cell)
        kept.pop("id", None)
        if cell["cell_type"] == "code":
            kept = {"cell_type": "raw", "metadata": kept["metadata"], "source": cell["source"]}
            why += ", and is not run now"
        self.own[anchor].append(kept)
        first = next((line for line in plain(cell).split("\n") if line.strip()), "")
        self.merged.aside.append(f"{why}: “{first.strip()[:60]}”")

    def filled(self, original: Cell, place: int) -> Cell:
        """A cell of the new version with the student's text, where that is to be."""
        cell, theirs = deepcopy(original), self.found[place]
        name, before = grade_id(original), self.before(original, theirs)
        given = {"", plain(original), plain(before) if before else ""}
        written = [one for one in theirs if plain(one) not in given]
        if written and self.takes(original, before, written[-1]):
            take_text(cell, written[-1])
            if is_answer(original):
                self.merged.answers.append(name)
                if before and plain(before) != plain(original):
                    self.merged.review.append(name)
            theirs = [written.pop()]
        for one in without_doubles(written, cell):
            changed = "a cell that is not as in the new version"
            why = f"an earlier answer “{name}”" if is_answer(original) else changed
            self.set_aside(one, place, why)
        keep_outputs(cell, theirs)
        return cell

    def before(self, original: Cell, theirs: list[Cell]) -> Cell | None:
        """The same cell in the version that the student worked in."""
        place = next(
            (found for one in [original, *theirs] if (found := self.old.find(one)) is not None),
            None,
        )
        return None if place is None else self.old.cells[place]

    def takes(self, original: Cell, before: Cell | None, theirs: Cell) -> bool:
        """Whether the student's text stands in the lesson's cell: an answer, or a free one."""
        if is_answer(original):
            return True
        is_free = not grade_id(original) and original["cell_type"] == theirs["cell_type"]
        return is_free and before is not None and plain(before) == plain(original)


def merge(mine: Notebook, base: Notebook | None, new: Notebook) -> Merged:
    """Carry a student's work over to a new version of a lesson.

    Args:
        mine: the student's notebook.
        base: the version that it was made from; None if that is not known.
        new: the version that is handed out now.
    """
    return Merger(mine, base, new).run()


def take_text(cell: Cell, theirs: Cell) -> None:
    """Put the student's text into the lesson's cell, and the pictures pasted into it."""
    cell["source"] = theirs["source"]
    if theirs.get("attachments") and cell["cell_type"] != "code":
        cell["attachments"] = theirs["attachments"]


def keep_outputs(cell: Cell, theirs: list[Cell]) -> None:
    """Outputs stay where the code that made them stays."""
    last = theirs[-1] if theirs else None
    if last and cell["cell_type"] == last["cell_type"] == "code" and plain(cell) == plain(last):
        cell["outputs"] = last.get("outputs", [])
        cell["execution_count"] = last.get("execution_count")


def without_doubles(cells: list[Cell], taken: Cell) -> list[Cell]:
    """The texts that are nowhere else, each once."""
    texts, kept = {plain(taken)}, []
    for cell in cells:
        if plain(cell) not in texts:
            texts.add(plain(cell))
            kept.append(cell)
    return kept


def freed(cell: Cell) -> Cell:
    """A student's own cell: all of it, but for what marks a cell of the lesson."""
    metadata = {key: value for key, value in cell.get("metadata", {}).items() if key not in LESSONS}
    return {**deepcopy(cell), "metadata": metadata}


def name_cells(lessons: list[Cell], own: list[Cell]) -> None:
    """Give each of the student's cells an id of its own, where it has none or shares one."""
    taken = set(map(identity, lessons))
    for cell in own:
        number = 1
        while not identity(cell) or identity(cell) in taken:
            cell["id"] = f"yours-{number}"
            number += 1
        taken.add(identity(cell))
