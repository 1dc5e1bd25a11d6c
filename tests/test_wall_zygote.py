"""The process that workers are forked from: no answers, no secrets, nothing left behind."""

import os
import subprocess
import sys
import threading
import time

import pytest

import course_lib
from autograde.errors import CourseError
from autograde.grading.executing import edition
from autograde.wall import folders, workers
from autograde.wall.folders import is_installation, refuse_secrets, without_secrets
from autograde.wall.sandbox import REQUIRED
from autograde.wall.workers import WallsMissing, Zygote, require_walls
from course_lib.checks import exercise_names
from tests.walled import needs_walls, running, worker

LOOK = """
import gc, sys, types
functions = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)]
files = sorted({one.__code__.co_filename for one in functions})
modules = sorted(name for name in sys.modules if name.split('.')[0] in ('course_lib', 'autograde'))
names = sorted({one.__name__ for one in functions
                if one.__module__ and one.__module__.startswith('course_lib')})
path = list(sys.path)
"""


def test_no_answer_is_in_its_memory():
    with running(LOOK) as session:
        found = session.values(["files", "modules", "names", "path"])
    here = os.path.dirname(os.path.realpath(course_lib.__file__))
    assert not [file for file in found["files"] if file.startswith(here)]
    for part in ("checks.exercises", "checks.questions", "grading.scoring", "wall.checking"):
        assert not [name for name in found["modules"] if part in name]
    kept = set(found["names"]) & set(exercise_names())
    # What a policy needs of torch.distributions is there under the name of an exercise.
    assert kept <= {"sample_categorical", "sample_gaussian", "categorical_entropy",
                    "gaussian_entropy"}  # fmt: skip
    assert os.path.dirname(here) not in found["path"]


def test_a_zygote_that_has_loaded_an_answer_is_refused(tmp_path):
    refuse_secrets({"course_lib.checks": str(tmp_path / "course_lib" / "checks.py")}, tmp_path)
    with pytest.raises(RuntimeError, match=r"has loaded course_lib\.reference"):
        refuse_secrets({"course_lib.reference": course_lib.__file__}, tmp_path)


def test_its_environment_has_nothing_of_who_grades(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "42")
    monkeypatch.setenv("LD_PRELOAD", "")
    ground = Zygote(edition())
    try:
        made = ground.spawn(threading.Event(), 60)
        made.session.until = time.monotonic() + 30
        code = "import os\nnames = sorted(os.environ)\nraw = open('/proc/self/environ').read()"
        made.session.run_cell(code if sys.platform == "linux" else code.split("\nraw")[0])
        found = made.session.values(["names", "raw"])
        assert set(found["names"]) == {*folders.ENVIRONMENT, "HOME", "TMPDIR"}
        assert "COURSE_SECRET" not in found.get("raw", "")
        made.end()
    finally:
        ground.close()
    assert not os.path.exists(ground.folder) and ground.process.poll() is not None


def test_a_worker_has_no_open_files_but_its_own_line():
    needs_walls()
    code = (
        "import os\nopened = {one: os.readlink(f'/proc/self/fd/{one}')"
        " for one in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{one}')}"
    )
    with running(code) as session:
        opened = list(session.values(["opened"])["opened"].values())
    assert {one.split(":")[0] for one in opened} <= {"/dev/null", "socket"}
    assert sum(one.startswith("socket") for one in opened) <= 1


def test_a_worker_ends_with_all_that_it_started():
    needs_walls()
    code = "import os, signal\nfor _ in range(3):\n    if os.fork() == 0: signal.pause()"
    with worker() as made:
        made.session.run_cell(code)
        before = set(children(made.zygote.process.pid))
    time.sleep(0.2)
    after = set(children(made.zygote.process.pid))
    assert len(before) >= 4 and len(before - after) >= 4


def children(pid):
    """All processes below this one."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            found.append((int(entry), parent))
    below = {pid}
    for _ in found:
        below |= {one for one, parent in found if parent in below}
    return below - {pid}


def test_a_zygote_that_was_killed_is_replaced():
    first = workers.zygote(edition())
    first.process.kill()
    first.process.wait()
    second = workers.zygote(edition())
    assert second is not first
    made = second.spawn(threading.Event(), 60)
    made.end()


def test_workers_do_not_share_their_scratch_folders():
    with running("open('mine', 'w').close()"), running("import os\nseen = os.listdir()") as other:
        assert other.values(["seen"])["seen"] == []


def test_folders_of_the_class_are_not_folders_of_packages(tmp_path):
    assert not is_installation(tmp_path)
    assert is_installation(tmp_path / "lib" / "python3.11" / "site-packages")


def test_the_course_inside_a_readable_folder_stays_unreadable(monkeypatch, tmp_path):
    for name in ("course_lib", "numpy", "zlib"):
        (tmp_path / "site-packages" / name).mkdir(parents=True)
    secret = (tmp_path / "site-packages" / "course_lib",)
    monkeypatch.setattr(folders, "secrets", lambda: secret)
    found = sorted(without_secrets(tmp_path))
    assert found == [str(tmp_path / "site-packages" / name) for name in ("numpy", "zlib")]


def test_a_course_below_usr_is_not_part_of_the_system(monkeypatch, tmp_path):
    for name in ("usr/bin", "usr/src/app/autograde/submitted", "usr/src/other"):
        (tmp_path / name).mkdir(parents=True)
    usr = tmp_path / "usr"
    monkeypatch.setattr(folders, "secrets", lambda: (usr / "src" / "app",))
    assert sorted(without_secrets(usr)) == [str(usr / "bin"), str(usr / "src" / "other")]


def test_the_folder_of_the_course_and_its_class_is_secret():
    here = os.path.dirname(os.path.realpath(course_lib.__file__))
    assert {str(one) for one in folders.secrets()} >= {here, os.path.dirname(here)}
    assert not any(one.startswith(here) for one in folders.readable_paths(edition()))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_who_has_lost_its_parent_is_ended_with_the_worker(monkeypatch, tmp_path):
    """As where there are no process namespaces: a child's child in a session of its own."""
    code = (
        "import os, sys, time\nfrom autograde.wall import identity, sandbox, zygote\n"
        "sandbox.adopt_orphans()\nworker = os.fork()\n"
        "if worker == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n        os.setsid()\n        time.sleep(100)\n"
        "    time.sleep(100)\n"
        "other = os.fork()\nif other == 0: time.sleep(100)\n"
        "while not list(identity.children(worker)): time.sleep(0.01)\n"
        "(orphan,) = identity.children(worker)\n"
        "time.sleep(0.1)\n"
        "zygote.end_worker(worker)\nzygote.end_strays({other})\n"
        "left = list(identity.children(os.getpid()))\n"
        "print(os.path.exists(f'/proc/{orphan}'), left == [other])\n"
        "os.kill(other, 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False True\n", done.stderr


def test_a_missing_wall_is_refused_with_its_name_and_the_way_out():
    require_walls(REQUIRED)
    with pytest.raises(WallsMissing, match=r"missing network\. .*doctor.*--trust-submissions"):
        require_walls(tuple(name for name in REQUIRED if name != "network"))
    assert issubclass(WallsMissing, CourseError)


def test_without_forks_nothing_is_graded(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(WallsMissing, match="WSL 2"):
        workers.zygote(edition())


def test_a_judge_that_dies_leaves_no_folder_and_no_process_behind():
    ground = Zygote(edition())
    ground.control.close()
    ground.lines.close()
    ground.process.wait(timeout=30)
    assert not os.path.exists(ground.folder) or (
        os.geteuid() == 0 and not os.listdir(ground.folder)
    )
    ground.close()
