"""`course build`: from a lesson's source to its worked notebook and its student's notebook.

How an edit of a worked notebook is noticed is in `worked.py`, how it is brought back to the source
in `writeback.py`.
"""

import time
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograde.building.kernel import CellStart, execute
from autograde.building.lint import lint
from autograde.building.outputs import clean_outputs
from autograde.building.source import digest, read_source
from autograde.building.student import student_text
from autograde.building.worked import (
    finished_metadata,
    keep_outputs,
    notebook_text,
    read_worked,
    recorded,
    refuse_edited,
    was_executed,
    write_if_new,
)
from autograde.errors import CourseError
from autograde.lesson import Lesson


@dataclass
class Result:
    """What building or checking one lesson came to."""

    lesson: str
    written: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    executed: bool = False
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong and nothing is stale."""
        return not self.stale and not self.errors


def build(
    lesson: Lesson, *, run: bool = True, force: bool = False, on_cell: CellStart | None = None
) -> Result:
    """Write both notebooks of a lesson where they are not up to date.

    Args:
        lesson: which one.
        run: execute the worked notebook if its code changed; else it is written without outputs.
        force: throw edits of the worked notebook away, and execute it in any case.
        on_cell: called before each cell is executed.
    """
    result = Result(lesson.name)
    start = time.perf_counter()
    try:
        result.warnings += lint(lesson, result.errors)
        if not result.errors:
            write_notebooks(lesson, run, force, on_cell, result)
    except CourseError as error:
        result.errors.append(str(error))
    result.seconds = time.perf_counter() - start
    return result


def write_notebooks(
    lesson: Lesson, run: bool, force: bool, on_cell: CellStart | None, result: Result
) -> None:
    """Make both notebooks in memory, then write them."""
    source = read_source(lesson)
    old = None if force else read_worked(lesson)
    if old is not None:
        refuse_edited(lesson, source, old)
    worked = keep_outputs(source, old)
    if run and not was_executed(worked):
        execute(worked, lesson, on_cell)
        worked.metadata = finished_metadata(source, executed=True)
        result.executed = True
    result.warnings += clean_outputs(worked, lesson.root) if was_executed(worked) else []
    if not was_executed(worked):
        result.warnings.append("the worked notebook has no outputs until it is executed")
    texts = {lesson.worked: notebook_text(worked), lesson.student: student_text(worked, lesson)}
    result.written += [lesson.relative(p) for p, text in texts.items() if write_if_new(p, text)]


def check(lesson: Lesson) -> Result:
    """Compare both notebooks with what `build` would write, without executing or writing."""
    result = Result(lesson.name)
    start = time.perf_counter()
    try:
        result.warnings += lint(lesson, result.errors)
        if not result.errors:
            compare_notebooks(lesson, result)
    except CourseError as error:
        result.errors.append(str(error))
    result.seconds = time.perf_counter() - start
    return result


def compare_notebooks(lesson: Lesson, result: Result) -> None:
    """Say of both notebooks whether they are stale, and why."""
    source = read_source(lesson)
    old = read_worked(lesson)
    worked = keep_outputs(source, old)
    reason = why_stale(lesson, source, old, worked)
    if reason:
        result.stale.append(f"{lesson.relative(lesson.worked)} {reason}")
    wanted = student_text(source, lesson)
    if not lesson.student.exists():
        result.stale.append(f"{lesson.relative(lesson.student)} is missing")
    elif lesson.student.read_bytes() != wanted.encode():
        result.stale.append(f"{lesson.relative(lesson.student)} differs from what the source gives")
    result.stale += [
        f"{lesson.relative(path)} does not belong there: students get every file of that folder"
        for path in sorted(lesson.student.parent.glob("*"))
        if path != lesson.student and path.name != ".ipynb_checkpoints"
    ]


def why_stale(
    lesson: Lesson, source: NotebookNode, old: NotebookNode | None, worked: NotebookNode
) -> str:
    """Why the worked notebook is not what `build` would write; empty if it is."""
    if old is None:
        return "is missing"
    record, now = recorded(old), digest(source.cells)
    if digest(old.cells) != record.get("cells") and digest(old.cells) != now:
        return "was edited by hand since it was built"
    if digest(old.cells) != now:
        return "is older than its source"
    if not was_executed(worked):
        return "was not executed with this code"
    clean_outputs(worked, lesson.root)
    if notebook_text(worked).encode() != lesson.worked.read_bytes():
        return "has another form than `course build` writes (saved by an editor?)"
    return ""
