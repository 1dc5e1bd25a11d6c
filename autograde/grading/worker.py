"""The child process in which one submission runs: cells in, results out, nothing else.

It speaks JSON over one pipe, one message a line of work, so that whatever was finished before the
process died is already with the parent. `executing.py` is the other side.
"""

import contextlib
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

MEMORY_BYTES = 4 * 2**30
FILE_BYTES = 256 * 2**20
SEED = 0


class CellTimeout(KeyboardInterrupt):
    """The cell took longer than it may; like Ctrl-C, `except Exception` does not catch it."""


def serve(connection: Connection, cells: list[dict[str, Any]], cell_seconds: float) -> None:
    """Run all cells in order, report each, and end the process without any clean-up of theirs."""
    try:
        become_a_worker()
        with tempfile.TemporaryDirectory(prefix="grading-") as folder:
            os.chdir(folder)
            shell = make_shell(folder)
            for cell in cells:
                send(connection, {"event": "start", "index": cell["index"]})
                send(connection, {"event": "done", **run_cell(shell, cell, cell_seconds)})
            os.chdir("/")
        send(connection, {"event": "end"})
    finally:
        connection.close()
        os._exit(0)


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Write one message."""
    connection.send_bytes(json.dumps(message).encode("utf-8"))


def become_a_worker() -> None:
    """Own session, no terminal, bounded memory and files, one thread, fixed seeds."""
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    limit_resources()
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 — a student's np.random must be the same each time.
    random.seed(SEED)


def limit_resources() -> None:
    """Memory on top of what is mapped already, file size, no core dumps; where there are limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm") as pages:
            mapped = int(pages.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES,) * 2)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # If memory runs out, this process goes first.


def make_shell(folder: str) -> Any:
    """IPython with pictures inline, no history and no profile of the user."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from autograde.grading.recording import RecordingShell

    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = RecordingShell.instance(config=config, ipython_dir=os.path.join(folder, ".ipython"))
    shell.colors = "nocolor"
    return shell


def run_cell(shell: Any, cell: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Run the parts of a cell: a later part only if the one before ran, or failed a check."""
    started = time.perf_counter()
    parts: list[dict[str, Any]] = []
    for code in cell["parts"]:
        left = seconds - (time.perf_counter() - started)
        parts.append(run_part(shell, code, max(left, 0.01)))
        if parts[-1]["status"] not in ("ok", "check failed"):
            break
    return {"index": cell["index"], "parts": parts, "seconds": time.perf_counter() - started}


def run_part(shell: Any, code: str, seconds: float) -> dict[str, Any]:
    """Run code with the clock ticking; what came of it, as JSON."""
    from autograde.grading.harmless import safe_text
    from autograde.grading.recording import Recorder, RecordingStream

    shell.recorder = Recorder()
    output, errors = RecordingStream(shell, "stdout"), RecordingStream(shell, "stderr")
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            with time_limit(seconds):
                result = shell.run_cell(code)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as escaped:  # Whatever a student's hooks let through.
            error = escaped
            shell.recorder.error(type(error).__name__, safe_text(error), [safe_text(error)])
    if isinstance(error, CellTimeout):
        shell.recorder.only_error(type(error).__name__, safe_text(error))
    part = {"status": status_of(error), "outputs": shell.recorder.plain()}
    if error is not None:
        part |= {"error": type(error).__name__, "message": safe_text(error)[:20_000]}
        part |= failed_check(error)
    return part


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `CellTimeout` in the running code; without alarms the parent's kill has to do."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise CellTimeout(f"stopped after {seconds:.0f} s")

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def status_of(error: BaseException | None) -> str:
    """How a part ended, in a word."""
    from course_lib import CheckFailed

    if error is None:
        return "ok"
    if isinstance(error, CellTimeout):
        return "timeout"
    return "check failed" if isinstance(error, CheckFailed) else "error"


def failed_check(error: BaseException) -> dict[str, Any]:
    """What a failed check says about the exercise."""
    from course_lib import CheckFailed

    if not isinstance(error, CheckFailed):
        return {}
    names = ("exercise", "mistake", "points", "possible")
    found = {name: getattr(error, name) for name in names}
    kinds = {getattr(one, "kind", "") for one in error.failures}
    return {"check": {**found, "raised": kinds == {"error"}}}
