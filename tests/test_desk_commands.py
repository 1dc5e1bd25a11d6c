"""The student's commands, in both editions: the same options, sentences, exit codes."""

import os
import sys
from pathlib import Path

import pytest
import typer

from autograde.cli import app
from autograde.cli import main as course_main
from course_lib.desk import commands
from course_lib.desk import places as places_module
from course_lib.desk.__main__ import main, parser
from course_lib.desk.missing import missing_in
from course_lib.desk.outline import Outline
from course_lib.desk.panel import next_line
from course_lib.desk.places import quoted, told
from course_lib.desk.recording import position
from course_lib.desk.standing import Standing
from course_lib.desk.welcome import welcome_text
from course_lib.desk.workspace import open_workspace
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


def test_a_folder_of_the_student_s_own_is_not_taken_for_the_lesson_of_its_number(desk, places):
    (places[1] / "00_backup").mkdir()
    exit_code, said, _ = desk("submit", "00", "--yes")
    assert exit_code == 0 and str(Path("hand-in", "00_squares", "squares.ipynb")) in said


def test_ctrl_c_at_the_question_is_no_traceback(desk, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "agreed", interrupted)
    exit_code, _, complained = desk("submit", "00")
    assert exit_code == 130 and "course: interrupted." in complained


def test_what_is_to_be_typed_names_a_workspace_that_is_not_the_usual_one(tmp_path, monkeypatch):
    monkeypatch.setattr(places_module, "DEFAULT", tmp_path / "usual")
    mine = tmp_path / "my cöurse"
    assert told("submit 02", tmp_path / "usual") == told("submit 02")
    typed = told("submit 02", mine).removeprefix(told("submit 02"))
    quote = '"' if os.name == "nt" else "'"
    assert typed == f" --workspace {quote}{mine}{quote}"


def test_every_hint_leads_to_the_workspace_that_it_is_about(tmp_path):
    course, mine = make_workspace(tmp_path)
    named = f"--workspace {quoted(mine)}"
    written(mine, check_td_error="pass", written_why="Because.")
    assert f"upgrade --force 00 {named}" in "".join(missing_in(mine, PAGE))
    release(course, *LESSON, code("new"))
    assert f"upgrade 00 {named}" in open_workspace(course, mine)[0]
    text = welcome_text(course, mine)
    for command in ("submit 02", "upgrade --force 02", "progress", "upgrade 00"):
        assert f"{command} {named}" in text
    done = Standing(Outline(PAGE.name, "Squares", "", ()), {}, workspace=mine)
    assert f"submit 00 {named}" in next_line(done) and f"submit 00 {named}" in position(done)
