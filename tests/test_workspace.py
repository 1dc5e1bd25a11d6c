"""A student's own folder: new versions arrive, their work is never written over."""

import json
import os
import stat
import sys

import pytest

from autograde.lesson import Lesson
from course_lib.desk import lab
from course_lib.desk.errors import DeskError
from course_lib.desk.lab import prepare_lab, start_lab
from course_lib.desk.outline import load_outlines
from course_lib.desk.places import find_workspace
from course_lib.desk.workspace import copy_worked, open_workspace
from tests.desk import a_notebook, code, markdown, task
from tests.sample_course import make_course


@pytest.fixture
def lesson(tmp_path) -> Lesson:
    root = tmp_path / "course"
    root.mkdir()
    made = make_course(root)
    release(made, "first")
    return made


def release(lesson: Lesson, text: str) -> None:
    lesson.student.parent.mkdir(parents=True, exist_ok=True)
    lesson.student.write_text(text)


@pytest.fixture
def mine(tmp_path):
    return tmp_path / "mine" / "00_squares" / "squares.ipynb"


@pytest.fixture
def copy(lesson, tmp_path):
    return lambda: open_workspace(lesson.root, tmp_path / "mine")


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_first_time_every_notebook_is_copied(copy, mine):
    assert copy() == []
    assert mine.read_text() == "first"


def test_the_second_time_nothing_happens(copy, mine):
    copy()
    mine.write_text("my work")
    assert copy() == []
    assert mine.read_text() == "my work"
    assert names(mine.parent) == {"squares.ipynb"}


def test_an_untouched_copy_follows_the_new_version(copy, mine, lesson):
    copy()
    release(lesson, "second")
    (message,) = copy()
    assert "updated to the new version" in message
    assert mine.read_text() == "second"


def test_a_new_version_is_offered_until_it_is_taken_over_and_touches_nothing(copy, mine, lesson):
    copy()
    mine.write_text("my work")
    for version in ("second", "third"):
        release(lesson, version)
        for _ in range(2):
            (message,) = copy()
            assert "there is a new version" in message and "upgrade 00" in message
            assert mine.read_text() == "my work"
            assert names(mine.parent) == {"squares.ipynb"}


def test_a_file_that_was_there_before_is_mine(copy, mine):
    mine.parent.mkdir(parents=True)
    mine.write_text("brought from elsewhere")
    (message,) = copy()
    assert "was there before" in message
    assert mine.read_text() == "brought from elsewhere"


def test_a_brought_notebook_that_is_this_version_with_answers_in_it_is_taken_for_what_it_is(
    copy, mine, lesson
):
    release(lesson, a_notebook(markdown("A task."), code("stub", answer="square")))
    mine.parent.mkdir(parents=True)
    mine.write_text(
        a_notebook(markdown("A task."), code("my answer", answer="square"), code("own"))
    )
    assert copy() == []
    assert copy() == []
    assert "my answer" in mine.read_text()


def test_a_deleted_notebook_comes_back_fresh(copy, mine):
    copy()
    mine.unlink()
    copy()
    assert mine.read_text() == "first"


def test_the_worked_course_is_read_only_and_follows_the_new_version(lesson, tmp_path):
    for version in ("one", "two"):
        lesson.worked.write_text(version)
        copy_worked(lesson.root, tmp_path / "mine")
        copy = tmp_path / "mine" / "worked" / "00_squares" / "squares.ipynb"
        assert copy.read_text() == version
        assert not copy.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


@pytest.mark.parametrize("inside", [".", "notebooks", "a/b"])
def test_a_workspace_inside_the_course_is_refused(lesson, inside):
    with pytest.raises(DeskError, match="lies inside the course"):
        open_workspace(lesson.root, (lesson.root / inside).resolve())


def test_before_the_first_build_the_command_to_run_is_named(lesson, tmp_path):
    lesson.student.unlink()
    with pytest.raises(DeskError, match="course build"):
        open_workspace(lesson.root, tmp_path / "mine")
    with pytest.raises(DeskError, match="course build"):
        copy_worked(lesson.root, tmp_path / "mine")


def test_a_lesson_that_is_not_handed_out_any_more_stays_on_the_list(copy, lesson, tmp_path):
    release(lesson, a_notebook(markdown("# A"), *task("td_error")))
    copy()
    other = tmp_path / "course" / "notebooks" / "01_cubes" / "cubes.ipynb"
    other.parent.mkdir()
    other.write_text(a_notebook(markdown("# B"), *task("reward_to_go")))
    lesson.student.unlink()
    copy()
    assert [one.lesson for one in load_outlines(tmp_path / "mine")] == ["00_squares", "01_cubes"]


def test_a_workspace_that_is_a_file_is_named(lesson, tmp_path):
    (tmp_path / "mine").write_text("something else")
    with pytest.raises(DeskError, match="is a file"):
        open_workspace(lesson.root, tmp_path / "mine")


def test_a_folder_that_cannot_be_written_is_named_without_a_traceback(lesson, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "00_squares").write_text("in the way")
    with pytest.raises(DeskError, match=r"cannot be written: .*00_squares"):
        prepare_lab(lesson.root, tmp_path / "mine", worked=False)


def test_a_workspace_is_found_from_the_folders_in_it_and_from_nowhere_else(copy, tmp_path, mine):
    copy()
    assert find_workspace(mine.parent) == tmp_path / "mine"
    assert find_workspace(tmp_path / "mine") == tmp_path / "mine"
    assert find_workspace(tmp_path) is None


def test_jupyterlab_starts_on_the_welcome_page_of_the_workspace_quietly(
    lesson, tmp_path, monkeypatch
):
    asked: dict = {}

    class Process:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            asked.update(command=command, env=env, waits=0)

        def wait(self) -> int:
            asked["waits"] += 1
            if asked["waits"] == 1:
                raise KeyboardInterrupt
            return 7

    monkeypatch.setattr(lab.subprocess, "Popen", Process)
    folder = tmp_path / "mine"
    messages, page = prepare_lab(lesson.root, folder, worked=False)
    assert messages == []
    assert start_lab(folder, page=page, worked=False, browser=False, port=9001) == 7
    assert asked["waits"] == 2  # Ctrl-C is JupyterLab's to answer
    assert asked["command"][:4] == [sys.executable, "-m", "jupyterlab", str(folder)]
    options = {"--no-browser", "--port=9001", "--LabApp.default_url=/lab/tree/Welcome.md"}
    assert options <= set(asked["command"])
    assert asked["env"]["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.executable)
    (option,) = [one for one in asked["command"] if "app_settings_dir" in one]
    settings = option.split("=", 1)[1]
    with open(f"{settings}/overrides.json", encoding="utf-8") as file:
        news = json.load(file)["@jupyterlab/apputils-extension:notification"]
    assert news == {"fetchNews": "false", "checkForUpdates": False}
    with open(f"{settings}/page_config.json", encoding="utf-8") as file:
        assert json.load(file)["disabledExtensions"]["@jupyter/nbgrader:formgrader"]


def test_the_worked_course_opens_without_a_welcome_page(lesson, tmp_path):
    lesson.worked.write_text("worked")
    messages, page = prepare_lab(lesson.root, tmp_path / "mine", worked=True)
    assert page is None and "to read" in messages[0]
    command = lab.lab_command(tmp_path, tmp_path, None, browser=True, port=None)
    assert not any("default_url" in one for one in command)


def test_a_workspace_whose_new_versions_were_laid_beside_is_offered_them(copy, mine, lesson):
    """As the course did before it could take versions over."""
    old, new = (a_notebook(markdown(text), *task("square")) for text in ("Old.", "New."))
    release(lesson, new)
    base = mine.parents[1] / ".course" / "released" / "00_squares" / "squares.ipynb"
    for path, text in ((mine, old), (base, new), (mine.with_name("squares.new.ipynb"), new)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (message,) = copy()
    assert "upgrade 00" in message
    assert mine.read_text() == old
