"""The student's commands, in both editions: the same options, sentences, exit codes."""

import sys

import pytest
import typer

from autograde.cli import app
from autograde.cli import main as course_main
from course_lib.desk import commands
from course_lib.desk.__main__ import main, parser
from tests.desk import LESSON, PAGE, code, make_workspace, release, written


@pytest.fixture
def places(tmp_path):
    return make_workspace(tmp_path)


@pytest.fixture
def desk(places, capsys):
    """Runs a command of the student edition; its exit code, and what it said."""

    def run(*arguments: str) -> tuple[int, str, str]:
        exit_code = main([*arguments, "--workspace", str(places[1])])
        said = capsys.readouterr()
        return exit_code, said.out, said.err

    return run


def course(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        course_main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


@pytest.mark.parametrize("name", ["lab", "progress", "upgrade", "submit"])
def test_both_editions_have_the_same_options(name):
    (choices,) = [one.choices for one in parser()._actions if one.choices]
    theirs = {option for one in choices[name]._actions for option in one.option_strings}
    params = typer.main.get_command(app).commands[name].params
    ours = {option for one in params if one.param_type_name == "option" for option in one.opts}
    assert theirs - {"-h", "--help"} == ours - {"--course", "--worked", "--help"}


def test_no_workspace_is_a_sentence_that_says_how_to_make_one(tmp_path, capsys):
    for arguments in (["progress"], ["upgrade"], ["submit", "00"]):
        assert main([*arguments, "--workspace", str(tmp_path)]) == 2
        assert "is not a workspace of the course" in capsys.readouterr().err


def test_the_full_course_says_the_same(tmp_path, capsys):
    assert course("progress", "--workspace", tmp_path) == 2
    assert capsys.readouterr().err.startswith("course: ")


def test_inside_a_workspace_it_need_not_be_named(places, monkeypatch, capsys):
    monkeypatch.chdir(PAGE.mine(places[1]).parent)
    assert main(["progress"]) == 0
    assert "Squares" in capsys.readouterr().out


def test_a_lesson_that_does_not_exist_is_named_with_those_that_do(desk):
    exit_code, _, said = desk("submit", "07")
    assert exit_code == 2 and "no lesson called '07'. The lessons are: 00_squares." in said


def test_an_unfinished_lesson_is_handed_in_with_yes_only(desk, places):
    exit_code, said, _ = desk("submit", "0")
    assert exit_code == 1 and "Not answered" in said and "add --yes" in said
    assert not (places[1] / "hand-in").exists()
    exit_code, said, _ = desk("submit", "squares", "--yes")
    assert exit_code == 0 and "Not answered" in said
    assert str(places[1] / "hand-in" / "00_squares" / "squares.ipynb") in said


class Terminal:
    """Somebody sits there."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "expected"), [("y", 0), ("Yes ", 0), ("", 1), ("n", 1)])
def test_who_sits_there_is_asked(desk, monkeypatch, typed, expected):
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: typed)
    assert desk("submit", "00")[0] == expected


def test_upgrade_says_for_each_lesson_what_happened(places, capsys):
    root, workspace = places
    written(workspace, td_error="def td_error(x):\n    return 1")
    release(root, *LESSON, code("print('new')", locked="more"))
    assert commands.run_upgrade(["00"], workspace, course=root) == 0
    said = capsys.readouterr().out
    assert said.startswith("00_squares: taken over. 1 answer of yours came along.")
    PAGE.mine(workspace).write_text("{")
    assert commands.run_upgrade(["00"], workspace, course=root, force=True) == 1
    assert "Nothing was changed" in capsys.readouterr().out


def test_force_without_a_lesson_is_refused(desk):
    exit_code, _, said = desk("upgrade", "--force")
    assert exit_code == 2 and "--force needs a lesson" in said


def test_help_of_the_edition_has_an_example_a_command(capsys):
    for name in ("lab", "progress", "upgrade", "submit"):
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"start.py {name}" in capsys.readouterr().out
