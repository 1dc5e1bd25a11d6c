"""What must not be in the student edition: answers, hidden cases, solutions, mistakes as code."""

import ast
import inspect
import json
import re
import textwrap

import nbformat
import pytest
from torch import Tensor

from autograde.lesson import find_lessons
from autograde.release.contents import contents_of
from course_lib import reference
from course_lib.checks import Exercise, all_questions, exercise_names, load_exercise
from tests.released import (
    ROOT,
    functions_in,
    holders,
    released_course,
    statements_of,
    texts_in,
)

LESSONS = find_lessons(ROOT)
RELEASED = contents_of(LESSONS)
BANK = [load_exercise(name) for name in exercise_names()]
EXERCISES = [one for one in BANK if one.name in RELEASED.exercises]
# Single lines that are in the edition and give nothing away.
SHOWN = {
    # SAC's policy draws its noise like this, too.
    "noise = torch.empty_like(mean, requires_grad=False).normal_(generator=generator)",
    # Everything that is drawn from has a generator of its own.
    "self._generator = torch.Generator().manual_seed(seed)",
    # They stand in the version with the silent bug, which students are given to repair.
    "inputs = [one[:, n:n + 1] for one in (reward, value, next_value, terminated, truncated)]",
    "columns.append(estimate(*inputs, gamma, gae_lambda))",
}


@pytest.fixture(scope="module")
def folder():
    """The released course."""
    return released_course()


@pytest.fixture(scope="module")
def texts(folder):
    """All code in it, normalised."""
    return texts_in(folder)


def as_tree(function) -> ast.FunctionDef:
    """A function's syntax tree."""
    return next(functions_in(textwrap.dedent(inspect.getsource(function))))


def functions_of(answer) -> list:
    """A function itself, or the methods of a class."""
    inside = vars(answer).values() if inspect.isclass(answer) else [answer]
    return [one for one in inside if inspect.isfunction(one)]


def answers() -> set[str]:
    """What gives away the reference of an exercise of a released lesson."""
    names = [name for name in RELEASED.exercises if hasattr(reference, name)]
    live = [getattr(reference, name) for name in names]
    live += [one.reference for one in EXERCISES]
    functions = [function for one in live for function in functions_of(one)]
    return {piece for one in functions for piece in statements_of(as_tree(one))} - SHOWN


def solutions() -> set[str]:
    """What gives away the worked answers of the lessons."""
    found = set()
    for lesson in LESSONS:
        text = lesson.source.read_text(encoding="utf-8")
        for node in functions_in(text):
            lines = text.split("\n")[node.lineno : node.end_lineno]
            if any("BEGIN SOLUTION" in line for line in lines):
                found |= set(statements_of(node))
    return found - SHOWN


def wrong_and_other_versions() -> set[str]:
    """The whole bodies of known mistakes and right variants; single lines of them say nothing."""
    bodies = set()
    for exercise in EXERCISES:
        for function in (*(one.function for one in exercise.mistakes), *exercise.variants):
            if inspect.isfunction(function) and function.__closure__ is None:
                bodies.add(next(statements_of(as_tree(function)), ""))
    return {body for body in bodies if "\n" in body}


def test_no_answer_of_a_released_lesson_is_in_the_edition(texts):
    assert len(answers()) > 30
    assert holders(texts, answers()) == []


def test_no_worked_solution_is_in_the_edition(texts):
    assert len(solutions()) > 30
    assert holders(texts, solutions()) == []


def test_no_known_mistake_is_in_the_edition_as_code(texts):
    assert len(wrong_and_other_versions()) > 80
    assert holders(texts, wrong_and_other_versions()) == []


def test_the_search_finds_an_answer_that_lies_there(tmp_path):
    source = inspect.getsource(reference.generalized_advantage)
    inside = "".join(f"    {line}" for line in source.splitlines(keepends=True))
    (tmp_path / "planted.py").write_text(f"class Deep:\n{inside}", encoding="utf-8")
    lesson = (ROOT / "solutions/02_reinforce/reinforce.py").read_text(encoding="utf-8")
    solution = re.search(r"def reinforce_to_go_loss.*?### END SOLUTION", lesson, re.DOTALL)[0]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(solution)])
    nbformat.write(notebook, tmp_path / "planted.ipynb")
    found = texts_in(tmp_path)
    assert "planted.py" in {name for name, _ in holders(found, answers())}
    assert "planted.ipynb" in {name for name, _ in holders(found, solutions())}


@pytest.mark.parametrize("region", ["SOLUTION", "HIDDEN TESTS", "MARK SCHEME"])
def test_no_marked_region_is_in_the_edition(folder, region):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 100
    assert [path for path in files if f"BEGIN {region}".encode() in path.read_bytes()] == []


def numbers_put_in(exercises: list[Exercise], *seeds: int) -> set[bytes]:
    """The raw numbers that the exercises' cases of these seeds put in, where they are telling."""
    return {
        value.contiguous().numpy().tobytes()
        for exercise in exercises
        for seed in seeds
        for worked in exercise.worked(seed)
        for value in worked.case.inputs.values()
        if isinstance(value, Tensor) and value.is_floating_point() and value.unique().numel() > 3
    }


def test_visible_cases_are_in_the_edition_and_hidden_ones_are_not(folder):
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    visible = numbers_put_in(EXERCISES, 0)
    hidden = numbers_put_in(BANK, 1, 2, 3) - visible
    assert len(hidden) > 300
    assert all(one in everything for one in visible)
    assert not any(one in everything for one in hidden)


def test_no_array_in_the_edition_holds_objects(folder):
    arrays = list(folder.rglob("*.npz"))
    assert len(arrays) > len(EXERCISES)
    assert [path for path in arrays if b"'descr': '|O'" in path.read_bytes()] == []


def test_explanations_of_choices_cannot_be_read_by_the_way(folder):
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert all(name.encode() in everything for name in RELEASED.questions)
    for question in all_questions().values():
        for explanation in question.explanations.values():
            assert explanation.encode() not in everything
            assert json.dumps(explanation)[1:-1].encode() not in everything
