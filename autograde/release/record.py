"""Writes exercises down as data: their visible cases, and what reference and mistakes make of them.

`course_lib.checks.recorded` reads it back. What of an answer is in a recording: numbers that came
out of it on cases that the student sees anyway.
"""

import json
from pathlib import Path
from typing import Any

from course_lib.checks import drivers
from course_lib.checks.exercise import Exercise
from course_lib.checks.judging import VISIBLE_SEEDS
from course_lib.checks.packing import Numbers, pack
from course_lib.checks.problem import Outcome, WorkedCase
from course_lib.checks.question import Question
from course_lib.checks.recorded import OUTCOME
from course_lib.checks.sealed import seal_verdict

RULES = (
    "name",
    "statement",
    "points",
    "gradient",
    "no_gradient",
    "noted_gradient",
    "relative_tolerance",
    "absolute_tolerance",
    "sampling_noise",
)


def record_exercise(exercise: Exercise, folder: Path) -> None:
    """Run the visible cases and write `name.json` and `name.npz`.

    Raises:
        TypeError: a case holds something that the student edition does not have.
    """
    numbers = Numbers()
    rules = {name: pack(getattr(exercise, name), numbers) for name in RULES}
    stored = {
        "rules": rules | {"observe": driver_name(exercise.observe)},
        "mistakes": [[one.name, one.explanation] for one in exercise.mistakes],
        "recorded": {
            str(seed): [pack_case(one, len(exercise.mistakes), numbers) for one in worked]
            for seed in VISIBLE_SEEDS
            for worked in [exercise.worked(seed)]
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(stored, ensure_ascii=False, indent=None, separators=(",", ":"))
    (folder / f"{exercise.name}.json").write_text(text + "\n", encoding="utf-8")
    numbers.write(folder / f"{exercise.name}.npz")


def pack_case(worked: WorkedCase, num_mistakes: int, numbers: Numbers) -> dict[str, Any]:
    """A case; the outcome that is wanted, then those of all known mistakes."""
    outcomes = [worked.wanted, *(worked.mistaken(place) for place in range(num_mistakes))]
    return {
        "name": worked.case.name,
        "part": worked.case.part,
        "call": driver_name(worked.case.call),
        "inputs": pack(worked.case.inputs, numbers),
        "outcomes": [pack_outcome(one, numbers) for one in outcomes],
    }


def pack_outcome(outcome: Outcome, numbers: Numbers) -> list[Any]:
    """What came out of one call; where an error was raised in an answer is not written down."""
    return [pack(getattr(outcome, name), numbers) for name in OUTCOME]


def driver_name(function: Any) -> str | None:
    """How the student edition calls this function."""
    if function is None:
        return None
    if getattr(drivers, function.__name__, None) is not function:
        raise TypeError(f"{function!r} is not in course_lib/checks/drivers.py")
    return function.__name__


def seal_questions(questions: list[Question], path: Path) -> None:
    """Write all questions into one file in which each explanation opens to its own letter."""
    stored = [
        {
            "name": question.name,
            "points": question.points,
            "sealed": {
                letter: seal_verdict(question.name, letter, *question.verdict(letter))
                for letter in question.letters
            },
        }
        for question in questions
    ]
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
