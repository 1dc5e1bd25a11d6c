"""What a lesson asks for, read from its notebook: exercises, questions, written questions."""

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.desk.errors import DeskError
from course_lib.desk.files import write_if_new
from course_lib.desk.notebooks import (
    Cell,
    Notebook,
    grade_id,
    is_answer,
    is_graded,
    marks,
    plain,
    read_notebook,
)
from course_lib.desk.places import MARKER, STATE, Page, pages_in

EXERCISE, QUESTION, WRITTEN = "exercise", "question", "written"
VERSION = 1
LESSON = re.compile(r"\*\*Lesson \d+ · (?P<title>.+?)\*\*(?: · (?P<time>[^·\n]+?) · \d+ points)?")
HEADING = re.compile(r"^#{2,} +(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Item:
    """One thing to do: its kind, the name that a check reports, nbgrader's name, what it is worth.

    `title` is how the lesson calls it.
    """

    kind: str
    name: str
    grade_id: str
    points: float
    title: str


@dataclass(frozen=True)
class Outline:
    """A lesson's name as 02_reinforce, its title, how long it takes, and what there is to do."""

    lesson: str
    title: str
    time: str
    items: tuple[Item, ...]

    @property
    def checked(self) -> list[Item]:
        """What a check decides."""
        return [item for item in self.items if item.kind != WRITTEN]

    @property
    def written(self) -> list[Item]:
        """What a person reads."""
        return [item for item in self.items if item.kind == WRITTEN]


def outline_of(page: Page, notebook: Notebook) -> Outline:
    """The outline of a lesson that is handed out."""
    cells = notebook["cells"]
    found = LESSON.search(plain(cells[0])) if cells else None
    title = found["title"] if found else page.file.removesuffix(".ipynb").replace("_", " ")
    return Outline(page.name, title, (found and found["time"]) or "", tuple(items_in(cells)))


def items_in(cells: Iterable[Cell]) -> Iterable[Item]:
    """The graded cells, each with the heading that it stands under."""
    heading = ""
    for cell in cells:
        if is_graded(cell):
            yield item_of(cell, heading)
        elif cell["cell_type"] == "markdown":
            headings = HEADING.findall(plain(cell))
            heading = headings[-1] if headings else heading


def item_of(cell: Cell, heading: str) -> Item:
    """One graded cell."""
    points = marks(cell).get("points")
    worth = float(points) if isinstance(points, int | float) else 0.0
    title = heading.split(" · ")[0].replace("`", "")
    if is_answer(cell):
        return Item(WRITTEN, grade_id(cell), grade_id(cell), worth, title)
    function, name = checked_name(cell)
    kind = QUESTION if function == "check_answer" else EXERCISE
    return Item(kind, name, grade_id(cell), worth, f"{title} · {name}")


def checked_name(cell: Cell) -> tuple[str, str]:
    """The function that a check cell calls first, and the name of what it checks."""
    fallback = "check", grade_id(cell).removeprefix("check-").replace("-", "_")
    try:
        tree = ast.parse(plain(cell))
    except (SyntaxError, ValueError):
        return fallback
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            named = [one.value for one in node.keywords if one.arg == "exercise"]
            first = (named or node.args)[0]
            name = first.value if isinstance(first, ast.Constant) else getattr(first, "id", None)
            return (node.func.id, name) if isinstance(name, str) else fallback
    return fallback


def write_outlines(workspace: Path) -> None:
    """Read the lessons of a workspace, and write down what they ask for; this marks a workspace.

    A lesson that is not handed out any more is still there.
    """
    found = [read_outline(workspace, page) for page in pages_in(workspace)]
    outlines = [outline for outline in found if outline]
    stored = {"version": VERSION, "lessons": [asdict(one) for one in outlines]}
    text = json.dumps(stored, indent=1, ensure_ascii=False) + "\n"
    write_if_new(workspace / STATE / MARKER, text)


def read_outline(workspace: Path, page: Page) -> Outline | None:
    """The outline of the version that the student works in; None if it cannot be read."""
    for path in (page.base(workspace), page.mine(workspace)):
        try:
            outline = outline_of(page, read_notebook(path))
        except DeskError:
            continue
        if outline.items or path == page.base(workspace):  # else a notebook of the student's own
            return outline
    return None


def load_outlines(workspace: Path) -> list[Outline]:
    """What was written down.

    Raises:
        DeskError: it is missing or damaged.
    """
    path = workspace / STATE / MARKER
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [outline_from(one) for one in stored["lessons"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise DeskError(
            f"{path} cannot be read. Close JupyterLab and start it again as you did before: that "
            "writes the file anew."
        ) from None


def outline_from(stored: dict) -> Outline:
    """An outline out of its JSON."""
    return Outline(**{**stored, "items": tuple(Item(**item) for item in stored["items"])})
