"""What a hostile or broken submission is, and what has to become of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Notebook = dict[str, Any]
LOSS, TD_ERROR = 3.0, 2.0  # points of the exercise that is attacked, and of the honest one
SERVER = "import gc\nserver = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')\n"


@dataclass(frozen=True)
class Submission:
    """One student who attacks, or whose file is broken.

    Args:
        name: the student's id.
        tries: what is attempted, as a verb.
        first: a cell of the student's own above everything else.
        loss: the answer that is attacked with; what is not given is the stub.
        td_error: the other answer, honest unless the attack needs it.
        last: a cell of the student's own below everything else.
        prose: the written answer.
        damage: what happens to the notebook; it returns what is written to the file.
        file_name: what the file is called.
        lesson: "loss", "lent" for the lesson whose checks lend a network and call an agent, or
            "agent" for the one whose agent plays; there `loss` is the agent.
        points: what has to be earned, by exercise; exercises that are not here earn nothing.
        says: words that the notes on the submission have to contain; "" if nothing is to be said.
        naive: whether a grader fooled by it exists: checks in the namespace of the answers.
        still: why an attempt still gets through; "" if it does not.
        outside: for an attempt (`attempt`): whether it gets through where there is no wall.
    """

    name: str
    tries: str
    first: str = ""
    loss: str | None = None
    td_error: str | None = None
    last: str = ""
    prose: str = ""
    damage: Callable[[Notebook], Notebook | str | bytes] | None = None
    file_name: str = ""
    lesson: str = "loss"
    points: Mapping[str, float] = field(default_factory=lambda: {"td_error": TD_ERROR})
    says: str = ""
    naive: bool = False
    attempt: str = ""
    still: str = ""
    outside: bool = True

    @property
    def family(self) -> str:
        """The first word of the name."""
        return self.name.split("-")[0]


def code_cell(source: str, name: str) -> dict:
    """A cell of a student's own."""
    made = {"cell_type": "code", "source": source, "id": name, "metadata": {}}
    return {**made, "outputs": [], "execution_count": None}
