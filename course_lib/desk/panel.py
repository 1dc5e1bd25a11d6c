"""`progress()`: a panel in the notebook that says what is done and what comes next."""

import html
from dataclasses import dataclass
from pathlib import Path

from course_lib.desk.errors import DeskError
from course_lib.desk.outline import EXERCISE, QUESTION, WRITTEN, Item
from course_lib.desk.places import Page, find_workspace, told
from course_lib.desk.standing import Standing, number, of, standings

NOWHERE = (
    "Progress is recorded in a workspace, and this notebook is in none. Open the course with: {}"
)


@dataclass(frozen=True)
class Panel:
    """Shown by Jupyter as HTML, by a terminal as text."""

    html: str
    text: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Both forms."""
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def progress() -> Panel:
    """What is done in the lesson that this notebook is of; elsewhere, in all lessons.

    It reads what the checks recorded. Written questions count once the notebook is saved.
    """
    here = Path.cwd()
    workspace = find_workspace(here)
    if workspace is None:
        return message_panel(NOWHERE.format(told("lab")))
    try:
        found = standings(workspace)
    except DeskError as error:
        return message_panel(str(error))
    lesson = next((one for one in found if Page(one.outline.lesson).name == here.name), None)
    return lesson_panel(lesson) if lesson else course_panel(found)


def message_panel(message: str) -> Panel:
    """One sentence."""
    return Panel(f"<p>{html.escape(message)}</p>", message)


def lesson_panel(standing: Standing) -> Panel:
    """One lesson, with everything that there is to do in it."""
    title = f"Lesson {standing.outline.lesson[:2]} · {standing.outline.title}"
    rows = [item_row(standing, item) for item in standing.outline.items]
    head = ("state", "task", "points", "tries", "last mistake")
    last = next_line(standing)
    summary = f"{number(standing.points)} of {number(standing.possible)} points"
    return Panel(
        html_panel(title, summary, standing.points, standing.possible, table(head, rows), last),
        text_panel(f"{title}: {summary}", rows, last),
    )


def item_row(standing: Standing, item: Item) -> tuple[str, ...]:
    """One thing to do, in cells."""
    known = standing.record(item)
    title = item.title
    if item.kind == WRITTEN:
        state = "✓ written" if standing.is_done(item) else "· empty"
        return state, title, f"{number(item.points)}, graded by hand", "", ""
    state = "✓ passed" if standing.is_done(item) else "✗ not yet" if known.tries else "· open"
    if standing.is_done(item) and not known.passes:
        state = "✓ passed before"
    points = f"{number(min(known.points, item.points))} of {number(item.points)}"
    mistake = (known.mistake or "").replace("-", " ")
    return state, title, points, str(known.tries or ""), mistake


def course_panel(found: list[Standing]) -> Panel:
    """All lessons, one a row."""
    head = ("lesson", "exercises", "questions", "written", "points")
    rows = [
        (
            f"{one.outline.lesson[:2]} · {one.outline.title}",
            *(of(one.done(kind)) for kind in (EXERCISE, QUESTION, WRITTEN)),
            f"{number(one.points)} of {number(one.possible)}",
        )
        for one in found
    ]
    points, possible = sum(one.points for one in found), sum(one.possible for one in found)
    summary = f"{number(points)} of {number(possible)} points"
    started = next((one for one in found if one.next), None)
    last = next_line(started) if started else "Everything is done."
    return Panel(
        html_panel("Your progress", summary, points, possible, table(head, rows), last),
        text_panel(f"Your progress: {summary}", rows, last),
    )


def next_line(standing: Standing) -> str:
    """What to do next."""
    lesson = standing.outline.lesson[:2]
    if standing.next is None:
        command = told(f"submit {lesson}", standing.workspace)
        return f"Lesson {lesson} is done. To hand it in: {command}"
    return f"Next: lesson {lesson}, {standing.next.title.replace('`', '')}"


def html_panel(
    title: str, summary: str, points: float, possible: float, body: str, last: str
) -> str:
    """The panel's page: a heading, a bar with its words, a table, one line."""
    bar = f'<progress value="{number(points)}" max="{number(possible or 1)}" aria-hidden="true">'
    return (
        '<section aria-label="Progress" style="max-width: 54em">'
        f"<p><strong>{html.escape(title)}</strong>: {summary} {bar}</progress></p>"
        f"{body}<p>{html.escape(last)}</p></section>"
    )


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """An HTML table whose columns have names."""
    left = 'style="text-align: left; white-space: nowrap"'
    names = "".join(f'<th scope="col" {left}>{html.escape(one)}</th>' for one in head)
    lines = ["".join(f"<td {left}>{html.escape(text)}</td>" for text in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def text_panel(title: str, rows: list[tuple[str, ...]], last: str) -> str:
    """The same in columns of text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([title, *(f"  {line}" for line in lines), last])
