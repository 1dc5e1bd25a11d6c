"""A lesson's source as a notebook: which lesson, which cells, which ids."""

from pathlib import Path

import nbformat
import pytest

from autograde.building.source import cell_ids, digest, read_source, tidy_notebook
from autograde.errors import CourseError
from autograde.lesson import Lesson, all_lessons, find_course, find_lessons
from tests.sample_course import REPOSITORY, SMALL, make_course


def markdown(*texts: str) -> list[nbformat.NotebookNode]:
    return [nbformat.v4.new_markdown_cell(text) for text in texts]


def course_of(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / "solutions" / name).mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "name", ["02_reinforce", "reinforce", "02", "2", "solutions/02_reinforce/"]
)
def test_a_lesson_is_found_by_folder_slug_number_and_path(tmp_path, name):
    root = course_of(tmp_path, "00_returns", "02_reinforce")
    assert find_lessons(root, [name]) == [Lesson(root, "02_reinforce")]


def test_lesson_zero_is_found_by_its_number(tmp_path):
    root = course_of(tmp_path, "00_returns", "02_reinforce")
    assert [lesson.name for lesson in find_lessons(root, ["0"])] == ["00_returns"]


def test_an_unknown_lesson_is_answered_with_the_known_ones(tmp_path):
    root = course_of(tmp_path, "00_returns", "02_reinforce")
    with pytest.raises(CourseError, match=r"'ppo'.*00_returns, 02_reinforce") as caught:
        find_lessons(root, ["ppo"])
    assert caught.value.exit_code == 2


def test_lessons_come_in_order_and_other_folders_are_none(tmp_path):
    root = course_of(tmp_path, "05_b", "00_a", "__pycache__", "drafts")
    assert [lesson.name for lesson in all_lessons(root)] == ["00_a", "05_b"]


def test_a_course_without_a_folder_of_sources_is_named(tmp_path):
    with pytest.raises(CourseError, match="There is no folder"):
        all_lessons(tmp_path)


def test_the_course_is_the_one_around_the_current_folder_else_the_repository(tmp_path):
    lesson = make_course(tmp_path)
    assert find_course(lesson.source.parent) == tmp_path
    assert find_course(Path(tmp_path.anchor)) == REPOSITORY


def test_a_missing_source_says_which_name_it_must_have(tmp_path):
    root = course_of(tmp_path, "03_baselines")
    with pytest.raises(CourseError, match=r"solutions/03_baselines/baselines\.py is missing"):
        read_source(Lesson(root, "03_baselines"))


def test_a_syntax_error_names_file_and_line(tmp_path):
    lesson = make_course(tmp_path, SMALL.replace("    return secret_product", "    return return"))
    line = SMALL.split("\n").index("    return secret_product") + 1
    with pytest.raises(CourseError, match=rf"squares\.py, line {line}: invalid syntax"):
        read_source(lesson)


def test_a_source_in_another_encoding_is_named(tmp_path):
    lesson = make_course(tmp_path)
    lesson.source.write_bytes("# %% [markdown]\n# é".encode("latin-1"))
    with pytest.raises(CourseError, match="is not UTF-8"):
        read_source(lesson)


def test_an_id_is_the_grade_id_else_a_hash_of_the_text(tmp_path):
    cells = read_source(make_course(tmp_path)).cells
    graded = [cell for cell in cells if "nbgrader" in cell.metadata]
    assert [c.id for c in graded] == [c.metadata.nbgrader.grade_id for c in graded]
    again = markdown(cells[0].source)
    assert cell_ids(again) == [cells[0].id]


def test_repeated_texts_get_different_ids_that_do_not_depend_on_later_cells():
    three = cell_ids(markdown("same", "same", "same"))
    assert len(set(three)) == 3
    assert cell_ids(markdown("same", "same", "other"))[:2] == three[:2]


def test_code_and_text_with_the_same_words_have_different_ids():
    cells = [nbformat.v4.new_code_cell("x"), nbformat.v4.new_markdown_cell("x")]
    first, second = cell_ids(cells)
    assert first.split("-")[0] != second.split("-")[0]


def test_ids_keep_to_what_nbformat_allows():
    metadata = nbformat.from_dict({"nbgrader": {"grade_id": "a b.c" * 30}})
    cells = [nbformat.v4.new_code_cell("x", metadata=metadata) for _ in range(2)]
    first, second = cell_ids(cells)
    assert first != second
    nbformat.validate(tidy_notebook(nbformat.v4.new_notebook(cells=cells)))


def test_reading_twice_gives_the_same_notebook(tmp_path):
    lesson = make_course(tmp_path)
    assert read_source(lesson) == read_source(lesson)


def test_blank_cells_and_editors_metadata_do_not_count():
    cells = markdown("text")
    with_more = markdown("text", "  \n")
    with_more[0].metadata["editable"] = True
    with_more[0].metadata["slideshow"] = {"slide_type": "skip"}
    assert digest(with_more) == digest(cells)
    assert len(tidy_notebook(nbformat.v4.new_notebook(cells=with_more)).cells) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.update(source="other"),
        lambda cell: cell.metadata.update(tags=["experiment"]),
        lambda cell: cell.metadata.nbgrader.update(points=3),
    ],
)
def test_text_tags_and_points_count(change):
    def cell() -> nbformat.NotebookNode:
        metadata = {"nbgrader": {"grade_id": "a", "points": 2}}
        return nbformat.v4.new_code_cell("x", metadata=nbformat.from_dict(metadata))

    changed = cell()
    change(changed)
    assert digest([changed]) != digest([cell()])
