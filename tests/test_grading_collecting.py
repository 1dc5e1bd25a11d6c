"""Finding submissions: odd names, links and strays are told, and never followed."""

import os
from datetime import datetime

import pytest

from autograde.errors import CourseError
from autograde.grading.collecting import collect
from autograde.grading.platforms import cleaned, is_student
from autograde.lesson import Lesson

LESSON = Lesson(root=None, name="02_small")


def put(folder, name, text="{}"):
    """A file somewhere below the folder of submissions."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def only(folder):
    """The one submission there is."""
    found = collect(folder, [LESSON], [LESSON])
    assert len(found.submissions) == 1
    return found.submissions[0]


def codes(submission):
    """The codes of its notes."""
    return [note.code for note in submission.notes]


def test_a_notebook_in_its_place_has_no_notes(tmp_path):
    path = put(tmp_path, "ada/02_small/small.ipynb")
    found = only(tmp_path)
    assert (found.student, found.path, found.notes) == ("ada", path, ())


def test_a_notebook_with_another_name_is_taken_with_a_note(tmp_path):
    path = put(tmp_path, "ada/02_small/small (1).ipynb")
    found = only(tmp_path)
    assert found.path == path
    assert codes(found) == ["file-name"]
    assert not found.notes[0].problem


def test_of_several_notebooks_the_right_name_wins_and_else_the_closest(tmp_path):
    put(tmp_path, "ada/02_small/scratch.ipynb")
    put(tmp_path, "ada/02_small/Small-final.ipynb")
    assert only(tmp_path).path.name == "Small-final.ipynb"
    put(tmp_path, "ada/02_small/small.ipynb")
    assert only(tmp_path).path.name == "small.ipynb"


def test_a_folder_without_a_notebook_is_a_problem_by_name(tmp_path):
    put(tmp_path, "ada/02_small/readme.txt")
    put(tmp_path, "ada/02_small/.hidden.ipynb")
    found = only(tmp_path)
    assert found.path is None
    assert [(note.code, note.problem) for note in found.notes] == [("missing", True)]


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    put(tmp_path, "elsewhere/small.ipynb")
    submissions = tmp_path / "submitted"
    (submissions / "ada").mkdir(parents=True)
    (submissions / "ada" / "02_small").symlink_to(tmp_path / "elsewhere")
    found = only(submissions)
    assert found.path is None
    assert codes(found) == ["link"]


def test_what_is_no_student_and_no_lesson_is_a_stray(tmp_path):
    put(tmp_path, "ada/02_small/small.ipynb")
    put(tmp_path, "ada/2_small/small.ipynb")
    put(tmp_path, "grades.txt")
    put(tmp_path, "<img src=x>/02_small/small.ipynb")
    put(tmp_path, ".DS_Store")
    (tmp_path / "eve").symlink_to(tmp_path / "ada")
    found = collect(tmp_path, [LESSON], [LESSON])
    assert [one.student for one in found.submissions] == ["ada"]
    told = " ".join(note.text for note in found.strays)
    assert len(found.strays) == 4
    for part in ("ada/2_small is not the folder of a lesson", "grades.txt", "<img", "eve"):
        assert part in told


def test_a_lesson_that_is_not_graded_now_is_no_stray(tmp_path):
    put(tmp_path, "ada/02_small/small.ipynb")
    put(tmp_path, "ada/05_other/other.ipynb")
    other = Lesson(root=None, name="05_other")
    assert collect(tmp_path, [LESSON], [LESSON, other]).strays == []


def test_the_timestamp_is_read_and_a_bad_one_is_noted(tmp_path):
    put(tmp_path, "ada/02_small/small.ipynb")
    put(tmp_path, "ada/02_small/timestamp.txt", "2026-03-02 12:00:00 UTC")
    assert only(tmp_path).timestamp == datetime(2026, 3, 2, 12)
    put(tmp_path, "ada/02_small/timestamp.txt", "yesterday, I think")
    assert only(tmp_path).timestamp is None
    assert codes(only(tmp_path)) == ["timestamp"]


def test_nothing_to_grade_says_where_it_looked_and_what_it_wants(tmp_path):
    with pytest.raises(CourseError) as caught:
        collect(tmp_path / "submitted", [LESSON], [LESSON])
    assert str(tmp_path / "submitted") in str(caught.value)
    assert "STUDENT/02_small/small.ipynb" in str(caught.value).replace("\\", "/")


@pytest.mark.skipif(os.name == "nt", reason="such names are none there")
def test_names_that_move_a_terminal_are_shown_harmless(tmp_path):
    put(tmp_path, "ada/02_small/small.ipynb", "{}")
    for name in ("\x1b]0;title\x07", "two\nlines", "right\u202eleft"):
        put(tmp_path, name, "")
    told = [note.text for note in collect(tmp_path, [LESSON], [LESSON]).strays]
    assert len(told) == 3 and all(text.isprintable() for text in told)


@pytest.mark.parametrize("name", ["ศิริ", "नीता", "Jose\u0301 Pérez", "李娜", "o.neill@x-y", "_a"])
def test_names_of_every_script_are_students(tmp_path, name):
    put(tmp_path, f"{name}/02_small/small.ipynb", "{}")
    assert only(tmp_path).student == name


def test_names_that_differ_by_a_mark_stay_two_students_in_an_archive():
    assert cleaned("नीता") != cleaned("नाता")
    assert cleaned("Jose\u0301") == cleaned("José") == "José"
    assert not any(map(is_student, ["", " a", "-rf", "../x", "a/b", "a\u202eb", "\u0301a"]))
