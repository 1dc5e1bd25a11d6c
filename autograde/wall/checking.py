"""Runs the lesson's own cells that decide points: here, with the student's names as proxies.

The names that the lesson's set-up cells give are real here: `check`, torch, numpy. Every other name
that a check mentions is asked of the worker, anew for each check: functions and objects come as
proxies, numbers and tensors as copies. What the student calls `check` or `torch` never counts.
"""

import ast
import builtins
import contextlib
import linecache
import traceback
from typing import Any

import torch
from IPython.core.inputtransformer2 import TransformerManager

from autograde.grading.harmless import safe_text
from autograde.grading.naming import names_of
from autograde.grading.recording import Recorder, RecordingStream
from autograde.wall.endings import Interrupted, Stopped
from autograde.wall.session import Session

SEED = 0
MAX_MESSAGE = 20_000


class Stage:
    """The namespace of one submission's checks, and what is shown in it.

    `theirs` are the names that the lesson asks the student for, `own` those that its own cells give
    here: they are never asked of a worker, whatever becomes of the cell that gives them.
    """

    def __init__(self, theirs: frozenset[str], own: frozenset[str]) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.theirs, self.own = theirs, own
        self.used: set[str] = set()
        self.recorder = Recorder()
        self.count = 0

    def run(self, code: str, session: Session) -> dict[str, Any]:
        """Run a part of a cell; what came of it.

        Raises:
            Lost: the worker that was asked is gone.
        """
        self.recorder = Recorder()
        output = RecordingStream(self, "stdout")
        session.print = lambda text: self.recorder.stream("stdout", text)
        error: BaseException | None = None
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(RecordingStream(self, "stderr")),
            torch.random.fork_rng(devices=[]),
        ):
            torch.default_generator.manual_seed(SEED + self.count)
            try:
                self.fetch(code, session)
                self.execute(code)
            except Stopped:
                raise
            except (Exception, SystemExit, Interrupted) as raised:
                error = raised
        return part_of(error, self.recorder)

    def fetch(self, code: str, session: Session) -> None:
        """Ask the worker for the student's values of the names that the code may use."""
        names = names_of(code)
        self.used |= names.used
        if names.unclear:  # It may look at any name, as `globals()` does.
            self.used |= {name for name in session.known() if not name.startswith("_")}
        wanted = [
            name
            for name in sorted(self.used - names.given)
            if name in self.theirs or (name not in self.own and not hasattr(builtins, name))
        ]
        for name in wanted:
            self.names.pop(name, None)
        if wanted:
            self.names.update(session.values(wanted))

    def execute(self, code: str) -> None:
        """Execute the code; the value of its last expression is shown."""
        self.count += 1
        file = f"<the lesson's cell {self.count}>"
        text = TransformerManager().transform_cell(code)
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        tree = ast.parse(text, file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, file, "exec"), self.names)
        if last is not None and not text.rstrip().endswith(";"):
            value = eval(compile(ast.Expression(last.value), file, "eval"), self.names)
            if value is not None:
                self.recorder.result({"text/plain": safe_text(repr(value))}, {})


def part_of(error: BaseException | None, recorder: Recorder) -> dict[str, Any]:
    """What came of a part: status, outputs, error."""
    if error is None:
        return {"status": "ok", "outputs": recorder.plain()}
    from course_lib import CheckFailed

    kind, text = type(error).__name__, safe_text(error)[:MAX_MESSAGE]
    if isinstance(error, CheckFailed):
        status = "check failed"
        recorder.error(kind, text, text.split("\n"))
    elif isinstance(error, Interrupted):
        status = "timeout"
        recorder.error("CellTimeout", text, [f"CellTimeout: {text}"])
    else:
        status = "error"
        recorder.error(kind, text, [*where(error), f"{kind}: {text}"])
    part = {"status": status, "outputs": recorder.plain(), "error": kind, "message": text}
    return part | failed_check(error)


def where(error: BaseException) -> list[str]:
    """The line of the lesson's cell at which it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith("<the lesson's cell")]
    return [f"line {own[-1].lineno}: {own[-1].line}"] if own else []


def failed_check(error: BaseException) -> dict[str, Any]:
    """What a failed check says about the exercise."""
    from course_lib import CheckFailed

    if not isinstance(error, CheckFailed):
        return {}
    names = ("exercise", "mistake", "points", "possible")
    found = {name: getattr(error, name) for name in names}
    kinds = {getattr(one, "kind", "") for one in error.failures}
    return {"check": {**found, "raised": kinds == {"error"}}}
