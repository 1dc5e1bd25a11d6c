"""Notes on what happened while a submission ran, and on when it came."""

from collections.abc import Mapping

from nbformat import NotebookNode

from autograde.grading.executing import BROKE, DIED, DONE, HUNG, NOT_REACHED, CellResult
from autograde.grading.graded_source import grade_id
from autograde.grading.late import days_late
from autograde.grading.notes import Note


def incidents(notebook: NotebookNode, results: Mapping[int, CellResult]) -> list[Note]:
    """Cells that took too long or took the process with them, and what was not reached."""
    notes = []
    for index, result in results.items():
        name = grade_id(notebook.cells[index]) or f"number {index + 1}"
        if result.ending == DIED:
            text = f"The cell “{name}” ended its process; the rest was run without it."
            notes.append(Note("process-ended", text, problem=True))
        elif result.ending == BROKE:
            text = f"The cell “{name}” made its process send what is no answer; it was ended."
            notes.append(Note("forged-message", text, problem=True))
        elif result.ending == HUNG or timed_out(result):
            text = f"The cell “{name}” was stopped after {result.seconds:.0f} s."
            notes.append(Note("time-limit", text, problem=True))
    missed = sum(result.ending == NOT_REACHED for result in results.values())
    if missed:
        text = f"{missed} cells were not reached within the notebook's time limit."
        notes.append(Note("not-reached", text, problem=True))
    return notes


def timed_out(result: CellResult) -> bool:
    """Whether a cell was interrupted."""
    return result.ending == DONE and any(part["status"] == "timeout" for part in result.parts)


def late_note(seconds_late: float, penalty: float) -> list[Note]:
    """How late it came and what that costs."""
    if seconds_late <= 0:
        return []
    days = days_late(seconds_late)
    when = f"{seconds_late / 3600:.1f} hours ({days} started day{'s' if days > 1 else ''})"
    return [Note("late", f"Handed in {when} after the due date: −{penalty:g} points.")]
