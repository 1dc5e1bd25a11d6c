"""A student edition to look into, and what must not be found in it."""

import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat

from autograde.lesson import find_lessons
from autograde.release.package import release

ROOT = Path(__file__).resolve().parent.parent
LONG_ENOUGH = 40  # characters of a statement that says something by itself
# A Python that sees the edition and the installed packages, but not the repository.
ALONE = """
import sys
sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in repr(one)]
sys.path[:] = [one for one in sys.path if one not in ("", {root!r})]
sys.path.insert(0, {edition!r})
import importlib.util
assert importlib.util.find_spec("autograde") is None
import course_lib
assert course_lib.__file__.startswith({edition!r}), course_lib.__file__
"""


SCRATCH = tempfile.TemporaryDirectory(prefix="released-")


@cache
def released_course() -> Path:
    """All lessons as students get them, written once a process."""
    folder = Path(SCRATCH.name) / "course"
    release(ROOT, folder, find_lessons(ROOT))
    return folder


def run_alone(edition: Path, code: str, **options) -> subprocess.CompletedProcess:
    """Run code in a process whose only course is the edition."""
    text = ALONE.format(root=str(ROOT), edition=str(edition)) + code
    command = [sys.executable, "-I", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, cwd=edition, **options)


def normalized(code: str) -> str:
    """Code without comments, docstrings, annotations and layout."""
    return ast.unparse(bare(ast.parse(code)))


def bare(tree: ast.AST) -> ast.AST:
    """A syntax tree without docstrings and annotations, in place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return tree


def statements_of(function: ast.FunctionDef) -> Iterator[str]:
    """What gives a function away: its whole body, and every long statement in it; no guards."""
    body = [one for one in bare(function).body if not is_guard(one)]
    if len(body) > 1:
        yield "\n".join(ast.unparse(one) for one in body)
    for one in body:
        for node in ast.walk(one):
            if isinstance(node, ast.stmt) and len(ast.unparse(node)) >= LONG_ENOUGH:
                yield ast.unparse(node)


def is_guard(node: ast.stmt) -> bool:
    """Whether a statement only checks arguments."""
    text = ast.unparse(node)
    return text.startswith("require_") or "raise " in text


def functions_in(code: str) -> Iterator[ast.FunctionDef]:
    """The functions at the top of a module, and those of the classes there."""
    for node in ast.parse(code).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (one for one in inside if isinstance(one, ast.FunctionDef))


def texts_in(folder: Path) -> dict[Path, str]:
    """All code in a folder, normalised: modules, and the cells of notebooks."""
    found = {}
    for path in folder.rglob("*.py"):
        found[path] = normalized(path.read_text(encoding="utf-8"))
    for path in folder.rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        found[path] = "\n".join(normalized(one) for one in code)
    return found


def flattened(code: str) -> str:
    """Code without the indentation of its lines."""
    return "\n".join(line.strip() for line in code.split("\n"))


def holders(texts: dict[Path, str], pieces: set[str]) -> list[tuple[str, str]]:
    """Which files hold which of these pieces, whatever they are indented by."""
    flat = {path: flattened(text) for path, text in texts.items()}
    return [
        (path.name, piece)
        for piece in pieces
        for path, text in flat.items()
        if flattened(piece) in text
    ]
