"""What `course build` refuses or remarks on in a source, each with the place where it stands."""

import pytest

from autograde.building.lint import MAX_LINES, lint
from tests.sample_course import SMALL, make_course

CHECK = (
    '# %% nbgrader={"grade": true, "grade_id": "check-square", "locked": true, "points": 2, '
    '"schema_version": 3, "solution": false} tags=["raises-exception"]'
)


def linted(folder, source: str) -> tuple[list[str], list[str]]:
    errors: list[str] = []
    warnings = lint(make_course(folder, source), errors)
    return errors, warnings


def test_the_sample_lesson_is_fine(tmp_path):
    assert linted(tmp_path, SMALL) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"grade_id": "setup"', '"grade_id": "square"', "the grade_id 'square' is used 2 times"),
        ('"points": 2, ', "", "a graded cell needs points, it has None"),
        ('"points": 2, ', '"points": 0, ', "a graded cell needs points, it has 0"),
        ('"points": 2, ', '"points": "2", ', "a graded cell needs points, it has '2'"),
        (' tags=["raises-exception"]', "", "so that Run All goes on"),
        ('"check-square", "locked": true', '"check-square", "locked": false', "must be locked"),
        ("    ### END SOLUTION\n", "", "BEGIN SOLUTION and END SOLUTION do not come in pairs"),
        ("### BEGIN HIDDEN TESTS\n", "", "END HIDDEN TESTS do not come in pairs"),
        ("# ### END MARK SCHEME\n", "", "END MARK SCHEME do not come in pairs"),
        ('"schema_version": 3, "solution": true', '"solution": true', "lacks schema_version"),
        ('"schema_version": 3, "solution": true', '"schema_version": 2, "solution": true', "is 2;"),
        ('"grade_id": "square"', '"grade_id: "square"', "cannot read the cell header"),
        ("# Exercise, 2 points.", "# ### BEGIN SOLUTION\n# ### END SOLUTION", "is not for it"),
        ("check(lambda x: square(x))", "check(sqare)", "no exercise called 'sqare'"),
        (
            "check(lambda x: square(x))",
            'check(square, exercise="reinforce_los")',
            "no exercise called 'reinforce_los'",
        ),
        ("check(lambda x: square(x))", "check_answer(answer_x)", "no question called 'x'"),
    ],
)
def test_a_mistake_in_a_cell_is_named(tmp_path, old, new, message):
    assert old in SMALL
    errors, _ = linted(tmp_path, SMALL.replace(old, new))
    assert any(message in error for error in errors), errors


def test_a_solution_cell_without_a_region_would_be_cleared_whole(tmp_path):
    source = SMALL.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")
    errors, _ = linted(tmp_path, source)
    assert len(errors) == 1
    assert "a solution cell needs ### BEGIN SOLUTION" in errors[0]


def test_a_check_without_hidden_tests_is_named(tmp_path):
    hidden = SMALL[SMALL.index("### BEGIN HIDDEN") : SMALL.index("# %% [markdown]\n# Now")]
    source = SMALL.replace(hidden, "\n").replace("check(lambda x: square(x))", "check(square)")
    errors, _ = linted(tmp_path, source)
    assert any("a check cell needs hidden tests" in error for error in errors)


def test_an_exercise_that_exists_is_accepted(tmp_path):
    source = SMALL.replace("check(lambda x: square(x))", "check(reinforce_loss)")
    assert linted(tmp_path, source)[0] == []


def test_a_message_says_in_which_line_the_cell_starts(tmp_path):
    line = SMALL.split("\n").index(CHECK) + 1
    errors, _ = linted(tmp_path, SMALL.replace('"points": 2, ', ""))
    assert errors[0].startswith(f"solutions/00_squares/squares.py:{line} (check-square): ")


def test_a_magic_in_a_check_cell_does_not_stop_the_lint(tmp_path):
    source = SMALL.replace("check(lambda", "# %time square(2)\ncheck(lambda")
    assert linted(tmp_path, source)[0] == []


def test_three_code_cells_in_a_row_are_remarked_on_once(tmp_path):
    source = SMALL + "\n# %%\n1\n\n# %%\n2\n\n# %%\n3\n\n# %%\n4\n"
    errors, warnings = linted(tmp_path, source)
    assert errors == []
    assert len(warnings) == 1
    assert "more than 2 code cells in a row" in warnings[0]


@pytest.mark.parametrize(("lines", "remarks"), [(MAX_LINES, 0), (MAX_LINES + 1, 1)])
def test_a_long_code_cell_is_remarked_on(tmp_path, lines, remarks):
    cell = "\n".join(["x = 1"] * lines)
    _, warnings = linted(tmp_path, SMALL + f"\n# %%\n{cell}\n")
    assert len(warnings) == remarks
