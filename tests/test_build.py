"""From a source to both notebooks: what is written, what is executed, what is refused."""

import shutil
from pathlib import Path

import nbformat
import pytest

from autograde.building.build import build, check
from autograde.building.source import read_source
from autograde.building.worked import write_if_new
from autograde.lesson import Lesson, all_lessons
from tests.sample_course import REPOSITORY, SMALL, make_course

SECRETS = ("secret_product", "hidden_case", "sign argument", "same sign", "BEGIN ", "END ")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory) -> Path:
    """The sample course, built and executed."""
    lesson = make_course(tmp_path_factory.mktemp("course"))
    result = build(lesson)
    assert result.errors == []
    assert result.executed
    return lesson.root


@pytest.fixture
def built(built_once, tmp_path) -> Lesson:
    """A copy of it, to be changed."""
    shutil.copytree(built_once, tmp_path / "course")
    return Lesson(tmp_path / "course", "00_squares")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def cells(path: Path) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def snapshot(lesson: Lesson) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in lesson.root.rglob("*") if path.is_file()}


def test_the_worked_notebook_holds_solutions_and_outputs(built):
    worked = cells(built.worked)
    assert "return secret_product" in worked["square"].source
    assert worked["check-square"].outputs[0].text == "✓ right\n"
    assert "long run 25\n" in [c.outputs[0].text for c in worked.values() if c.get("outputs")]


def test_the_student_notebook_holds_stubs_and_nothing_secret(built):
    text = built.student.read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in text] == []
    student = cells(built.student)
    assert student["square"].source.split("\n") == [
        "def square(x):",
        '    """x times x."""',
        '    raise NotImplementedError("Write your code here, then run the cell below.")',
    ]
    assert student["check-square"].source == "check(lambda x: square(x))"
    assert student["written-sign"].source == "*Write your answer here.*"


def test_the_student_notebook_has_no_outputs_and_no_traces_of_tools(built):
    notebook = nbformat.read(built.student, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_both_notebooks_have_the_same_cells_in_the_same_order(built):
    assert list(cells(built.worked)) == list(cells(built.student))


def test_building_again_does_nothing(built):
    before = snapshot(built)
    result = build(built)
    assert (result.written, result.executed, result.errors) == ([], False, [])
    assert snapshot(built) == before


@pytest.mark.slow
def test_executing_again_gives_the_same_bytes(built):
    before = snapshot(built)
    result = build(built, force=True)
    assert result.executed
    assert snapshot(built) == before


def test_a_change_of_words_keeps_the_outputs_without_executing(built):
    edit(built.source, "Now something long.", "Now something longer.")
    result = build(built)
    assert not result.executed
    assert len(result.written) == 2
    assert cells(built.worked)["check-square"].outputs[0].text == "✓ right\n"


def test_a_change_of_code_executes(built):
    edit(built.source, "square(5)", "square(6)")
    assert build(built).executed
    assert "long run 36" in built.worked.read_text(encoding="utf-8")


def test_without_execution_changed_code_has_no_outputs_and_is_stale(built):
    edit(built.source, "square(5)", "square(6)")
    result = build(built, run=False)
    assert not result.executed
    assert "no outputs" in result.warnings[0]
    assert all(cell.get("outputs", []) == [] for cell in cells(built.worked).values())
    assert check(built).stale == [
        "solutions/00_squares/squares.ipynb was not executed with this code"
    ]


@pytest.mark.slow
def test_cleared_outputs_are_made_again(built):
    notebook = nbformat.read(built.worked, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, built.worked)
    assert build(built).executed
    assert cells(built.worked)["check-square"].outputs[0].text == "✓ right\n"


def test_what_jupyterlab_adds_on_saving_is_taken_out_again(built):
    before = snapshot(built)
    notebook = nbformat.read(built.worked, as_version=4)
    notebook.metadata.language_info.version = "3.11.9"
    notebook.cells[0].metadata.editable = True
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    nbformat.write(notebook, built.worked)
    assert "another form" in check(built).stale[0]
    assert not build(built).executed
    assert snapshot(built) == before


@pytest.mark.parametrize(
    "code",
    [
        "print(undefined_name)",
        pytest.param("check(lambda x: 0)", marks=pytest.mark.slow),
        pytest.param("import os; os._exit(3)", marks=pytest.mark.slow),
    ],
)
def test_a_failing_cell_is_shown_and_keeps_the_old_notebooks(built, code):
    old = "check(lambda x: square(x))" if "check" in code else "# Now something long.\n"
    new = code if "check" in code else f"{old}\n# %%\n{code}\n\n# %% [markdown]\n# And on.\n"
    edit(built.source, old, new)
    before = snapshot(built)
    (error,) = build(built).errors
    assert code in error
    assert "solutions/00_squares/squares.py, cell " in error
    expected = {"print": "NameError", "check": "AssertionError", "impor": "Kernel died"}
    assert expected[code[:5]] in error
    assert snapshot(built) == before


@pytest.mark.slow
def test_an_ordinary_cell_may_show_an_error_on_purpose(built):
    cell = '\n# %% tags=["raises-exception"]\n1 / 0\n'
    built.source.write_text(SMALL + cell, encoding="utf-8")
    assert build(built).errors == []
    assert "ZeroDivisionError" in built.worked.read_text(encoding="utf-8")


def test_an_edit_of_the_worked_notebook_is_never_written_over(built):
    edit(built.worked, "What is a square?", "What is a cube?")
    before = snapshot(built)
    (error,) = build(built).errors
    assert "course build --from-notebook 00_squares" in error
    assert "course build --force 00_squares" in error
    assert snapshot(built) == before


def test_force_throws_the_edit_away(built):
    before = snapshot(built)
    edit(built.worked, "What is a square?", "What is a cube?")
    assert build(built, force=True).errors == []
    assert snapshot(built) == before


def test_two_edits_at_once_are_refused_with_a_way_out(built):
    edit(built.worked, "What is a square?", "What is a cube?")
    edit(built.source, "Exercise, 2 points.", "Exercise.")
    (error,) = build(built).errors
    assert "were both edited" in error
    assert "--from-notebook" not in error


def test_the_same_edit_on_both_sides_is_no_conflict(built):
    edit(built.worked, "What is a square?", "What is a cube?")
    edit(built.source, "What is a square?", "What is a cube?")
    assert build(built).errors == []


@pytest.mark.parametrize("content", ["{ broken", "[]", '{"cells": 3, "nbformat": 4}'])
def test_a_broken_worked_notebook_is_named_and_force_repairs_it(built, content):
    built.worked.write_text(content)
    (error,) = build(built).errors
    assert "cannot be read as a notebook" in error
    assert build(built, force=True, run=False).errors == []
    assert cells(built.worked).keys() == cells(built.student).keys()


def test_an_error_of_the_lint_stops_the_build(built):
    edit(built.source, '"points": 2, ', "")
    before = snapshot(built)
    assert "needs points" in build(built).errors[0]
    assert snapshot(built) == before


def test_check_says_what_is_stale_and_why_and_writes_nothing(built):
    assert check(built).ok
    edit(built.source, "What is a square?", "What is a cube?")
    before = snapshot(built)
    assert check(built).stale == [
        "solutions/00_squares/squares.ipynb is older than its source",
        "notebooks/00_squares/squares.ipynb differs from what the source gives",
    ]
    assert snapshot(built) == before


def test_check_names_what_is_missing_edited_and_foreign(built):
    edit(built.worked, "What is a square?", "What is a cube?")
    built.student.unlink()
    built.student.with_name("squares.py").write_text(SMALL)
    assert check(built).stale == [
        "solutions/00_squares/squares.ipynb was edited by hand since it was built",
        "notebooks/00_squares/squares.ipynb is missing",
        "notebooks/00_squares/squares.py does not belong there: students get every file "
        "of that folder",
    ]
    built.worked.unlink()
    assert "squares.ipynb is missing" in check(built).stale[0]


def test_a_tampered_student_notebook_is_stale(built):
    edit(built.student, "raise NotImplementedError", "return x * x  #")
    assert check(built).stale == [
        "notebooks/00_squares/squares.ipynb differs from what the source gives"
    ]


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    write_if_new(path, "old")

    def no_space(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("course_lib.desk.files.os.replace", no_space)
    with pytest.raises(OSError, match="No space"):
        write_if_new(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# The course itself.


def test_nothing_in_the_course_is_stale():
    lessons = all_lessons(REPOSITORY)
    assert lessons
    for lesson in lessons:
        result = check(lesson)
        assert (result.errors, result.stale) == ([], [])


def test_no_solution_hidden_test_or_mark_scheme_is_in_the_released_folder():
    files = [path for path in (REPOSITORY / "notebooks").rglob("*") if path.is_file()]
    files = [path for path in files if ".ipynb_checkpoints" not in path.parts]
    assert {path.suffix for path in files} == {".ipynb"}
    for lesson in all_lessons(REPOSITORY):
        released = "\n".join(cell.source for cell in cells(lesson.student).values())
        assert "### BEGIN " not in released
        assert [line for line in secret_lines(lesson) if line in released] == []


def secret_lines(lesson: Lesson) -> list[str]:
    """What stands inside of a region of the source, and nowhere outside of one."""
    inside, outside, secret = [], [], False
    for cell in read_source(lesson).cells:
        for line in cell.source.split("\n"):
            if line.strip().startswith(("### BEGIN ", "### END ")):
                secret = "### BEGIN " in line
            else:
                (inside if secret else outside).append(line.strip())
    return [line for line in inside if len(line) > 12 and not any(line in o for o in outside)]


def test_secret_lines_finds_the_secrets_of_the_sample(tmp_path):
    assert secret_lines(make_course(tmp_path)) == [
        "secret_product = x * x",
        "return secret_product",
        "hidden_case = square(-4)",
        "assert hidden_case == 16",
        "3 points for the sign argument.",
    ]


def test_released_notebooks_have_no_outputs():
    for lesson in all_lessons(REPOSITORY):
        code = [c for c in cells(lesson.student).values() if c.cell_type == "code"]
        assert code
        assert [c for c in code if c.outputs or c.execution_count] == []
