"""From what the cells gave to points: one `Score` a graded cell, and the outputs nbgrader reads.

What a cell then shows is in `outcomes.py`.
"""

import math
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils

from autograde.grading.choosing import is_check
from autograde.grading.executing import DONE, CellResult
from autograde.grading.graded_source import grade_id
from autograde.grading.outcomes import (
    BY_HAND,
    ENDINGS,
    ERROR,
    NOT_GRADED,
    NOT_WRITTEN,
    PARTLY,
    RIGHT,
    TIME_LIMIT,
    UNREACHED,
    WRONG,
    Score,
    check_outputs,
    plain_outputs,
)


def score(
    notebook: NotebookNode, results: Mapping[int, CellResult], unwritten: set[str]
) -> list[Score]:
    """Score every graded cell and put outputs into all cells that ran."""
    scores: list[Score] = []
    answers: list[tuple[str, CellResult | None]] = []
    for index, cell in enumerate(notebook.cells):
        result = results.get(index)
        if is_check(cell):
            one = score_check(cell, result, answers, unwritten)
            cell.outputs = check_outputs(one, result)
            scores.append(one)
            answers = []
        elif utils.is_grade(cell):
            scores.append(score_written(cell, unwritten))
        elif utils.is_solution(cell):
            answers.append((grade_id(cell), result))
        if result and not is_check(cell) and cell.cell_type == "code":
            cell.outputs = plain_outputs(result)
    return scores


def score_nothing(notebook: NotebookNode, reason: str) -> list[Score]:
    """No points anywhere, for a submission that cannot be read."""
    scores = []
    for cell in notebook.cells:
        if not utils.is_grade(cell):
            continue
        name, possible = grade_id(cell), float(cell.metadata.nbgrader["points"])
        scores.append(Score(name, exercise_name(name), 0.0, possible, NOT_GRADED, None, reason))
        if cell.cell_type == "code":
            cell.outputs = check_outputs(scores[-1], None)
    return scores


def exercise_name(name: str) -> str:
    """What a check cell checks, as far as its name says it: check-reinforce-loss."""
    return name.removeprefix("check-").replace("-", "_")


def score_written(cell: NotebookNode, unwritten: set[str]) -> Score:
    """An answer that a person grades; one that was not written has no points already."""
    name, possible = grade_id(cell), float(cell.metadata.nbgrader["points"])
    if name in unwritten:
        return Score(name, exercise_name(name), 0.0, possible, NOT_WRITTEN)
    return Score(name, exercise_name(name), None, possible, BY_HAND)


def score_check(
    cell: NotebookNode,
    result: CellResult | None,
    answers: list[tuple[str, CellResult | None]],
    unwritten: set[str],
) -> Score:
    """Points of a check: the lower of its visible and its hidden part."""
    name, possible = grade_id(cell), float(cell.metadata.nbgrader["points"])
    exercise = exercise_name(name)
    stub_only = bool(answers) and all(answer in unwritten for answer, _ in answers)
    if result is None or result.ending != DONE:
        status, message = ENDINGS.get(result.ending, UNREACHED) if result else UNREACHED
        return Score(name, exercise, 0.0, possible, status, None, message)
    share = min((share_of(part, possible) for part in result.parts), default=1.0)
    failed = [part for part in result.parts if part["status"] != "ok"]
    checks = [part["check"] for part in failed if "check" in part]
    exercise = next((check["exercise"] for check in checks), exercise)
    mistake = next((check["mistake"] for check in checks if check["mistake"]), None)
    status, message = status_of(share, result.parts, failed)
    if share == 0 and stub_only and status in (WRONG, ERROR):
        return Score(name, exercise, 0.0, possible, NOT_WRITTEN)
    if status == ERROR:
        status, message = answer_trouble(answers) or (status, message)
    points = round(possible * share, 2)
    return Score(name, exercise, points, possible, status, mistake, message)


def share_of(part: Mapping[str, Any], possible: float) -> float:
    """The share of the points that one part of a check leaves."""
    if part["status"] == "check failed":
        check = part["check"]
        return bounded(check["points"], check["possible"]) if check["possible"] else 0.0
    if part["status"] != "ok":
        return 0.0
    values = [o["data"]["text/plain"] for o in part["outputs"] if is_value(o)]
    try:
        return bounded(float(values[0]), possible) if values and possible else 1.0
    except ValueError:
        return 1.0


def is_value(output: Mapping[str, Any]) -> bool:
    """Whether an output is the value of a cell's last line."""
    return output["output_type"] == "execute_result" and "text/plain" in output["data"]


def bounded(points: float, possible: float) -> float:
    """points / possible within 0 and 1; what is not a number is 0."""
    share = points / possible
    return min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0


def status_of(
    share: float, parts: tuple[Mapping[str, Any], ...], failed: list[Mapping[str, Any]]
) -> tuple[str, str]:
    """The status of a check that ran, and the message that belongs to it."""
    if not failed:
        return (RIGHT if share == 1 else PARTLY if share else WRONG), ""
    first = failed[0]
    if first["status"] == "timeout":
        return TIME_LIMIT, f"It was interrupted: {first['message']}."
    if first["status"] == "check failed":
        wrong = ERROR if first["check"].get("raised") else WRONG
        return (PARTLY if share else wrong), first["message"]
    if first is not parts[0]:
        return ERROR, f"A hidden test failed ({first['error']})."
    return ERROR, f"{first['error']}: {first['message']}"


def answer_trouble(answers: list[tuple[str, CellResult | None]]) -> tuple[str, str] | None:
    """Why the answer above a check does not exist, if its own cell says so."""
    for name, result in answers:
        if result and result.ending != DONE:
            status, message = ENDINGS.get(result.ending, UNREACHED)
            return status, f"The answer {name}: {message}"
        for part in result.parts if result else ():
            if part["status"] == "timeout":
                return TIME_LIMIT, f"The answer {name} was interrupted: {part['message']}."
            if part["status"] == "error":
                text = f"{part['error']}: {part['message']}"
                return ERROR, f"The answer {name} does not run: {text}"
    return None
