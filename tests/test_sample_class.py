"""The invented class: the same each time, one of each kind, graded as its makers say."""

import pytest

from autograde.errors import CourseError
from autograde.grading.whole_class import grade_class
from autograde.invented.demo import LIMITS, demo_folder, make_demo
from autograde.invented.sample_class import STUDENTS, sample_class
from tests.small_class import SmallClass, ThreadJudges


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small lesson, released."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    made.lesson.student.parent.mkdir(parents=True)
    made.lesson.student.write_text(made.released, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def outcome(small):
    """The invented class, graded."""
    room = make_demo(small.room.root, [small.lesson])
    return room, grade_class(room, [small.lesson], limits=LIMITS, judges=ThreadJudges())


def result(outcome, student):
    """(points by exercise, mistakes, codes of notes) of one student."""
    record = next(one for one in outcome[1].records if one.student == student)
    return (
        {one.exercise: one.points for one in record.scores},
        [one.mistake for one in record.scores if one.mistake],
        [note.code for note in record.notes],
    )


def test_the_class_is_the_same_each_time(small):
    assert sample_class([small.lesson]) == sample_class([small.lesson])


def test_names_and_descriptions_are_unique():
    assert len({one.name for one in STUDENTS}) == len(STUDENTS)
    assert len({one.about for one in STUDENTS}) == len(STUDENTS) >= 12


def test_a_lesson_that_is_not_built_says_how_to_build_it(tmp_path):
    made = SmallClass(tmp_path)
    with pytest.raises(CourseError, match="course build 02_small"):
        sample_class([made.lesson])


@pytest.mark.parametrize(
    ("student", "points", "mistakes", "notes"),
    [
        ("amara.okoye", (3, 4, None), [], []),
        ("bruno.keller", (3, 4, None), [], []),
        ("chen.wei", (0, 0, 0), [], []),
        ("emil.novak", (3, 0, None), ["ignores-truncated"], []),
        ("goran.ilic", (0, 4, None), ["sign-flipped"], []),
        ("hana.sato", (0, 4, None), ["broadcast"], []),
        ("ines.costa", (0, 4, None), [], []),
        ("jonas.berg", (0, 4, None), [], ["time-limit"]),
        ("kavya.rao", (0, 0, 0), [], ["unreadable"]),
        ("liam.byrne", (3, 4, None), [], ["late"]),
        ("mei.tanaka", (3, 4, None), [], ["file-name"]),
        ("noor.aziz", (3, 4, None), [], ["missing-cell", "duplicated-cell"]),
    ],
)
def test_everybody_gets_what_they_earned(outcome, student, points, mistakes, notes):
    names = ("reinforce_loss", "generalized_advantage", "why_baseline")
    assert result(outcome, student) == (dict(zip(names, points, strict=True)), mistakes, notes)


def test_a_lesson_without_the_exercise_is_not_handed_in(outcome):
    assert "fatou.diallo" not in [one.student for one in outcome[1].records]


def test_half_of_the_answers_are_half_done(outcome):
    found, _, _ = result(outcome, "dalia.haddad")
    assert found == {"reinforce_loss": 3, "generalized_advantage": 4, "why_baseline": 0}


def test_an_answer_that_raises_says_so(outcome):
    record = next(one for one in outcome[1].records if one.student == "ines.costa")
    assert record.scores[0].status == "error"
    assert "IndexError" in record.scores[0].message


def test_the_demonstration_never_touches_the_real_class(small, outcome):
    assert demo_folder(small.room.root) in outcome[0].submitted.parents
    assert not small.room.submitted.exists()
    assert not (small.room.root / "autograde" / "gradebook.db").exists()


def test_git_does_not_see_the_demonstration(small, outcome):
    assert (demo_folder(small.room.root) / ".gitignore").read_text() == "*\n"


def test_a_second_demonstration_changes_and_grades_nothing(small, outcome):
    room = make_demo(small.room.root, [small.lesson])
    again = grade_class(room, [small.lesson], limits=LIMITS, judges=ThreadJudges())
    assert (again.graded, again.unchanged) == (0, len(outcome[1].records))


def test_files_that_do_not_belong_there_leave_the_demonstration(small, outcome):
    stray = outcome[0].submitted / "amara.okoye" / small.lesson.name / "old.ipynb"
    stray.write_text("{}")
    make_demo(small.room.root, [small.lesson])
    assert not stray.exists()


def test_a_lesson_with_other_graded_cells_starts_the_demonstration_afresh(tmp_path):
    made = SmallClass(tmp_path)
    made.lesson.student.parent.mkdir(parents=True)
    made.lesson.student.write_text(made.released, encoding="utf-8")
    room = make_demo(made.room.root, [made.lesson])
    left = room.base / "left-over"
    left.write_text("")
    make_demo(made.room.root, [made.lesson])
    assert left.exists()
    text = made.lesson.worked.read_text(encoding="utf-8")
    made.lesson.worked.write_text(text.replace('"why-baseline"', '"why-now"'), encoding="utf-8")
    make_demo(made.room.root, [made.lesson])
    assert not left.exists()
