"""What the grader noticed about a submission, besides its points."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

MAX_NOTES = 100
MAX_TEXT = 600


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


def bounded_notes(notes: Sequence[Note]) -> list[Note]:
    """So many notes of such a length; a last one says how many were left out."""
    kept = [replace(note, text=shortened(note.text, MAX_TEXT)) for note in notes[:MAX_NOTES]]
    left_out = notes[MAX_NOTES:]
    if left_out:
        problem = any(note.problem for note in left_out)
        kept.append(Note("more-notes", f"{len(left_out):,} more notes were left out.", problem))
    return kept


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else text[: most - 2] + " …"
