"""Archives: notebooks are found as platforms name them, and nothing odd is followed or unpacked."""

import io
import os
import stat
import warnings
import zipfile

import pytest

from autograde.errors import CourseError
from autograde.grading import archives
from autograde.grading.archives import member_bytes, members
from autograde.grading.collecting import collect
from autograde.grading.reading import Unreadable
from autograde.grading.submissions import submitted_bytes
from autograde.lesson import Lesson

SMALL = Lesson(root=None, name="02_small")
LARGE = Lesson(root=None, name="05_small_steps")
NOTEBOOK = b'{"cells": []}'


def make_zip(path, files):
    """An archive with these files: bytes, or a (ZipInfo, bytes) for odd ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about two entries of one name
        for name, data in files:
            file.writestr(name, data)
    return path


def zipped(files):
    """The bytes of an archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, data in files:
            file.writestr(name, data)
    return made.getvalue()


def entry(name, mode=0):
    """An entry of a kind of its own."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def found(folder, lessons=(SMALL,)):
    """What is collected of two lessons."""
    return collect(folder, list(lessons), [SMALL, LARGE])


def who(collection):
    """Students and lessons of the submissions."""
    return [(one.student, one.lesson.name) for one in collection.submissions]


def test_moodles_folders_are_students(tmp_path):
    names = [
        "Ada Lovelace_1234567_assignsubmission_file_/small.ipynb",
        "Émilie du Châtelet_7654321_assignsubmission_file_/small (1).ipynb",
        "Ada Lovelace_1234567_assignsubmission_onlinetext_/onlinetext.html",
    ]
    archive = make_zip(tmp_path / "Course-Small-99.zip", [(name, NOTEBOOK) for name in names])
    collection = found(archive)
    assert [one.student for one in collection.submissions] == ["Ada Lovelace", "Émilie du Châtelet"]
    assert [note.code for one in collection.submissions for note in one.notes] == ["file-name"]
    assert submitted_bytes(collection.submissions[0]) == NOTEBOOK
    assert collection.strays == []


def test_moodle_without_folders_is_read_as_well(tmp_path):
    name = "Ada Lovelace_1234567_assignsubmission_file_small.ipynb"
    (one,) = found(make_zip(tmp_path / "all.zip", [(name, NOTEBOOK)])).submissions
    assert (one.student, one.file_name) == ("Ada Lovelace", name)
    assert one.notes == ()


def test_canvas_names_are_students_and_its_mark_of_lateness_is_told(tmp_path):
    names = ["lovelaceada_4321_98765_small.ipynb", "noetheremmy_LATE_4322_98766_small-2.ipynb"]
    archive = make_zip(tmp_path / "submissions.zip", [(name, NOTEBOOK) for name in names])
    ada, emmy = found(archive).submissions
    assert (ada.student, emmy.student) == ("lovelaceada", "noetheremmy")
    assert "marked-late" in [note.code for note in emmy.notes]
    assert ada.notes == ()


def test_two_people_of_one_name_are_told_apart_by_the_platforms_number(tmp_path):
    names = [f"Jan Berg_{number}_assignsubmission_file_/small.ipynb" for number in (11, 12)]
    archive = make_zip(tmp_path / "all.zip", [(name, NOTEBOOK) for name in names])
    assert [one.student for one in found(archive).submissions] == ["Jan Berg 11", "Jan Berg 12"]


@pytest.mark.parametrize("top", ["", "submitted/", "download/submitted/"])
def test_folders_as_nbgrader_has_them_with_their_timestamps(tmp_path, top):
    files = [
        (f"{top}ada/02_small/small.ipynb", NOTEBOOK),
        (f"{top}ada/02_small/timestamp.txt", b"2026-03-02 12:00:00 UTC"),
        (f"{top}ben/02_small/small.ipynb", NOTEBOOK),
        (f"{top}ben/05_small_steps/small_steps.ipynb", NOTEBOOK),
    ]
    collection = found(make_zip(tmp_path / "class.zip", files), (SMALL, LARGE))
    assert who(collection) == [
        ("ada", "02_small"),
        ("ben", "02_small"),
        ("ben", "05_small_steps"),
    ]
    assert collection.submissions[0].timestamp.hour == 12


DATE = b"2020-01-01 12:00:00 UTC"
OWN_DATES = {
    "moodle": ("class.zip", "Ada B_1_assignsubmission_file_/02_small/"),
    "moodle, flat": ("class.zip", "Ada B_1_assignsubmission_file_/"),
    "her own archive": ("ada.zip", "ada/02_small/"),
}


@pytest.mark.parametrize("kind", OWN_DATES)
def test_a_student_cannot_date_the_work(tmp_path, kind):
    archive, folder = OWN_DATES[kind]
    files = [(f"{folder}small.ipynb", NOTEBOOK), (f"{folder}timestamp.txt", DATE)]
    (one,) = found(make_zip(tmp_path / archive, files)).submissions
    assert one.timestamp is None and submitted_bytes(one) == NOTEBOOK


def test_a_date_in_an_archive_in_an_archive_is_the_students(tmp_path):
    inner = zipped([("02_small/small.ipynb", NOTEBOOK), ("02_small/timestamp.txt", DATE)])
    (one,) = found(make_zip(tmp_path / "class.zip", [("ada/work.zip", inner)])).submissions
    assert one.timestamp is None and submitted_bytes(one) == NOTEBOOK


def test_a_notebooks_name_says_its_lesson_and_the_longer_name_wins(tmp_path):
    files = [("ada/Small.ipynb", NOTEBOOK), ("ada/small_steps-final.ipynb", NOTEBOOK)]
    collection = found(make_zip(tmp_path / "class.zip", files), (SMALL, LARGE))
    assert who(collection) == [("ada", "02_small"), ("ada", "05_small_steps")]


def test_work_of_an_unknown_lesson_is_a_stray_unless_there_is_but_one(tmp_path):
    archive = make_zip(tmp_path / "class.zip", [("ada/homework.ipynb", NOTEBOOK)])
    with pytest.raises(CourseError, match="cannot be told which lesson"):
        found(archive, (SMALL, LARGE))
    assert who(found(archive)) == [("ada", "02_small")]


def test_one_students_archive_lies_in_the_lessons_or_in_the_students_folder(tmp_path):
    make_zip(tmp_path / "ada" / "02_small" / "work.zip", [("deep/in/small.ipynb", NOTEBOOK)])
    make_zip(tmp_path / "ben" / "all.zip", [("02_small/small.ipynb", NOTEBOOK)])
    make_zip(tmp_path / "cyn.zip", [("small.ipynb", NOTEBOOK)])
    collection = found(tmp_path)
    assert who(collection) == [(name, "02_small") for name in ("ada", "ben", "cyn")]
    assert all(submitted_bytes(one) == NOTEBOOK for one in collection.submissions)
    assert collection.strays == []


def test_an_archive_in_a_classs_archive_is_opened_and_no_deeper_one(tmp_path):
    inner = zipped([("small.ipynb", NOTEBOOK)])
    files = [
        ("Ada B_1_assignsubmission_file_/work.zip", inner),
        ("Ben C_2_assignsubmission_file_/work.zip", zipped([("again.zip", inner)])),
    ]
    ada, ben = found(make_zip(tmp_path / "class.zip", files)).submissions
    assert submitted_bytes(ada) == NOTEBOOK
    assert ada.file_name == "small.ipynb"
    assert (ben.path, [note.code for note in ben.notes]) == (None, ["missing"])


def test_work_that_is_there_twice_is_graded_once_and_told(tmp_path):
    path = tmp_path / "ada" / "02_small" / "small.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(NOTEBOOK)
    make_zip(tmp_path / "class.zip", [("ada/small.ipynb", b"other")])
    collection = found(tmp_path)
    assert [one.path for one in collection.submissions] == [path]
    assert "ada handed in 02_small twice" in collection.strays[0].text


ODD = [
    (entry("/etc/small.ipynb"), "absolute path"),
    (entry("C:/small.ipynb"), "absolute path"),
    (entry("../../small.ipynb"), "leads out of the archive"),
    (entry("ada\\..\\..\\small.ipynb"), "leads out of the archive"),
    (entry("ada/small.ipynb", stat.S_IFLNK | 0o777), "symbolic link"),
    (entry("ada/pipe.ipynb", stat.S_IFIFO | 0o666), "is not a file"),
    (entry("ada/" + "x" * 600), "impossible name"),
    (entry("ada/sm\x1ball.ipynb"), "impossible name"),
]


@pytest.mark.parametrize(("info", "told"), ODD, ids=[f"{number}" for number in range(len(ODD))])
def test_odd_entries_are_told_and_left_alone(tmp_path, info, told):
    archive = make_zip(tmp_path / "a.zip", [(info, b"/etc/passwd"), ("good.ipynb", NOTEBOOK)])
    names, notes = members(archive)
    assert names == ["good.ipynb"]
    assert told in notes[0].text
    assert notes[0].problem
    with pytest.raises(Unreadable):
        member_bytes(archive, (info.filename,))
    assert sorted(os.listdir(tmp_path)) == ["a.zip"]


def test_what_systems_leave_behind_is_passed_over_in_silence(tmp_path):
    files = [("__MACOSX/._small.ipynb", b"x"), (".DS_Store", b"x"), ("small.ipynb", NOTEBOOK)]
    files.append((".ipynb_checkpoints/small-checkpoint.ipynb", NOTEBOOK))
    assert members(make_zip(tmp_path / "a.zip", files)) == (["small.ipynb"], [])


def test_of_two_entries_of_one_name_the_last_counts_with_a_note(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("s.ipynb", b"first"), ("s.ipynb", b"second")])
    names, notes = members(archive)
    assert (names, notes[0].code, notes[0].problem) == (["s.ipynb"], "archive", False)
    assert member_bytes(archive, ("s.ipynb",)) == b"second"


def test_a_bomb_is_not_read_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 2**20)
    archive = make_zip(tmp_path / "a.zip", [("s.ipynb", b" " * 2**23)])
    assert archive.stat().st_size < 2**14
    with pytest.raises(Unreadable, match="more than 1 MiB"):
        member_bytes(archive, ("s.ipynb",))


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    archive = make_zip(tmp_path / "a.zip", [(f"{number}.ipynb", b"x") for number in range(4)])
    with pytest.raises(Unreadable, match="4 entries"):
        members(archive)


def damaged(data):
    """The archive with some of its compressed bytes turned round."""
    place = data.index(b"small.ipynb") + 20
    return data[:place] + bytes(byte ^ 0xFF for byte in data[place : place + 8]) + data[place + 8 :]


def test_damaged_encrypted_and_false_archives_are_told_apart_and_stop_nobody(tmp_path):
    good = make_zip(tmp_path / "good.zip", [("small.ipynb", NOTEBOOK * 50)]).read_bytes()
    (tmp_path / "bad.zip").write_bytes(damaged(good))
    with pytest.raises(Unreadable, match="cannot be read from the archive"):
        member_bytes(tmp_path / "bad.zip", ("small.ipynb",))
    (tmp_path / "cut.zip").write_bytes(good[:40])
    with pytest.raises(Unreadable, match=r"is not a \.zip that can be read"):
        members(tmp_path / "cut.zip")
    locked = bytearray(good)
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        locked[good.index(mark) + (6 if mark[2] == 3 else 8)] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    assert "is encrypted" in members(tmp_path / "locked.zip")[1][0].text
    (tmp_path / "link.zip").symlink_to(tmp_path / "good.zip")
    with pytest.raises(Unreadable, match="not followed"):
        members(tmp_path / "link.zip")
    (tmp_path / "work.rar").write_bytes(b"Rar!")
    collection = found(tmp_path)
    assert who(collection) == [("bad", "02_small"), ("good", "02_small")]
    told = " ".join(note.text for note in collection.strays)
    for part in ("cut.zip", "locked.zip", "small.ipynb is encrypted", "link.zip", "make a .zip"):
        assert part in told or part == "locked.zip"
