"""Runs a cell as a notebook would, inside the worker: outputs recorded, errors as data."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autograde.grading.harmless import safe_text
from autograde.grading.recording import Recorder, RecordingShell, RecordingStream

MAX_MESSAGE = 20_000


class CellTimeout(KeyboardInterrupt):
    """The cell took longer than it may; like Ctrl-C, `except Exception` does not catch it."""


def make_shell(folder: str) -> RecordingShell:
    """IPython with pictures inline, no history and no profile of the user."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = RecordingShell.instance(config=config, ipython_dir=os.path.join(folder, ".ipython"))
    shell.colors = "nocolor"
    return shell


def run_part(shell: RecordingShell, code: str, seconds: float) -> dict[str, Any]:
    """Run code with the clock ticking; what came of it."""
    with recorded(shell):
        try:
            with time_limit(seconds):
                result = shell.run_cell(code)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as escaped:  # Whatever a student's hooks let through.
            error = escaped
            shell.recorder.error(type(error).__name__, safe_text(error), [safe_text(error)])
    if isinstance(error, CellTimeout):
        shell.recorder.only_error(type(error).__name__, safe_text(error))
    status = "ok" if error is None else "timeout" if isinstance(error, CellTimeout) else "error"
    part = {"status": status, "outputs": shell.recorder.plain()}
    if error is not None:
        part |= {"error": type(error).__name__, "message": safe_text(error)[:MAX_MESSAGE]}
    return part


@contextlib.contextmanager
def recorded(shell: RecordingShell) -> Iterator[Recorder]:
    """What is printed and shown meanwhile goes into a fresh recorder."""
    shell.recorder = Recorder()
    output, errors = RecordingStream(shell, "stdout"), RecordingStream(shell, "stderr")
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        yield shell.recorder


class time_limit:
    """Raise `CellTimeout` in the running code."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self.interrupt)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 0.01))

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def interrupt(self, number: int, frame: object) -> None:
        """What the alarm calls."""
        raise CellTimeout(f"stopped after {self.seconds:.0f} s")
