"""The leaderboard: agents of a class in order, ties shown as ties, on one page to be published.

Who does not ask to be named has a pseudonym, which only that student's feedback tells (`lots.py`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from autograde.building.worked import write_if_new
from autograde.errors import CourseError
from autograde.grading.classroom import Classroom
from autograde.grading.lots import class_lots, pseudonym
from autograde.grading.reference_agents import reference_trials
from autograde.grading.results import LessonResults, Row
from course_lib.checks.agent_tasks import AGENT_TASKS, AgentTask, Trial

SIGNIFICANT = 2.0  # standard errors of the difference
FRAMES = 10


@dataclass(frozen=True)
class Place:
    """One line: an agent, its points, and the first and last rank that may be its own.

    References have neither points nor ranks.
    """

    name: str
    trial: Trial
    points: float | None = None
    ranks: tuple[int, int] | None = None


@dataclass(frozen=True)
class Board:
    """All agents of one task, the best first; `without` handed in none that could play."""

    lesson: str
    task: AgentTask
    places: tuple[Place, ...]
    without: int

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of the scale: the lowest and the highest mean."""
        means = [one.trial.mean for one in self.places]
        return min(means), max(means)

    def share(self, place: Place) -> float:
        """How much of the scale a bar fills, in per cent."""
        low, high = self.bounds
        return 100 * (place.trial.mean - low) / (high - low) if high > low else 100.0

    @property
    def picture(self) -> list[list[tuple[float, float]]]:
        """The beginning of the best student's first episode: frames of joints in metres."""
        best = next(one for one in self.places if one.ranks)
        return film(self.task, best.trial)


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


def in_order(entries: list[Place], references: list[Place]) -> list[Place]:
    """The places with their ranks; references stand where their mean belongs.

    Rank a to b: a − 1 others are significantly better, and all from b + 1 on significantly worse.
    """
    ranked = []
    for one in entries:
        better = sum(is_better(other.trial, one.trial) for other in entries)
        worse = sum(is_better(one.trial, other.trial) for other in entries)
        ranked.append(replace(one, ranks=(1 + better, len(entries) - worse)))
    found = sorted(ranked, key=lambda one: (one.ranks, -one.trial.mean, one.name))
    for reference in sorted(references, key=lambda one: -one.trial.mean):
        above = [i for i, one in enumerate(found, 1) if one.trial.mean >= reference.trial.mean]
        found.insert(max(above, default=0), reference)
    return found


def is_better(one: Trial, other: Trial) -> bool:
    """Whether the difference of two means is more than chance would make of equal agents.

    Where both played the same episodes, their differences are looked at one by one: what an episode
    gives to both says nothing.
    """
    gap = one.mean - other.mean
    if one.drawn and one.drawn == other.drawn:
        difference = np.subtract(one.returns, other.returns)
        error = float(difference.std(ddof=1)) / len(difference) ** 0.5
    else:
        error = float(np.hypot(one.standard_error, other.standard_error))
    return gap > SIGNIFICANT * error and gap > 0


def film(task: AgentTask, trial: Trial) -> list[list[tuple[float, float]]]:
    """Cart, joint and tip at the beginning of an episode of two poles; nothing of other tasks."""
    if not task.environment_id.endswith("DoublePendulum-v0"):
        return []
    frames = []
    for x, sine1, sine2, cosine1, cosine2, *_ in trial.path[:FRAMES]:
        points = [(x, 0.0), (x + sine1, cosine1), (x + sine1 + sine2, cosine1 + cosine2)]
        frames.append([(round(a, 3), round(b, 3)) for a, b in points])
    return frames


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
