"""Takes single functions out of the modules of `course_lib.reference`, with what they call."""

import ast
from collections.abc import Iterable
from pathlib import Path

from autograde.release.library import LIBRARY, imports, parsed

REFERENCE = LIBRARY / "reference"
HEADER = '"""What this edition keeps of a module of the course."""'
FALLBACK = "from course_lib.reference.lookup import find as __getattr__"


def reference_modules() -> dict[str, Path]:
    """The modules of the reference by name."""
    return {path.stem: path for path in sorted(REFERENCE.glob("*.py")) if path.stem != "__init__"}


def defined_names() -> dict[str, str]:
    """Every name that a module of the reference defines, with the module's name."""
    found = {}
    for module, path in reference_modules().items():
        for node in parsed(path).body:
            found |= dict.fromkeys(given(node), module)
    return found


def given(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def with_what_they_call(names: Iterable[str], without: Iterable[str]) -> set[str]:
    """The names and all others of the reference that they mention, but never those `without`."""
    modules, left_out, chosen = defined_names(), set(without), set()
    left = [name for name in names if name in modules]
    while left:
        name = left.pop()
        if name in chosen or name in left_out:
            continue
        chosen.add(name)
        path = reference_modules()[modules[name]]
        node = next(one for one in parsed(path).body if name in given(one))
        original = {
            alias.asname or alias.name: alias.name
            for one in imports(parsed(path))
            for alias in one.names
        }
        mentioned = {original.get(one, one) for one in mentions(node)}
        left += sorted(mentioned & set(modules))
    return chosen


def mentions(node: ast.AST) -> set[str]:
    """All names in a piece of code."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def extracted(module: str, names: set[str]) -> str:
    """The text of a module with these of its names only; others are looked up elsewhere."""
    return cut_out(reference_modules()[module], names, FALLBACK)


def cut_out(path: Path, names: set[str], *more: str) -> str:
    """The text of a file with these of its names, the imports that they need, and `more` lines."""
    body = [node for node in parsed(path).body if names & set(given(node))]
    used = set().union(*(mentions(node) for node in body))
    lines = path.read_text(encoding="utf-8").split("\n")
    needed = [text for node in parsed(path).body if (text := import_text(node, used))]
    texts = ["\n".join(lines[first_line(node) - 1 : node.end_lineno]) for node in body]
    return "\n\n".join([HEADER, "\n".join([*needed, *more]), *texts]) + "\n"


def with_helpers(path: Path, names: Iterable[str]) -> set[str]:
    """These names of a file, and those of its others that they mention."""
    there = {name: node for node in parsed(path).body for name in given(node)}
    chosen, left = set(), set(names) & set(there)
    while left:
        name = left.pop()
        chosen.add(name)
        left |= (mentions(there[name]) & set(there)) - chosen
    return chosen


def import_text(node: ast.stmt, used: set[str]) -> str:
    """An import of what is used; empty for everything else."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return ""
    names = [one for one in node.names if (one.asname or one.name).split(".")[0] in used]
    if not names:
        return ""
    kept = ast.Import(names)
    if isinstance(node, ast.ImportFrom):
        kept = ast.ImportFrom(node.module, names, node.level)
    return ast.unparse(kept)


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, decorators included."""
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
