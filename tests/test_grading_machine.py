"""Trouble with the machine: full disks, read-only folders, other databases, in clear words."""

import errno
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograde.errors import CourseError
from autograde.grading import gradebook, saving
from autograde.grading.classroom import open_classroom
from autograde.grading.executing import Limits
from autograde.grading.trouble import clear_messages
from autograde.grading.whole_class import grade_class
from tests.sample_course import REPOSITORY
from tests.small_class import SmallClass, ThreadJudges

LIMITS = Limits(cell_seconds=20.0, notebook_seconds=60.0)


def a_class(folder):
    """Two students, one of them right."""
    made = SmallClass(folder)
    made.hand_in("ada", made.notebook(**made.right_answers()))
    made.hand_in("ben", made.notebook())
    return made


def grade(made, room=None, **options):
    """Grade the class in this process."""
    settings = {"limits": LIMITS, "judges": ThreadJudges(), **options}
    return grade_class(room or made.room, [made.lesson], **settings)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.EMFILE, "The system refused"),
    ],
)
def test_each_kind_of_trouble_has_its_message(number, told):
    with pytest.raises(CourseError, match=told) as caught, clear_messages():
        raise OSError(number, os.strerror(number), "some/file")
    assert "some/file" in str(caught.value)
    assert "goes on from there" in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_disk_that_is_full_in_the_middle_keeps_what_is_saved(tmp_path, monkeypatch):
    made = a_class(tmp_path)
    whole = saving.write_if_new

    def full_for_ben(path, text):
        if "ben" in path.parts:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return whole(path, text)

    monkeypatch.setattr(saving, "write_if_new", full_for_ben)
    with pytest.raises(CourseError, match="The disk is full"):
        grade(made, judges=ThreadJudges(1))
    monkeypatch.setattr(saving, "write_if_new", whole)
    outcome = grade(made)
    assert (outcome.graded, outcome.unchanged) == (1, 1)
    assert [one.points for one in outcome.records] == [7, 0]


MOUNT = """
set -e
mount -t tmpfs -o size=9000k none {folder}
cp -r {course}/. {folder}/
{then}
exec {python} -m autograde.cli grade --course {folder} --workers 1
"""
# The course is there, and room for a third of an empty gradebook.
FILL = """
head -c 65536 /dev/zero > {folder}/room
cat /dev/zero > {folder}/rest || rm {folder}/room
"""
LOCK = "mount -o remount,ro {folder}"


def can_mount():
    """Whether this user may mount in a namespace of its own."""
    if not shutil.which("unshare"):
        return False
    return not subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no mounts in a user namespace here")
@pytest.mark.parametrize(
    ("then", "told"), [(FILL, "The disk is full"), (LOCK, "cannot be written")], ids=["full", "ro"]
)
def test_a_real_full_or_read_only_disk_is_one_clear_message(tmp_path, then, told):
    made = a_class(tmp_path)
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    names = {"folder": folder, "course": made.room.root, "python": sys.executable}
    names = {name: shlex.quote(str(value)) for name, value in names.items()}
    script = MOUNT.format(then=then.format(**names), **names)
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        folder.rmdir()
    assert done.returncode == 1, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_was_ended_while_the_database_was_made_is_made_up_for(tmp_path):
    made = a_class(tmp_path)
    grade(made)
    with gradebook.open_gradebook(made.room) as book:
        book.db.execute(gradebook.text("DROP TABLE alembic_version"))
        book.db.commit()
    with gradebook.open_gradebook(made.room) as book:
        rows = book.db.execute(gradebook.text("SELECT count(*) FROM alembic_version")).scalar()
    assert rows == 1
    assert grade(made).unchanged == 2


def test_another_gradebook_is_filled_from_the_start(tmp_path):
    made = a_class(tmp_path)
    grade(made)
    other = tmp_path / "other.db"
    room = open_classroom(made.room.root, database=f"sqlite:///{other.as_posix()}")
    outcome = grade(made, room)
    assert (outcome.graded, outcome.unchanged) == (2, 0)
    assert other.exists()
    assert grade(made, room).unchanged == 2


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("no address", "cannot be used"),
        ("oracle+nothing://x/y", "cannot be used"),
        ("mysql+aiomysql://x:secret@y/z", "needs the driver"),
        ("sqlite:////proc/nowhere/gradebook.db", "cannot be written"),
    ],
)
def test_addresses_that_lead_nowhere_have_messages_without_the_password(tmp_path, url, told):
    made = a_class(tmp_path)
    with pytest.raises(CourseError, match=told) as caught:
        grade(made, open_classroom(made.room.root, database=url))
    assert "secret" not in str(caught.value)


def postgres_programs():
    """The folder of initdb and pg_ctl, if there is a server to be started."""
    found = [shutil.which("initdb"), *Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return next((Path(one).parent for one in found if one), None)


def server_user():
    """PostgreSQL refuses to run as root: then as somebody else."""
    return {"user": "nobody"} if os.geteuid() == 0 else {}


@pytest.fixture
def postgres():
    """The address of a database of a server that lives as long as the test."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server (initdb, pg_ctl) is not installed")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("the driver psycopg is not installed (extra `postgresql`)")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if server_user():
        shutil.chown(folder, "nobody")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    data = folder / "data"
    start = [programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"]
    try:
        run(programs / "initdb", "-D", data, "-U", "course", "-A", "trust")
        run(*start)
        yield f"postgresql+psycopg://course@/postgres?host={folder}"
    finally:
        subprocess.run(
            [programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
            **server_user(),
            capture_output=True,
            cwd="/",
        )
        shutil.rmtree(folder, ignore_errors=True)


def run(*command):
    """Run a program of the server; it has to succeed."""
    done = subprocess.run(
        command, **server_user(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="starts a server as Unix does")
def test_postgresql_holds_the_same_grades_and_nothing_is_graded_twice(tmp_path, postgres):
    made = a_class(tmp_path)
    grade(made)
    room = open_classroom(made.room.root, database=postgres)
    outcome = grade(made, room)
    assert (outcome.graded, outcome.unchanged) == (2, 0)
    assert as_set(room, made) == as_set(made.room, made)
    assert grade(made, room).unchanged == 2


def as_set(room, made):
    """All grades of a gradebook."""
    found = gradebook.saved_grades(room, made.lesson)
    return {(one.student, one.grade_id, one.points, one.needs_manual_grade) for one in found}
