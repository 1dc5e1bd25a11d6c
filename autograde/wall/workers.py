"""Starts workers: a zygote for each judge, a fork of it for each submission.

The zygote is a program of its own that gets an allow-list of folders, no environment and no open
files. What it tells before the first student's cell is believed; it never runs one.
"""

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import course_lib
from autograde.errors import CourseError
from autograde.wall import control_group
from autograde.wall.sandbox import REQUIRED
from autograde.wall.session import Lost, Session

HERE = Path(__file__).resolve().parent
GRADING = HERE.parent / "grading"
START_SECONDS = 120.0  # importing torch on a busy machine
SECRET = (Path(course_lib.__file__).resolve().parent, HERE.parent)
SEED = 0
LINUX = sys.platform == "linux"
# Fewer, larger pages: forking a process with torch in it takes 2 ms instead of 25.
LARGE_PAGES = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "SDL_VIDEODRIVER": "dummy",
}


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
        told = self.told(library, theirs.fileno())
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

    def told(self, library: Path, control: int) -> dict[str, Any]:
        """What the zygote is told at its start."""
        path = [one for one in library_path() if one != str(library)]
        return {
            "control": control,
            "folder": self.folder,
            "walls": LINUX,
            "library": str(library),
            "path": path,
            "grading": str(GRADING),
            "needed": [os.__file__, str(library / "course_lib"), *path],
            "counted": self.group is not None,
            "environment": ENVIRONMENT,
        }

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
    """This process's zygote; a new one if the old one has ended."""
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


def start_environment() -> dict[str, str]:
    """The zygote's whole environment: nothing of the person's who grades, but where fonts are."""
    kept = {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
    with contextlib.suppress(ImportError):
        import matplotlib

        kept["MPLCONFIGDIR"] = matplotlib.get_cachedir()
    found = {name: value for name, value in kept.items() if value}
    return {**ENVIRONMENT, **LARGE_PAGES, **found}


def library_path() -> list[str]:
    """The folders of this process's import path that hold installed packages.

    Not the folder of the program, the current one, or what somebody put into PYTHONPATH: the class
    may lie there.
    """
    kept = (os.path.realpath(one) for one in sys.path if one and os.path.exists(one))
    return list(dict.fromkeys(one for one in kept if is_installation(Path(one))))


def is_installation(path: Path) -> bool:
    """Whether a folder belongs to this Python, or to packages installed for it."""
    homes = {os.path.realpath(one) for one in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return bool(installed) or any(path.is_relative_to(home) for home in homes)


@cache
def readable_paths(library: Path) -> tuple[str, ...]:
    """What a worker may read besides the system's own: the libraries, and nothing of the course."""
    wanted = [sys.prefix, sys.base_prefix, sys.exec_prefix, *library_path(), str(library)]
    wanted += os.environ.get("LD_LIBRARY_PATH", "").split(":")
    found = (os.path.realpath(one) for one in wanted if one)
    return tuple(dict.fromkeys(part for one in found for part in without_secrets(Path(one))))


def without_secrets(path: Path) -> Iterator[str]:
    """The path, or as much of it as is not secret."""
    if path in SECRET:
        return
    if any(secret.is_relative_to(path) for secret in SECRET):
        for one in path.iterdir():
            yield from without_secrets(one)
    elif path.exists():
        yield str(path)


def refuse_secrets(loaded: dict[str, str], library: Path) -> None:
    """Look at what the zygote has imported: answers must not be in its memory."""
    for name, file in loaded.items():
        own = name.split(".")[0] == "autograde"
        place = (HERE, GRADING) if own else (library,)
        if not any(Path(file).resolve().is_relative_to(one) for one in place):
            raise RuntimeError(f"the process that runs submissions has loaded {name} from {file}")
