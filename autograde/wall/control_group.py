"""Control groups: memory and number of processes of all workers of a judge together. Root only.

Both versions of the kernel's interface. Where they cannot be had, the limits of `sandbox.py` hold
for each process alone.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMORY_BYTES = 6 * 2**30
PROCESSES = 96
FILES = {  # of version 1 by controller, and of version 2
    "memory": {"memory.limit_in_bytes": MEMORY_BYTES},
    "pids": {"pids.max": PROCESSES},
    "": {"memory.max": MEMORY_BYTES, "memory.swap.max": 0, "pids.max": PROCESSES},
}


@dataclass(frozen=True)
class Group:
    """The folders that are this group."""

    folders: tuple[Path, ...]

    def add(self, pid: int) -> None:
        """Put a process in; its children will be in it, too."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove the group once its processes are gone."""
        for folder in self.folders:
            for _ in range(50):
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.02)


def make() -> Group | None:
    """A new group with limits, or None if this process may not make one."""
    if os.geteuid() != 0:
        return None
    made = []
    try:
        for controller, parent in parents():
            remove_left_over(parent)
            folder = parent / f"grading-{os.getpid()}-{time.monotonic_ns()}"
            folder.mkdir()
            made.append(folder)
            for name, value in FILES[controller].items():
                write_limit(folder / name, value)
    except OSError:
        Group(tuple(made)).remove()
        return None
    return Group(tuple(made)) if made else None


def remove_left_over(parent: Path) -> None:
    """Remove the groups of judges that were killed; one with a process in it stays."""
    for folder in parent.glob("grading-*"):
        if not Path(f"/proc/{folder.name.split('-')[1]}").exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def write_limit(file: Path, value: int) -> None:
    """Set a limit; a kernel without swap accounting has no file for it."""
    if file.exists() or "swap" not in file.name:
        file.write_text(str(value))


def parents() -> Iterator[tuple[str, Path]]:
    """The groups that this process is in: (controller, folder); "" is version 2's."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    places = {name: path for _, name, path in (line.split(":", 2) for line in lines)}
    for controller in ("memory", "pids"):
        if controller in places:
            yield controller, first_folder(ROOT / controller, places[controller])
    if not {"memory", "pids"} & set(places) and (ROOT / "cgroup.controllers").exists():
        parent = first_folder(ROOT, places[""])
        yield "", parent if parent == ROOT else parent.parent


def first_folder(root: Path, path: str) -> Path:
    """The group's folder, or the root where the container shows only that."""
    folder = root / path.lstrip("/")
    return folder if folder.exists() else root
