"""Judges: processes that may die, hang or be killed without anybody losing a grade."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from multiprocessing import connection
from pathlib import Path

import pytest

from autograde.errors import CourseError
from autograde.grading import gradebook, judge, judges, pool, whole_class
from autograde.grading.executing import Limits
from autograde.grading.judges import JudgeDied, LocalJudges, run_jobs
from autograde.grading.locking import only_one
from autograde.grading.whole_class import grade_class
from tests.sample_course import REPOSITORY
from tests.small_class import SmallClass, ThreadJudges

LIMITS = Limits(cell_seconds=20.0, notebook_seconds=60.0)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}


class Deadly:
    """Ends whichever process unpickles it: always, or the first time only."""

    def __init__(self, marker: Path, times: int) -> None:
        self.marker, self.times = marker, times

    def __reduce__(self):
        return end_or_live, (str(self.marker), self.times)


def end_or_live(marker, times):
    """The name of a file, if the process may live."""
    with open(marker, "a+") as file:
        file.write("x")
        file.seek(0)
        if len(file.read()) <= times:
            os._exit(9)
    return "small.ipynb"


class FakeJudges:
    """Judges that die on some tasks, without any process."""

    died = (OSError,)
    count = 2

    def __init__(self, dies):
        self.dies, self.restarts, self.asked = dies, 0, []

    def submit(self, function, task):
        self.asked.append(task)
        future = Future()
        if self.dies.get(task, 0) > 0:
            self.dies[task] -= 1
            future.set_exception(OSError("dead"))
        else:
            future.set_result(task.upper())
        return future

    def restart(self):
        self.restarts += 1


class Ticket:
    """A job as far as `run_jobs` looks at it."""

    def __init__(self, task):
        self.task = task


def results(fake, tasks):
    """What became of each task."""
    return {job.task: result for job, result in run_jobs(fake, map(Ticket, tasks))}


def test_every_job_gets_its_result():
    assert results(FakeJudges({}), "abcdefgh") == {one: one.upper() for one in "abcdefgh"}


def test_only_so_many_jobs_are_read_ahead():
    read = []

    def jobs():
        for one in "abcdefghij":
            read.append(one)
            yield Ticket(one)

    following = run_jobs(FakeJudges({}), jobs())
    next(following)
    assert len(read) == judges.AHEAD * FakeJudges.count


def test_a_judge_that_dies_once_costs_one_more_try():
    fake = FakeJudges({"c": 1})
    assert results(fake, "abcdef") == {one: one.upper() for one in "abcdef"}
    assert (fake.asked.count("c"), fake.restarts) == (2, 1)


def test_who_ends_a_judge_when_alone_is_the_only_one_without_a_result():
    fake = FakeJudges({"c": 2})
    found = results(fake, "abcdef")
    assert isinstance(found.pop("c"), JudgeDied)
    assert found == {one: one.upper() for one in "abdef"}
    assert fake.restarts == 2


def test_what_a_judge_raises_is_the_result_of_that_job():
    class Failing(FakeJudges):
        def submit(self, function, task):
            future = super().submit(function, task)
            if task == "b":
                future = Future()
                future.set_exception(ValueError("no"))
            return future

    found = results(Failing({}), "abc")
    assert isinstance(found["b"], ValueError)
    assert (found["a"], found["c"]) == ("A", "C")


def test_a_second_grader_on_one_class_is_refused_and_the_lock_goes_with_its_process(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from autograde.grading.locking import only_one\n"
        "with only_one(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(CourseError, match="Another `course grade`"),
            only_one(tmp_path / "lock"),
        ):
            pass
        holder.kill()
    with only_one(tmp_path / "lock"):
        pass


def test_ctrl_c_waits_until_a_result_is_saved():
    saved = []

    def save():
        with whole_class.uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            saved.append(True)

    with pytest.raises(KeyboardInterrupt):
        save()
    assert saved


def class_of(folder, names):
    """A class in which everybody is right but the last one, who has written nothing."""
    made = SmallClass(folder)
    for name in names:
        made.hand_in(name, made.notebook(**made.right_answers()))
    made.hand_in(names[-1], made.notebook())
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "names", "deaths"),
    [
        ("spawn", ["ann", "dan"], {"ann": 1}),
        (None, ["ann", "ben", "cat", "dan", "eve"], {"ben": 1, "dan": 9}),
    ],
    ids=["spawn", "as here"],
)
def test_processes_grade_a_class_and_deaths_cost_one_submission(
    tmp_path, monkeypatch, method, names, deaths
):
    made = class_of(tmp_path, names)
    whole = whole_class.jobs
    lost = {name for name, times in deaths.items() if times > 1}
    count = min(2, len(names) - 1)  # each start costs seconds

    def deadly(found, desks):
        for job in whole(found, desks):
            name = job.submission.student
            if name in deaths:
                fatal = Deadly(tmp_path / name, deaths[name])
                job = replace(job, task=replace(job.task, file_name=fatal))
            yield job

    monkeypatch.setattr(whole_class, "jobs", deadly)
    outcome = grade_class(
        made.room, [made.lesson], limits=LIMITS, judges=LocalJudges(count, method)
    )
    points = {one.student: one.points for one in outcome.records}
    assert points == {name: 0 if name in {*lost, names[-1]} else 7 for name in names}
    codes = [note.code for one in outcome.records for note in one.notes]
    assert codes == ["judge-died"] * len(lost)
    for name in lost:  # with the others and alone, or alone only
        assert len((tmp_path / name).read_text()) <= 2
    if not lost:
        return
    monkeypatch.setattr(whole_class, "jobs", whole)
    again = grade_class(made.room, [made.lesson], limits=LIMITS, judges=LocalJudges(1))
    assert (again.graded, again.unchanged, again.problems) == (1, 4, 0)
    assert sum(one.points for one in again.records) == 4 * 7


def say_half(task):
    """Ends the process halfway through the message that holds this task's result."""

    def send(self, data):
        os.write(self.fileno(), bytes(data[: len(data) // 2]))
        os._exit(9)

    connection.Connection._send = send
    return task


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="writes into the pipe of a judge by hand")
def test_a_judge_that_ends_halfway_through_its_result_is_noticed_and_replaced():
    made = LocalJudges(1, "spawn")
    try:
        error = made.submit(say_half, "x" * 1000).exception(timeout=120)
        assert isinstance(error, BrokenExecutor)
        assert made.submit(len, "abc").result(timeout=120) == 3
        if sys.platform == "linux":  # No answer of a submission's can fill the machine from here.
            error = made.submit(bytearray, 2 * judge.MEMORY_BYTES).exception(timeout=120)
            assert isinstance(error, MemoryError)
    finally:
        made.close()


def test_closing_ends_judges_at_work_and_fails_what_they_had_to_do():
    made = LocalJudges(1, "spawn")
    working, waiting = made.submit(time.sleep, 600), made.submit(len, "abc")
    until = time.monotonic() + 60
    while made.executor.places[0].process is None and time.monotonic() < until:
        time.sleep(0.01)
    made.close()
    assert isinstance(working.exception(timeout=60), BrokenExecutor)
    assert waiting.cancelled()


def test_what_a_task_raises_travels_with_its_traceback():
    def fails(text):
        raise ValueError(text)

    class Unspeakable(Exception):
        """Cannot be pickled: nobody finds its class."""

    try:
        fails("no")
    except ValueError as error:
        went_well, found = pickle.loads(pool.failure(error))
    assert not went_well and isinstance(found, ValueError) and "fails" in found.__notes__[0]
    went_well, found = pickle.loads(pool.failure(Unspeakable("what")))
    assert not went_well and repr(found) == """RuntimeError("Unspeakable('what')")"""


@pytest.mark.slow
def test_a_judge_that_hangs_is_ended(tmp_path):
    code = (
        "import time\nfrom autograde.grading.judge import watched\n"
        "with watched(0.5):\n    time.sleep(60)"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, timeout=60)
    assert done.returncode == 1
    assert time.monotonic() - started < 50
    assert judge.GRACE_SECONDS > 120  # Starting a worker on a busy machine may take so long.


def grading(made, mark):
    """`course grade` as a program, its processes marked in their environment."""
    command = [sys.executable, "-m", "autograde.cli", "grade", "--course", str(made.room.root)]
    command += ["--workers", "2", "--json"]
    return subprocess.Popen(
        command,
        env={**ENVIRONMENT, "COURSE_TEST_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def marked(mark):
    """The processes with this mark that are still there (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"COURSE_TEST_MARK={mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def all_gone(mark, seconds=60.0):
    """Whether all marked processes end within some time."""
    until = time.monotonic() + seconds
    while marked(mark):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def grades_of(made):
    """Everything that is in the gradebook about points."""
    found = gradebook.saved_grades(made.room, made.lesson)
    return sorted((one.student, one.grade_id, one.points, one.needs_manual_grade) for one in found)


def records_of(made):
    """Each record with the moment it was written."""
    return {
        path.stem: path.stat().st_mtime_ns
        for path in (made.room.state / made.lesson.name).glob("*.json")
    }


def wait_for_records(made, count, process, seconds=400.0):
    """Wait until so many submissions are graded, or the grader has ended."""
    until = time.monotonic() + seconds
    while len(records_of(made)) < count and process.poll() is None:
        assert time.monotonic() < until, "nothing is graded"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(2400)  # on a busy machine
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into Linux's /proc")
def test_killed_at_random_moments_it_loses_nothing_and_grades_nothing_twice(tmp_path):
    (tmp_path / "calm").mkdir()
    (tmp_path / "killed").mkdir()
    names = [f"student{number:02}" for number in range(8)]
    calm, killed = class_of(tmp_path / "calm", names), class_of(tmp_path / "killed", names)
    grade_class(calm.room, [calm.lesson], limits=LIMITS, judges=ThreadJudges())
    draw = random.Random(7)
    before: dict[str, int] = {}
    for more in (0, 1, 2, 2):
        process = grading(killed, "killed")
        wanted = min(len(before) + more, len(names))
        wait_for_records(killed, wanted, process)
        time.sleep(draw.uniform(0.0, 0.1))
        process.kill()
        process.communicate()
        assert all_gone("killed")
        now = records_of(killed)
        assert len(now) >= wanted
        assert {name: now[name] for name in before} == before  # nothing was graded again
        before = now
    process = grading(killed, "killed")
    shown, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert json.loads(shown)["unchanged"] == len(before)
    assert grades_of(killed) == grades_of(calm)
    assert {name: records_of(killed)[name] for name in before} == before
    assert not list(tmp_path.rglob(".*.tmp"))


def test_what_a_killed_run_left_half_written_is_swept_away(tmp_path):
    made = class_of(tmp_path, ["ann"])
    places = [made.room.state / made.lesson.name, made.room.report]
    for place in places:
        place.mkdir(parents=True)
        (place / ".ann.json.4711.tmp").write_text("{")
    grade_class(made.room, [made.lesson], limits=LIMITS, judges=ThreadJudges())
    assert not list(tmp_path.rglob(".*.tmp"))


@pytest.mark.slow
@pytest.mark.timeout(2400)  # on a busy machine
def test_ctrl_c_ends_all_judges_and_the_next_run_goes_on(tmp_path):
    made = class_of(tmp_path, ["ann", "ben", "cat"])
    slow = f"import time\ntime.sleep(10)\n{made.right_answers()['reinforce_loss']}"
    for name in ("yan", "zoe"):  # still at work when the others are done
        made.hand_in(name, made.notebook(reinforce_loss=slow))
    process = grading(made, "interrupted")
    wait_for_records(made, 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    shown, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    data = json.loads(shown)
    assert data["interrupted"]
    assert len(data["submissions"]) == data["graded"] >= 1
    assert all_gone("interrupted")
    again = grading(made, "again")
    shown, errors = again.communicate(timeout=600)
    assert again.returncode == 0, errors
    assert json.loads(shown)["unchanged"] == data["graded"]
