"""By which number a learning platform knows each student, as its archive of a lesson said.

Moodle gives everybody another number in each assignment, so they are kept lesson by lesson.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograde.building.worked import write_if_new
from autograde.grading.classroom import Classroom
from autograde.grading.submissions import Submission
from autograde.lesson import Lesson


@dataclass(frozen=True)
class Identity:
    """A student on a platform."""

    platform: str
    number: str


def identities_path(room: Classroom) -> Path:
    """Where they are kept."""
    return room.state / "platforms.json"


def remember(room: Classroom, submissions: Iterable[Submission]) -> None:
    """Keep what the archives said; what was known before stays."""
    known = stored(room)
    for one in submissions:
        if one.number:
            found = known.setdefault(one.lesson.name, {})
            found[one.student] = {"platform": one.platform, "number": one.number}
    if known:
        text = json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True)
        write_if_new(identities_path(room), text + "\n")


def remembered(room: Classroom, lesson: Lesson) -> dict[str, Identity]:
    """The students of a lesson whose work came from a platform."""
    return {name: Identity(**one) for name, one in stored(room).get(lesson.name, {}).items()}


def stored(room: Classroom) -> dict[str, dict[str, dict[str, str]]]:
    """The file's content; nothing if there is none that can be read."""
    try:
        return json.loads(identities_path(room).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
