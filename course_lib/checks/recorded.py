"""Exercises as the student edition has them: cases and answers as data, without their code.

A recording is two files beside each other: `name.json` holds the rules, names and structure,
`name.npz` all numbers. Neither can carry code; `autograde.release` writes them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.checks import drivers
from course_lib.checks.packing import Numbers, unpack
from course_lib.checks.problem import Case, Outcome, Problem, WorkedCase

FOLDER = Path(__file__).parent / "recordings"
OUTCOME = ("value", "gradients", "changed", "error")


@dataclass(frozen=True)
class RecordedMistake:
    """A known mistake without its code."""

    name: str
    explanation: str


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordedExercise(Problem):
    """An exercise of which the visible cases were run beforehand.

    Args:
        recorded: the worked cases of each seed that was recorded.
    """

    recorded: Mapping[int, Sequence[WorkedCase]]

    def worked(self, seed: int) -> Sequence[WorkedCase]:
        """The recorded cases of one seed."""
        if seed not in self.recorded:
            raise ValueError(
                "This edition of the course has the visible cases only. The hidden ones run when "
                "your work is graded: leave hidden=True out."
            )
        return self.recorded[seed]


def recorded_names() -> set[str]:
    """The names of the exercises that there are recordings of."""
    return {path.stem for path in FOLDER.glob("*.json")}


def read_recording(name: str, folder: Path | None = None) -> RecordedExercise:
    """The exercise in the two files of that name."""
    folder = folder or FOLDER
    stored = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with Numbers.opened(folder / f"{name}.npz") as numbers:
        rules = {key: unpack(value, numbers) for key, value in stored["rules"].items()}
        recorded = {
            int(seed): tuple(worked_case(one, numbers) for one in cases)
            for seed, cases in stored["recorded"].items()
        }
    rules["observe"] = driver(rules["observe"])
    mistakes = tuple(RecordedMistake(*one) for one in stored["mistakes"])
    return RecordedExercise(mistakes=mistakes, recorded=recorded, **rules)


def worked_case(stored: Mapping[str, Any], numbers: Numbers) -> WorkedCase:
    """One case with its answers."""
    inputs = unpack(stored["inputs"], numbers)
    case = Case(stored["name"], inputs, stored["part"], driver(stored["call"]))
    outcomes = [outcome(one, numbers) for one in stored["outcomes"]]
    return WorkedCase(case, outcomes[0], partial(list.__getitem__, outcomes[1:]))


def outcome(stored: Sequence[Any], numbers: Numbers) -> Outcome:
    """What came out of one call."""
    return Outcome(**{key: unpack(one, numbers) for key, one in zip(OUTCOME, stored, strict=True)})


def driver(name: str | None) -> Any:
    """The function of `drivers.py` with this name."""
    return None if name is None else getattr(drivers, name)
