"""Where a class's submissions, grades and reports lie: nbgrader's folders and two of our own.

A course has one real class, and a demonstration class in `autograde/demo` with its own gradebook.
"""

import hashlib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograde.building.student import load_config
from autograde.grading.late import DailyPenalty


@dataclass(frozen=True, eq=False)
class Classroom:
    """nbgrader's view of one class. All paths are absolute."""

    root: Path
    config: Config
    directory: CourseDirectory

    @property
    def base(self) -> Path:
        """The folder that holds the class's folders."""
        return self.submitted.parent

    @property
    def submitted(self) -> Path:
        """What was handed in, one folder a student."""
        return self.root / self.directory.submitted_directory

    @property
    def autograded(self) -> Path:
        """The rebuilt notebooks with results, as formgrader shows them."""
        return self.root / self.directory.autograded_directory

    @property
    def feedback(self) -> Path:
        """HTML for the students."""
        return self.root / self.directory.feedback_directory

    @property
    def report(self) -> Path:
        """HTML and CSV for the instructor."""
        return self.base / "report"

    @property
    def state(self) -> Path:
        """What was graded from what, so that nothing is graded twice."""
        return self.base / ".state"

    @property
    def db_url(self) -> str:
        """The gradebook as SQLAlchemy names it."""
        return self.directory.db_url

    @property
    def course_id(self) -> str:
        """The course's name in the gradebook."""
        return self.directory.course_id


def open_classroom(
    root: Path, folder: Path | None = None, database: str | None = None
) -> Classroom:
    """The class whose `nbgrader_config.py` lies in `folder`; by default the course's real one.

    `database` is the gradebook's address, if it is not the one of the settings.
    """
    config = deepcopy(load_config(folder or root))
    if database:
        config.CourseDirectory.db_url = database
    if "plugin_class" not in config.AssignLatePenalties:
        config.AssignLatePenalties.plugin_class = DailyPenalty
    return Classroom(root, config, CourseDirectory(config=config))


def files_digest(paths: list[Path]) -> str:
    """A hash of the files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
