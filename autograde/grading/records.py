"""What was graded, from what, with what result: one JSON file a submission.

The gradebook has the points; here is what it has no place for: the mistake's name, notes, and the
key that says whether anything has changed since.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autograde.building.worked import write_if_new
from autograde.grading.classroom import Classroom
from autograde.grading.notes import Note
from autograde.grading.outcomes import Score
from autograde.lesson import Lesson
from course_lib.checks.agent_tasks import Trial


@dataclass(frozen=True)
class Record:
    """The result of grading one submission."""

    student: str
    lesson: str
    key: str
    scores: tuple[Score, ...]
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0
    fingerprint: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()

    @property
    def points(self) -> float:
        """Points found so far, before penalties; what waits for a person counts as 0."""
        return sum(one.points or 0.0 for one in self.scores)

    @property
    def possible(self) -> float:
        """All points of the lesson."""
        return sum(one.possible for one in self.scores)

    @property
    def problems(self) -> tuple[Note, ...]:
        """The notes that ask for a person to look."""
        return tuple(note for note in self.notes if note.problem)

    def to_json(self) -> dict[str, Any]:
        """The record for people's programs."""
        return {
            "student": self.student,
            "lesson": self.lesson,
            "key": self.key,
            "points": self.points,
            "possible": self.possible,
            "scores": [one.to_json() for one in self.scores],
            "notes": [note.to_json() for note in self.notes],
            "seconds": round(self.seconds, 3),
        }

    def stored(self) -> dict[str, Any]:
        """The same with what only the next report needs."""
        trials = [asdict(one) for one in self.trials]
        return {**self.to_json(), "fingerprint": list(self.fingerprint), "trials": trials}


def record_path(room: Classroom, lesson: Lesson, student: str) -> Path:
    """Where a submission's record is."""
    return room.state / lesson.name / f"{student}.json"


def calls_path(room: Classroom, lesson: Lesson, student: str) -> Path:
    """Where the calls of a submission's functions are."""
    return room.state / lesson.name / f"{student}.calls.json.gz"


def write_record(room: Classroom, lesson: Lesson, record: Record) -> None:
    """Store a record; a reader sees the old one or the new one, never half of it."""
    text = json.dumps(record.stored(), ensure_ascii=False)
    write_if_new(record_path(room, lesson, record.student), text + "\n")


def read_record(room: Classroom, lesson: Lesson, student: str) -> Record | None:
    """The record of a submission, or None if there is none that can be used."""
    try:
        data = json.loads(record_path(room, lesson, student).read_text(encoding="utf-8"))
        return Record(
            data["student"],
            data["lesson"],
            data["key"],
            tuple(Score(**one) for one in data["scores"]),
            tuple(Note(**note) for note in data["notes"]),
            data["seconds"],
            tuple(data["fingerprint"]),
            tuple(map(Trial.read, data["trials"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
