"""What a student has earned: one file a workspace, which two notebooks may write at once.

Points here are those of the visible cases; what counts is decided where the work is graded.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from course_lib.desk.errors import DeskError, reason
from course_lib.desk.files import keep_beside, locked, write_if_new
from course_lib.desk.places import STATE

FILE = "progress.json"
VERSION = 1


@dataclass(frozen=True)
class Record:
    """What is known of one exercise or question.

    Attributes:
        points: the most that a check gave.
        possible: what it could give.
        tries: checks until it passed, or so far.
        first_passed: when it passed first; None if it never did.
        last: when it was checked last.
        passes: whether the last check passed.
        mistake: the known mistake that was named last, or None.
    """

    points: float = 0.0
    possible: float = 0.0
    tries: int = 0
    first_passed: str | None = None
    last: str = ""
    passes: bool = False
    mistake: str | None = None

    def after(self, points: float, possible: float, passed: bool, mistake: str | None) -> "Record":
        """The record with one more check in it."""
        moment = now()
        return replace(
            self,
            points=max(self.points, points),
            possible=possible,
            tries=self.tries + (self.first_passed is None),
            first_passed=self.first_passed or (moment if passed else None),
            last=moment,
            passes=passed,
            mistake=mistake or self.mistake,
        )


Records = dict[str, Record]


def now() -> str:
    """The time with its zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def records_path(workspace: Path) -> Path:
    """The one file."""
    return workspace / STATE / FILE


def load_records(workspace: Path) -> Records:
    """Everything that was recorded; nothing if nothing was.

    Raises:
        DeskError: the file is damaged, of a newer version of the course, or cannot be read.
    """
    path = records_path(workspace)
    try:
        stored = json.loads(path.read_bytes())
        version = stored["version"]
        if isinstance(version, int) and version > VERSION:
            raise DeskError(f"{path} was written by a newer version of the course.")
        return {name: record_from(one) for name, one in stored["records"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DeskError(f"Your progress cannot be read: {reason(error)}.") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Damaged(f"{path} is damaged.") from None


class Damaged(DeskError):
    """The file is there and makes no sense."""


def record_from(stored: dict[str, Any]) -> Record:
    """A record out of its JSON; a `TypeError` if something is not what it should be."""
    record = Record(**stored)
    numbers = (record.points, record.possible, record.tries)
    if not all(isinstance(one, int | float) for one in numbers):
        raise TypeError("points, possible and tries are numbers")
    texts = (record.first_passed, record.last, record.mistake)
    if not all(one is None or isinstance(one, str) for one in texts):
        raise TypeError("times and mistakes are texts")
    return record


def change_records(workspace: Path, change: Callable[[Records], Records]) -> tuple[Records, str]:
    """Read, change and write in one go; the new records, and a remark if the old were damaged.

    Raises:
        DeskError: another notebook holds the file, or it cannot be read or written.
    """
    path = records_path(workspace)
    try:
        with locked(path.with_suffix(".lock")):
            records, remark = readable_records(workspace)
            records = change(records)
            stored = {name: asdict(one) for name, one in sorted(records.items())}
            content = {"version": VERSION, "records": stored}
            write_if_new(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    except TimeoutError:
        raise DeskError("Another notebook is writing your progress: check once more.") from None
    except OSError as error:
        raise DeskError(f"Your progress cannot be written: {reason(error)}.") from None
    return records, remark


def readable_records(workspace: Path) -> tuple[Records, str]:
    """The records; a damaged file is put aside, and a new one begun."""
    try:
        return load_records(workspace), ""
    except Damaged:
        path = records_path(workspace)
        kept = keep_beside(path.with_name("progress.damaged.json"), path.read_bytes())
        os.unlink(path)
        return {}, (
            f"Your progress file was damaged. It is kept as {kept}; counting begins anew. Run the "
            "checks of finished lessons once more (Run > Run All Cells)."
        )
