"""Who trains: this process, several here, or the workers of a dask cluster."""

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

import course_lib

PATIENCE = 15.0  # seconds to look for a scheduler


def one_process() -> ProcessPoolExecutor:
    """A process that trains on one thread."""
    return ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )


class LocalWorkers(Executor):
    """Processes here, each an executor of its own: one that dies costs its own training only."""

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)
        self._own = threading.local()
        self._pools: dict[int, ProcessPoolExecutor] = {}  # by the number of its process

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Have a process call the function as soon as one is free."""
        return self._threads.submit(self._call, function, *args, **kwargs)

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            if getattr(self._own, "pool", None) is None:
                self._own.pool = one_process()
                self._pools[self._own.pool.submit(os.getpid).result()] = self._own.pool
            return self._own.pool.submit(function, *args, **kwargs).result()
        except BrokenExecutor:
            self._own.pool = None
            raise BrokenExecutor("its process ended; was it killed, or out of memory?") from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` at once, whatever they are doing."""
        self._threads.shutdown(wait=not cancel_futures, cancel_futures=cancel_futures)
        for process in multiprocessing.active_children() if cancel_futures else ():
            if process.pid in self._pools:
                process.kill()
        for pool in self._pools.values():
            pool.shutdown(wait=wait)


@cache
def library_digest() -> str:
    """A hash of the library's code: another version may train otherwise."""
    folder = Path(course_lib.__file__).parent
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def prepare() -> str:
    """What a worker of a cluster does first: one thread; and say which version it has."""
    torch.set_num_threads(1)
    return library_digest()


@contextmanager
def workers(count: int) -> Iterator[Executor | None]:
    """That many processes, one thread each; `None` for this process alone."""
    if count == 1:
        torch.set_num_threads(1)
        yield None
        return
    executor = LocalWorkers(count)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def cluster(address: str, patience: float = PATIENCE) -> Iterator[Executor]:
    """The workers of the dask cluster whose scheduler is there.

    Raises:
        ValueError: there is no dask here, no scheduler there, or its workers are none or of
            another version of the course.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "training on a cluster needs dask.distributed. Install it with: "
            "pip install -c constraints.txt -e .[cluster]"
        ) from None
    try:
        client = Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"there is no scheduler at {address} ({error}). Start one with `dask scheduler`, and "
            "workers with `dask worker ADDRESS --nthreads 1`"
        ) from None
    with client:
        check_workers(client.run(prepare, on_error="return"), address)
        executor = client.get_executor(pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)


def check_workers(versions: dict[str, Any], address: str) -> None:
    """Refuse a cluster without workers, and workers that would train otherwise than we."""
    if not versions:
        raise ValueError(
            f"the scheduler at {address} has no workers. Start some with "
            f"`dask worker {address} --nthreads 1` where this course is installed"
        )
    for worker, version in versions.items():
        if version != library_digest():
            raise ValueError(
                f"the worker {worker} does not have this version of the course: results could "
                "differ. Install the same version there, then start that worker again"
            )
