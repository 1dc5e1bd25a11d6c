"""Numbers about a class and a question: how hard it was, how well it tells students apart."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from autograde.grading.outcomes import NOT_WRITTEN, Score

FEWEST = 5  # a correlation over fewer students says nothing


@dataclass(frozen=True)
class Question:
    """One graded cell over the whole class.

    `facility` is the mean share of the points; `discrimination` the correlation of the points here
    with the points in all other questions, None where it cannot be told; `mistake` the known
    mistake that most students made, with how many.
    """

    exercise: str
    possible: float
    graded: int
    facility: float | None
    discrimination: float | None
    full: int
    not_written: int
    mistake: str | None = None
    made_by: int = 0


@dataclass(frozen=True)
class Times:
    """Seconds that the submissions of a lesson took to run: half took less than the median."""

    median: float
    longest: float
    student: str


def questions(rows: Sequence[tuple[Score, ...]]) -> list[Question]:
    """A line for each graded cell; each row holds the scores of one student, in one order."""
    return [question(place, rows) for place in range(len(rows[0]))] if rows else []


def question(place: int, rows: Sequence[tuple[Score, ...]]) -> Question:
    """The numbers of one graded cell."""
    here = [row[place] for row in rows]
    known = [one for one in here if one.points is not None]
    possible = here[0].possible
    mistakes = Counter(one.mistake for one in here if one.mistake)
    mistake, made_by = min(
        mistakes.items(), key=lambda item: (-item[1], item[0]), default=(None, 0)
    )
    return Question(
        exercise=here[0].exercise,
        possible=possible,
        graded=len(known),
        facility=fmean(one.points / possible for one in known) if known and possible else None,
        discrimination=discrimination(place, rows),
        full=sum(one.points >= possible for one in known),
        not_written=sum(one.status == NOT_WRITTEN for one in here),
        mistake=mistake,
        made_by=made_by,
    )


def discrimination(place: int, rows: Sequence[tuple[Score, ...]]) -> float | None:
    """The correlation of a question with the rest of the lesson."""
    known = [row for row in rows if row[place].points is not None]
    here = [row[place].points for row in known]
    rest = [
        sum(one.points or 0.0 for other, one in enumerate(row) if other != place) for row in known
    ]
    return correlation(here, rest) if len(known) >= FEWEST else None


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's correlation; None if one of them does not vary."""
    mean_one, mean_other = fmean(one), fmean(other)
    spread = sum((x - mean_one) ** 2 for x in one) * sum((y - mean_other) ** 2 for y in other)
    if spread < 1e-12:
        return None
    both = sum((x - mean_one) * (y - mean_other) for x, y in zip(one, other, strict=True))
    return both / math.sqrt(spread)


def times(seconds: dict[str, float]) -> Times | None:
    """How long the submissions took, by student; None if nobody's was run."""
    ran = {student: value for student, value in seconds.items() if value > 0}
    if not ran:
        return None
    slowest = max(sorted(ran), key=ran.__getitem__)
    return Times(median(ran.values()), ran[slowest], slowest)
