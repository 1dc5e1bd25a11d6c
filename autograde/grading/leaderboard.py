"""The leaderboard: the agents of a class in order, on one page to be published.

Who does not ask to be named has a pseudonym, which only that student's feedback tells (`lots.py`).
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograde.building.worked import write_if_new
from autograde.errors import CourseError
from autograde.grading.classroom import Classroom
from autograde.grading.lots import class_lots, pseudonym
from autograde.grading.ranking import SIGNIFICANT, Board, Place, in_order
from autograde.grading.reference_agents import reference_trials
from autograde.grading.results import LessonResults, Row
from course_lib.checks.agent_tasks import AGENT_TASKS, AgentTask


def boards(
    room: Classroom, tables: Sequence[LessonResults], named: Collection[str] = ()
) -> list[Board]:
    """A board for each task that an agent of the class has played.

    Args:
        room: the class, whose lots give the pseudonyms.
        tables: its results.
        named: the students who asked to be named.
    """
    return [one for table in tables for one in boards_of(room, table, named)]


def boards_of(room: Classroom, table: LessonResults, named: Collection[str]) -> Iterator[Board]:
    """The boards of one lesson."""
    for task in AGENT_TASKS.values():
        rows = [(row, trial) for row in table.handed_in for trial in row.trials]
        rows = [(row, trial) for row, trial in rows if trial.exercise == task.name]
        if not rows:
            continue
        lots = class_lots(room.state)
        entries = [
            Place(
                row.student if row.student in named else pseudonym(lots.names, row.student),
                trial,
                points_of(row, task),
            )
            for row, trial in rows
        ]
        others = reference_trials(room, table.lesson, task, lots.episodes)
        references = [Place(name, trial) for name, trial in others.items()]
        without = len(table.handed_in) - len(entries)
        yield Board(table.lesson.name, task, tuple(in_order(entries, references)), without)


def points_of(row: Row, task: AgentTask) -> float:
    """What a student has for the task now, corrections by hand included."""
    return next((one.points or 0.0 for one in row.scores if one.exercise == task.name), 0.0)


def leaderboard_path(room: Classroom) -> Path:
    """Where the page is that the report leads to."""
    return room.report / "leaderboard.html"


def write_leaderboard(
    room: Classroom,
    tables: Sequence[LessonResults],
    named: Collection[str] = (),
    path: Path | None = None,
) -> list[Board]:
    """Write the page; where no agent has played, there is none.

    Raises:
        CourseError: the file cannot be written.
    """
    found, path = boards(room, tables, named), path or leaderboard_path(room)
    if found:
        try:
            write_if_new(path, render(found))
        except OSError as error:
            raise CourseError(f"Cannot write {path}: {error.strerror}.", exit_code=1) from None
    elif path == leaderboard_path(room):
        path.unlink(missing_ok=True)
    return found


def render(found: list[Board]) -> str:
    """The page. Everything that comes from people is escaped."""
    environment = Environment(
        loader=PackageLoader("autograde.grading"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["amount"] = amount
    return environment.get_template("leaderboard.html.j2").render(
        boards=found, significant=SIGNIFICANT
    )


def amount(value: float) -> str:
    """A number of the page: 3,210.4, and points without needless zeros."""
    text = f"{value:,.1f}".removesuffix(".0")
    return text.replace("-", "−")


def names_in(path: Path | None) -> frozenset[str]:
    """The students in a file, one a line; empty lines and what follows a # do not count.

    Raises:
        CourseError: there is no such file, or it is no text.
    """
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise CourseError(
            f"Cannot read {path}: {reason}. --names takes a file with the students who asked to "
            "be named, one a line."
        ) from None
    return frozenset(name for line in lines if (name := line.split("#")[0].strip()))


def unknown_names(named: Collection[str], tables: Sequence[LessonResults]) -> list[str]:
    """Those who are nobody of this class: a slip of the pen, probably."""
    known = {row.student for table in tables for row in table.rows}
    return sorted(set(named) - known)
