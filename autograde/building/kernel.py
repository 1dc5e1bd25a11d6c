"""Executing a worked notebook in a kernel of its own."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from autograde.errors import CourseError
from autograde.lesson import Lesson

CELL_SECONDS = 600
ANSI = re.compile(r"\x1b\[[0-9;]*m")
CellStart = Callable[[int, int], None]  # called with the cell's number and how many there are


def execute(notebook: NotebookNode, lesson: Lesson, on_cell: CellStart | None = None) -> None:
    """Run all cells in place, in the lesson's folder, with the course importable.

    Raises:
        CourseError: a cell raised, took too long, or killed its kernel.
    """
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns of TCP on the loopback
        resources={"metadata": {"path": str(lesson.source.parent)}},
    )
    current = [0]

    def note_start(cell: NotebookNode, cell_index: int) -> None:
        current[0] = cell_index
        if on_cell:
            on_cell(cell_index + 1, len(notebook.cells))

    client.on_cell_start = note_start
    with tempfile.TemporaryDirectory(prefix="course-build-") as scratch:
        try:
            client.execute(env=kernel_environment(lesson.root, scratch))
        except CellExecutionError as error:
            raise cell_error(lesson, notebook, current[0], readable(str(error.traceback))) from None
        except (CellTimeoutError, DeadKernelError) as error:
            first_line = str(error).strip().split("\n")[0]
            raise cell_error(lesson, notebook, current[0], first_line) from None
    refuse_failed_checks(lesson, notebook)


def kernel_environment(root: Path, scratch: str) -> dict[str, str]:
    """The environment of the kernel: the course importable, one thread, figures inline."""
    environment = dict(os.environ)
    environment.pop("MPLBACKEND", None)  # the kernel's own default draws into the notebook
    paths = [str(root), environment.get("PYTHONPATH", "")]
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return environment | {
        **dict.fromkeys(threads, "1"),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": scratch,  # nobody's own start-up files
        "SDL_VIDEODRIVER": "dummy",
        "PYGAME_HIDE_SUPPORT_PROMPT": "1",
        "COURSE_STATIC": "1",  # no sliders and no times: a page that is built twice is the same
    }


def refuse_failed_checks(lesson: Lesson, notebook: NotebookNode) -> None:
    """Cells may be tagged so that a student's error does not stop the page; ours must not raise.

    An ordinary cell with the tag may show an error on purpose. A check or an experiment that fails
    on the worked solution is a mistake in the lesson.
    """
    for index, cell in enumerate(notebook.cells):
        graded = cell.metadata.get("nbgrader", {}).get("grade", False)
        if not graded and "experiment" not in cell.metadata.get("tags", []):
            continue
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise cell_error(lesson, notebook, index, readable("\n".join(output.traceback)))


def cell_error(lesson: Lesson, notebook: NotebookNode, index: int, what: str) -> CourseError:
    """The error of a cell, with the cell."""
    cell = notebook.cells[index]
    lines = cell.source.split("\n")
    shown = "\n".join(f"    {line}" for line in lines[:12] + ["…"] * (len(lines) > 12))
    name = (
        f"{lesson.relative(lesson.source)}, cell {index + 1} of {len(notebook.cells)} ({cell.id})"
    )
    return CourseError(f"{name} failed:\n{shown}\n\n{what}", exit_code=1)


def readable(traceback: str, most: int = 25) -> str:
    """A traceback without colours, its last lines only."""
    lines = ANSI.sub("", traceback).rstrip().split("\n")
    return "\n".join((["…"] if len(lines) > most else []) + lines[-most:])
