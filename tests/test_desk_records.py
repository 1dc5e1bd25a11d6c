"""What was earned is in one file: two writers, damaged, read-only, of a newer version."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from course_lib.desk import files
from course_lib.desk.errors import DeskError
from course_lib.desk.files import keep_beside, locked
from course_lib.desk.records import Record, change_records, load_records, records_path
from tests.desk import make_workspace

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def workspace(tmp_path):
    return make_workspace(tmp_path)[1]


def tried(name: str, points: float = 0.0, passed: bool = False, mistake: str | None = None):
    """A change that records one check."""

    def change(records):
        known = records.get(name, Record())
        return {**records, name: known.after(points, 3.0, passed, mistake)}

    return change


def test_the_best_points_stay_and_so_does_the_mistake_that_was_named_last(workspace):
    for points, passed, mistake in ((1, False, "off-by-one"), (3, True, None), (2, False, None)):
        change_records(workspace, tried("reward_to_go", points, passed, mistake))
    record = load_records(workspace)["reward_to_go"]
    assert (record.points, record.possible, record.mistake) == (3, 3, "off-by-one")
    assert record.first_passed is not None and not record.passes


def test_tries_are_counted_until_it_passes_and_no_further(workspace):
    for passed in (False, False, True, True, False):
        change_records(workspace, tried("td_error", passed=passed))
    assert load_records(workspace)["td_error"].tries == 3


def test_before_the_first_check_there_is_nothing_and_no_file(workspace):
    assert load_records(workspace) == {}
    assert not records_path(workspace).exists()


WRITER = """
import sys
from pathlib import Path
from course_lib.desk.records import Record, change_records
for turn in range(40):
    name = f"{sys.argv[2]}-{turn}"
    change_records(Path(sys.argv[1]), lambda known: {**known, name: Record(tries=1)})
"""


def test_two_notebooks_that_check_at_once_lose_nothing(workspace):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(workspace), name], cwd=ROOT)
        for name in ("first", "second")
    ]
    assert [one.wait() for one in writers] == [0, 0]
    names = {f"{name}-{turn}" for name in ("first", "second") for turn in range(40)}
    assert set(load_records(workspace)) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "records": []}',
        '{"version": 1, "records": {"td_error": {"points": "many"}}}',
        '{"version": 1, "records": {"td_error": {"colour": "red"}}}',
        '{"version": 1, "records": {"td_error": {"mistake": 5}}}',
        "\x00\x00\x00\x00",
    ],
)
def test_a_damaged_file_is_kept_and_named_and_counting_goes_on(workspace, text):
    path = records_path(workspace)
    path.write_text(text)
    with pytest.raises(DeskError, match="damaged"):
        load_records(workspace)
    records, remark = change_records(workspace, tried("td_error", 1.0, True))
    assert "damaged" in remark and str(path.with_name("progress.damaged.json")) in remark
    assert path.with_name("progress.damaged.json").read_text() == text
    assert records == load_records(workspace) and list(records) == ["td_error"]


def test_a_second_damaged_file_does_not_replace_the_first(workspace):
    for text in ("one", "two"):
        records_path(workspace).write_text(text)
        change_records(workspace, tried("td_error"))
    folder = records_path(workspace).parent
    assert (folder / "progress.damaged.json").read_text() == "one"
    assert (folder / "progress.damaged-2.json").read_text() == "two"


def test_the_file_of_a_newer_version_is_left_alone(workspace):
    text = json.dumps({"version": 2, "records": "of another kind"})
    records_path(workspace).write_text(text)
    with pytest.raises(DeskError, match="newer version"):
        change_records(workspace, tried("td_error"))
    assert records_path(workspace).read_text() == text


def test_a_disk_that_cannot_be_written_is_a_sentence(workspace, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    change_records(workspace, tried("td_error", 1.0, True))
    before = records_path(workspace).read_bytes()
    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(DeskError, match=r"cannot be written: .*No space left"):
        change_records(workspace, tried("td_error"))
    assert records_path(workspace).read_bytes() == before
    assert {one.suffix for one in records_path(workspace).parent.iterdir() if one.is_file()} == {
        ".json"
    }


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_workspace_is_a_sentence(workspace):
    folder = records_path(workspace).parent
    folder.chmod(0o555)
    try:
        with pytest.raises(DeskError, match="cannot be written"):
            change_records(workspace, tried("td_error"))
    finally:
        folder.chmod(0o755)


def test_the_lock_of_somebody_who_stays_is_waited_for_and_then_named(workspace, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    with (
        locked(records_path(workspace).with_suffix(".lock")),
        pytest.raises(DeskError, match="Another notebook is writing"),
    ):
        change_records(workspace, tried("td_error"))
    change_records(workspace, tried("td_error"))
    assert load_records(workspace)["td_error"].tries == 1


def test_the_lock_of_a_program_that_died_is_broken(workspace):
    lock = records_path(workspace).with_suffix(".lock")
    lock.write_text("")
    os.utime(lock, (0, 0))
    change_records(workspace, tried("td_error"))
    assert not lock.exists()


def test_a_copy_never_replaces_what_is_there(tmp_path):
    done = [threading.Thread(target=keep_beside, args=(tmp_path / "a.ipynb", b"%d" % turn))
            for turn in range(8)]  # fmt: skip
    for one in done:
        one.start()
    for one in done:
        one.join()
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"%d" % i for i in range(8)]
