"""One grader a class at a time: a lock that goes away with its process, however that ends."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from autograde.errors import CourseError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock on this file while the block runs.

    Raises:
        CourseError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            take(descriptor)
        except OSError:
            raise CourseError(
                "Another `course grade` is at work on this class. Wait until it is done, then run "
                "this again: what it has graded is not graded twice.",
                exit_code=1,
            ) from None
        yield
    finally:
        os.close(descriptor)


def take(descriptor: int) -> None:
    """Lock the file, or raise OSError at once."""
    if fcntl:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
