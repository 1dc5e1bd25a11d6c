"""What a program costs with all the processes that it starts: CPU time, memory. Linux only."""

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds, CPU seconds, and the most memory (MB) it held at once."""

    wall: float
    cpu: float
    memory: float


def adopt_orphans() -> None:
    """Let this process be the parent of those whose own has ended, so that their time counts."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a program and count all that it and its processes took."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    peak, done = [0.0], threading.Event()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    watcher = threading.Thread(target=watch, args=(peak, done))
    watcher.start()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    shown, errors = process.communicate()
    wall = time.perf_counter() - started
    done.set()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{(shown + errors).decode()[-3000:]}")
    wait_for_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peak[0])


def wait_for_orphans() -> None:
    """Wait for processes whose parents have ended: only then does their time count."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def watch(peak: list[float], done: threading.Event) -> None:
    """Note the most memory, in MB, that all processes below this one hold at one moment."""
    while not done.wait(0.5):
        peak[0] = max(peak[0], sum(map(memory, descendants(os.getpid()))) / 1e6)


def descendants(pid: int) -> list[int]:
    """All processes below a process."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        below = parents.get(left.pop(), [])
        found += below
        left += below
    return found


def memory(pid: int) -> int:
    """The bytes that a process holds, pages that it shares counted in part."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0
