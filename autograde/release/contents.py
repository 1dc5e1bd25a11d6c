"""Decides what a student edition for a set of lessons holds, without running anything of theirs.

The rules, for every function of the curriculum:

1. What an exercise of a released lesson asks for is left out. A loop that needs it takes it as an
   argument; without it, it raises a message that names the lesson and the argument.
2. Distributions (log-probabilities, samples, entropies, divergences) are stand-ins made of
   `torch.distributions`: policies cannot do without.
3. What a released lesson's runs need of lessons outside the set is kept as it is, with what it
   calls, and nothing else of those lessons.
4. What they need of *another released* lesson, or what a loop takes no argument for, has a stand-in
   in a form that does not show the answer. The grader's edition leaves these out: no import of the
   course may earn a point.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograde.building.lint import check_calls
from autograde.errors import CourseError
from autograde.lesson import Lesson
from autograde.release.library import (
    LIBRARY,
    fixed_in,
    imported_files,
    library_files,
    names_from,
    parsed,
    reference_imports,
    taken_as,
)

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
    "token_log_prob",
)
FOR_LOOPS = (
    "ReplayBuffer",
    "approximate_kl",
    "clip_fraction",
    "critic_loss",
    "generalized_advantage",
    "max_likelihood_loss",
    "minibatch_indices",
    "normalize_advantage",
    "reward_to_go",
    "update_target",
    "value_loss_monte_carlo",
)
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
    exercises, questions = graded_names(lessons)
    refuse_shipped(exercises)
    needed = {number_of(lesson): needs(lesson) for lesson in lessons}
    borrowed = borrowed_names(exercises, needed)
    guards = {
        name for path in library_files() for name in reference_imports(path) if is_guard(name)
    }
    kept = set().union(guards, *needed.values()) - set(exercises) - set(DISTRIBUTIONS)
    extra = () if grading else sorted(borrowed & set(FOR_LOOPS))
    stand_ins = (*DISTRIBUTIONS, *extra)
    return Contents(exercises, questions, tuple(sorted(kept)), stand_ins, arguments_of_loops())


def graded_names(lessons: Sequence[Lesson]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The exercises that lessons check, each with its lesson's number, and their questions."""
    from course_lib.checks.agent_tasks import AGENT_TASKS  # brings torch along

    exercises, questions = {}, []
    for lesson in lessons:
        for kind, name in check_calls(lesson.source.read_text(encoding="utf-8")):
            if name in AGENT_TASKS:  # It has no answer that an import could give.
                continue
            if kind == "check":
                exercises[name] = number_of(lesson)
            else:
                questions.append(name.removeprefix("answer_"))
    return exercises, tuple(dict.fromkeys(questions))


def borrowed_names(exercises: dict[str, str], needed: dict[str, dict[str, bool]]) -> set[str]:
    """The exercises that a training needs though no student of its lesson hands them over.

    Args:
        exercises: by name, the number of the lesson they belong to.
        needed: by lesson, the functions that it needs; true where no argument takes them.
    """
    fixed = {name for names in needed.values() for name in names if names[name]}
    elsewhere = {
        name
        for number, names in needed.items()
        for name in names
        if exercises.get(name, number) != number
    }
    refuse_without_stand_in((fixed & set(exercises)) - {*DISTRIBUTIONS, *FOR_LOOPS})
    return elsewhere | (fixed & set(exercises))


def arguments_of_loops() -> dict[str, list[str]]:
    """For each function of the curriculum that is a default, what its arguments are called."""
    arguments: dict[str, list[str]] = {}
    for name, argument in sorted({pair for path in library_files() for pair in taken_as(path)}):
        arguments.setdefault(name, []).append(argument)
    return arguments


def is_guard(name: str) -> bool:
    """Whether it checks arguments and computes nothing."""
    return name.startswith(GUARD)


def number_of(lesson: Lesson) -> str:
    """The lesson's two digits."""
    return lesson.name.split("_", 1)[0]


def needs(lesson: Lesson) -> dict[str, bool]:
    """The curriculum's functions that a lesson imports or that its trainings need.

    Each with whether a training needs it and takes no argument for it.
    """
    from course_lib import algorithms
    from course_lib.runs import RUNS

    tree = ast.parse(lesson.source.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    loops = {RUNS[name].algorithm for name in RUNS if name in texts}
    loops |= {getattr(algorithms, name) for name in names_from(tree, "course_lib.algorithms")}
    found = dict.fromkeys(names_from(tree, "course_lib.reference"), False)
    for path in set().union(*(imported_files(loop.__module__) for loop in loops)):
        for name in reference_imports(path):
            found[name] = found.get(name, False) or name in fixed_in(path)
    return found


def refuse_without_stand_in(missing: set[str]) -> None:
    """A loop of a released lesson must be able to run."""
    if missing:
        raise CourseError(
            f"{', '.join(sorted(missing))}: an exercise that a training needs and takes no "
            "argument for. Give the training an argument, or the edition a stand-in in "
            "autograde/release/shipped/stand_ins.py."
        )


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
