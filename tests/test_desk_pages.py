"""What a student is shown of their progress: outline, panel, welcome page, table."""

import json
import re
from copy import deepcopy

import pytest
from bs4 import BeautifulSoup

from course_lib import progress
from course_lib.desk.commands import run_progress
from course_lib.desk.notebooks import read_notebook
from course_lib.desk.outline import EXERCISE, QUESTION, WRITTEN, outline_of
from course_lib.desk.places import HOME, Page, released_pages
from course_lib.desk.records import Record, change_records, records_path
from course_lib.desk.welcome import MARK, welcome_text, write_welcome
from course_lib.desk.workspace import open_workspace
from tests.desk import LESSON, PAGE, a_notebook, code, make_workspace, notebook, release, written


@pytest.fixture
def places(tmp_path):
    return make_workspace(tmp_path)


@pytest.fixture
def workspace(places, monkeypatch):
    monkeypatch.chdir(PAGE.mine(places[1]).parent)
    return places[1]


def checked(workspace, name: str, points: float, passed: bool, mistake: str | None = None) -> None:
    def change(records):
        return {**records, name: records.get(name, Record()).after(points, 3.0, passed, mistake)}

    change_records(workspace, change)


def test_an_outline_says_what_there_is_to_do_and_what_it_is_called():
    outline = outline_of(PAGE, notebook(*LESSON))
    assert (outline.title, outline.time) == ("Squares", "about an hour")
    assert [(one.kind, one.name, one.points, one.title) for one in outline.items] == [
        (EXERCISE, "reward_to_go", 3, "Exercise 1 · reward_to_go"),
        (QUESTION, "answer_two_ends", 1, "Think · answer_two_ends"),
        (EXERCISE, "td_error", 1, "Exercise 2 · td_error"),
        (WRITTEN, "written-why", 3, "In your own words"),
    ]


def test_a_check_of_another_kind_is_named_after_its_cell():
    texts = ("assert good(", "x.y()", "check(lambda: 0)", 'check(mine, exercise="td_error")')
    cells = [code(text, check=f"check-no-{number}") for number, text in enumerate(texts)]
    names = [one.name for one in outline_of(PAGE, notebook(*cells)).items]
    assert names == ["no_0", "no_1", "no_2", "td_error"]


@pytest.mark.parametrize("page", released_pages(HOME), ids=lambda page: page.name)
def test_every_lesson_s_outline_has_its_points_and_a_title_for_everything(page: Page):
    made = read_notebook(page.released(HOME))
    outline = outline_of(page, made)
    text = "".join(made["cells"][0]["source"])
    assert sum(one.points for one in outline.items) == int(re.search(r"(\d+) points", text)[1])
    assert outline.time and outline.written
    names = [one.name for one in outline.items]
    assert len(set(names)) == len(names) and all(one.title.strip(" ·") for one in outline.items)


def test_no_two_lessons_ask_for_the_same_so_that_a_name_is_enough():
    pages = released_pages(HOME)
    outlines = [outline_of(page, read_notebook(page.released(HOME))) for page in pages]
    names = [one.name for outline in outlines for one in outline.checked]
    assert len(names) > 100 and len(set(names)) == len(names)


def test_the_panel_says_in_words_what_is_done_and_what_is_next(workspace):
    checked(workspace, "reward_to_go", 1.0, False, "off-by-one")
    checked(workspace, "answer_two_ends", 1.0, True)
    panel = progress()
    assert panel.text.splitlines()[0] == "Lesson 00 · Squares: 2 of 5 points"
    assert repr(panel) == panel.text
    page = BeautifulSoup(panel.html, "html.parser")
    rows = [[cell.text for cell in row.find_all("td")] for row in page.find_all("tr")[1:]]
    assert rows[0] == ["✗ not yet", "Exercise 1 · reward_to_go", "1 of 3", "1", "off by one"]
    assert rows[1][0] == "✓ passed"
    assert rows[2] == ["· open", "Exercise 2 · td_error", "0 of 1", "", ""]
    assert rows[3] == ["· empty", "In your own words", "3, graded by hand", "", ""]
    assert page.find_all("p")[-1].text == "Next: lesson 00, Exercise 1 · reward_to_go"
    assert all(line in panel.text for line in ("✗ not yet", "✓ passed", "Next: lesson 00"))


def test_the_panel_s_table_has_named_columns_and_nothing_that_only_a_colour_says(workspace):
    page = BeautifulSoup(progress().html, "html.parser")
    heads = page.find_all("th")
    assert all(one["scope"] == "col" and one.text for one in heads)
    assert "color" not in progress().html and "script" not in progress().html
    assert page.section["aria-label"] == "Progress"


def test_what_failed_after_it_had_passed_says_so_and_counts(workspace):
    checked(workspace, "td_error", 1.0, True)
    checked(workspace, "td_error", 0.0, False)
    assert "✓ passed before" in progress().text and "1 of 1" in progress().text


def test_a_written_answer_counts_when_it_is_saved(workspace):
    written(workspace, written_why="Because.")
    assert "✓ written" in progress().text


def test_in_the_workspace_itself_the_panel_shows_all_lessons(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    checked(workspace, "td_error", 1.0, True)
    panel = progress()
    assert "Your progress: 1 of 5 points" in panel.text and "1 of 2" in panel.text
    assert "00 · Squares" in panel.html


def test_outside_of_a_workspace_the_panel_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "start.py lab" in progress().text


def test_a_damaged_file_is_a_sentence_in_the_panel_and_on_the_welcome_page(places, workspace):
    records_path(workspace).write_text("{")
    assert "is damaged" in progress().text
    assert "Your progress is not shown" in welcome_text(*places)


def test_the_welcome_page_leads_to_the_next_thing(places):
    workspace = places[1]
    assert "**Begin with [lesson 00, Squares](00_squares/squares.ipynb)**" in welcome_text(*places)
    checked(workspace, "reward_to_go", 3.0, True)
    text = welcome_text(*places)
    assert "**Go on with Think · answer_two_ends in [lesson 00, Squares]" in text
    assert "| 00 | [Squares](00_squares/squares.ipynb) | about an hour | 1 of 2 | 0 of 1 |" in text
    for name in ("answer_two_ends", "td_error"):
        checked(workspace, name, 1.0, True)
    written(workspace, written_why="Because.")
    assert "through every lesson" in welcome_text(*places)


def test_the_welcome_page_offers_a_new_version(places):
    course, workspace = places
    written(workspace, written_why="Because.")
    cells = deepcopy(list(LESSON))
    cells[0]["source"] += " New."
    assert "New versions" not in welcome_text(*places)
    release(course, *cells)
    assert "## New versions\n\n- 00_squares: there is a new version." in welcome_text(*places)


def test_a_page_of_that_name_that_the_student_wrote_is_left_alone(places):
    workspace = places[1]
    assert write_welcome(*places).name == "Welcome.md"
    assert write_welcome(*places).read_text(encoding="utf-8").startswith(MARK)
    (workspace / "Welcome.md").write_text("My own.")
    assert write_welcome(*places).name == "Welcome to the course.md"
    assert (workspace / "Welcome.md").read_text() == "My own."


def test_the_table_has_a_row_a_lesson_and_says_what_is_next(workspace, capsys):
    checked(workspace, "reward_to_go", 3.0, True)
    assert run_progress(workspace) == 0
    text = capsys.readouterr().out
    assert re.search(r"00 Squares .* 1 of 2 .* 0 of 1 .* 0 of 1 .* 3 of 5 .* Think", text)
    assert text.splitlines()[-1] == "Next: lesson 00, Think · answer_two_ends"


def test_the_json_has_every_item(workspace, capsys):
    checked(workspace, "reward_to_go", 1.0, False, "off-by-one")
    run_progress(workspace, as_json=True)
    (lesson,) = json.loads(capsys.readouterr().out)
    assert (lesson["points"], lesson["possible"], lesson["exercises"]) == (1, 5, [0, 2])
    assert lesson["items"][0]["mistake"] == "off-by-one" and len(lesson["items"]) == 4


def test_two_pages_of_these_names_that_the_student_wrote_are_left_alone(places):
    workspace = places[1]
    for name in ("Welcome.md", "Welcome to the course.md"):
        (workspace / name).write_text("My own.")
    assert write_welcome(*places).name == "Welcome to the course 2.md"
    assert write_welcome(*places).name == "Welcome to the course 2.md"
    assert (workspace / "Welcome to the course.md").read_text() == "My own."


def test_a_notebook_of_the_student_s_own_is_no_lesson(places):
    course, workspace = places
    own = workspace / "99_scratch" / "scratch.ipynb"
    own.parent.mkdir()
    own.write_text(a_notebook(code("1 + 1")), encoding="utf-8")
    open_workspace(course, workspace)
    assert "scratch" not in welcome_text(*places)


@pytest.mark.parametrize("mishap", ["copied", "unmarked"])
def test_a_written_answer_is_known_as_the_grader_knows_it(workspace, mishap):
    written(workspace, written_why="Because.")
    content = json.loads(PAGE.mine(workspace).read_text(encoding="utf-8"))
    if mishap == "copied":
        stub = read_notebook(PAGE.base(workspace))["cells"][-1]
        content["cells"].append({**stub, "id": "copied"})
    else:
        content["cells"][-1]["metadata"] = {}
    PAGE.mine(workspace).write_text(json.dumps(content), encoding="utf-8")
    assert "✓ written" in repr(progress())
