"""What the files of `course_lib` import of each other, read from their text."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import course_lib

LIBRARY = Path(course_lib.__file__).parent
LEFT_OUT = (
    "reference",
    "checks/exercises",
    "checks/questions",
    "checks/drawing.py",
    "bands/__main__.py",
    "bands/record.py",
    "experiments/__main__.py",
    "experiments/making.py",
    "experiments/workers.py",
)
SUFFIXES = (".py", ".npz", ".json")


def library_files(suffixes: Iterable[str] = (".py",)) -> list[Path]:
    """The files of `course_lib` that go in as they are."""
    found = (path for path in LIBRARY.rglob("*") if path.suffix in suffixes)
    return sorted(path for path in found if not is_left_out(path.relative_to(LIBRARY)))


def is_left_out(path: Path) -> bool:
    """Whether a file holds answers, or is of no use without them."""
    places = {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
    return bool(places & set(LEFT_OUT)) or "__pycache__" in path.parts


@cache
def imported_files(module: str) -> frozenset[Path]:
    """A module of the library with all modules of the library that it imports."""
    found: set[Path] = set()
    left = [module]
    while left:
        path = file_of(left.pop())
        if path is None or path in found or path.relative_to(LIBRARY).parts[0] == "reference":
            continue
        found.add(path)
        left += [node.module for node in imports(parsed(path))]
    return frozenset(found)


def file_of(module: str) -> Path | None:
    """The file of a module of the library."""
    place = LIBRARY.parent.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.exists()), None)


@cache
def parsed(path: Path) -> ast.Module:
    """A file as a syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[ast.ImportFrom]:
    """The `from course_lib… import …` of a file; the library has no others of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib"):
            yield node


def names_from(tree: ast.AST, module: str) -> list[str]:
    """What a file imports from a module or from those below it."""
    found = (node for node in imports(tree) if f"{node.module}.".startswith(f"{module}."))
    return [alias.name for node in found for alias in node.names]


def reference_imports(path: Path) -> list[str]:
    """What a file of the library imports from `course_lib.reference`."""
    return names_from(parsed(path), "course_lib.reference")


def taken_as(path: Path) -> Iterator[tuple[str, str]]:
    """The curriculum's functions that are defaults in a file, each with its argument's name."""
    names = set(reference_imports(path))
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            pairs = list(zip(reversed(positional), reversed(node.defaults), strict=False))
            for argument, default in [*pairs, *zip(node.kwonlyargs, node.kw_defaults, strict=True)]:
                if isinstance(default, ast.Name) and default.id in names:
                    yield default.id, argument.arg


def fixed_in(path: Path) -> set[str]:
    """What a file of the library needs of the curriculum and takes no argument for."""
    return set(reference_imports(path)) - {name for name, _ in taken_as(path)}
