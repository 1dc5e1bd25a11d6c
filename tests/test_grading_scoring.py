"""Scoring: partial points, and nbgrader finds the same number in the outputs."""

import nbformat
import pytest
from nbgrader.utils import determine_grade

from autograde.grading.executing import DIED, DONE, HUNG, NOT_REACHED, CellResult
from autograde.grading.outcomes import (
    ERROR,
    NOT_GRADED,
    NOT_WRITTEN,
    PARTLY,
    RIGHT,
    TIME_LIMIT,
    WRONG,
)
from autograde.grading.scoring import score, score_nothing

ABOUT = {"schema_version": 3, "task": False}
OK = {"status": "ok", "outputs": []}


def stream(text, name="stdout"):
    """Printed text."""
    return {"output_type": "stream", "name": name, "text": text}


def value(text):
    """The value of a cell."""
    return {
        "output_type": "execute_result",
        "data": {"text/plain": text},
        "metadata": {},
        "execution_count": None,
    }


def failed(points, possible, mistake=None, message="✗ not it"):
    """A part in which a check failed."""
    check = {"exercise": "f", "mistake": mistake, "points": points, "possible": possible}
    part = {"status": "check failed", "error": "CheckFailed", "message": message, "check": check}
    return {**part, "outputs": []}


def error(name="NameError", message="name 'f' is not defined"):
    """A part that raised something."""
    return {"status": "error", "error": name, "message": message, "outputs": []}


def judged(*parts, points=4, ending=DONE, answer=OK, unwritten=()):
    """The score and the graded cell of a check whose parts gave this."""
    solution = nbformat.v4.new_code_cell("def f(): ...")
    solution.metadata["nbgrader"] = {
        **ABOUT,
        "grade": False,
        "grade_id": "f",
        "locked": False,
        "solution": True,
    }
    check = nbformat.v4.new_code_cell("check(f)")
    check.metadata["nbgrader"] = {
        **ABOUT,
        "grade": True,
        "grade_id": "check-f",
        "locked": True,
        "solution": False,
        "points": points,
    }
    notebook = nbformat.v4.new_notebook(cells=[solution, check])
    results = {0: CellResult(DONE, (answer,)), 1: CellResult(ending, parts)}
    (one,) = score(notebook, results, set(unwritten))
    assert determine_grade(check) == (one.points, points)
    nbformat.validate(notebook)
    return one, check


def test_a_check_that_passes_gives_all_points():
    one, cell = judged({**OK, "outputs": [stream("✓ f: right")]}, OK)
    assert (one.points, one.status, one.exercise) == (4, RIGHT, "f")
    assert [output["text"] for output in cell.outputs] == ["✓ f: right"]


def test_what_is_printed_to_stderr_costs_nothing():
    one, _ = judged({**OK, "outputs": [stream("a warning", "stderr")]}, OK)
    assert one.points == 4


@pytest.mark.parametrize("shown", ["0.0", "nan", "'words'", "[]"])
def test_a_value_that_a_check_shows_is_credit_only_if_it_is_a_number(shown):
    one, _ = judged({**OK, "outputs": [value(shown)]})
    assert one.points == (0 if shown in ("0.0", "nan") else 4)


def test_a_test_cell_may_give_partial_credit_as_nbgrader_has_it():
    one, _ = judged({**OK, "outputs": [value("1.5")]})
    assert (one.points, one.status) == (1.5, PARTLY)
    assert judged({**OK, "outputs": [value("99")]})[0].points == 4


def test_a_failed_check_gives_its_share_of_the_cells_points():
    one, cell = judged(failed(1, 2, "forgets-gamma"), failed(1, 2, "forgets-gamma"), points=5)
    assert (one.points, one.status, one.mistake) == (2.5, PARTLY, "forgets-gamma")
    assert cell.outputs[0]["text"] == "✗ not it\n"
    assert cell.outputs[-1]["data"]["text/plain"] == "2.5"


def test_the_lower_of_the_visible_and_the_hidden_part_counts():
    assert judged(OK, failed(1, 4))[0].points == 1
    assert judged(failed(1, 4), failed(3, 4))[0].points == 1
    assert judged(failed(3, 4), failed(1, 4))[0].points == 1


def test_no_points_are_an_error_with_the_message():
    one, cell = judged(failed(0, 3, "sign-flipped", "✗ f: the sign\n  is flipped"))
    assert (one.points, one.status, one.mistake) == (0, WRONG, "sign-flipped")
    assert cell.outputs[-1]["traceback"] == ["✗ f: the sign", "  is flipped"]


def test_a_failing_hidden_test_is_told_without_what_is_in_it():
    one, cell = judged({**OK, "outputs": [stream("visible")]}, error("AssertionError", "f(7) != 3"))
    assert (one.points, one.status) == (0, ERROR)
    assert "AssertionError" in one.message
    assert "f(7)" not in str(cell.outputs)


def test_what_the_hidden_part_prints_is_not_shown():
    _, cell = judged(OK, {**OK, "outputs": [stream("the hidden input is 7")]})
    assert cell.outputs == []


def test_an_error_in_the_answer_is_told_instead_of_what_follows_from_it():
    broken = error("SyntaxError", "invalid syntax (line 3)")
    one, _ = judged(error(), answer=broken)
    assert one.status == ERROR
    assert "The answer f does not run: SyntaxError" in one.message


def test_an_answer_that_was_not_written_is_not_called_wrong():
    one, _ = judged(failed(0, 3), unwritten={"f"})
    assert (one.points, one.status, one.message) == (0, NOT_WRITTEN, "")


def test_a_helper_cell_may_hold_the_answer_instead():
    assert judged(OK, OK, unwritten={"f"})[0].points == 4


@pytest.mark.parametrize("ending", [HUNG, DIED, NOT_REACHED])
def test_a_cell_that_did_not_end_gives_no_points_and_says_why(ending):
    one, cell = judged(ending=ending)
    assert one.points == 0
    assert cell.outputs[-1]["output_type"] == "error"


def test_an_interrupted_check_is_a_matter_of_time():
    part = {"status": "timeout", "error": "CellTimeout", "message": "stopped after 5 s"}
    one, _ = judged({**part, "outputs": []})
    assert (one.points, one.status) == (0, TIME_LIMIT)


def test_written_answers_wait_for_a_person_unless_there_are_none():
    def written(unwritten):
        cell = nbformat.v4.new_markdown_cell("Because.")
        about = {**ABOUT, "grade": True, "grade_id": "why", "locked": False, "solution": True}
        cell.metadata["nbgrader"] = {**about, "points": 3}
        return score(nbformat.v4.new_notebook(cells=[cell]), {}, unwritten)[0]

    assert written(set()).points is None
    assert (written({"why"}).points, written({"why"}).status) == (0, NOT_WRITTEN)


def test_nothing_is_graded_of_what_cannot_be_read():
    check = nbformat.v4.new_code_cell("check(f)")
    about = {**ABOUT, "grade": True, "grade_id": "check-f", "locked": True, "solution": False}
    check.metadata["nbgrader"] = {**about, "points": 3}
    (one,) = score_nothing(nbformat.v4.new_notebook(cells=[check]), "It is broken.")
    assert (one.points, one.possible, one.status) == (0, 3, NOT_GRADED)
    assert determine_grade(check) == (0, 3)
