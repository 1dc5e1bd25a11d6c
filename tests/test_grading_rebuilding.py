"""Rebuilding: the student's answers get in, and nothing else of the submission decides anything."""

import copy

import pytest
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading.graded_source import grade_id, graded_source
from autograde.grading.reading import StudentCell, student_cell
from autograde.grading.rebuilding import add_heading, rebuild
from tests.small_class import SmallClass

CLEAR = ClearHiddenTests()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One small lesson."""
    return SmallClass(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def source(small):
    """The lesson as it is graded."""
    return graded_source(small.lesson)


def rebuilt(source, notebook):
    """What is graded of this notebook."""
    return rebuild(source, [student_cell(cell) for cell in notebook["cells"]], CLEAR)


def text_of(result, name):
    """The text of the cell with this grade_id."""
    return next(cell.source for cell in result.notebook.cells if grade_id(cell) == name)


def place_of(notebook, name):
    """Where the cell with this grade_id is."""
    return next(
        place
        for place, cell in enumerate(notebook["cells"])
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name
    )


def codes(result):
    """The codes of its notes."""
    return [note.code for note in result.notes]


def test_the_untouched_notebook_is_the_source_and_nothing_is_written(small, source):
    result = rebuilt(source, small.notebook())
    assert result.notebook.cells == source.cells
    assert result.unwritten == {"reinforce-loss", "generalized-advantage", "why-baseline"}
    assert (result.notes, result.theirs) == ([], set())


def test_the_source_has_hidden_tests_and_no_solutions(source):
    text = "\n".join(cell.source for cell in source.cells)
    assert "hidden=True" in text
    assert "episode_return" not in text


def test_answers_are_lifted_by_grade_id(small, source):
    result = rebuilt(source, small.notebook(reinforce_loss="def reinforce_loss(): pass"))
    assert text_of(result, "reinforce-loss") == "def reinforce_loss(): pass"
    assert result.unwritten == {"generalized-advantage", "why-baseline"}


def test_points_and_checks_of_a_submission_are_not_believed(small, source):
    notebook = small.notebook()
    check = notebook["cells"][place_of(notebook, "check-reinforce-loss")]
    check["source"] = "100"
    check["metadata"]["nbgrader"]["points"] = 100
    check["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "100"}}]
    result = rebuilt(source, notebook)
    assert result.notebook.cells == source.cells
    assert codes(result) == ["changed-cell"]
    assert "check-reinforce-loss" in result.notes[0].text


def test_a_deleted_check_is_put_back_with_a_note(small, source):
    notebook = small.notebook()
    del notebook["cells"][place_of(notebook, "check-reinforce-loss")]
    result = rebuilt(source, notebook)
    assert result.notebook.cells == source.cells
    assert codes(result) == ["missing-cell"]


def test_a_deleted_answer_counts_as_not_written_with_a_note(small, source):
    notebook = small.notebook(**small.right_answers())
    del notebook["cells"][place_of(notebook, "reinforce-loss")]
    result = rebuilt(source, notebook)
    assert "raise NotImplementedError" in text_of(result, "reinforce-loss")
    assert "reinforce-loss" in result.unwritten
    assert "counts as not written" in result.notes[0].text


@pytest.mark.parametrize("copies", [["first", "second"], ["second", ""], ["second", "stub"]])
def test_of_a_duplicated_answer_the_last_that_was_written_counts(small, source, copies):
    notebook = small.notebook()
    place = place_of(notebook, "reinforce-loss")
    stub = notebook["cells"][place]["source"]
    doubles = []
    for text in copies:
        double = copy.deepcopy(notebook["cells"][place])
        double["source"] = stub if text == "stub" else text
        doubles.append(double)
    notebook["cells"][place : place + 1] = doubles
    result = rebuilt(source, notebook)
    assert text_of(result, "reinforce-loss") == "second"
    assert codes(result) == ["duplicated-cell"]


def test_a_cell_whose_metadata_an_editor_has_dropped_is_found_by_its_id(small, source):
    notebook = small.notebook(reinforce_loss="mine")
    for one in notebook["cells"]:
        one["metadata"] = {}
    result = rebuilt(source, notebook)
    assert text_of(result, "reinforce-loss") == "mine"
    assert result.notes == []


def test_own_cells_stay_where_they_stood_and_carry_no_metadata(small, source):
    notebook = small.notebook()
    own = {
        "cell_type": "code",
        "metadata": {"nbgrader": {"grade_id": "mine", "points": 9, "grade": True}},
        "source": "def helper(): return 1",
    }
    place = place_of(notebook, "reinforce-loss")
    notebook["cells"].insert(place, own)
    result = rebuilt(source, notebook)
    added = result.notebook.cells[place]
    assert added.source == "def helper(): return 1"
    assert added.metadata == {}
    assert result.theirs == {added["id"]}
    assert result.notebook.cells[place + 1].source == source.cells[place].source


def test_a_changed_cell_that_nobody_grades_is_the_students(small, source):
    notebook = small.notebook()
    place = next(
        place for place, one in enumerate(notebook["cells"]) if "numbers" in "".join(one["source"])
    )
    notebook["cells"][place]["source"] = "numbers = 7"
    result = rebuilt(source, notebook)
    assert result.notebook.cells[place].source == "numbers = 7"
    assert result.theirs == {source.cells[place]["id"]}
    assert len(result.notebook.cells) == len(source.cells)


def test_reordered_cells_are_graded_in_the_lessons_order(small, source):
    notebook = small.notebook(reinforce_loss="mine")
    notebook["cells"].reverse()
    result = rebuilt(source, notebook)
    assert [c["id"] for c in result.notebook.cells] == [c["id"] for c in source.cells]
    assert text_of(result, "reinforce-loss") == "mine"


def test_html_in_prose_becomes_text_and_formulas_stay(small, source):
    answer = "<script>alert(1)</script> because $a<b$ and 1 < 2 </b>"
    result = rebuilt(source, small.notebook(why_baseline=answer))
    text = text_of(result, "why-baseline")
    assert "<script" not in text
    assert "</" not in text
    assert "$a< b$ and 1 < 2" in text


def test_html_of_the_lesson_itself_is_kept(source):
    page = copy.deepcopy(source)
    page.cells[0].source = "<details>a hint</details>"
    own = StudentCell("markdown", "<details>a hint</details>", cell_id=page.cells[0]["id"])
    assert rebuild(page, [own], CLEAR).notebook.cells[0].source == "<details>a hint</details>"


def test_ids_are_unique_whatever_was_added(small, source):
    notebook = small.notebook()
    own = {"cell_type": "code", "metadata": {}, "id": "own", "source": "a = 1"}
    notebook["cells"] += [own, own, {**own, "source": "b = 2", "id": "own-2"}]
    ids = [cell["id"] for cell in rebuilt(source, notebook).notebook.cells]
    assert len(ids) == len(set(ids))


def test_notes_are_written_on_top_of_the_notebook(small, source):
    notebook = small.notebook()
    del notebook["cells"][place_of(notebook, "check-reinforce-loss")]
    result = rebuilt(source, notebook)
    add_heading(result.notebook, result.notes)
    assert result.notes[0].text in result.notebook.cells[0].source
    before = len(result.notebook.cells)
    add_heading(result.notebook, [])
    assert len(result.notebook.cells) == before
