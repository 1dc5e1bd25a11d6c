"""Where a student stands: what a lesson asks for, compared with what was recorded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.desk.errors import DeskError
from course_lib.desk.missing import recognised
from course_lib.desk.notebooks import by_grade_id, plain, read_notebook
from course_lib.desk.outline import EXERCISE, QUESTION, Item, Outline, load_outlines
from course_lib.desk.places import Page
from course_lib.desk.records import Record, Records, load_records


@dataclass(frozen=True)
class Standing:
    """A lesson with what is done of it; `answered` are the written questions that have a text.

    `workspace` is where the work lies, for the commands that are named.
    """

    outline: Outline
    records: Records
    answered: frozenset[str] = frozenset()
    workspace: Path | None = None

    def record(self, item: Item) -> Record:
        """What is known of an item."""
        return self.records.get(item.name, Record())

    def is_done(self, item: Item) -> bool:
        """Whether its check has passed once, or something is written."""
        if item in self.outline.written:
            return item.grade_id in self.answered
        return self.record(item).first_passed is not None

    def done(self, kind: str) -> tuple[int, int]:
        """How many items of a kind are done, and how many there are."""
        items = [item for item in self.outline.items if item.kind == kind]
        return sum(map(self.is_done, items)), len(items)

    @property
    def points(self) -> float:
        """The best points of each check, together."""
        return sum(min(self.record(item).points, item.points) for item in self.outline.checked)

    @property
    def possible(self) -> float:
        """What the checks can give."""
        return sum(item.points for item in self.outline.checked)

    @property
    def next(self) -> Item | None:
        """The first thing that is not done; None at the end."""
        return next((item for item in self.outline.items if not self.is_done(item)), None)

    def as_json(self) -> dict[str, Any]:
        """Everything that a script could want."""
        return {
            "lesson": self.outline.lesson,
            "title": self.outline.title,
            "points": self.points,
            "possible": self.possible,
            "exercises": self.done(EXERCISE),
            "questions": self.done(QUESTION),
            "next": self.next.title if self.next else None,
            "items": [self.item_json(item) for item in self.outline.items],
        }

    def item_json(self, item: Item) -> dict[str, Any]:
        """One item."""
        known = self.record(item)
        return {
            "name": item.name,
            "kind": item.kind,
            "done": self.is_done(item),
            "points": min(known.points, item.points),
            "possible": item.points,
            "tries": known.tries,
            "first_passed": known.first_passed,
            "passes": known.passes,
            "mistake": known.mistake,
        }


def standings(workspace: Path) -> list[Standing]:
    """All lessons of a workspace, in order.

    Raises:
        DeskError: what was recorded cannot be read.
    """
    records = load_records(workspace)
    return [
        Standing(outline, records, answered_in(workspace, outline), workspace)
        for outline in load_outlines(workspace)
    ]


def answered_in(workspace: Path, outline: Outline) -> frozenset[str]:
    """The written questions that have a text in the notebook, as it was saved."""
    page = Page(outline.lesson)
    try:
        given = read_notebook(page.base(workspace))["cells"]
        mine = recognised(read_notebook(page.mine(workspace))["cells"], given)
    except DeskError:
        return frozenset()
    stubs = {name: plain(cell) for name, cell in by_grade_id(given).items()}
    wanted = [item.grade_id for item in outline.written if item.grade_id in mine]
    return frozenset(one for one in wanted if plain(mine[one]) not in ("", stubs.get(one)))


def number(value: float) -> str:
    """Points without a useless fraction."""
    return f"{value:.4g}"


def of(pair: tuple[int, int]) -> str:
    """As "3 of 7"; a dash where there is nothing to do."""
    return f"{pair[0]} of {pair[1]}" if pair[1] else "–"
