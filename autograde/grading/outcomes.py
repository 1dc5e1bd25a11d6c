"""What can become of a graded cell, and the outputs that say so in the notebook.

The outputs are written so that nbgrader's own `determine_grade` finds the same points: an error is
0, a number as the cell's value is partial credit, anything else on a check is all of them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograde.grading.executing import BROKE, DIED, DONE, HUNG, CellResult
from autograde.grading.harmless import PICTURES

RIGHT, PARTLY, WRONG, ERROR = "right", "partly right", "wrong", "error"
NOT_WRITTEN, BY_HAND = "not written", "by hand"
TIME_LIMIT, PROCESS_ENDED, NOT_REACHED = "time limit", "process ended", "not reached"
NOT_GRADED = "not graded"
ENDINGS = {
    HUNG: (TIME_LIMIT, "It did not end within the time limit, and could not be interrupted."),
    DIED: (PROCESS_ENDED, "It ended the process it ran in."),
    BROKE: (PROCESS_ENDED, "It made its process send what is no answer, which was ended."),
}
UNREACHED = (NOT_REACHED, "It was not reached: earlier cells took all the time there is.")


@dataclass(frozen=True)
class Score:
    """The result of one graded cell; `points` is None as long as a person has to decide."""

    grade_id: str
    exercise: str
    points: float | None
    possible: float
    status: str
    mistake: str | None = None
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """For records and `--json`."""
        return asdict(self)


def check_outputs(one: Score, result: CellResult | None) -> list[NotebookNode]:
    """What a check cell shows. Nothing that a hidden part printed is among it."""
    visible = result.parts[0]["outputs"] if result and result.parts else []
    kept = [o for o in visible if is_harmless(o)]
    message = one.message or one.status
    if one.points == 0:
        lines = message.split("\n")
        kept.append({"output_type": "error", "ename": one.status, "evalue": lines[0]})
        kept[-1]["traceback"] = lines
    elif one.points != one.possible:
        if one.message:
            kept.append({"output_type": "stream", "name": "stdout", "text": one.message + "\n"})
        data = {"text/plain": f"{one.points:g}"}
        kept.append({"output_type": "execute_result", "data": data, "metadata": {}})
        kept[-1]["execution_count"] = None
    return [nbformat.from_dict(output) for output in kept]


def is_harmless(output: Mapping[str, Any]) -> bool:
    """Whether nbgrader does not take the output for a failure or for points."""
    kind = output["output_type"]
    return kind == "display_data" or (kind == "stream" and output["name"] == "stdout")


def plain_outputs(result: CellResult) -> list[NotebookNode]:
    """What any other cell shows."""
    if result.ending != DONE:
        status, message = ENDINGS.get(result.ending, UNREACHED)
        error = {"output_type": "error", "ename": status, "evalue": message}
        return [nbformat.from_dict({**error, "traceback": [f"{status}: {message}"]})]
    outputs = [nbformat.from_dict(o) for part in result.parts for o in part["outputs"]]
    for output in outputs:
        for kind in PICTURES:
            if kind in output.get("data", {}):
                about = output.metadata.setdefault(kind, NotebookNode())
                about.setdefault("alt", "A picture that this cell draws")
    return outputs
