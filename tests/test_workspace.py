"""`course lab`: new versions arrive, a reader's own work is never written over."""

import json
import os
import stat
import sys

import pytest

from autograde import workspace
from autograde.errors import CourseError
from autograde.lesson import Lesson
from autograde.workspace import copy_notebooks, copy_worked, start_lab
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
    return lambda: copy_notebooks(lesson.root, tmp_path / "mine")


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


def test_a_new_version_is_put_beside_my_work_once(copy, mine, lesson):
    copy()
    mine.write_text("my work")
    release(lesson, "second")
    (message,) = copy()
    assert "squares.new.ipynb" in message
    assert mine.read_text() == "my work"
    assert mine.with_name("squares.new.ipynb").read_text() == "second"
    mine.with_name("squares.new.ipynb").unlink()
    assert copy() == []
    assert names(mine.parent) == {"squares.ipynb"}


def test_a_third_version_replaces_the_second_if_that_is_untouched(copy, mine, lesson):
    copy()
    mine.write_text("my work")
    for version in ("second", "third"):
        release(lesson, version)
        copy()
    assert names(mine.parent) == {"squares.ipynb", "squares.new.ipynb"}
    assert mine.with_name("squares.new.ipynb").read_text() == "third"


def test_work_in_the_new_version_is_not_written_over_either(copy, mine, lesson):
    copy()
    mine.write_text("my work")
    release(lesson, "second")
    copy()
    mine.with_name("squares.new.ipynb").write_text("more work")
    release(lesson, "third")
    copy()
    assert mine.with_name("squares.new.ipynb").read_text() == "more work"
    assert mine.with_name("squares.new-2.ipynb").read_text() == "third"


def test_a_file_that_was_there_before_is_mine(copy, mine):
    mine.parent.mkdir(parents=True)
    mine.write_text("brought from elsewhere")
    copy()
    assert mine.read_text() == "brought from elsewhere"
    assert mine.with_name("squares.new.ipynb").read_text() == "first"


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
    with pytest.raises(CourseError, match="lies inside the course"):
        copy_notebooks(lesson.root, (lesson.root / inside).resolve())


def test_before_the_first_build_the_command_to_run_is_named(lesson, tmp_path):
    lesson.student.unlink()
    with pytest.raises(CourseError, match="course build"):
        copy_notebooks(lesson.root, tmp_path / "mine")
    with pytest.raises(CourseError, match="course build"):
        copy_worked(lesson.root, tmp_path / "mine")


def test_jupyterlab_starts_on_the_workspace_quietly(tmp_path, monkeypatch):
    asked: dict = {}

    class Process:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            asked.update(command=command, env=env, waits=0)

        def wait(self) -> int:
            asked["waits"] += 1
            if asked["waits"] == 1:
                raise KeyboardInterrupt
            return 7

    monkeypatch.setattr(workspace.subprocess, "Popen", Process)
    assert start_lab(tmp_path, worked=False, browser=False, port=9001) == 7
    assert asked["waits"] == 2  # Ctrl-C is JupyterLab's to answer
    assert asked["command"][:4] == [sys.executable, "-m", "jupyterlab", str(tmp_path)]
    assert {"--no-browser", "--port=9001"} <= set(asked["command"])
    assert asked["env"]["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.executable)
    (option,) = [one for one in asked["command"] if "app_settings_dir" in one]
    settings = option.split("=", 1)[1]
    with open(f"{settings}/overrides.json", encoding="utf-8") as file:
        news = json.load(file)["@jupyterlab/apputils-extension:notification"]
    assert news == {"fetchNews": "false", "checkForUpdates": False}
