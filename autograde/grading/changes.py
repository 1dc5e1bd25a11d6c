"""Whether anything has changed that a grade depends on."""

import hashlib
import json
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path

import course_lib
from autograde.grading.classroom import files_digest
from autograde.grading.judge import Kit, Task

# Modules that show, save or find results, and decide none.
ONLY_SHOW = (
    "as_json", "commands", "formgrader", "leaderboard", "ranking", "reference_agents", "report",
    "results", "similar", "terminal",
)  # fmt: skip


def grading_key(task: Task, handed_in: str, code: str) -> str:
    """A hash of everything that a grade depends on; `code` is `code_digest()`."""
    parts = {
        "kit": kit_digest(task.kit),
        "file": [task.file_name, hashlib.sha256(task.data or b"").hexdigest()],
        "notes": [note.to_json() for note in task.notes],
        "time": [handed_in, task.seconds_late],
        "code": code,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=32)
def kit_digest_of(source: str, settings: str, limits: str) -> str:
    """One hash of what all submissions of a lesson share."""
    return hashlib.sha256(json.dumps([source, settings, limits]).encode()).hexdigest()


def kit_digest(kit: Kit) -> str:
    """The lesson's source, the price of being late, what was drawn by lot, and the limits."""
    late = repr([*sorted(kit.config.DailyPenalty.items()), kit.lots and asdict(kit.lots)])
    return kit_digest_of(kit.source, late, json.dumps(asdict(kit.limits), sort_keys=True))


@cache
def code_digest() -> str:
    """A hash of the library that students' notebooks and checks use, and of the grader.

    Once a process: what it has imported does not change any more.
    """
    library = Path(course_lib.__file__).parent
    here = Path(__file__).parent
    graders = [path for path in here.glob("*.py") if path.stem not in ONLY_SHOW]
    wall = (here.parent / "wall").glob("*.py")
    return files_digest([*library.rglob("*.py"), *graders, *wall])
