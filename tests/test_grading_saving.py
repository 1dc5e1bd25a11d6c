"""What is saved: the rows that nbgrader's own steps write; people's grades are respected."""

import gzip
import json
from dataclasses import replace
from datetime import datetime

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Comment, Grade, Gradebook, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

from autograde.grading import gradebook, saving
from autograde.grading.executing import Limits
from autograde.grading.judge import Graded
from autograde.grading.quiet import quiet_log
from autograde.grading.records import read_record
from autograde.grading.whole_class import grade_class
from tests.small_class import SmallClass, ThreadJudges

LIMITS = Limits(cell_seconds=20.0, notebook_seconds=60.0)


@pytest.fixture
def small(tmp_path):
    """A class of two, handed in a day and an hour late, one of them partly right."""
    made = SmallClass(tmp_path)
    right = made.right_answers()
    partly = right["reinforce_loss"].replace("log_prob.sum(0)", "log_prob.detach().sum(0)")
    made.hand_in("ada", made.notebook(**{**right, "reinforce_loss": partly}, why_baseline="It."))
    made.hand_in("ben", made.notebook())
    for name in ("ada", "ben"):
        made.hand_in(name, "2026-03-03 13:00:00 UTC", "timestamp.txt")
    gradebook.set_due_date(made.room, made.lesson, datetime(2026, 3, 2, 12))
    grade(made)
    return made


def grade(made):
    """Grade everything anew."""
    grade_class(made.room, [made.lesson], limits=LIMITS, judges=ThreadJudges(), force=True)


def rows(made):
    """All that the gradebook says about points, comments and penalties."""
    with Gradebook(made.room.db_url, made.room.course_id) as book:
        grades = [
            (one.student.id, one.name, one.auto_score, one.manual_score, one.needs_manual_grade)
            for one in book.db.query(Grade)
        ]
        comments = [
            (one.student.id, one.name, one.auto_comment, one.manual_comment)
            for one in book.db.query(Comment)
        ]
        penalties = [
            (one.student.id, one.late_submission_penalty)
            for one in book.db.query(SubmittedNotebook)
        ]
    return sorted(grades, key=str), sorted(comments, key=str), sorted(penalties, key=str)


def by_nbgraders_steps(made):
    """Save the graded notebooks again, as `nbgrader autograde` does."""
    for student in ("ada", "ben"):
        path = made.room.autograded / student / "02_small" / "small.ipynb"
        notebook = nbformat.read(path, as_version=4)
        names = {"assignment": "02_small", "notebook": "small", "student": student}
        resources = {"nbgrader": {**names, "db_url": made.room.db_url}}
        for step in (SaveAutoGrades, AssignLatePenalties):
            made_step = step(config=made.room.config, log=quiet_log())
            notebook, resources = made_step.preprocess(notebook, resources)


def by_hand(made, **values):
    """Enter something in ada's check of the loss, as formgrader does."""
    with Gradebook(made.room.db_url, made.room.course_id) as book:
        found = book.find_grade("check-reinforce-loss", "small", "02_small", "ada")
        for name, value in values.items():
            setattr(found, name, value)
        comment = book.find_comment("reinforce-loss", "small", "02_small", "ada")
        comment.manual_comment = "Mind the $\\gamma$."
        book.db.commit()


def test_the_rows_are_the_ones_that_nbgraders_steps_write(small):
    ours = rows(small)
    # Two started days cost ada a fifth of her 2 + 4 points; ben has none to lose.
    assert ours[2] == [("ada", pytest.approx(0.2 * 6)), ("ben", 0.0)]
    assert ("ben", "reinforce-loss", "No response.", None) in ours[1]
    by_nbgraders_steps(small)
    assert rows(small) == ours


def test_points_and_comments_by_hand_are_kept_counted_and_shown(small):
    by_hand(small, manual_score=3.0, extra_credit=0.5)
    grade(small)
    ours = rows(small)
    assert ("ada", "check-reinforce-loss", 2.0, 3.0, True) in ours[0]
    assert dict(ours[2])["ada"] == pytest.approx(0.2 * (3.5 + 4))
    by_nbgraders_steps(small)
    assert rows(small) == ours
    path = small.room.feedback / "ada" / "02_small" / "small.html"
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    assert "Score: 6.0 / 9.0" in page.get_text()  # 7.5 − 1.5
    assert "Mind the γ" in page.get_text()


def test_an_extension_moves_the_due_date_of_one_student(small):
    with Gradebook(small.room.db_url, small.room.course_id) as book:
        book.grant_extension("02_small", "ada", days=1)
    grade(small)
    assert dict(rows(small)[2])["ada"] == pytest.approx(0.1 * 6)
    with Gradebook(small.room.db_url, small.room.course_id) as book:
        book.grant_extension("02_small", "ada", days=2)
    grade(small)
    assert dict(rows(small)[2])["ada"] is None


def test_a_submission_is_saved_whole_or_not_at_all(small):
    before = rows(small)
    known = read_record(small.room, small.lesson, "ada").scores
    halved = tuple(replace(one, points=1.0) for one in known)
    broken = Graded("", "", (*halved, replace(halved[0], grade_id="no-such-cell")), ())
    with gradebook.open_gradebook(small.room) as book:
        with pytest.raises(KeyError):
            saving.save_grades(book, submission(small), broken)
        assert book.db.commit  # the gradebook works as before
    assert rows(small) == before


def submission(made):
    """Ada's work."""
    return saving.Submission("ada", made.lesson, made.room.submitted / "ada" / "02_small")


def test_the_recorded_calls_are_stored_beside_the_record_and_bounded(small, monkeypatch):
    calls = tuple({"cell": f"c{number}", "calls": ["x" * 400]} for number in range(4))
    path = small.room.state / "02_small" / "ada.calls.json.gz"
    monkeypatch.setattr(saving, "MAX_CALLS", 1_000)
    saving.write_calls(path, Graded("", "", (), (), calls=calls))
    stored = json.loads(gzip.decompress(path.read_bytes()))
    assert [one["cell"] for one in stored] == ["c0", "c1", "c2", "c3"]
    assert stored[0]["calls"] == ["x" * 400]
    assert stored[3]["calls"] == "too long"
    saving.write_calls(path, Graded("", "", (), ()))
    assert not path.exists()
