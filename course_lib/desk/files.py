"""Files that are never half there: whole writes, copies that replace nothing, one writer a time."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 2.0  # seconds that a writer waits for another one
STALE = 10.0  # seconds after which a lock belongs to a program that has died


def write_if_new(path: Path, text: str) -> bool:
    """Write a file in one step, so that it is never half there; False if it said that already."""
    return write_bytes_if_new(path, text.encode())


def write_bytes_if_new(path: Path, data: bytes) -> bool:
    """The same for bytes."""
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return True


def keep_beside(path: Path, data: bytes) -> Path:
    """Write under this name, or with a number if it is taken; nothing is replaced. The path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        place = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            file = open(place, "xb")  # noqa: SIM115 - what is made here is closed below
        except FileExistsError:
            number += 1
            continue
        try:
            with file:
                file.write(data)
        except BaseException:
            place.unlink(missing_ok=True)  # half a copy would pass for one
            raise
        return place


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that is a file, on every system alike.

    Raises:
        TimeoutError: somebody else holds it for longer than a write takes.
        OSError: the folder cannot be written.
    """
    take(path, time.monotonic() + PATIENCE)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def take(path: Path, deadline: float) -> None:
    """Make the lock's file, as soon as there is none."""
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return
        except FileExistsError:
            if age(path) > STALE:
                path.unlink(missing_ok=True)
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{path.name} is held by another notebook") from None
            else:
                time.sleep(0.02)


def age(path: Path) -> float:
    """The seconds since a file was written; 0 if it has gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
