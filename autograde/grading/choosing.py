"""Which cells run when a submission is graded: the student's, the checks, and what they need.

Most of a lesson's own cells draw pictures or show numbers. No grade can depend on those, and they
take most of the time, so a cell of the lesson runs only if it defines or changes a name that a cell
which runs mentions. Where that cannot be told from the text, everything runs; experiments never do.
"""

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading.executing import BOTH, JUDGE, WORKER, CellToRun
from autograde.grading.graded_source import grade_id, hidden_split, is_experiment
from autograde.grading.naming import Names, names_of
from autograde.grading.rebuilding import Rebuilt


def cells_to_run(rebuilt: Rebuilt, clear: ClearHiddenTests, *, everything: bool) -> list[CellToRun]:
    """The cells in order; a check in two parts, what is visible and what is hidden.

    Args:
        rebuilt: the notebook, and which of its cells are the student's.
        clear: knows how hidden tests are marked.
        everything: run the lesson's pictures and examples too, for fuller feedback.
    """
    cells = rebuilt.notebook.cells
    able = [index for index, cell in enumerate(cells) if can_run(cell)]
    fixed = {index for index in able if everything or must_run(cells[index], rebuilt)}
    names = {index: names_of(cells[index].source) for index in able}
    chosen = with_what_they_need(fixed, names)
    here = needed_by_checks(rebuilt, {index: names[index] for index in chosen})
    todo = []
    for index in sorted(chosen):
        parts, where = (cells[index].source,), BOTH if index in here else WORKER
        if is_check(cells[index]):
            parts, where = hidden_split(cells[index].source, clear), JUDGE
        gives = names_of(rebuilt.stubs.get(grade_id(cells[index]), "")).given
        todo.append(CellToRun(index, tuple(part for part in parts if part.strip()), where, gives))
    return todo


def needed_by_checks(rebuilt: Rebuilt, names: dict[int, Names]) -> set[int]:
    """The lesson's locked cells that give a name which a check mentions, or one of themselves."""
    cells = rebuilt.notebook.cells
    checks = {index for index in names if is_check(cells[index])}
    locked = {index for index in names if is_set_up(cells[index])}
    return with_what_they_need(checks, {i: names[i] for i in checks | locked}) & locked


def is_set_up(cell: NotebookNode) -> bool:
    """Whether the cell is the lesson's own, and locked: nothing of a student's is in it."""
    return utils.is_locked(cell) and not utils.is_grade(cell) and not utils.is_solution(cell)


def can_run(cell: NotebookNode) -> bool:
    """Whether it is code that is not left out for its length."""
    return cell.cell_type == "code" and bool(cell.source.strip()) and not is_experiment(cell)


def is_check(cell: NotebookNode) -> bool:
    """Whether the cell is graded by running it."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def must_run(cell: NotebookNode, rebuilt: Rebuilt) -> bool:
    """Whether the cell is a check, an answer, or the student's own."""
    return utils.is_grade(cell) or utils.is_solution(cell) or cell["id"] in rebuilt.theirs


def with_what_they_need(fixed: set[int], names: dict[int, Names]) -> set[int]:
    """The fixed cells and all others that give a name which one of the chosen cells mentions."""
    chosen = set(fixed)
    while True:
        if any(names[index].unclear for index in chosen):
            return set(names)
        used = frozenset().union(*(names[index].used for index in chosen))
        more = {i for i in names if i not in chosen and (names[i].unclear or names[i].given & used)}
        if not more:
            return chosen
        chosen |= more
