"""Which cell of a lesson is this? It is known by nbgrader's grade_id, by its id, by its text; an
answer that has lost both names by what it defines.
"""

import re

from course_lib.desk.notebooks import Cell, grade_id, is_answer, plain

DEFINES = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)


def identity(cell: Cell) -> str:
    """The cell's id, or nothing."""
    found = cell.get("id")
    return found if isinstance(found, str) else ""


class Index:
    """A version's cells by everything that a student's cell can be recognised by."""

    def __init__(self, cells: list[Cell]) -> None:
        self.cells = cells
        places = list(enumerate(cells))
        self.by_grade_id = {grade_id(cell): place for place, cell in places if grade_id(cell)}
        self.by_id = {identity(cell): place for place, cell in places if identity(cell)}
        texts = [(plain(cell), place) for place, cell in places if not grade_id(cell)]
        self.by_text = dict(reversed(texts))

    def find(self, cell: Cell) -> int | None:
        """The place of the cell that this one is, if it is one."""
        if grade_id(cell) in self.by_grade_id:
            return self.by_grade_id[grade_id(cell)]
        if identity(cell) in self.by_id:
            return self.by_id[identity(cell)]
        return self.by_text.get(plain(cell))


def without_names(mine: list[Cell], index: Index) -> dict[int, int]:
    """Cells that an editor has robbed of their names: the version's place, by place in `mine`.

    Only where no cell bears the name; so a student's own copy of a check stays their own.
    """
    places = [index.find(cell) for cell in mine]
    missing = {
        essence(cell, is_answer(cell)): place
        for place, cell in enumerate(index.cells)
        if grade_id(cell) and place not in places
    }
    missing.pop("", None)
    return {
        number: place
        for number, (cell, found) in enumerate(zip(mine, places, strict=True))
        if found is None
        for place in [missing.get(essence(cell, True), missing.get(essence(cell, False)))]
        if place is not None
    }


def essence(cell: Cell, is_answer: bool) -> str:
    """What a cell without a name is known by: what it defines, or all that it says."""
    if not is_answer:
        return plain(cell)
    found = DEFINES.search(plain(cell)) if cell["cell_type"] == "code" else None
    return f"def {found[1]}" if found else ""
