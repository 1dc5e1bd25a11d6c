"""Checks record what was earned, in a workspace only, and never fail because of it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from course_lib import CheckFailed, check, check_answer
from course_lib.checks import all_questions, checking
from course_lib.checks.agent_tasks import AgentTask
from course_lib.desk import recording
from course_lib.desk import records as records_module
from course_lib.desk.records import load_records, records_path
from course_lib.reference import reward_to_go, td_error
from tests.desk import PAGE, make_workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace with a kernel in its lesson's folder."""
    made = make_workspace(tmp_path)[1]
    monkeypatch.chdir(PAGE.mine(made).parent)
    monkeypatch.setattr(recording, "in_notebook", lambda: True)
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    return made


def answer_two_ends() -> str:
    return LETTERS[0]


LETTERS = [""]


def message_of(function, ask=check) -> str:
    with pytest.raises(CheckFailed) as failed:
        ask(function)
    return str(failed.value)


def test_a_pass_is_recorded_and_says_what_comes_next(workspace, capsys):
    check(reward_to_go)
    passed, where = capsys.readouterr().out.splitlines()
    assert passed.startswith("✓ reward_to_go")
    assert where == "  Lesson 00: 3 of 5 points so far. Next: Think · answer_two_ends"
    record = load_records(workspace)["reward_to_go"]
    assert (record.points, record.possible, record.tries, record.passes) == (3.0, 3.0, 1, True)


def test_a_failure_is_recorded_with_the_mistake_that_it_names_and_no_line_more(workspace):
    def td_error(reward, value, next_value, terminated, gamma):
        return reward + gamma * next_value - value

    text = message_of(td_error)
    record = load_records(workspace)["td_error"]
    assert record.mistake == "bootstraps-after-termination"
    assert "bootstraps after termination" in text
    assert (record.tries, record.first_passed, record.passes) == (1, None, False)
    assert "Lesson 00" not in text


def test_what_is_not_written_yet_is_no_try(workspace):
    def reward_to_go(reward, gamma):
        raise NotImplementedError("Write your code here.")

    message_of(reward_to_go)
    LETTERS[0] = ""
    message_of(answer_two_ends, check_answer)
    assert not records_path(workspace).exists()


def test_a_concept_question_is_recorded_wrong_and_right(workspace, capsys):
    question = all_questions()["two_ends"]
    LETTERS[0] = next(one for one in question.letters if one != question.right)
    message_of(answer_two_ends, check_answer)
    assert load_records(workspace)["answer_two_ends"].mistake == f"chose-{LETTERS[0]}"
    LETTERS[0] = question.right
    check_answer(answer_two_ends)
    assert "1 of 5 points" in capsys.readouterr().out
    record = load_records(workspace)["answer_two_ends"]
    assert (record.points, record.tries, record.passes) == (1.0, 2, True)


def test_the_last_check_says_how_to_hand_in(workspace, capsys):
    LETTERS[0] = all_questions()["two_ends"].right
    check(reward_to_go)
    check_answer(answer_two_ends)
    capsys.readouterr()
    check(td_error)
    text = " ".join(capsys.readouterr().out.split())
    assert "5 of 5 points: every check has passed, then the written question." in text
    assert "submit 00" in text


def test_hidden_cases_record_nothing(workspace, capsys):
    check(td_error, hidden=True)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert not records_path(workspace).exists()


SWING = AgentTask("td_error", "Pendulum-v1", ((-1e9, 1.0), (0.0, 5.0)), 4, 4, 2.0)


def test_an_agent_is_recorded_with_what_it_earned_once_there_is_one(workspace, monkeypatch):
    def still(obs):
        return np.zeros((len(obs), 1))

    def stub(obs):
        raise NotImplementedError("Write your code here.")

    def crash(obs):
        raise ValueError("no")

    monkeypatch.setitem(checking.AGENT_TASKS, "td_error", SWING)
    for agent in (stub, still, crash):
        message_of(agent, lambda one: check(one, exercise="td_error"))
    record = load_records(workspace)["td_error"]
    assert (record.points, record.possible, record.tries, record.passes) == (1.0, 5.0, 2, False)
    assert record.mistake is not None


def elsewhere(workspace: Path, monkeypatch) -> None:
    monkeypatch.chdir(workspace.parent)


def worked(workspace: Path, monkeypatch) -> None:
    (workspace / "worked" / PAGE.name).mkdir(parents=True)
    monkeypatch.chdir(workspace / "worked" / PAGE.name)


def no_kernel(workspace: Path, monkeypatch) -> None:
    monkeypatch.setattr(recording, "in_notebook", lambda: False)


def being_built(workspace: Path, monkeypatch) -> None:
    monkeypatch.setenv("COURSE_STATIC", "1")


@pytest.mark.parametrize("where", [elsewhere, worked, no_kernel, being_built])
def test_outside_of_a_student_s_page_nothing_is_written(workspace, monkeypatch, capsys, where):
    before = sorted(path for path in workspace.rglob("*") if path.is_file())
    where(workspace, monkeypatch)
    check(td_error)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert sorted(path for path in workspace.rglob("*") if path.is_file()) == before


def test_an_exercise_of_no_lesson_here_is_not_recorded(workspace, capsys):
    assert recording.record("something_else", 1.0, 1.0, passed=True) == ""
    assert not records_path(workspace).exists()


def test_a_damaged_file_is_a_remark_under_the_message(workspace, capsys):
    records_path(workspace).write_text("{")
    check(td_error)
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("✓ td_error") and "damaged" in text and "kept as" in text
    assert load_records(workspace)["td_error"].passes


@pytest.mark.parametrize(
    "error", [OSError(30, "Read-only file system"), RuntimeError("never seen before")]
)
def test_whatever_fails_in_recording_is_a_remark_and_the_check_still_speaks(
    workspace, monkeypatch, capsys, error
):
    def fail(*_):
        raise error

    monkeypatch.setattr(records_module, "write_if_new", fail)
    check(td_error)
    text = capsys.readouterr().out
    assert text.startswith("✓ td_error") and "(Not recorded" in text
    assert message_of(lambda: None, lambda one: check(one, exercise="td_error")).startswith("✗")


def test_damaged_outlines_are_a_remark_too(workspace, capsys):
    (workspace / ".course" / "lessons.json").write_text(json.dumps({"lessons": 5}))
    check(td_error)
    assert "(Not recorded" in capsys.readouterr().out


def test_a_folder_that_has_gone_is_a_remark_too(workspace, monkeypatch, capsys):
    def gone() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    check(td_error)
    assert "(Not recorded" in capsys.readouterr().out
