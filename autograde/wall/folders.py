"""What a zygote finds at its start: folders to import from and to read, and an environment."""

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import course_lib

HERE = Path(__file__).resolve().parent
GRADING = HERE.parent / "grading"
SECRET = (Path(course_lib.__file__).resolve().parent, HERE.parent)
# Where the system keeps what any program needs. The course may lie below /usr, too.
SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/cpuinfo",
    "/proc/meminfo", "/proc/self", "/sys/devices/system/cpu",
)  # fmt: skip
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
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # else macOS ends what is forked with torch in it
}


def start_environment() -> dict[str, str]:
    """The zygote's whole environment: nothing of the person's who grades, but where fonts are."""
    kept = {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
    with contextlib.suppress(ImportError):
        import matplotlib

        kept["MPLCONFIGDIR"] = matplotlib.get_cachedir()
    found = {name: value for name, value in kept.items() if value}
    return {**ENVIRONMENT, **LARGE_PAGES, **found}


def places(library: Path) -> dict[str, Any]:
    """What a zygote is told at its start about files: what to import, and from where."""
    path = [one for one in library_path() if one != str(library)]
    return {
        "library": str(library),
        "path": path,
        "grading": str(GRADING),
        "needed": [os.__file__, str(library / "course_lib"), *path],
        "environment": ENVIRONMENT,
    }


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
    """What a worker may read: the system's own, the libraries, and nothing of the course."""
    wanted = [*SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, *library_path(), str(library)]
    wanted += os.environ.get("LD_LIBRARY_PATH", "").split(":")
    own = ("/proc/self",)  # The worker's, not the one of whoever asks now.
    found = (one if one in own else os.path.realpath(one) for one in wanted if one)
    return tuple(dict.fromkeys(part for one in found for part in without_secrets(Path(one))))


def without_secrets(path: Path) -> Iterator[str]:
    """The path, or as much of it as is not secret."""
    secret = secrets()
    if path in secret:
        return
    if any(one.is_relative_to(path) for one in secret):
        for one in path.iterdir():
            yield from without_secrets(one)
    elif path.exists():
        yield str(path)


def secrets() -> tuple[Path, ...]:
    """The course: its packages, and the folder that they, the lessons and the class lie in."""
    root = HERE.parents[1]
    return SECRET if is_installation(root) else (*SECRET, root)


def refuse_secrets(loaded: dict[str, str], library: Path) -> None:
    """Look at what the zygote has imported: answers must not be in its memory."""
    for name, file in loaded.items():
        own = name.split(".")[0] == "autograde"
        place = (HERE, GRADING) if own else (library,)
        if not any(Path(file).resolve().is_relative_to(one) for one in place):
            raise RuntimeError(f"the process that runs submissions has loaded {name} from {file}")
