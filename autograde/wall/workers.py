"""Starts workers: a zygote for each judge, a fork of it for each submission.

The zygote is a program of its own that gets an allow-list of folders, no environment and no open
files. What it tells before the first student's cell is believed; it never runs one.
"""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograde.errors import CourseError
from autograde.wall import control_group
from autograde.wall.endings import Lost
from autograde.wall.folders import HERE, places, readable_paths, refuse_secrets, start_environment
from autograde.wall.sandbox import REQUIRED
from autograde.wall.session import Session

START_SECONDS = 120.0  # importing torch on a busy machine
SEED = 0
LINUX = sys.platform == "linux"


class WallsMissing(CourseError):
    """This machine cannot keep a student's code from doing harm."""


@dataclass
class Worker:
    """A running worker: the conversation with it, and what has to be known to end it."""

    session: Session
    pid: int
    walls: tuple[str, ...]
    zygote: "Zygote"
    scratch: str

    def end(self) -> float:
        """End it and everything that it started; its CPU seconds."""
        self.session.connection.close()
        seconds = self.zygote.end(self.pid)
        shutil.rmtree(self.scratch, ignore_errors=True)
        return seconds


class Zygote:
    """The process that workers are forked from; `walls` are those that it has itself."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.folder = tempfile.mkdtemp(prefix="grading-")
        os.chmod(self.folder, 0o1777 if os.geteuid() == 0 else 0o700)
        self.group = control_group.make() if LINUX else None
        self.control, theirs = socket.socketpair()
        told = {
            "control": theirs.fileno(),
            "folder": self.folder,
            "walls": LINUX,
            "counted": self.group is not None,
            **places(library),
        }
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 — open as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", str(HERE / "zygote.py"), json.dumps(told)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            cwd="/",
            env=start_environment(),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self.lines = self.control.makefile("rb")
        try:
            if self.group:
                self.group.add(self.process.pid)
            self.control.sendall(b"!")
            ready = self.heard()
            refuse_secrets(ready["loaded"], library)
        except BaseException:
            self.close()
            raise
        self.walls = tuple(ready["up"])

    def spawn(self, stop: threading.Event, cpu_seconds: int) -> Worker:
        """A new worker with all walls up that there are."""
        scratch = tempfile.mkdtemp(prefix="scratch-", dir=self.folder)
        if os.geteuid() == 0:
            os.chmod(scratch, 0o777)
        ours, theirs = socket.socketpair()
        wish = {
            "do": "fork",
            "scratch": scratch,
            "seed": SEED,
            "allowance": {
                "scratch": scratch,
                "readable": readable_paths(self.library),
                "cpu_seconds": cpu_seconds,
            },
        }
        socket.send_fds(self.control, [json.dumps(wish).encode()], [theirs.fileno()])
        theirs.close()
        session = Session(ours, stop)
        try:
            pid = self.heard()["pid"]
            walls = session.hello()
        except Lost as lost:
            text = f"a worker did not start ({lost}). {self.last_words()}"
            raise RuntimeError(text) from None
        return Worker(session, pid, (*self.walls, *walls), self, scratch)

    def end(self, pid: int) -> float:
        """End a worker and everything that it started; its CPU seconds."""
        try:
            self.control.sendall(json.dumps({"do": "end", "pid": pid}).encode())
            return float(self.heard()["seconds"])
        except (OSError, RuntimeError):  # The zygote has ended, and its workers with it.
            return 0.0

    def heard(self) -> dict[str, Any]:
        """The zygote's next line."""
        self.control.settimeout(START_SECONDS)
        try:
            line = self.lines.readline()
        except OSError:
            line = b""
        if not line:
            text = f"the process that runs submissions has ended. {self.last_words()}"
            raise RuntimeError(text)
        return json.loads(line)

    def last_words(self) -> str:
        """What it wrote about an error of its own."""
        self.errors.seek(0)
        return self.errors.read()[-2000:].decode("utf-8", "replace")

    def close(self) -> None:
        """End it, and with it all its workers."""
        for one in (self.lines, self.control, self.errors):
            one.close()
        self.process.kill()
        self.process.wait()
        if self.group:
            self.group.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


ZYGOTES: dict[tuple[str, int], Zygote] = {}


def zygote(library: Path) -> Zygote:
    """This process's zygote; a new one if the old one has ended.

    Raises:
        WallsMissing: this system cannot fork.
    """
    if not hasattr(os, "fork"):
        raise WallsMissing(
            "Grading needs a system whose processes can fork: Linux or macOS, or on Windows WSL 2."
        )
    key = (str(library), os.getpid())
    found = ZYGOTES.get(key)
    if found is None or found.process.poll() is not None:
        if found:
            found.close()
        ZYGOTES[key] = found = Zygote(library)
        if len(ZYGOTES) == 1:
            atexit.register(close_all)
    return found


def close_all() -> None:
    """End the zygotes that this process started."""
    for key in list(ZYGOTES):
        if key[1] == os.getpid():
            ZYGOTES.pop(key).close()


def require_walls(walls: tuple[str, ...]) -> None:
    """Refuse to run strangers' code where a wall is missing that it needs."""
    missing = [name for name in REQUIRED if name not in walls]
    if missing:
        raise WallsMissing(
            f"This system cannot keep a submission from harm: missing {', '.join(missing)}. "
            "`course doctor` says what that means and what helps. If you trust everybody whose "
            "work this is, grade with --trust-submissions."
        )
