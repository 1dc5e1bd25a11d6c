"""A new version takes a student's work along: by rule, and for thousands of odd notebooks."""

from copy import deepcopy

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.desk.merging import merge
from course_lib.desk.notebooks import grade_id, is_answer, marks, plain
from tests.desk import LESSON, STUB, code, markdown, notebook, task

ANSWER = "def reward_to_go(x):\n    return x"
STUBS = {"reward-to-go": STUB.format("reward_to_go"), "td-error": STUB.format("td_error")}


def texts(made: dict) -> list[str]:
    return [plain(cell) for cell in made["cells"]]


def with_text(made: dict, name: str, text: str) -> dict:
    """A copy of the notebook, with this text in the cell of that grade_id."""
    changed = deepcopy(made)
    (found,) = [cell for cell in changed["cells"] if grade_id(cell) == name]
    found["source"] = text
    return changed


@pytest.fixture
def base() -> dict:
    return notebook(*LESSON)


@pytest.fixture
def new() -> dict:
    """The lesson with a changed introduction, another set-up and one more exercise."""
    cells = [
        *deepcopy(LESSON),
        markdown("### Exercise 3 · `n_step_return`"),
        *task("n_step_return"),
    ]
    cells[0]["source"] = cells[0]["source"].replace("about an hour", "about two hours")
    cells[1]["source"] = "import torch\nimport numpy"
    return notebook(*cells)


def after(made: dict, name: str, *own: dict) -> dict:
    """A copy of the notebook with cells behind the one of that grade_id."""
    changed = deepcopy(made)
    place = [grade_id(cell) for cell in changed["cells"]].index(name) + 1
    changed["cells"][place:place] = own
    return changed


def test_answers_of_every_kind_come_along_and_the_rest_is_new(base, new):
    mine = with_text(base, "reward-to-go", ANSWER)
    mine = with_text(mine, "answer-two-ends", 'def answer_two_ends():\n    return "b"')
    mine = with_text(mine, "written-why", "Because both factors have one sign.")
    merged = merge(mine, base, new)
    assert merged.answers == ["reward-to-go", "answer-two-ends", "written-why"]
    assert merged.aside == [] and merged.review == [] and merged.own == 0
    for name in merged.answers:
        new = with_text(new, name, next(plain(c) for c in mine["cells"] if grade_id(c) == name))
    assert texts(merged.notebook) == texts(new)


def test_cells_of_their_own_stay_behind_the_cell_they_stood_behind(base, new):
    mine = after(base, "setup", code("helper = 1"), markdown("My notes."))
    mine["cells"].insert(0, markdown("On top."))
    merged = merge(mine, base, new)
    found = texts(merged.notebook)
    place = found.index("import torch\nimport numpy")
    assert found[0] == "On top."
    assert found[place + 1 : place + 3] == ["helper = 1", "My notes."]
    assert merged.own == 3


def test_a_cell_that_only_the_student_changed_stays_changed_and_keeps_its_outputs(base, new):
    base["cells"][2:2] = [code("slider(gamma=0.9)", id="plain")]
    new["cells"][2:2] = [code("slider(gamma=0.9)", id="plain")]
    mine = deepcopy(base)
    mine["cells"][2] |= {"source": "slider(gamma=0.5)", "outputs": [{"seen": 1}]}
    merged = merge(mine, base, new)
    assert merged.notebook["cells"][2]["source"] == "slider(gamma=0.5)"
    assert merged.notebook["cells"][2]["outputs"] == [{"seen": 1}]


def test_where_both_changed_a_cell_the_student_s_is_kept_beside_it_and_not_run(base, new):
    mine = with_text(base, "setup", "import torch\nmy_helper = 2")
    merged = merge(mine, base, new)
    place = texts(merged.notebook).index("import torch\nimport numpy")
    kept = merged.notebook["cells"][place + 1]
    assert (kept["cell_type"], plain(kept)) == ("raw", "import torch\nmy_helper = 2")
    assert "import torch" in merged.aside[0]


def test_a_changed_check_is_put_back(base):
    mine = with_text(base, "check-reward-to-go", "pass  # passes")
    merged = merge(mine, base, base)
    assert "check(reward_to_go)" in texts(merged.notebook)
    kept = [cell for cell in merged.notebook["cells"] if plain(cell) == "pass  # passes"]
    assert [cell["cell_type"] for cell in kept] == ["raw"]


def test_the_answer_of_an_exercise_that_is_gone_is_kept_and_named(base, new):
    mine = with_text(base, "td-error", "def td_error(x):\n    return 1")
    new["cells"] = [one for one in new["cells"] if "td-error" not in grade_id(one)]
    merged = merge(mine, base, new)
    (kept,) = [c for c in merged.notebook["cells"] if "return 1" in plain(c)]
    assert marks(kept) == {} and kept["cell_type"] == "code"
    assert "td-error" in merged.aside[0]


def test_an_untouched_answer_takes_the_new_stub_and_a_written_one_asks_for_a_second_look(base, new):
    other = STUBS["td-error"].replace("(x)", "(x, gamma)")
    new = with_text(with_text(new, "td-error", other), "reward-to-go", "a new stub")
    merged = merge(with_text(base, "reward-to-go", ANSWER), base, new)
    assert other in texts(merged.notebook) and ANSWER in texts(merged.notebook)
    assert merged.review == ["reward-to-go"]


def test_an_answer_that_is_there_twice_counts_once_and_both_are_kept(base, new):
    second = {**deepcopy(base["cells"][3]), "id": "copied", "source": "def reward_to_go(x): ..."}
    mine = after(with_text(base, "reward-to-go", ANSWER), "reward-to-go", second)
    merged = merge(mine, base, new)
    by_name = {grade_id(cell): plain(cell) for cell in merged.notebook["cells"] if grade_id(cell)}
    assert by_name["reward-to-go"] == "def reward_to_go(x): ..."
    assert [c["cell_type"] for c in merged.notebook["cells"] if plain(c) == ANSWER] == ["raw"]
    assert "an earlier answer" in merged.aside[0]


def test_an_answer_without_names_is_known_by_what_it_defines(base, new):
    mine = with_text(base, "reward-to-go", ANSWER)
    for cell in mine["cells"]:
        cell.pop("id")
        cell["metadata"] = {}
    merged = merge(mine, base, new)
    assert merged.answers == ["reward-to-go"]
    own = [plain(cell) for cell in merged.notebook["cells"] if cell["id"].startswith("yours")]
    assert own == ["*Write your answer here.*"]  # nothing says any more whose words these are


def test_a_function_of_the_same_name_elsewhere_is_no_answer(base, new):
    mine = after(base, "check-reward-to-go", code(ANSWER))
    merged = merge(mine, base, new)
    assert merged.answers == [] and merged.own == 1
    assert STUBS["reward-to-go"] in texts(merged.notebook)


def test_pictures_in_a_written_answer_come_along(base, new):
    mine = with_text(base, "written-why", "![sketch](attachment:s.png)")
    mine["cells"][-1]["attachments"] = {"s.png": {"image/png": "AAAA"}}
    merged = merge(mine, base, new)
    (kept,) = [cell for cell in merged.notebook["cells"] if grade_id(cell) == "written-why"]
    assert kept["attachments"] == {"s.png": {"image/png": "AAAA"}}


def test_without_the_old_version_nothing_of_the_student_s_is_lost_either(base, new):
    mine = after(with_text(base, "reward-to-go", ANSWER), "setup", code("helper = 1"))
    merged = merge(mine, None, new)
    assert {ANSWER, "helper = 1"} <= set(texts(merged.notebook))


# Whatever happens to a notebook, a text of the student's is in the result.

WORDS = st.sampled_from(
    ["x = 1", "y = 2\n", "# why?", "lost?", "", " ", "a\r\nb", "α = 'é'", "q\ud800"]
)
EDITS = ["keep"] * 6 + ["write", "delete", "double", "unname", "unmark", "lines", "own", "retype"]


def edited(data, cells: list[dict]) -> list[dict]:
    """What a student, an editor or a mishap may make of cells."""
    made = []
    for place, original in enumerate(deepcopy(cells)):
        edit = data.draw(st.sampled_from(EDITS))
        if edit == "delete":
            continue
        if edit in ("write", "double"):
            made += [deepcopy(original)] * (edit == "double")
            original["source"] = data.draw(WORDS) + data.draw(WORDS)
        if edit == "unname":
            original.pop("id", None)
        if edit == "unmark":
            original = {**original, "id": f"new-{place}", "metadata": {}}
        if edit == "lines":
            original["source"] = original["source"].splitlines(keepends=True)
        if edit == "retype":
            other = "markdown" if original["cell_type"] == "code" else "raw"
            original = {k: original[k] for k in ("id", "metadata", "source") if k in original}
            original["cell_type"] = other
        made.append(original)
        if edit == "own":
            make = data.draw(st.sampled_from([code, markdown]))
            made.append(make(data.draw(WORDS), id=data.draw(st.sampled_from(["setup", "o", "p"]))))
    if data.draw(st.booleans()) and len(made) > 3:
        made.insert(1, made.pop())
    return made


def released(data) -> dict:
    """A version of the lesson: cells are left out, new, or say something else."""
    cells = [deepcopy(cell) for cell in LESSON if data.draw(st.integers(0, 8))]
    for cell in cells:
        if not data.draw(st.integers(0, 5)):
            cell["source"] += data.draw(st.sampled_from(["\n# more", "\n# x = 1"]))
    return notebook(*cells)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.data())
def test_no_text_is_lost_and_the_lesson_is_the_new_one_in_its_order(data):
    base, new = released(data), released(data)
    mine = {**notebook(), "cells": edited(data, base["cells"])}
    before = deepcopy((mine, base, new))
    made = merge(mine, base, new).notebook
    assert (mine, base, new) == before
    lessons = {*texts(base), *texts(new), ""}
    assert {text for text in texts(mine) if text not in lessons} <= set(texts(made))
    identities = [cell["id"] for cell in made["cells"]]
    wanted = [cell["id"] for cell in new["cells"]]
    assert len(set(identities)) == len(identities)
    assert [one for one in identities if one in wanted] == wanted
    by_id = {cell["id"]: cell for cell in made["cells"]}
    for cell in new["cells"]:
        if grade_id(cell) and not is_answer(cell):
            assert by_id[cell["id"]]["source"] == cell["source"]
        assert by_id[cell["id"]]["cell_type"] == cell["cell_type"]
    assert texts(merge(made, new, new).notebook) == texts(made)
    nbformat.validate(made)


def test_a_helper_that_a_new_exercise_asks_for_stays_where_it_is_used(base, new):
    helper = "def n_step_return(x):\n    return x"
    mine = after(base, "setup", code(helper), code("n_step_return(1)"))
    found = texts(merge(mine, base, new).notebook)
    assert found.index(helper) + 1 == found.index("n_step_return(1)")
    assert STUB.format("n_step_return") in found
