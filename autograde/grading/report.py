"""The instructor's report: one HTML page that needs no network, and a CSV of every exercise."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autograde.building.worked import write_if_new
from autograde.grading.class_statistics import FEWEST, Question
from autograde.grading.classroom import Classroom
from autograde.grading.leaderboard import write_leaderboard
from autograde.grading.notes import Note
from autograde.grading.outcomes import NOT_WRITTEN, PARTLY, RIGHT
from autograde.grading.results import LessonResults, gather
from autograde.grading.trouble import clear_messages
from autograde.lesson import Lesson

HEADER = (
    "student",
    "lesson",
    "exercise",
    "points",
    "possible",
    "status",
    "mistake",
    "late_penalty",
    "notes",
)
# Each status has a sign of its own, so that nothing is said by colour alone.
SIGNS = {RIGHT: "✓", PARTLY: "◐", NOT_WRITTEN: "–", "by hand": "✎", "wrong": "✗"}


@clear_messages()
def write_report(
    room: Classroom, lessons: list[Lesson], strays: Sequence[Note] = ()
) -> list[LessonResults]:
    """Write the page, `grades.csv`, `questions.csv`, and the leaderboard; the tables in them."""
    tables = gather(room, lessons)
    agents = bool(write_leaderboard(room, tables))
    write_if_new(html_path(room), render(tables, strays, agents=agents))
    write_if_new(csv_path(room), grades_csv(tables))
    write_if_new(room.report / "questions.csv", questions_csv(tables))
    return tables


def html_path(room: Classroom) -> Path:
    """Where the page is."""
    return room.report / "index.html"


def csv_path(room: Classroom) -> Path:
    """Where the CSV is."""
    return room.report / "grades.csv"


def render(
    tables: list[LessonResults], strays: Sequence[Note] = (), *, agents: bool = False
) -> str:
    """The page, which leads to the leaderboard if `agents` have played; students' text escaped."""
    environment = Environment(
        loader=PackageLoader("autograde.grading"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["feedback"] = feedback_link
    environment.filters["points"] = number
    environment.filters["breakable"] = breakable
    environment.filters["percent"] = percent
    environment.filters["signed"] = signed
    template = environment.get_template("report.html.j2")
    return template.render(tables=tables, strays=strays, sign=sign, fewest=FEWEST, agents=agents)


def sign(status: str) -> str:
    """The sign of a status; trouble of any kind is an exclamation mark."""
    return SIGNS.get(status, "!")


def feedback_link(student: str, lesson: Lesson) -> str:
    """From the report to what a student reads; their folders lie side by side."""
    return quote(f"../feedback/{student}/{lesson.name}/{lesson.slug}.html")


def breakable(name: str) -> Markup:
    """A name that may be broken into lines after each underscore and hyphen; escaped."""
    text = str(escape(name))
    return Markup(text.replace("_", "_<wbr>").replace("-", "-<wbr>"))


def number(points: float | None) -> str:
    """Points without needless zeros; a dash for none."""
    return "—" if points is None else f"{points:.2f}".rstrip("0").rstrip(".")


def percent(share: float | None) -> str:
    """A share in per cent."""
    return "—" if share is None else f"{100 * share:.0f} %"


def signed(value: float | None) -> str:
    """A correlation."""
    return "—" if value is None else f"{value:.2f}".replace("-", "−")


def questions_csv(tables: list[LessonResults]) -> str:
    """One line a question: how hard it was, how well it tells students apart."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in fields(Question)]
    writer.writerow(["lesson", *names])
    for table in tables:
        for one in table.questions:
            values = ["" if value is None else value for value in astuple(one)]
            short = [f"{value:.4g}" if isinstance(value, float) else value for value in values]
            writer.writerow([table.lesson.name, *short])
    return out.getvalue()


def grades_csv(tables: list[LessonResults]) -> str:
    """One line a student and exercise."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for table in tables:
        for row in table.handed_in:
            notes = " ".join(note.text for note in row.notes)
            for one in row.scores:
                points = "" if one.points is None else number(one.points)
                line = [row.student, table.lesson.name, one.exercise, points, number(one.possible)]
                line += [one.status, one.mistake or "", number(row.penalty), notes]
                writer.writerow([as_text(value) for value in line])
        for row in table.rows:
            if not row.handed_in:
                writer.writerow([row.student, table.lesson.name, "", "", "", "not handed in"])
    return out.getvalue()


def as_text(value: str) -> str:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
