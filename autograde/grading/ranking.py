"""Which of two agents is better, and which rank that leaves to each of them."""

from dataclasses import dataclass, replace

import numpy as np

from course_lib.checks.agent_tasks import AgentTask, Trial

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
    if gap <= 0:
        return False
    if one.drawn and one.drawn == other.drawn:
        difference = one.numbers - other.numbers
        error = float(difference.std(ddof=1)) / len(difference) ** 0.5
    else:
        error = float(np.hypot(one.standard_error, other.standard_error))
    return gap > SIGNIFICANT * error


def film(task: AgentTask, trial: Trial) -> list[list[tuple[float, float]]]:
    """Cart, joint and tip at the beginning of an episode of two poles; nothing of other tasks."""
    if not task.environment_id.endswith("DoublePendulum-v0"):
        return []
    frames = []
    for x, sine1, sine2, cosine1, cosine2, *_ in trial.path[:FRAMES]:
        points = [(x, 0.0), (x + sine1, cosine1), (x + sine1 + sine2, cosine1 + cosine2)]
        frames.append([(round(a, 3), round(b, 3)) for a, b in points])
    return frames
