"""Tries to get through every wall of this machine from inside a worker, and says what it means."""

import contextlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import course_lib
from autograde.machine import Machine, this_machine
from autograde.wall import linux
from autograde.wall.endings import Lost
from autograde.wall.probes import ATTEMPT, PROBES, Probe
from autograde.wall.sandbox import REQUIRED
from autograde.wall.workers import Worker, Zygote

PROBE_SECONDS = 20.0
REPAIRS = {
    "no forks": "Grading needs processes that can fork, and walls that Linux has. Set up WSL 2 "
    "(`wsl --install`), copy the course into it, and grade there. The lessons, their checks and "
    "`course build` need none of this.",
    "no Linux": "The walls are Linux's: grade strangers' work on Linux, or in a virtual machine or "
    "a container with Linux. The lessons, their checks and `course build` need none of this.",
    "landlock": "This kernel has no Landlock, or too old a one (files need version 3, Linux 6.2). "
    "Take a newer kernel, or add landlock to lsm= in its command line.",
    "user namespace": "User namespaces are switched off. An administrator can allow them: sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), user.max_user_namespaces=10000, or "
    "in a container --security-opt seccomp=unconfined.",
    "limits": "Root's processes are not counted here. Grade as an ordinary user, or where control "
    "groups can be made.",
}


@dataclass(frozen=True)
class Finding:
    """What came of one probe."""

    probe: Probe
    through: bool

    @property
    def harmful(self) -> bool:
        """Whether strangers' code must not be run because of it."""
        return self.through and self.probe.needed


@dataclass
class Diagnosis:
    """What the doctor found out about this machine."""

    walls: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    machine: Machine = field(default_factory=this_machine)
    grouped: bool = False
    trouble: str = ""

    @property
    def safe(self) -> bool:
        """Whether strangers' code can be graded here."""
        tried = bool(self.findings) and not any(one.harmful for one in self.findings)
        return tried and not self.missing_walls

    @property
    def able(self) -> bool:
        """Whether anybody's work can be graded here."""
        return bool(self.findings) and not self.machine.missing

    @property
    def missing_walls(self) -> list[str]:
        """The walls that strangers' code needs and this machine does not have."""
        return [name for name in REQUIRED if name not in self.walls]

    @property
    def repairs(self) -> list[str]:
        """What would help."""
        if not hasattr(os, "fork"):
            return [REPAIRS["no forks"]]
        if sys.platform != "linux":
            return [REPAIRS["no Linux"]]
        wanted = {"landlock": linux.landlock_version() < 3}
        wanted |= {name: name not in self.walls for name in ("user namespace", "limits")}
        return [REPAIRS[name] for name, missing in wanted.items() if missing]


def examine(library: Path | None = None) -> Diagnosis:
    """Start a worker as for grading, and try to get out of it."""
    from autograde.grading.executing import edition

    found = Diagnosis()
    if not hasattr(os, "fork"):
        found.trouble = "No worker can be started here: this system's processes cannot fork."
        return found
    with bait() as names:
        try:
            zygote = Zygote(library or edition())
        except (RuntimeError, OSError) as error:
            found.trouble = f"No worker could be started: {error}"
            return found
        found.grouped = zygote.group is not None
        try:
            for probe in PROBES:
                worker = zygote.spawn(threading.Event(), 60)
                found.walls = worker.walls
                found.findings.append(Finding(probe, gets_through(worker, probe, names)))
                worker.end()
        except RuntimeError as error:
            found.trouble = str(error)
        finally:
            zygote.close()
    return found


def gets_through(worker: Worker, probe: Probe, names: dict[str, Any]) -> bool:
    """Whether the attempt succeeds in this worker; who dies in it has not got through."""
    session = worker.session
    try:
        session.until = session.now() + PROBE_SECONDS
        session.run_cell(script(probe, {**names, "scratch": worker.scratch}))
        return session.values(["through"]).get("through") is True
    except Lost:
        return False


def script(probe: Probe, names: dict[str, Any]) -> str:
    """The attempt as a program: the names of the bait, then the code."""
    lines = [f"{name} = {value!r}" for name, value in names.items()]
    return "\n".join([*lines, ATTEMPT, probe.code])


@contextlib.contextmanager
def bait() -> Iterator[dict[str, Any]]:
    """Things that a worker must not get at, by the names that the probes have for them."""
    with (
        tempfile.TemporaryDirectory(prefix="course-doctor-") as folder,
        contextlib.ExitStack() as s,
    ):
        os.chmod(folder, 0o777)
        secret, copy, local = (os.path.join(folder, name) for name in ("secret", "copy", "local"))
        for path in (secret, copy):
            Path(path).write_text("42", encoding="utf-8")
            os.chmod(path, 0o666)
        server = s.enter_context(socket.create_server(("127.0.0.1", 0)))
        if hasattr(socket, "AF_UNIX"):
            line = s.enter_context(socket.socket(socket.AF_UNIX))
            line.bind(local)
            line.listen()
        opened = s.enter_context(open(secret, "r+b"))
        os.set_inheritable(opened.fileno(), True)
        os.environ["COURSE_DOCTOR"] = "42"
        s.callback(os.environ.pop, "COURSE_DOCTOR")
        course = Path(course_lib.__file__).resolve().parent
        yield {
            "course": str(course),
            "reference": str(course / "reference" / "reinforce.py"),
            "folder": folder,
            "secret": secret,
            "secret_copy": copy,
            "server": server.getsockname(),
            "local": local,
            "judge": os.getpid(),
            "descriptor": opened.fileno(),
            "inode": os.fstat(opened.fileno()).st_ino,
        }


def about_this_machine(machine: Machine) -> str:
    """System, Python and who is asking, in a line."""
    landlock = ""
    if sys.platform == "linux":
        landlock = f", Landlock version {linux.landlock_version() or 'none'}"
    return f"{machine.system}, Python {machine.python}, as {machine.user}{landlock}"
