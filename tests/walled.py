"""A worker behind the wall, and code run outside it, for the tests of the wall."""

import functools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autograde.grading.executing import edition
from autograde.wall.sandbox import REQUIRED
from autograde.wall.session import Session
from autograde.wall.workers import Worker, zygote

SECONDS = 60.0


@contextmanager
def worker() -> Iterator[Worker]:
    """A fresh worker, ended afterwards."""
    made = zygote(edition()).spawn(threading.Event(), 120)
    made.session.until = time.monotonic() + SECONDS
    try:
        yield made
    finally:
        made.end()


@contextmanager
def running(*cells: str) -> Iterator[Session]:
    """The conversation with a worker in which these cells have run."""
    with worker() as made:
        for cell in cells:
            part = made.session.run_cell(cell)
            assert part["status"] == "ok", part
        yield made.session


@functools.cache
def missing_walls() -> list[str]:
    """The walls that this machine does not have."""
    with worker() as made:
        return [name for name in REQUIRED if name not in made.walls]


def needs_walls() -> None:
    """Skip where this system has no wall to test."""
    if sys.platform != "linux":
        pytest.skip("the walls are Linux's")
    if missing_walls():
        pytest.skip(f"this machine does not have: {', '.join(missing_walls())}")


def outside(code: str, **options: object) -> object:
    """What `through` is after running the code in a plain process of this user."""
    text = f"{code}\nimport json\nprint(json.dumps(bool(through)))"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, **options
    )
    return json.loads(done.stdout.splitlines()[-1])
