"""`course build --from-notebook`: edits made in JupyterLab return to the source."""

import nbformat
import pytest

from autograde.building.build import build, check
from autograde.building.writeback import bring_back, percent_text
from autograde.errors import CourseError
from autograde.lesson import Lesson
from tests.sample_course import SMALL, make_course

HEADER = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

"""
ODD = (
    SMALL
    + '''
# %% [markdown]
"""
Three quotes.
"""

# %%
# %time square(3)
x = 1

# %% A title tags=["experiment"]
y = 2


# %%
def last():
    return 1
'''
)


@pytest.fixture
def lesson(tmp_path) -> Lesson:
    made = make_course(tmp_path)
    assert build(made, run=False).errors == []
    return made


def open_and_save(lesson: Lesson, change) -> None:
    """What JupyterLab does: read, change, write, with metadata of its own."""
    notebook = nbformat.read(lesson.worked, as_version=4)
    change(notebook)
    for cell in notebook.cells:
        cell.metadata["editable"] = True
    nbformat.write(notebook, lesson.worked)


def set_first(text: str):
    return lambda notebook: notebook.cells[0].update(source=text)


@pytest.mark.parametrize("source", [SMALL, ODD, HEADER + SMALL, ODD.rstrip("\n") + "\n"])
def test_an_unedited_notebook_leaves_every_byte_of_the_source(tmp_path, source):
    made = make_course(tmp_path, source)
    assert build(made, run=False).errors == []
    open_and_save(made, lambda notebook: None)
    assert bring_back(made) is False
    assert made.source.read_text(encoding="utf-8") == source


@pytest.mark.parametrize("source", [SMALL, ODD, HEADER + SMALL])
def test_an_edit_changes_its_own_lines_only(tmp_path, source):
    made = make_course(tmp_path, source)
    assert build(made, run=False).errors == []
    open_and_save(made, set_first("# What is a cube?\n\nYou will write one function."))
    assert bring_back(made) is True
    wanted = source.replace("What is a square?", "What is a cube?")
    assert made.source.read_text(encoding="utf-8") == wanted


def test_a_new_cell_arrives_with_its_metadata_in_the_courses_form(lesson):
    metadata = {
        "tags": ["raises-exception"],
        "nbgrader": {
            "solution": False,
            "schema_version": 3,
            "points": 1,
            "locked": True,
            "grade_id": "check-more",
            "grade": True,
            "checksum": "f00",
            "cell_type": "code",
        },
    }
    cell = nbformat.v4.new_code_cell("assert square(2) == 4", metadata=nbformat.from_dict(metadata))
    open_and_save(lesson, lambda notebook: notebook.cells.append(cell))
    bring_back(lesson)
    assert lesson.source.read_text(encoding="utf-8") == SMALL + (
        '\n# %% nbgrader={"grade": true, "grade_id": "check-more", "locked": true, "points": 1, '
        '"schema_version": 3, "solution": false} tags=["raises-exception"]\n'
        "assert square(2) == 4\n"
    )


def test_after_the_return_both_notebooks_can_be_built(lesson):
    open_and_save(lesson, set_first("# What is a cube?"))
    assert build(lesson, run=False).errors != []
    bring_back(lesson)
    assert build(lesson).errors == []
    assert check(lesson).ok


def test_two_edits_at_once_are_refused(lesson):
    open_and_save(lesson, set_first("# What is a cube?"))
    changed = SMALL.replace("Exercise, 2 points.", "Exercise.")
    lesson.source.write_text(changed, encoding="utf-8")
    with pytest.raises(CourseError, match="were both edited"):
        bring_back(lesson)
    assert lesson.source.read_text(encoding="utf-8") == changed


def test_an_edit_of_the_source_alone_is_not_overwritten_by_the_old_notebook(lesson):
    changed = SMALL.replace("Exercise, 2 points.", "Exercise.")
    lesson.source.write_text(changed, encoding="utf-8")
    with pytest.raises(CourseError, match="was not edited since it was built"):
        bring_back(lesson)
    assert lesson.source.read_text(encoding="utf-8") == changed


def test_a_pasted_picture_is_refused(lesson):
    def paste(notebook: nbformat.NotebookNode) -> None:
        notebook.cells[0].source += "\n![a](attachment:a.png)"
        notebook.cells[0].attachments = {"a.png": {"image/png": "AAAA"}}

    open_and_save(lesson, paste)
    with pytest.raises(CourseError, match="cell 1: a picture was pasted"):
        bring_back(lesson)


def test_without_a_worked_notebook_there_is_nothing_to_bring_back(tmp_path):
    with pytest.raises(CourseError, match="does not exist"):
        bring_back(make_course(tmp_path))


def test_a_notebook_alone_gives_a_source_in_the_courses_form(lesson):
    notebook = nbformat.read(lesson.worked, as_version=4)
    assert percent_text(notebook) == SMALL
