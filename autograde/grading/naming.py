"""Which global names a cell mentions and which it gives, read from its text."""

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

MAX_CODE = 50_000
MAX_MAGIC = 500_000  # characters times lines
LOOKS_EVERYWHERE = frozenset({"eval", "exec", "get_ipython", "globals", "locals", "vars"})


@dataclass(frozen=True)
class Names:
    """The global names that a cell mentions, and those it defines or may change."""

    used: frozenset[str]
    given: frozenset[str]
    unclear: bool = False


@lru_cache(maxsize=4096)
def names_of(code: str) -> Names:
    """What a cell mentions and gives; unclear if it cannot be told."""
    try:
        text = plain_python(code)
        tree, table = ast.parse(text), symtable.symtable(text, "cell", "exec")
    except TooMuch:
        return Names(frozenset(), frozenset(), unclear=True)
    except Exception:  # Whatever a text can do to a parser.
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


class TooMuch(Exception):
    """Text that would take too long to be read."""


def plain_python(code: str) -> str:
    """The cell as Python, its magics as what they stand for.

    Raises:
        TooMuch: IPython, which reads the whole cell anew for each magic, would not come to an end.
    """
    if len(code) > MAX_CODE:
        raise TooMuch
    try:
        ast.parse(code)
        return code
    except SyntaxError:
        if len(code) * code.count("\n") > MAX_MAGIC:
            raise TooMuch from None
        return TransformerManager().transform_cell(code)


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
