"""A whole class: graded, saved, graded again only where something changed, never stopped by one."""

import json
import sqlite3
from datetime import datetime

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade

from autograde.errors import CourseError
from autograde.grading import gradebook, judges
from autograde.grading.executing import Limits
from autograde.grading.whole_class import grade_class
from tests.small_class import SmallClass, ThreadJudges

LIMITS = Limits(cell_seconds=3.0, notebook_seconds=60.0)
LOOP = "def reinforce_loss(log_prob, reward, gamma):\n    while True: pass"
EXIT = "import os\ndef reinforce_loss(log_prob, reward, gamma):\n    os._exit(0)"


def sign_flipped(right):
    """The right answer without its minus."""
    return right.replace("return -(", "return (")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A class with one of each kind, graded once."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    right = made.right_answers()
    loss, advantage = right["reinforce_loss"], right["generalized_advantage"]
    ignores = advantage.replace("(terminated | truncated)", "terminated")
    made.hand_in("ada", made.notebook(**right, why_baseline="Because E[score] = 0."))
    made.hand_in("bob", made.notebook())
    made.hand_in("cyn", made.notebook(**{**right, "reinforce_loss": sign_flipped(loss)}))
    made.hand_in("dan", made.notebook(**{**right, "generalized_advantage": ignores}))
    made.hand_in("eve", '{"cells": [')
    made.hand_in("fay", made.notebook(**{**right, "reinforce_loss": LOOP}))
    made.hand_in("gus", made.notebook(**{**right, "reinforce_loss": EXIT}))
    made.hand_in("hal", made.notebook(**right), "small (1).ipynb")
    made.hand_in("ida", made.notebook(**right))
    made.hand_in("ida", "2026-03-03 12:00:00 UTC", "timestamp.txt")
    gradebook.set_due_date(made.room, made.lesson, datetime(2026, 3, 2, 12))
    made.outcome = grade_class(made.room, [made.lesson], limits=LIMITS, judges=ThreadJudges())
    return made


def record(small, student):
    """What became of one student's work."""
    return next(one for one in small.outcome.records if one.student == student)


def points(small, student):
    """Points by exercise."""
    return {one.exercise: one.points for one in record(small, student).scores}


def codes(small, student):
    """The codes of the notes."""
    return [note.code for note in record(small, student).notes]


def test_everybody_is_graded_whatever_one_of_them_did(small):
    assert [one.student for one in small.outcome.records] == [
        *("ada", "bob", "cyn", "dan", "eve", "fay", "gus", "hal", "ida")
    ]
    assert (small.outcome.graded, small.outcome.unchanged) == (9, 0)


def test_right_answers_earn_all_points_and_prose_waits_for_a_person(small):
    wanted = {"reinforce_loss": 3, "generalized_advantage": 4, "why_baseline": None}
    assert points(small, "ada") == wanted
    assert (record(small, "ada").points, record(small, "ada").possible) == (7, 9)


def test_an_untouched_notebook_is_not_written(small):
    assert {one.status for one in record(small, "bob").scores} == {"not written"}
    assert record(small, "bob").points == 0


def test_mistakes_are_named(small):
    found = {one.exercise: one.mistake for one in record(small, "cyn").scores}
    assert found["reinforce_loss"] == "sign-flipped"
    found = {one.exercise: one.mistake for one in record(small, "dan").scores}
    assert found["generalized_advantage"] == "ignores-truncated"


def test_a_broken_file_is_a_problem_and_has_no_points(small):
    assert codes(small, "eve") == ["unreadable"]
    assert record(small, "eve").problems
    assert record(small, "eve").points == 0


@pytest.mark.parametrize(("student", "code"), [("fay", "time-limit"), ("gus", "process-ended")])
def test_a_cell_that_hangs_or_dies_costs_only_its_own_question(small, student, code):
    found = points(small, student)
    assert (found["reinforce_loss"], found["generalized_advantage"]) == (0, 4)
    assert codes(small, student) == [code]
    assert record(small, student).problems


def test_another_file_name_is_a_note_and_no_problem(small):
    assert codes(small, "hal") == ["file-name"]
    assert not record(small, "hal").problems
    assert record(small, "hal").points == 7


def test_late_work_loses_ten_per_cent_a_started_day(small):
    saved = gradebook.saved_submission(small.room, small.lesson, "ida")
    assert saved.seconds_late == 24 * 3600
    assert saved.penalty == 0.7  # One day of seven points.
    assert codes(small, "ida") == ["late"]


def test_the_number_of_problems_is_counted(small):
    assert small.outcome.problems == 3  # eve, fay and gus


def test_the_gradebook_holds_the_same_points_as_the_notebooks(small):
    saved = {
        (one.student, one.grade_id): one for one in gradebook.saved_grades(small.room, small.lesson)
    }
    for one in small.outcome.records:
        path = small.room.autograded / one.student / "02_small" / "small.ipynb"
        cells = {
            cell.metadata.nbgrader.grade_id: cell
            for cell in nbformat.read(path, as_version=4).cells
            if "nbgrader" in cell.metadata
        }
        for found in one.scores:
            assert determine_grade(cells[found.grade_id])[0] == found.points
            grade = saved[one.student, found.grade_id]
            assert grade.points == (found.points or 0)
            assert grade.needs_manual_grade == (found.points is None)


def test_experiments_were_not_run(small):
    path = small.room.autograded / "ada" / "02_small" / "small.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    (experiment,) = [cell for cell in cells if "experiment" in cell.metadata.get("tags", [])]
    assert experiment.outputs == []


def test_feedback_has_the_message_and_no_hidden_test(small):
    html = (small.room.feedback / "cyn" / "02_small" / "small.html").read_text(encoding="utf-8")
    assert "The sign is flipped" in html
    assert "hidden=True" not in html
    assert "HIDDEN TESTS" not in html
    broken = (small.room.feedback / "eve" / "02_small" / "small.html").read_text(encoding="utf-8")
    assert "is broken JSON" in broken


def one_student(tmp_path, **more):
    """A class of one, with a right loss and nothing else."""
    made = SmallClass(tmp_path)
    loss = made.right_answers()["reinforce_loss"]
    made.path = made.hand_in("ada", made.notebook(reinforce_loss=loss, **more))
    return made


def graded(made, **options):
    """What became of the class."""
    settings = {"limits": LIMITS, "judges": ThreadJudges(), **options}
    return grade_class(made.room, [made.lesson], **settings)


def grade(made, **options):
    """(how many were graded, how many were unchanged, the points of the first)."""
    outcome = graded(made, **options)
    return outcome.graded, outcome.unchanged, outcome.records[0].points


def test_only_what_has_changed_is_graded_again(tmp_path):
    made = one_student(tmp_path)
    assert grade(made) == (1, 0, 3)
    assert grade(made) == (0, 1, 3)
    assert grade(made, force=True) == (1, 0, 3)
    made.hand_in("ada", made.notebook())
    assert grade(made) == (1, 0, 0)
    assert grade(made, limits=Limits(4.0, 60.0)) == (1, 0, 0)
    (made.room.autograded / "ada" / "02_small" / "small.ipynb").unlink()
    assert grade(made, limits=Limits(4.0, 60.0)) == (1, 0, 0)


def test_a_new_due_date_or_timestamp_is_a_change(tmp_path):
    made = one_student(tmp_path)
    made.hand_in("ada", "2026-03-03 12:00:00 UTC", "timestamp.txt")
    assert grade(made) == (1, 0, 3)
    gradebook.set_due_date(made.room, made.lesson, datetime(2026, 3, 3, 11))
    assert grade(made)[:2] == (1, 0)
    assert gradebook.saved_submission(made.room, made.lesson, "ada").penalty == 0.3


def test_a_change_of_the_lesson_grades_everybody_again(tmp_path):
    made = one_student(tmp_path)
    grade(made)
    for cell in made.worked.cells:
        cell.source = cell.source.replace("What do you expect?", "What now?")
    nbformat.write(made.worked, made.lesson.worked)
    assert grade(made) == (1, 0, 3)


def test_a_student_who_was_late_and_then_is_not_has_no_penalty(tmp_path):
    made = one_student(tmp_path)
    stamp = made.hand_in("ada", "2026-03-03 12:00:00 UTC", "timestamp.txt")
    gradebook.set_due_date(made.room, made.lesson, datetime(2026, 3, 3, 11))
    grade(made)
    stamp.unlink()
    grade(made)
    assert gradebook.saved_submission(made.room, made.lesson, "ada").penalty == 0


def test_points_given_by_hand_survive_another_grading(tmp_path):
    made = one_student(tmp_path, why_baseline="Because.")
    grade(made)
    with Gradebook(made.room.db_url, made.room.course_id) as book:
        found = book.find_grade("why-baseline", "small", "02_small", "ada")
        found.manual_score = 1.5
        book.db.commit()
    grade(made, force=True)
    saved = {one.grade_id: one.points for one in gradebook.saved_grades(made.room, made.lesson)}
    assert saved == {
        "check-reinforce-loss": 3,
        "check-generalized-advantage": 0,
        "why-baseline": 1.5,
    }


def test_ctrl_c_keeps_what_is_graded_and_the_next_run_goes_on(tmp_path):
    made = one_student(tmp_path)
    for name in ("ben", "cat"):
        made.hand_in(name, made.notebook())

    def interrupt(record, graded):
        raise KeyboardInterrupt

    outcome = graded(made, judges=ThreadJudges(1), on_record=interrupt)
    assert outcome.interrupted
    assert outcome.graded == 1
    again = graded(made)
    assert (again.graded, again.unchanged, again.interrupted) == (2, 1, False)


def test_a_failure_of_the_grader_itself_is_a_note_on_one_submission(tmp_path, monkeypatch):
    made = one_student(tmp_path)
    made.hand_in("ben", made.notebook())
    whole = judges.run_task

    def fails_for_ben(task):
        if task.student == "ben":
            raise OSError("no more processes")
        return whole(task)

    monkeypatch.setattr(judges, "run_task", fails_for_ben)
    outcome = graded(made)
    assert [one.points for one in outcome.records] == [3, 0]
    assert [note.code for note in outcome.records[1].notes] == ["grader-failed"]
    assert outcome.problems == 1
    monkeypatch.setattr(judges, "run_task", whole)
    again = graded(made)  # The failure was the machine's: ben is graded again.
    assert (again.graded, again.unchanged, again.problems) == (1, 1, 0)


def test_submissions_may_lie_elsewhere(tmp_path):
    made = one_student(tmp_path)
    elsewhere = tmp_path / "collected"
    made.room.submitted.rename(elsewhere)
    assert grade(made, submitted=elsewhere) == (1, 0, 3)


def test_a_lesson_that_is_not_built_says_how_to_build_it(tmp_path):
    made = one_student(tmp_path)
    made.lesson.worked.unlink()
    with pytest.raises(CourseError, match="course build 02_small"):
        grade(made)
    made.lesson.worked.write_text("{}")
    with pytest.raises(CourseError, match="course build 02_small --force"):
        grade(made)


def test_a_graded_cell_that_was_added_later_is_explained(tmp_path):
    made = one_student(tmp_path)
    grade(made)
    made.worked.cells = [
        cell
        for cell in made.worked.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") != "why-baseline"
    ]
    nbformat.write(made.worked, made.lesson.worked)
    with pytest.raises(CourseError, match="nbgrader db assignment remove 02_small --force"):
        grade(made)


def test_a_locked_gradebook_is_one_clear_message(tmp_path):
    made = one_student(tmp_path)
    made.room.directory.db_url += "?timeout=0.2"
    grade(made)
    database = made.room.base / "gradebook.db"
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(CourseError, match="locked by another program"):
            grade(made, force=True)
    finally:
        holder.rollback()
        holder.close()
    assert grade(made) == (0, 1, 3)


def test_records_are_plain_json(small):
    path = small.room.state / "02_small" / "cyn.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["scores"][0]["mistake"] == "sign-flipped"
