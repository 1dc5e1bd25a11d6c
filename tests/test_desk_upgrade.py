"""`course upgrade`: a new version with the old answers, and nothing lost if it goes wrong."""

import io
import json
import os
import time
from copy import deepcopy

import pytest

from course_lib.desk import files, upgrade
from course_lib.desk.errors import DeskError
from course_lib.desk.notebooks import by_grade_id, read_notebook
from course_lib.desk.records import Record, change_records
from course_lib.desk.upgrade import upgrade_all
from course_lib.desk.workspace import open_workspace
from tests.desk import LESSON, PAGE, code, make_workspace, markdown, release, task, written

ANSWER = "def reward_to_go(x):\n    return x"
WORDS = "Because both factors have one sign."


@pytest.fixture
def places(tmp_path):
    """A course and a workspace in which some work was done."""
    course, workspace = make_workspace(tmp_path)
    written(workspace, reward_to_go=ANSWER, written_why=WORDS)
    return course, workspace


def next_version(course) -> None:
    """Another introduction, and one more exercise."""
    cells = deepcopy(list(LESSON))
    cells[0]["source"] += "\n\nNew words."
    release(course, *cells, markdown("### Exercise 3 · `n_step_return`"), *task("n_step_return"))


def upgraded(places, **options):
    """What became of the one lesson."""
    (done,) = upgrade_all(*places, [PAGE], **options)
    return done


def answers(workspace) -> dict[str, str]:
    cells = by_grade_id(read_notebook(PAGE.mine(workspace))["cells"])
    return {name: cell["source"] for name, cell in cells.items()}


def backups(workspace) -> list[bytes]:
    return [path.read_bytes() for path in sorted((workspace / "backups").rglob("*.ipynb"))]


def test_answers_are_in_the_new_version_and_the_old_notebook_is_kept(places):
    course, workspace = places
    before = PAGE.mine(workspace).read_bytes()
    next_version(course)
    done = upgraded(places)
    assert done.changed and not done.failed
    assert "2 answers of yours came along" in done.lines[0]
    found = answers(workspace)
    assert (found["reward-to-go"], found["written-why"]) == (ANSWER, WORDS)
    assert "n-step-return" in found
    assert backups(workspace) == [before]
    assert open_workspace(*places) == []


def test_what_was_not_upgraded_is_not_touched_again(places):
    course, workspace = places
    next_version(course)
    upgraded(places)
    before = PAGE.mine(workspace).read_bytes()
    done = upgraded(places)
    assert done.lines == ["this is the newest version."] and not done.changed
    assert PAGE.mine(workspace).read_bytes() == before
    assert len(backups(workspace)) == 1


def test_two_upgrades_on_one_day_keep_both_notebooks(places):
    course, workspace = places
    for words in ("One.", "Two."):
        release(course, *LESSON, markdown(words))
        upgraded(places)
    assert len(backups(workspace)) == 2


def test_force_puts_the_lesson_s_cells_back_and_keeps_the_answers(places):
    workspace = places[1]
    written(workspace, check_reward_to_go="pass")
    done = upgraded(places, force=True)
    found = answers(workspace)
    assert (found["check-reward-to-go"], found["reward-to-go"]) == ("check(reward_to_go)", ANSWER)
    assert any("pass" in line for line in done.lines)


def test_a_lesson_that_is_not_there_comes_fresh(places):
    workspace = places[1]
    PAGE.mine(workspace).unlink()
    assert "a fresh one is there now" in upgraded(places).lines[0]
    assert "reward-to-go" in answers(workspace)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b'{"cells": [', "broken JSON"),
        (b'{"cells": [5]}', "its cell 1 is none"),
        (b'{"cells": [{"cell_type": "code", "source": 5}]}', "its cell 1 is none"),
        (b'{"cells": {}}', "not a notebook"),
        (b'{"worksheets": [], "nbformat": 3}', "old notebook format"),
        (b'{"cells": "\xff"}', "not text"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_broken_notebook_is_named_and_left_as_it_is(places, data, message):
    course, workspace = places
    PAGE.mine(workspace).write_bytes(data)
    next_version(course)
    done = upgraded(places)
    assert done.failed and message in done.lines[0] and "Nothing was changed" in done.lines[0]
    assert PAGE.mine(workspace).read_bytes() == data
    assert backups(workspace) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_notebook_in_another_encoding_or_with_other_line_ends_is_read(places, encoding):
    course, workspace = places
    text = PAGE.mine(workspace).read_text(encoding="utf-8")
    content = json.loads(text)
    for cell in content["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n").splitlines(keepends=True)
    mine = json.dumps(content, indent=1).replace("\n", "\r\n").encode(encoding)
    PAGE.mine(workspace).write_bytes(mine)
    next_version(course)
    assert upgraded(places).changed
    found = answers(workspace)
    assert "".join(found["reward-to-go"]).replace("\r\n", "\n") == ANSWER
    assert "NotImplementedError" in found["td-error"]  # untouched, whatever its line ends
    assert backups(workspace) == [mine]


def test_without_the_old_version_the_answers_come_along_too(places):
    course, workspace = places
    PAGE.base(workspace).unlink()
    next_version(course)
    assert upgraded(places).changed
    assert answers(workspace)["reward-to-go"] == ANSWER


def test_a_disk_that_is_full_changes_nothing(places, monkeypatch):
    course, workspace = places
    before = PAGE.mine(workspace).read_bytes()
    next_version(course)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    done = upgraded(places)
    assert done.failed and "No space left on device" in done.lines[0]
    assert PAGE.mine(workspace).read_bytes() == before
    assert backups(workspace) == []


def test_a_disk_that_is_full_after_the_notebook_was_written_asks_for_a_second_run(
    places, monkeypatch
):
    course, workspace = places
    next_version(course)
    replace = os.replace

    def full_for_the_base(source, target):
        if target == PAGE.base(workspace):
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", full_for_the_base)
        assert "Run this once more" in upgraded(places).lines[-1]
    first = PAGE.mine(workspace).read_bytes()
    assert answers(workspace)["reward-to-go"] == ANSWER
    upgraded(places)
    assert PAGE.mine(workspace).read_bytes() == first
    assert upgraded(places).lines == ["this is the newest version."]


def test_a_notebook_that_is_read_only_is_not_replaced(places, monkeypatch):
    course, workspace = places
    before = PAGE.mine(workspace).read_bytes()
    next_version(course)
    monkeypatch.setattr(upgrade.os, "access", lambda path, mode: mode != os.W_OK)
    done = upgraded(places)
    assert done.failed and "read-only" in done.lines[0]
    assert PAGE.mine(workspace).read_bytes() == before


def test_a_notebook_that_is_saved_while_it_is_upgraded_is_not_written_over(places, monkeypatch):
    course, workspace = places
    next_version(course)
    keep = upgrade.keep_beside

    def save_meanwhile(path, data):
        written(workspace, reward_to_go="saved a moment ago")
        return keep(path, data)

    monkeypatch.setattr(upgrade, "keep_beside", save_meanwhile)
    done = upgraded(places)
    assert done.failed and "at this very moment" in done.lines[0]
    assert answers(workspace)["reward-to-go"] == "saved a moment ago"


def test_one_lesson_that_fails_costs_no_other(places):
    course, workspace = places
    other = type(PAGE)("01_cubes")
    for path in (other.released(course), other.mine(workspace), other.base(workspace)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PAGE.base(workspace).read_bytes())
    other.mine(workspace).write_text("{")
    other.released(course).write_text('{"cells": []}')
    next_version(course)
    first, second = upgrade_all(course, workspace, [PAGE, other])
    assert first.changed and second.failed


def test_a_folder_that_is_no_workspace_is_refused(tmp_path, places):
    with pytest.raises(DeskError, match="not a workspace"):
        upgrade_all(places[0], tmp_path / "elsewhere", [PAGE])


def test_outputs_of_code_that_stays_are_kept(places):
    course, workspace = places
    content = json.loads(PAGE.mine(workspace).read_text())
    content["cells"].append(code("print(1)", id="own", outputs=[{"text": "1"}]))
    PAGE.mine(workspace).write_text(json.dumps(content))
    next_version(course)
    upgraded(places)
    (own,) = [c for c in read_notebook(PAGE.mine(workspace))["cells"] if c["source"] == "print(1)"]
    assert own["outputs"] == [{"text": "1"}]


def test_work_that_was_checked_and_not_saved_is_saved_first(places):
    course, workspace = places
    next_version(course)
    before = PAGE.mine(workspace).read_bytes()
    passed = Record().after(1.0, 1.0, True, None)
    change_records(workspace, lambda _: {"reward_to_go": passed})
    earlier, later = (time.time() + seconds for seconds in (-60, 60))
    os.utime(PAGE.mine(workspace), (earlier, earlier))
    done = upgraded(places)
    assert done.failed and "Save it in JupyterLab" in done.lines[0]
    assert PAGE.mine(workspace).read_bytes() == before and backups(workspace) == []
    os.utime(PAGE.mine(workspace), (later, later))
    assert upgraded(places).changed


def test_half_a_copy_of_the_old_notebook_is_not_left(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    def opened(path, _):
        path.touch()
        return Full()

    monkeypatch.setattr(files, "open", opened, raising=False)
    with pytest.raises(OSError, match="No space"):
        files.keep_beside(tmp_path / "squares.ipynb", b"all of it")
    assert list(tmp_path.iterdir()) == []
