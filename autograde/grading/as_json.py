"""Results for scripts: what `--json` prints."""

import json
from dataclasses import asdict
from typing import Any

from autograde.grading.classroom import Classroom
from autograde.grading.report import csv_path, html_path
from autograde.grading.results import LessonResults
from autograde.grading.whole_class import Outcome


def outcome_json(outcome: Outcome, room: Classroom) -> str:
    """What `course grade --json` prints."""
    data = {
        "graded": outcome.graded,
        "unchanged": outcome.unchanged,
        "problems": outcome.problems,
        "interrupted": outcome.interrupted,
        "report": str(html_path(room)),
        "csv": str(csv_path(room)),
        "strays": [note.to_json() for note in outcome.strays],
        "changes": [one.to_json() for one in outcome.changes],
        "submissions": [record.to_json() for record in outcome.records],
    }
    return json.dumps(data, indent=2)


def tables_json(tables: list[LessonResults]) -> str:
    """What `course report --json` prints."""
    return json.dumps([as_data(table) for table in tables], indent=2)


def as_data(table: LessonResults) -> dict[str, Any]:
    """One lesson's table."""
    return {
        "lesson": table.lesson.name,
        "mean": table.mean,
        "students": [
            {
                "student": row.student,
                "handed_in": row.handed_in,
                "points": row.points,
                "possible": row.possible,
                "by_hand": row.by_hand,
                "penalty": row.penalty,
                "scores": [one.to_json() for one in row.scores],
                "notes": [note.to_json() for note in row.notes],
            }
            for row in table.rows
        ],
        "questions": [asdict(one) for one in table.questions],
        "seconds": asdict(table.times) if table.times else None,
        "similar": [asdict(pair) for pair in table.similar],
        "mistakes": [
            {"exercise": one.exercise, "mistake": one.mistake, "students": list(one.students)}
            for one in table.mistakes
        ],
    }
