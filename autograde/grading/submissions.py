"""What was handed in: one submission, and all of them."""

from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from pathlib import Path

from nbgrader.utils import parse_utc

from autograde.grading.archives import member_bytes, shown
from autograde.grading.notes import Note
from autograde.lesson import Lesson

TIMESTAMP = "timestamp.txt"
NO_DATE = Note("timestamp", f"{TIMESTAMP} is not a date; the work counts as in time.")


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one lesson; `path` is None if there is no notebook.

    If `path` is an archive, `inside` names the notebook in it; for an archive in an archive, both.
    `number` is the one that a learning platform knows the student by.
    """

    student: str
    lesson: Lesson
    folder: Path
    path: Path | None = None
    timestamp: datetime | None = None
    notes: tuple[Note, ...] = ()
    inside: tuple[str, ...] = ()
    platform: str = ""
    number: str = ""

    @property
    def file_name(self) -> str:
        """The notebook's name, as the student gave it."""
        if self.inside:
            return self.inside[-1].rsplit("/", 1)[-1]
        return self.path.name if self.path else f"{self.lesson.slug}.ipynb"


@dataclass
class Collection:
    """All submissions, in the order of lessons and students, and what could not be placed."""

    submissions: list[Submission] = field(default_factory=list)
    students: list[str] = field(default_factory=list)
    strays: list[Note] = field(default_factory=list)

    def add_once(self, submission: Submission) -> None:
        """Add a submission, unless the student's work for the lesson is there already."""
        for other in self.submissions:
            if (other.student, other.lesson) == (submission.student, submission.lesson):
                where = submission.path.name if submission.path else "an archive"
                text = f"{submission.student} handed in {submission.lesson.name} twice; "
                text += f"what is in {where} was not graded."
                self.strays.append(Note("stray", text, problem=True))
                return
        self.submissions.append(submission)
        if submission.student not in self.students:
            self.students.append(submission.student)


def submitted_bytes(submission: Submission) -> bytes | None:
    """The bytes of what was handed in; None if nothing was found.

    Raises:
        Unreadable: it cannot be read.
    """
    return member_bytes(submission.path, submission.inside) if submission.path else None


def choose(found: list[str], name: str) -> tuple[str, list[Note]]:
    """The notebook with the right name, else the one whose name is closest to it."""
    if name in found:
        return name, []
    ranked = sorted(found, key=lambda one: -SequenceMatcher(None, one.lower(), name).ratio())
    others = f" It was chosen from {len(found)} notebooks." if len(found) > 1 else ""
    text = f"The notebook is called {shown(ranked[0])}, not {name}; it was graded.{others}"
    return ranked[0], [Note("file-name", text)]


def as_time(text: str) -> datetime:
    """A date and time in UTC."""
    return parse_utc(text.strip())
