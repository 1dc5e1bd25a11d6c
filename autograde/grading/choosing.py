"""Which cells run when a submission is graded: the student's, the checks, and what they need.

Most of a lesson's own cells draw pictures or show numbers. No grade can depend on those, and they
take most of the time, so a cell of the lesson runs only if it defines or changes a name that a cell
which runs mentions. Where that cannot be told from the text, everything runs; experiments never do.
"""

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading.executing import CellToRun
from autograde.grading.graded_source import hidden_split, is_experiment
from autograde.grading.rebuilding import Rebuilt

LOOKS_EVERYWHERE = frozenset({"eval", "exec", "get_ipython", "globals", "locals", "vars"})


@dataclass(frozen=True)
class Names:
    """The global names that a cell mentions, and those it defines or may change."""

    used: frozenset[str]
    given: frozenset[str]
    unclear: bool = False


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
    chosen = with_what_they_need(fixed, {index: names_of(cells[index].source) for index in able})
    todo = []
    for index in sorted(chosen):
        parts = (cells[index].source,)
        if is_check(cells[index]):
            parts = hidden_split(cells[index].source, clear)
        todo.append(CellToRun(index, tuple(part for part in parts if part.strip())))
    return todo


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


@lru_cache(maxsize=4096)
def names_of(code: str) -> Names:
    """What a cell mentions and gives; unclear if it cannot be told."""
    try:
        text = TransformerManager().transform_cell(code)
        tree, table = ast.parse(text), symtable.symtable(text, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):
        # It will not run either, so nothing can come of it.
        return Names(frozenset(), frozenset())
    top = table.get_symbols()
    used = {symbol.get_name() for symbol in top if symbol.is_referenced()} | nested_globals(table)
    given = {one.get_name() for one in top if one.is_assigned() or one.is_imported()}
    given |= set(changed_names(tree))
    unclear = bool(used & LOOKS_EVERYWHERE) or any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)
    )
    return Names(frozenset(used), frozenset(given), unclear)


def nested_globals(table: symtable.SymbolTable) -> set[str]:
    """The global names that functions and classes inside mention."""
    found: set[str] = set()
    for inner in table.get_children():
        found |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        found |= nested_globals(inner)
    return found


def changed_names(tree: ast.Module) -> Iterator[str]:
    """Names of what is written into (`a.b = …`, `a[i] = …`) or told to act (`a.act()`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield from base_name(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from (
                base_name(node.value.func) if not isinstance(node.value.func, ast.Name) else ()
            )


def base_name(node: ast.expr) -> Iterator[str]:
    """The `a` of `a.b[c].d`, if there is one."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
