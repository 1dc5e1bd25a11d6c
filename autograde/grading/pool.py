"""A pool of judges: an executor whose processes may end at any moment, in the middle of a word.

Each process has a pipe of its own, whose other end nobody else holds: once it is gone, the pipe is
at its end, whatever was on its way. (`concurrent.futures` has one pipe for the results of all, and
holds both ends of it: half a result, and its reader waits for the rest for ever.)
"""

import contextlib
import pickle
import queue
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

STARTING = threading.Lock()  # What `without_main` changes is the whole process's.
PATIENCE = 30.0  # seconds that a thread may need to see that its judge is gone


class Place:
    """Where one judge sits: its process, started when the first task comes, and its pipe."""

    def __init__(self, context: Any, lifeline: Any, prepare: Callable[[Any], object]) -> None:
        self.context, self.lifeline, self.prepare = context, lifeline, prepare
        self.lock = threading.Lock()
        self.process: Any = None
        self.pipe: Any = None
        self.closed = False

    def start(self) -> None:
        """A process, if there is none."""
        if self.process is not None:
            return
        if self.closed:
            raise OSError("the pool is closed")
        self.pipe, theirs = self.context.Pipe()
        arguments = (theirs, self.prepare, self.lifeline)
        process = self.context.Process(target=serve, args=arguments, daemon=True)
        with theirs, STARTING, without_main():
            process.start()
        with self.lock:
            self.process = process
            if self.closed:
                process.kill()

    def run(self, task: bytes) -> tuple[bool, Any]:
        """Whether the task went well, and its result or error.

        Raises:
            BrokenExecutor: the process ended first.
        """
        try:
            self.start()
            self.pipe.send_bytes(task)
            answer = self.pipe.recv_bytes()
        except (EOFError, OSError) as error:
            self.clear()
            raise BrokenExecutor(f"a judge ended without a result ({error!r})") from None
        return pickle.loads(answer)

    def clear(self) -> None:
        """Make room for another process."""
        if self.pipe is not None:
            self.pipe.close()
        with self.lock:
            process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.join(PATIENCE)

    def close(self) -> None:
        """End the process, and any that is about to start."""
        with self.lock:
            self.closed = True
            if self.process is not None:
                self.process.kill()


class JudgePool(Executor):
    """At most `count` processes; `prepare` is called in each with a pipe that ends with us."""

    def __init__(self, count: int, context: Any, prepare: Callable[[Any], object]) -> None:
        self.theirs, self.lifeline = context.Pipe(duplex=False)
        self.orders: queue.SimpleQueue = queue.SimpleQueue()
        self.places = [Place(context, self.theirs, prepare) for _ in range(count)]
        self.threads = [
            threading.Thread(target=self.work, args=(place,), name="judge", daemon=True)
            for place in self.places
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Have a process call the function as soon as one is free."""
        future: Future[Any] = Future()
        self.orders.put((future, (fn, args, kwargs)))
        return future

    def work(self, place: Place) -> None:
        """Hand one task after the other to the process at this place."""
        while (order := self.orders.get()) is not None:
            future, call = order
            if not future.set_running_or_notify_cancel():
                continue
            try:
                went_well, value = place.run(pickle.dumps(call))
            except BaseException as error:
                went_well, value = False, error
            if went_well:
                future.set_result(value)
            else:
                future.set_exception(value)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes at once, whatever they are doing; what they had to do has failed."""
        self.lifeline.close()
        with contextlib.suppress(queue.Empty):
            while True:
                future, _ = self.orders.get_nowait()
                future.cancel()
        for place in self.places:
            place.close()
            self.orders.put(None)
        for thread in self.threads if wait else ():
            thread.join(PATIENCE)
        self.theirs.close()


def serve(pipe: Any, prepare: Callable[[Any], object], lifeline: Any) -> None:
    """What a process of the pool does: tasks in, results out, until nobody sends any."""
    prepare(lifeline)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(answer(pipe.recv_bytes()))


def answer(task: bytes) -> bytes:
    """Do a task; what it raises is an answer, too."""
    try:
        function, args, kwargs = pickle.loads(task)
        return pickle.dumps((True, function(*args, **kwargs)))
    except BaseException as error:
        return failure(error)


def failure(error: BaseException) -> bytes:
    """An error with its traceback as a note, or its text where it cannot travel."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        data = pickle.dumps((False, error))
        pickle.loads(data)
    except Exception:
        data = pickle.dumps((False, RuntimeError(repr(error))))
    return data


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Keep multiprocessing from importing the program that grades into every judge."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
