"""Each wall: what gets through outside does not get through inside."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from autograde.wall import doctor
from autograde.wall.commands import as_data, in_words
from autograde.wall.doctor import Diagnosis, Finding, bait, gets_through, script
from autograde.wall.identity import outer_user
from autograde.wall.probes import PROBES, Probe
from autograde.wall.sandbox import REQUIRED
from tests.walled import needs_walls, outside, worker

NAMES = {probe.name: probe for probe in PROBES}
# Outside, these depend on the machine's own limits, or on what the process is.
NOT_OUTSIDE = {
    "take 64 GB of memory": "memory that is only reserved can be refused",
    "leave a core dump": "this user may have no core dumps",
    "make a namespace of its own": "user namespaces may be switched off",
    "trace another process": "a system may allow nobody to trace",
}


@pytest.mark.parametrize("name", NAMES)
def test_inside_no_attempt_gets_through(name):
    needs_walls()
    with bait() as names, worker() as made:
        assert not gets_through(made, NAMES[name], names)


@pytest.mark.parametrize("name", NAMES)
def test_outside_every_attempt_gets_through(name):
    with bait() as names, tempfile.TemporaryDirectory() as scratch:
        code = script(NAMES[name], {**names, "scratch": scratch})
        if name == "find an answer in memory":
            code = "import course_lib.reference\n" + code
        through = outside(code, pass_fds=[names["descriptor"]], env=dict(os.environ))
    if not through and name in NOT_OUTSIDE:
        pytest.skip(NOT_OUTSIDE[name])
    assert through


PATHS = {
    "a datagram": "import socket\n"
    "through = attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))",
    "a connection": "import socket\none, _ = socket.socketpair()\n"
    "through = attempt(lambda: one.connect(local) is None)",
    "a listener": "import socket\none, _ = socket.socketpair()\n"
    "through = attempt(lambda: one.bind(local + '2') is None)",
    "a watch on a folder": "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "through = libc.inotify_init1(0) >= 0",
    "asynchronous files": "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "through = libc.syscall(206, 1, ctypes.byref(ctypes.c_ulong())) == 0",
}


@pytest.mark.parametrize("name", PATHS)
def test_there_is_no_way_round_by(name):
    needs_walls()
    with bait() as names, worker() as made:
        assert not gets_through(made, Probe(name, "network", "", PATHS[name]), names)


def test_a_pair_of_streams_works_inside():
    needs_walls()
    code = "import socket\na, b = socket.socketpair()\na.sendall(b'x')\nthrough = b.recv(1) == b'x'"
    with worker() as made:
        assert gets_through(made, Probe("talk to itself", "network", "", code), {})


def test_every_wall_that_strangers_need_is_probed():
    assert {probe.wall for probe in PROBES} >= set(REQUIRED) - {"privileges"}


def test_a_worker_has_no_privileges_and_can_get_none():
    needs_walls()
    with worker() as made:
        made.session.run_cell("status = open('/proc/self/status').read()")
        lines = made.session.values(["status"])["status"].splitlines()
    told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(told["CapEff"], 16) == int(told["CapPrm"], 16) == int(told["CapBnd"], 16) == 0
    assert told["NoNewPrivs"] == "1" and told["Seccomp"] == "2"


def test_a_worker_of_root_does_not_think_it_is_root():
    needs_walls()
    with worker() as made:
        made.session.run_cell("import os\nuser = os.getuid()")
        assert made.session.values(["user"])["user"] != 0


def test_the_doctor_finds_this_machine_safe_where_all_walls_are_up():
    needs_walls()
    found = doctor.examine()
    assert found.safe and not found.missing_walls and not found.trouble
    assert "Strangers' work can be graded here" in in_words(found)
    assert as_data(found)["safe"] is True


def test_the_doctor_says_in_plain_words_what_an_open_wall_means():
    probe = NAMES["connect to a server"]
    found = Diagnosis(REQUIRED, [Finding(probe, through=True)])
    assert not found.safe
    text = in_words(found)
    assert "✗ From inside, one can connect to a server: a submission could send" in text
    assert "--trust-submissions" in text


def test_a_machine_without_a_needed_wall_is_not_safe():
    walls = tuple(name for name in REQUIRED if name != "files")
    found = Diagnosis(walls, [Finding(PROBES[0], through=False)])
    assert found.missing_walls == ["files"] and not found.safe


def test_a_machine_of_another_kind_is_told_what_helps(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "virtual" in Diagnosis().repairs[0]


@pytest.mark.parametrize("grouped", [True, False])
def test_the_doctor_says_where_memory_is_limited_for_each_process_alone(grouped):
    found = Diagnosis(REQUIRED, [Finding(PROBES[0], through=False)], grouped=grouped)
    assert ("no control groups" in in_words(found)) is not grouped
    assert as_data(found)["control_groups"] is grouped and found.safe


@pytest.mark.skipif(sys.platform != "linux", reason="user namespaces are Linux's")
def test_root_of_another_namespace_is_told_from_an_ordinary_user():
    assert outer_user() == os.getuid()
    code = "from autograde.wall.identity import outer_user\nthrough = outer_user() == 0"
    command = ["unshare", "--user", "--map-user=1000", "true"]
    if not shutil.which("unshare") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        [*command[:-1], sys.executable, "-c", f"{code}\nprint(through)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{os.getuid() == 0}\n", done.stderr
