"""`course submit`: what is missing is said, and what is written the grader reads as complete."""

import json
import os
import time
import zipfile

import nbformat
import pytest
from nbgrader.preprocessors import ClearHiddenTests

from autograde.grading.collecting import collect
from autograde.grading.graded_source import graded_source
from autograde.grading.reading import MAX_BYTES as GRADER_S
from autograde.grading.reading import cells_in
from autograde.grading.rebuilding import rebuild
from autograde.grading.submissions import submitted_bytes
from autograde.lesson import find_lessons
from course_lib.desk import handing_in
from course_lib.desk.errors import DeskError
from course_lib.desk.handing_in import MAX_BYTES, write_hand_in
from course_lib.desk.missing import missing_in
from course_lib.desk.places import Page
from course_lib.desk.records import Record, change_records
from course_lib.desk.workspace import open_workspace
from tests.desk import PAGE, make_workspace, written
from tests.released import ROOT

DONE = {
    "reward_to_go": "def reward_to_go(x):\n    return x",
    "answer_two_ends": 'def answer_two_ends():\n    return "b"',
    "td_error": "def td_error(x):\n    return 1",
    "written_why": "Because.",
}
NAMES = ("reward_to_go", "answer_two_ends", "td_error")


@pytest.fixture
def workspace(tmp_path):
    return make_workspace(tmp_path)[1]


def pass_all(workspace, *names: str) -> None:
    """Record that these checks passed."""
    passed = Record().after(1.0, 1.0, True, None)
    change_records(workspace, lambda known: {**known, **dict.fromkeys(names, passed)})


def finished(workspace) -> None:
    """Everything is answered, checked and saved."""
    written(workspace, **DONE)
    pass_all(workspace, *NAMES)
    later = time.time() + 1
    os.utime(PAGE.mine(workspace), (later, later))


def test_where_nothing_is_missing_nothing_is_said(workspace):
    finished(workspace)
    assert missing_in(workspace, PAGE) == []


def test_a_fresh_notebook_misses_every_answer_by_its_title(workspace):
    code, words = missing_in(workspace, PAGE)
    assert code.split("\n    ") == [
        "Not answered:",
        "Exercise 1 · reward_to_go",
        "Think · answer_two_ends",
        "Exercise 2 · td_error",
    ]
    assert words.split("\n    ") == ["Nothing written:", "In your own words"]


def test_an_answer_whose_check_never_passed_is_named(workspace):
    written(workspace, **DONE)
    pass_all(workspace, "reward_to_go")
    (line,) = missing_in(workspace, PAGE)
    assert line.split("\n    ") == [
        "The check never passed:",
        "Think · answer_two_ends",
        "Exercise 2 · td_error",
    ]


def test_an_answer_that_passed_and_fails_now_is_named(workspace):
    finished(workspace)
    worse = Record(first_passed="2026-01-01T00:00:00+00:00", last="2026-01-02T00:00:00+00:00")
    change_records(workspace, lambda known: {**known, "td_error": worse})
    (line,) = missing_in(workspace, PAGE)
    assert line.split("\n    ") == ["The last check failed:", "Exercise 2 · td_error"]


def test_checks_that_are_gone_or_changed_are_named_with_the_way_back(workspace):
    finished(workspace)
    content = json.loads(PAGE.mine(workspace).read_text())
    content["cells"] = [one for one in content["cells"] if one["id"] != "check-td-error"]
    PAGE.mine(workspace).write_text(json.dumps(content))
    written(workspace, check_reward_to_go="pass")
    gone, changed = missing_in(workspace, PAGE)
    assert gone == "Deleted: check-td-error."
    assert changed.startswith("Changed: check-reward-to-go.") and "upgrade --force 00" in changed


def test_an_answer_cell_that_is_gone_is_named(workspace):
    finished(workspace)
    content = json.loads(PAGE.mine(workspace).read_text())
    content["cells"] = [one for one in content["cells"] if one["id"] != "td-error"]
    PAGE.mine(workspace).write_text(json.dumps(content))
    assert missing_in(workspace, PAGE) == ["The cell is gone:\n    Exercise 2 · td_error"]


def test_cells_that_have_lost_their_marks_are_known_by_their_ids_as_by_the_grader(
    workspace,
):
    finished(workspace)
    content = json.loads(PAGE.mine(workspace).read_text())
    for cell in content["cells"]:
        cell["metadata"] = {}
    PAGE.mine(workspace).write_text(json.dumps(content))
    assert missing_in(workspace, PAGE) == []


def test_of_an_answer_that_is_there_twice_the_last_one_written_counts(workspace):
    finished(workspace)
    content = json.loads(PAGE.mine(workspace).read_text())
    stub = json.loads(PAGE.base(workspace).read_text())["cells"][3]
    content["cells"].append({**stub, "id": "copied"})
    PAGE.mine(workspace).write_text(json.dumps(content))
    assert missing_in(workspace, PAGE) == []


def test_a_check_that_ran_after_the_last_save_is_named(workspace):
    finished(workspace)
    long_ago = time.time() - 600
    os.utime(PAGE.mine(workspace), (long_ago, long_ago))
    (line,) = missing_in(workspace, PAGE)
    assert "Save it in JupyterLab" in line


def test_records_that_cannot_be_read_are_no_reason_not_to_hand_in(workspace):
    finished(workspace)
    (workspace / ".course" / "progress.json").write_text("{")
    (line,) = missing_in(workspace, PAGE)
    assert "Which checks have passed is not known" in line
    assert write_hand_in(workspace, PAGE)[0].exists()


def test_a_notebook_that_is_missing_or_broken_is_an_error_that_says_so(workspace):
    PAGE.mine(workspace).write_text("{")
    for ask in (missing_in, write_hand_in):
        with pytest.raises(DeskError, match="broken JSON"):
            ask(workspace, PAGE)
    PAGE.mine(workspace).unlink()
    with pytest.raises(DeskError, match="There is no"):
        missing_in(workspace, PAGE)


def test_the_file_is_the_notebook_byte_by_byte(workspace):
    finished(workspace)
    target, remark = write_hand_in(workspace, PAGE)
    assert target == workspace / "hand-in" / "00_squares" / "squares.ipynb"
    assert target.read_bytes() == PAGE.mine(workspace).read_bytes() and remark == ""


def test_a_file_that_the_grader_would_find_too_large_goes_without_outputs(workspace, monkeypatch):
    assert MAX_BYTES == GRADER_S
    finished(workspace)
    content = json.loads(PAGE.mine(workspace).read_text())
    content["cells"].append(
        {"cell_type": "code", "id": "o", "source": "x", "metadata": {}, "outputs": ["y" * 9_000]}
    )
    PAGE.mine(workspace).write_text(json.dumps(content))
    monkeypatch.setattr(handing_in, "MAX_BYTES", 8_000)
    target, remark = write_hand_in(workspace, PAGE)
    assert target.stat().st_size < 8_000 and "Outputs were left out" in remark
    assert len(PAGE.mine(workspace).read_bytes()) > 8_000


def test_the_archive_holds_the_notebook_in_the_lesson_s_folder(workspace):
    finished(workspace)
    target, _ = write_hand_in(workspace, PAGE, as_zip=True)
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["00_squares/squares.ipynb"]
        assert archive.read(archive.namelist()[0]) == PAGE.mine(workspace).read_bytes()


@pytest.mark.parametrize("as_zip", [False, True], ids=["notebook", "archive"])
def test_the_grader_reads_what_was_handed_in_as_in_time_and_complete(tmp_path, as_zip):
    (lesson,) = find_lessons(ROOT, ["02"])
    page, workspace = Page(lesson.name), tmp_path / "mine"
    open_workspace(ROOT, workspace)
    mine = page.mine(workspace)
    content = json.loads(mine.read_text(encoding="utf-8"))
    for number, cell in enumerate(content["cells"]):
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = [f"# answer {number}"]
    mine.write_text(json.dumps(content), encoding="utf-8")
    assert {one.split(":")[0] for one in missing_in(workspace, page)} == {"The check never passed"}
    target, _ = write_hand_in(workspace, page, as_zip=as_zip)
    folder = tmp_path / "submitted" / "ada" / ("" if as_zip else lesson.name)
    folder.mkdir(parents=True)
    (folder / target.name).write_bytes(target.read_bytes())
    (found,) = collect(tmp_path / "submitted", [lesson], find_lessons(ROOT)).submissions
    assert (found.student, found.lesson, found.timestamp, found.notes) == ("ada", lesson, None, ())
    cells, notes = cells_in(submitted_bytes(found), found.file_name)
    assert notes == []
    rebuilt = rebuild(graded_source(lesson), cells, ClearHiddenTests())
    assert rebuilt.notes == [] and rebuilt.unwritten == set() and rebuilt.theirs == set()
    nbformat.validate(rebuilt.notebook)


def test_an_answer_that_was_split_in_two_cells_is_named_as_one_of_which_only_a_part_counts(
    workspace,
):
    finished(workspace)
    content = json.loads(PAGE.mine(workspace).read_text())
    helper = {**content["cells"][3], "id": "split", "source": "def helper(x):\n    return x"}
    content["cells"].insert(3, helper)
    PAGE.mine(workspace).write_text(json.dumps(content))
    (remark,) = missing_in(workspace, PAGE)
    assert "the last one counts" in remark and "Exercise 1 · reward_to_go" in remark
