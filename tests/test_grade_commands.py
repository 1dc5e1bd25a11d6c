"""`course grade`, `report` and `demo`: exit codes, JSON, messages without tracebacks."""

import json
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from autograde.cli import main
from autograde.grading import executing, judges
from autograde.grading.commands import about_walls
from autograde.grading.formgrader import formgrader_command
from tests.small_class import SmallClass, ThreadJudges

FAST = ["--cell-timeout", "3", "--notebook-timeout", "60"]


def course(root, *arguments):
    """The exit code of a command in the course in `root`."""
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--course", str(root)])
    return caught.value.code


@pytest.fixture(autouse=True)
def judges_in_this_process(monkeypatch):
    """What starts processes is tested with the judges."""
    monkeypatch.setattr(judges, "LocalJudges", ThreadJudges)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A class of two: one right, one untouched."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    made.hand_in("ada", made.notebook(**made.right_answers()))
    made.hand_in("bob", made.notebook())
    return made


def test_a_graded_class_is_success_with_a_table_and_a_report(small, capsys):
    assert course(small.room.root, "grade", *FAST) == 0
    shown = capsys.readouterr().out
    assert "7 / 9" in shown
    assert "Graded 2, unchanged 0, needing a look 0." in shown
    assert (small.room.report / "index.html").exists()
    assert (small.room.report / "grades.csv").read_text(encoding="utf-8").count("\n") == 1 + 6


def test_json_has_everything_and_nothing_else_is_printed(small, capsys):
    assert course(small.room.root, "grade", "02", "--json", *FAST) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["problems"], data["interrupted"]) == (0, False)
    assert [one["student"] for one in data["submissions"]] == ["ada", "bob"]
    assert data["submissions"][0]["scores"][0]["points"] == 3
    assert Path(data["csv"]).exists()


def test_work_that_needs_a_look_is_exit_code_3(small, capsys):
    broken = small.hand_in("eve", "{")
    assert course(small.room.root, "grade", *FAST) == 3
    assert "needing a look 1" in capsys.readouterr().out
    broken.unlink()
    broken.parent.rmdir()
    broken.parent.parent.rmdir()


def test_the_report_is_written_again_from_the_gradebook(small, capsys):
    course(small.room.root, "grade", *FAST)
    (small.room.report / "index.html").unlink()
    assert course(small.room.root, "report") == 0
    assert (small.room.report / "index.html").exists()
    capsys.readouterr()
    assert course(small.room.root, "report", "--json") == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert table["lesson"] == "02_small"
    ada = next(one for one in table["students"] if one["student"] == "ada")
    assert (ada["points"], ada["by_hand"]) == (7, 0)  # ada left the written answer empty.


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("grade", "99_nothing"), "There is no lesson called '99_nothing'"),
        (("grade", "--submitted", "nowhere"), "There are no submissions"),
        (("report", "--demo"), "Make it with: course demo"),
    ],
)
def test_what_cannot_be_done_is_one_message_and_exit_code_2(tmp_path, capsys, arguments, told):
    made = SmallClass(tmp_path)
    assert course(made.room.root, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("course: ")
    assert told in error
    assert "Traceback" not in error


def test_a_course_in_which_nothing_is_built_says_so(tmp_path, capsys):
    made = SmallClass(tmp_path)
    made.lesson.worked.unlink()
    assert course(made.room.root, "grade") == 1
    assert "course build" in capsys.readouterr().err


def test_bad_limits_are_refused(small, capsys):
    assert course(small.room.root, "grade", "--workers", "0") == 2
    assert "--workers" in capsys.readouterr().err


def test_markup_in_names_reaches_the_terminal_as_text(tmp_path, capsys):
    made = SmallClass(tmp_path)
    made.hand_in("ada", made.notebook())
    made.hand_in("[bold]bob", made.notebook())
    assert course(made.room.root, "grade", *FAST) == 3
    assert "[bold]bob" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["grade", "report", "demo", "formgrader"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"course {command}" in capsys.readouterr().out


def test_the_demonstration_grades_its_class_and_says_what_to_open(tmp_path, capsys, monkeypatch):
    from autograde.building import build

    monkeypatch.setattr(executing, "REQUIRED", (*executing.REQUIRED, "a moat"))
    made = SmallClass(tmp_path)
    made.lesson.student.parent.mkdir(parents=True)
    made.lesson.student.write_text(made.released, encoding="utf-8")
    monkeypatch.setattr(build, "build", lambda lesson: build.Result(lesson.name))
    assert course(made.room.root, "demo") == 0
    shown = capsys.readouterr().out
    assert "amara.okoye" in shown
    for hint in ("report/index.html", "course formgrader --demo", "start.py lab"):
        assert hint in shown
    assert "a moat. The invented class is harmless" in shown  # No machine has that wall.


def test_the_demonstration_says_what_a_judge_found_out_about_the_walls():
    found = [Future(), Future(), Future(), Future()]
    found[0].set_result(())
    found[1].set_result(("files", "limits"))
    found[2].set_exception(RuntimeError("a worker did not start"))
    found[3].cancel()
    walled, missing, failed, cancelled = map(about_walls, found)
    assert "behind walls" in walled
    assert "missing files, limits" in missing
    assert "course doctor" in missing and "behind walls" not in missing
    assert failed == cancelled and "course doctor" in failed


def test_a_lesson_that_does_not_build_stops_the_demonstration(tmp_path, capsys, monkeypatch):
    from autograde.building import build

    made = SmallClass(tmp_path)
    failed = build.Result(made.lesson.name, errors=["cell 3 failed"])
    monkeypatch.setattr(build, "build", lambda lesson: failed)
    assert course(made.room.root, "demo") == 1
    assert "cell 3 failed" in capsys.readouterr().out


def test_formgrader_starts_where_the_settings_are():
    command = formgrader_command(Path("course"), browser=False, port=9000)
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--ServerApp.root_dir=course" in command
    assert "--LabApp.default_url=/formgrader" in command
    assert "--no-browser" in command
    assert "--port=9000" in command
