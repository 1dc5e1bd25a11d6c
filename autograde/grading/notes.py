"""What the grader noticed about a submission, besides its points."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Note:
    """One remark: a code for programs, a sentence for people.

    A `problem` means that the work could not be graded as it was handed in, so that a person should
    look: the file cannot be read, a cell hung or ended the process. Late work or a wrong file name
    is a remark, not a problem.
    """

    code: str
    text: str
    problem: bool = False

    def to_json(self) -> dict[str, Any]:
        """For records and `--json`."""
        return asdict(self)
