"""Points and feedback for Moodle and Canvas; extensions; what a regrade has changed."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from autograde.cli import main
from autograde.grading import gradebook, judges
from autograde.grading.differences import (
    LATE,
    NEW_WORK,
    SAME_WORK,
    Change,
    changes_path,
    differences,
    keep,
)
from autograde.grading.feedback import Earlier
from autograde.grading.identities import Identity, identities_path, remember, remembered
from autograde.grading.outcomes import RIGHT, Score
from autograde.grading.records import Record, record_path
from autograde.grading.returning import written
from autograde.grading.submissions import TIMESTAMP, Submission
from tests.small_class import SmallClass, ThreadJudges

FAST = ["--cell-timeout", "5", "--notebook-timeout", "60"]
DUE = datetime(2027, 3, 1)


def course(root, *arguments):
    """The exit code of a command in the course in `root`."""
    with pytest.raises(SystemExit) as caught:
        main([*map(str, arguments), "--course", str(root)])
    return caught.value.code


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two students from Moodle, one of them with a written answer; one from a folder."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    written_answer = {**made.right_answers(), "why_baseline": "It has mean zero."}
    with zipfile.ZipFile(made.room.submitted.parent / "class.zip", "w") as archive:
        for number, student, answers in (
            (4001, "Ada Lovelace", made.right_answers()),
            (4002, "Émilie du Châtelet", written_answer),
        ):
            folder = f"{student}_{number}_assignsubmission_file_"
            archive.writestr(f"{folder}/small.ipynb", json.dumps(made.notebook(**answers)))
    made.room.submitted.mkdir(exist_ok=True)
    (made.room.submitted.parent / "class.zip").rename(made.room.submitted / "class.zip")
    made.hand_in("cyn", made.notebook())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges, "LocalJudges", ThreadJudges)
        assert course(made.room.root, "grade", *FAST) == 0
    return made


def table(path):
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_moodles_worksheet_has_the_columns_that_moodle_looks_for(small, tmp_path, capsys):
    assert course(small.room.root, "export", "02", "--unfinished", "--to", tmp_path) == 0
    rows = table(tmp_path / "02_small" / "moodle-worksheet.csv")
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(rows[0])
    assert [row["Identifier"] for row in rows] == ["Participant 4001", "Participant 4002"]
    assert [row["Grade"] for row in rows] == ["7", "7"]
    assert {row["Maximum Grade"] for row in rows} == {"9"}
    assert {row["Last modified (grade)"] for row in rows} == {"-"}
    others = table(tmp_path / "02_small" / "moodle-gradebook.csv")
    assert others == [{"student": "cyn", "02_small": "0"}]
    assert "Without a number of Moodle: cyn." in capsys.readouterr().out


def test_points_of_an_earlier_export_do_not_lie_beside_those_of_this_one(small, tmp_path):
    old = tmp_path / "02_small" / "canvas-gradebook.csv"
    course(small.room.root, "export", "02", "--unfinished", "--to", tmp_path)
    assert (tmp_path / "02_small" / "moodle-feedback.zip").exists()
    known = identities_path(small.room).read_text(encoding="utf-8")
    old.write_text("another platform's", encoding="utf-8")
    (tmp_path / "02_small" / "mine.csv").write_text("mine", encoding="utf-8")
    identities_path(small.room).unlink()
    try:
        course(small.room.root, "export", "02", "--unfinished", "--to", tmp_path)
    finally:
        identities_path(small.room).write_text(known, encoding="utf-8")
    left = {path.name for path in (tmp_path / "02_small").iterdir()}
    assert left == {"moodle-gradebook.csv", "canvas-gradebook.csv", "mine.csv"}


def test_moodle_finds_the_feedback_by_the_name_that_it_gave_the_submission(small, tmp_path):
    course(small.room.root, "export", "02", "--unfinished", "--to", tmp_path)
    with zipfile.ZipFile(tmp_path / "02_small" / "moodle-feedback.zip") as archive:
        names = archive.namelist()
        assert names[0] == "Ada Lovelace_4001_assignsubmission_file_/small.html"
        page = small.room.feedback / "Ada Lovelace" / "02_small" / "small.html"
        assert archive.read(names[0]) == page.read_bytes()
    for name in names:  # As Moodle's importer takes the name apart.
        who, number, kind, plugin, rest = name.split("/")[0].split("_", 4)
        assert who and number.isdigit()
        assert (kind, plugin, rest) == ("assignsubmission", "file", "")


def test_who_waits_for_points_by_hand_is_left_out_and_named(small, tmp_path, capsys):
    assert course(small.room.root, "export", "02", "--to", tmp_path) == 0
    assert "answers wait for a person: Émilie du Châtelet." in capsys.readouterr().out
    rows = table(tmp_path / "02_small" / "moodle-worksheet.csv")
    assert [row["Full name"] for row in rows] == ["Ada Lovelace"]


def test_canvas_finds_students_by_id_or_by_login(small, tmp_path, capsys):
    known = remembered(small.room, small.lesson)
    assert known["Ada Lovelace"] == Identity("moodle", "4001")
    about = {"platform": "canvas", "number": "77"}
    ada = Submission("Ada Lovelace", small.lesson, tmp_path, **about)
    before = identities_path(small.room).read_bytes()
    remember(small.room, [ada])
    title = "Small (1234)"
    arguments = ["--platform", "canvas", "--title", title, "--to", tmp_path, "--unfinished"]
    assert course(small.room.root, "export", "02", *arguments) == 0
    identities_path(small.room).write_bytes(before)
    possible, *rows = table(tmp_path / "02_small" / "canvas-gradebook.csv")
    assert (possible["Student"].strip(), possible[title]) == ("Points Possible", "9")
    assert [(row["Student"], row["ID"], row["SIS Login ID"], row[title]) for row in rows] == [
        ("Ada Lovelace", "77", "", "7"),
        ("cyn", "", "cyn", "0"),
        ("Émilie du Châtelet", "", "Émilie du Châtelet", "7"),
    ]
    assert "SIS Login ID" in capsys.readouterr().out


def test_the_numbers_of_another_lesson_are_other_numbers(small):
    assert remembered(small.room, small.lesson)["Ada Lovelace"].number == "4001"
    assert remembered(small.room, replace(small.lesson, name="03_other")) == {}


def test_numbers_that_cannot_be_read_are_none(small):
    path = identities_path(small.room)
    before = path.read_bytes()
    path.write_text("{", encoding="utf-8")
    assert remembered(small.room, small.lesson) == {}
    path.write_bytes(before)


def test_exporting_again_writes_the_same_bytes(small, tmp_path, capsys):
    for folder in ("one", "two"):
        course(small.room.root, "export", "--unfinished", "--to", tmp_path / folder)
    for path in (tmp_path / "one").rglob("*.*"):
        assert (
            path.read_bytes()
            == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
        )
    capsys.readouterr()
    course(small.room.root, "export", "--unfinished", "--to", tmp_path / "one", "--json")
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["students"], told["possible"], told["unnumbered"]) == (3, 9, ["cyn"])
    assert len(told["files"]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("export", "--platform", "ilias"), "There is no platform called 'ilias'"),
        (("extend", "ada", "02", "--days", "2"), "There is no student called 'ada'"),
        (("extend", "cym", "02", "--days", "2"), "Did you mean cyn?"),
    ],
)
def test_what_cannot_be_done_is_one_message(small, capsys, arguments, told):
    assert course(small.room.root, *arguments) == 2
    assert told in capsys.readouterr().err


def test_a_lesson_of_which_nothing_is_graded_has_nothing_to_export(tmp_path, capsys):
    made = SmallClass(tmp_path)
    assert course(made.room.root, "export") == 2
    assert "Nothing of 02_small is graded yet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["export", "report"])
def test_a_file_that_another_program_holds_is_named(small, tmp_path, capsys, monkeypatch, command):
    def held(source, target):  # What Windows says while a spreadsheet shows the file.
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr("os.replace", held)
    (small.room.report / "grades.csv").write_text("old", encoding="utf-8")
    arguments = ["--to", tmp_path] if command == "export" else []
    assert course(small.room.root, command, *arguments) == 1
    told = capsys.readouterr().err
    assert "cannot be written" in told and ".csv" in told
    assert "Close programs that have it open" in told


def test_no_name_is_a_formula_for_a_spreadsheet(tmp_path):
    path = written(tmp_path / "x.csv", [("=1+1", "-")])
    assert path.read_text(encoding="utf-8") == "'=1+1,-\n"


def record(points=3.0, key="a-1", penalty=0.0):
    """A record of one question."""
    return Record(
        "ada", "02_small", key, (Score("q", "loss", points, 3.0, RIGHT),), penalty=penalty
    )


def test_other_points_for_the_same_work_are_told_from_other_work():
    (same,) = differences(record(1.0, "a-1"), record(3.0, "b-1"), Earlier())
    assert (same.exercise, same.before, same.after, same.why) == ("loss", 1.0, 3.0, SAME_WORK)
    (new,) = differences(record(1.0, "a-1"), record(3.0, "b-2"), Earlier())
    assert new.why == NEW_WORK
    assert differences(record(), record(key="b-1"), Earlier()) == []
    assert differences(None, record(), Earlier()) == []


def test_points_that_a_person_has_set_have_not_changed():
    assert differences(record(1.0), record(3.0), Earlier(scores={"q": 2.0})) == []


def test_a_penalty_that_changes_is_a_change():
    (late,) = differences(record(penalty=0.6), record(), Earlier())
    assert (late.exercise, late.before, late.after) == (LATE, -0.6, 0.0)


def test_changes_are_added_to_a_file_that_a_spreadsheet_has_saved_in_its_own_coding(small):
    path = changes_path(small.room)
    before = "when;student\n2027;Émilie\n".encode("cp1252")
    path.write_bytes(before)
    keep(small.room, [Change("Émilie", "02_small", "q", 1.0, 2.0, NEW_WORK)])
    assert path.read_bytes().startswith(before)
    line = f"Émilie,02_small,q,1,2,{NEW_WORK}\n"
    assert path.read_bytes().endswith(line.encode())
    path.unlink()


def test_a_regrade_says_whose_points_changed_and_an_extension_takes_the_penalty_back(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(judges, "LocalJudges", ThreadJudges)
    made = SmallClass(tmp_path)
    path = made.hand_in("ada", made.notebook(**made.right_answers()))
    path.with_name(TIMESTAMP).write_text(str(DUE + timedelta(hours=30)) + " UTC")
    gradebook.set_due_date(made.room, made.lesson, DUE)
    root = made.room.root
    course(root, "grade", *FAST)
    capsys.readouterr()
    # As if an earlier version of the exercise had given no points.
    kept = record_path(made.room, made.lesson, "ada")
    old = json.loads(kept.read_text(encoding="utf-8"))
    old["scores"][0]["points"], old["key"] = 0.0, "old-" + old["key"].split("-")[1]
    kept.write_text(json.dumps(old), encoding="utf-8")
    assert course(root, "extend", "ada", "02", "--days", "2") == 0
    assert "until 2027-03-03 00:00 UTC" in capsys.readouterr().out
    assert course(root, "grade", *FAST) == 0
    shown = capsys.readouterr().out
    assert "Points that changed: 2." in shown
    assert f"reinforce_loss: 0 → 3 ({SAME_WORK})" in shown
    assert f"late penalty: -1.4 → 0 ({SAME_WORK})" in shown
    rows = table(changes_path(made.room))
    assert [(row["student"], row["before"], row["after"]) for row in rows] == [
        ("ada", "0", "3"),
        ("ada", "-1.4", "0"),
    ]
    course(root, "grade", *FAST)
    assert "Points that changed" not in capsys.readouterr().out
    assert len(table(changes_path(made.room))) == 2
