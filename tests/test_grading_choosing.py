"""Which cells run: all that a grade can depend on, and no others."""

import time

import nbformat
import pytest
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading.choosing import cells_to_run, names_of
from autograde.grading.rebuilding import Rebuilt

ANSWER = {"grade": False, "grade_id": "f", "locked": False, "solution": True, "schema_version": 3}
CHECK = {**ANSWER, "grade": True, "grade_id": "check-f", "locked": True, "solution": False}


def cell(source, nbgrader=None, tags=(), identity=None):
    """A code cell."""
    metadata = {"nbgrader": {**nbgrader, "points": 1}} if nbgrader else {}
    metadata |= {"tags": list(tags)} if tags else {}
    made = nbformat.v4.new_code_cell(source, metadata=metadata)
    made["id"] = identity or str(abs(hash(source)))
    return made


def ran(*cells, theirs=(), everything=False):
    """The first lines of the cells that run."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    rebuilt = Rebuilt(notebook, theirs=set(theirs))
    todo = cells_to_run(rebuilt, ClearHiddenTests(), everything=everything)
    return [one.parts[0].split("\n")[0] for one in todo]


def answer(source):
    """An answer cell."""
    return cell(source, ANSWER)


def check(source="check(f)"):
    """A check cell."""
    return cell(source, CHECK)


def test_a_check_runs_in_two_parts_the_hidden_one_last():
    text = "check(f)\n### BEGIN HIDDEN TESTS\ncheck(f, hidden=True)\n### END HIDDEN TESTS"
    notebook = nbformat.v4.new_notebook(cells=[check(text)])
    todo = cells_to_run(Rebuilt(notebook), ClearHiddenTests(), everything=False)
    assert todo[0].parts == ("check(f)", "check(f, hidden=True)")


def test_pictures_of_the_lesson_are_left_out_unless_asked_for():
    cells = [cell("import lib"), answer("def f(): return lib"), cell("draw(f)"), check()]
    assert ran(*cells) == ["import lib", "def f(): return lib", "check(f)"]
    assert ran(*cells, everything=True) == [
        "import lib",
        "def f(): return lib",
        "draw(f)",
        "check(f)",
    ]


def test_experiments_never_run():
    cells = [cell("x = 1", tags=["experiment"]), answer("def f(): return x"), check()]
    assert ran(*cells, everything=True) == ["def f(): return x", "check(f)"]


def test_definitions_are_followed_to_their_start():
    cells = [
        cell("a = 1"),
        cell("b = a + 1"),
        cell("def helper():\n    return b"),
        cell("unused = a"),
        answer("def f(): return helper()"),
        check(),
    ]
    assert ran(*cells) == [
        "a = 1",
        "b = a + 1",
        "def helper():",
        "def f(): return helper()",
        "check(f)",
    ]


def test_a_constant_that_is_defined_after_the_function_that_reads_it_is_kept():
    cells = [cell("def helper():\n    return LATER"), cell("LATER = 3"), check("check(helper)")]
    assert ran(*cells) == ["def helper():", "LATER = 3", "check(helper)"]


@pytest.mark.parametrize(
    "change", ["settings.gamma = 0.9", "settings['gamma'] = 1", "settings.update(gamma=1)"]
)
def test_what_changes_a_thing_that_is_used_is_kept(change):
    cells = [cell("settings = {}"), cell(change), answer("def f(): return settings"), check()]
    assert change in ran(*cells)


def test_the_students_own_cells_always_run():
    assert ran(cell("print('mine')", identity="own"), theirs={"own"}) == ["print('mine')"]


@pytest.mark.parametrize("code", ["def f(): return eval('hidden')", "def f(): return globals()"])
def test_where_it_cannot_be_told_everything_runs(code):
    cells = [cell("hidden = 1"), answer(code), check()]
    assert ran(*cells) == ["hidden = 1", code, "check(f)"]


def test_a_star_import_may_give_any_name_and_is_kept():
    cells = [cell("from math import *"), answer("def f(): return pi"), check()]
    assert "from math import *" in ran(*cells)


def test_magics_are_understood_and_broken_code_breaks_nothing():
    assert "numbers" in names_of("%matplotlib inline\nnumbers = [1]").given
    assert names_of("def (") == names_of("1 +")


@pytest.mark.parametrize(
    "code", ["a = !ls\n" * 2000, "x = 1\n" * 20_000, "%time " * 3000 + "\n" * 3000], ids=len
)
def test_text_that_would_take_too_long_is_unclear(code):
    started = time.process_time()
    assert names_of(code).unclear
    assert time.process_time() - started < 2


@pytest.mark.parametrize("code", ["(" * 5000, "x = " + "-" * 40_000 + "1", "a = !ls\n" * 60])
def test_text_that_is_hard_to_read_raises_nothing(code):
    names_of(code)


def test_local_names_are_nobodys_business():
    code = "def f(x):\n    total = x\n    return total + scale"
    assert names_of(code).used >= {"scale"}
    assert "total" not in names_of(code).used | names_of(code).given
