"""Whether anything has changed that a grade depends on."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from nbformat import NotebookNode

import course_lib
from autograde.grading.classroom import Classroom, files_digest
from autograde.grading.collecting import Submission
from autograde.grading.executing import Limits
from autograde.grading.reading import Unreadable, read_bytes

GRADERS = (
    "changes",
    "choosing",
    "collecting",
    "executing",
    "graded_source",
    "harmless",
    "jobs",
    "outcomes",
    "late",
    "reading",
    "rebuilding",
    "recording",
    "scoring",
    "worker",
)


def grading_key(
    room: Classroom,
    submission: Submission,
    source: NotebookNode,
    due_date: str,
    limits: Limits,
    code: str,
) -> str:
    """A hash of everything that a grade depends on; `code` is `code_digest()`."""
    try:
        data = read_bytes(submission.path) if submission.path else b""
    except Unreadable as error:
        data = str(error).encode()
    parts = {
        "cells": [[cell.cell_type, cell.source, cell.metadata] for cell in source.cells],
        "submission": hashlib.sha256(data).hexdigest(),
        "notes": [note.to_json() for note in submission.notes],
        "time": [str(submission.timestamp), due_date],
        "late": repr(sorted(room.config.DailyPenalty.items())),
        "limits": asdict(limits),
        "code": code,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def code_digest() -> str:
    """A hash of the library that students' notebooks and checks use, and of the grader."""
    library = Path(course_lib.__file__).parent
    here = Path(__file__).parent
    return files_digest([*library.rglob("*.py"), *(here / f"{name}.py" for name in GRADERS)])
