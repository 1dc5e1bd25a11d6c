"""Grading on a cluster: a real scheduler, two worker processes, one of which dies."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import time

import pytest

from autograde.errors import CourseError
from autograde.grading.judges import ClusterJudges
from tests.sample_course import REPOSITORY
from tests.small_class import SmallClass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None,
        reason="dask.distributed is not installed (extra `cluster`)",
    ),
]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@contextlib.contextmanager
def program(name, *arguments, folder):
    """One of dask's programs, ended with the block."""
    command = [sys.executable, "-m", f"distributed.cli.{name}", *arguments]
    with open(folder / f"{name}.log", "ab") as log:
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler, and its two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    known = ("--scheduler-file", str(file))
    where = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    worker = (*known, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
    with program("dask_scheduler", *known, *where, folder=folder):
        until = time.monotonic() + 90
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.2)
        address = json.loads(file.read_text())["address"]
        with (
            program("dask_worker", *worker, folder=folder) as one,
            program("dask_worker", *worker, folder=folder) as other,
        ):
            yield address, (one, other)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Five students: four right, one with nothing."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    for name in ("ann", "ben", "cat", "dan"):
        made.hand_in(name, made.notebook(**made.right_answers()))
    made.hand_in("eve", made.notebook())
    return made


def grade(made, address, *more):
    """`course grade` on the cluster, started."""
    command = [sys.executable, "-m", "autograde.cli", "grade", "--course", str(made.room.root)]
    command += ["--scheduler", address, "--json", *more]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def points(process):
    """The points by student that a run of `course grade` found."""
    shown, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return {one["student"]: one["points"] for one in json.loads(shown)["submissions"]}


WANTED = {"ann": 7, "ben": 7, "cat": 7, "dan": 7, "eve": 0}


def test_a_cluster_grades_a_class_also_when_a_worker_dies(cluster, small):
    address, workers = cluster
    until = time.monotonic() + 120
    while (process := grade(small, address)).wait(300) != 0 and time.monotonic() < until:
        errors = process.communicate()[1]
        assert "has no workers" in errors, errors  # they are still starting
    assert points(process) == WANTED
    again = grade(small, address, "--force")
    time.sleep(4)
    workers[1].kill()
    assert points(again) == WANTED


def test_an_address_where_nobody_answers_is_one_clear_message():
    with pytest.raises(CourseError, match="There is no scheduler at tcp:"):
        ClusterJudges("tcp://127.0.0.1:1", patience=1)


def test_workers_of_another_version_are_refused(monkeypatch):
    class Client:
        def run(self, function, on_error):
            return {"tcp://far:1": "another"}

    judges = object.__new__(ClusterJudges)
    judges.client = Client()
    with pytest.raises(CourseError, match="tcp://far:1 does not have this"):
        judges.check_workers("tcp://near:8786")
