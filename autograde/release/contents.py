"""Decides what a student edition for a set of lessons holds, without running anything of theirs.

The rules, for every function of the curriculum:

1. What an exercise of a released lesson asks for is left out. A loop that needs it takes it as an
   argument; without it, it raises a message that names the lesson and the argument.
2. Distributions (log-probabilities, samples, entropies, divergences) are stand-ins made of
   `torch.distributions`: policies cannot do without.
3. What a released lesson's runs need of lessons outside the set is kept as it is, with what it
   calls, and nothing else of those lessons.
4. What they need of *another released* lesson has a stand-in where there is one, in a form that
   does not show the answer. The grader's edition leaves these out: no import of the course may
   earn a point.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import course_lib
from autograde.building.lint import check_calls
from autograde.errors import CourseError
from autograde.lesson import Lesson

LIBRARY = Path(course_lib.__file__).parent
LEFT_OUT = (
    "reference",
    "checks/exercises",
    "checks/questions",
    "checks/drawing.py",
    "bands/__main__.py",
    "bands/record.py",
)
SUFFIXES = (".py", ".npz", ".json")
DISTRIBUTIONS = (
    "beta_log_prob",
    "categorical_entropy",
    "categorical_kl",
    "categorical_log_prob",
    "gaussian_entropy",
    "gaussian_kl",
    "gaussian_log_prob",
    "sample_categorical",
    "sample_gaussian",
    "squashed_gaussian_log_prob",
)
FOR_OTHER_LESSONS = ("generalized_advantage", "normalize_advantage")
GUARD = "require_"


@dataclass(frozen=True)
class Contents:
    """What an edition holds.

    Attributes:
        exercises: the lesson's number for each exercise of the released lessons.
        questions: the names of their concept questions.
        kept: functions of `course_lib.reference` that go in as they are.
        stand_ins: functions that go in as a stand-in.
        arguments: for a function of the curriculum, the arguments by which loops take it.
    """

    exercises: dict[str, str]
    questions: tuple[str, ...]
    kept: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = DISTRIBUTIONS
    arguments: dict[str, list[str]] = field(default_factory=dict)


def contents_of(lessons: Sequence[Lesson], *, grading: bool = False) -> Contents:
    """Apply the rules to a set of lessons.

    Args:
        lessons: those that are released.
        grading: whether the edition is for the process in which submissions run.

    Raises:
        CourseError: an exercise's answer lies where the edition would take it along.
    """
    exercises, questions = {}, []
    for lesson in lessons:
        for kind, name in check_calls(lesson.source.read_text(encoding="utf-8")):
            if kind == "check":
                exercises[name] = lesson.name.split("_", 1)[0]
            else:
                questions.append(name.removeprefix("answer_"))
    refuse_shipped(exercises)
    needed = {name: needs(lesson) for lesson in lessons for name in [lesson.name.split("_", 1)[0]]}
    borrowed = {
        name
        for number, names in needed.items()
        for name in names & set(FOR_OTHER_LESSONS)
        if exercises.get(name, number) != number
    }
    guards = {
        name for path in library_files() for name in reference_imports(path) if is_guard(name)
    }
    kept = set().union(guards, *needed.values()) - set(exercises) - set(DISTRIBUTIONS)
    stand_ins = DISTRIBUTIONS if grading else (*DISTRIBUTIONS, *sorted(borrowed))
    arguments: dict[str, list[str]] = {}
    for name, argument in sorted({pair for path in library_files() for pair in taken_as(path)}):
        arguments.setdefault(name, []).append(argument)
    return Contents(
        exercises, tuple(dict.fromkeys(questions)), tuple(sorted(kept)), stand_ins, arguments
    )


def is_guard(name: str) -> bool:
    """Whether it checks arguments and computes nothing."""
    return name.startswith(GUARD)


def library_files(suffixes: Iterable[str] = (".py",)) -> list[Path]:
    """The files of `course_lib` that go in as they are."""
    found = (path for path in LIBRARY.rglob("*") if path.suffix in suffixes)
    return sorted(path for path in found if not is_left_out(path.relative_to(LIBRARY)))


def is_left_out(path: Path) -> bool:
    """Whether a file holds answers, or is of no use without them."""
    places = {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
    return bool(places & set(LEFT_OUT)) or "__pycache__" in path.parts


def needs(lesson: Lesson) -> set[str]:
    """The curriculum's functions that a lesson imports, and those that its trainings need."""
    from course_lib import algorithms
    from course_lib.runs import RUNS

    tree = ast.parse(lesson.source.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    loops = {RUNS[name].algorithm for name in RUNS if name in texts}
    loops |= {getattr(algorithms, name) for name in names_from(tree, "course_lib.algorithms")}
    found = set(names_from(tree, "course_lib.reference"))
    for loop in loops:
        for path in imported_files(loop.__module__):
            found |= set(reference_imports(path))
    return found


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


def refuse_shipped(exercises: Iterable[str]) -> None:
    """No exercise's answer may be in a file that goes in as it is."""
    for path in library_files():
        defined = {
            node.name
            for node in parsed(path).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        for name in defined & set(exercises):
            raise CourseError(
                f"{name} is an exercise, and course_lib/{path.relative_to(LIBRARY).as_posix()} "
                "holds its answer, which students would get. Move it to course_lib/reference."
            )
