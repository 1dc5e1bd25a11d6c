"""A reader's own error in a training, told without the loop's insides."""

import linecache
import traceback
from pathlib import Path
from types import TracebackType

import torch

import course_lib
from course_lib.figures.history import History

INSIDE = (Path(course_lib.__file__).parent, Path(torch.__file__).parent)


def shorten(error: Exception, history: History) -> None:
    """Give an error the history so far as `.history`, and a short form for notebooks.

    Outside IPython the whole traceback is shown as ever.
    """
    error.history = history
    lines = short_traceback(error, len(history.update_steps))
    error._render_traceback_ = lambda: lines


def short_traceback(error: Exception, updates: int) -> list[str]:
    """The reader's own lines on the way to the error, the error, and how far the run had come."""
    frames = own_frames(error.__traceback__)
    name = frames[-1][0] if frames else "a function"
    if isinstance(error, NotImplementedError) and frames:
        return [f"✗ {name} is not written yet, and this run calls it: write it first, then train."]
    lines = []
    for function, file, number in frames:
        lines.append(f"{function}, line {number}:")
        lines.append(f"    {linecache.getline(file, number).strip()}")
    lines += [line.rstrip() for line in traceback.format_exception_only(error)]
    when = "before the first update" if not updates else f"after {updates} updates"
    return [*lines, f"(The run stopped {when}.)"]


def own_frames(trace: TracebackType | None) -> list[tuple[str, str, int]]:
    """(function, file, line) of the frames that are neither the course's nor torch's."""
    return [
        (frame.name, frame.filename, frame.lineno)
        for frame in traceback.extract_tb(trace)
        if not any(Path(frame.filename).is_relative_to(folder) for folder in INSIDE)
        and frame.name != "<module>"
    ]
