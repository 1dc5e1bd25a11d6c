"""Tasks for whole agents: an environment, and how many points which mean return earns.

Playing is in `trials.py`, what a student reads in `agent_checking.py`. Nothing here is an answer.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class AgentTask:
    """A task that is solved by any function from observations to actions.

    Points depend on the mean return of many episodes, and on nothing else. While one works, the
    episodes are `public`: always the same ones. Grading plays others, whose first states are drawn
    when a class is first graded: an agent cannot be made for them.

    Args:
        name: as in `check(agent, exercise=name)`.
        environment_id: a name known to `make_vector`; its actions are continuous.
        steps: (mean return, points), rising: what a mean of at least so much earns.
        public_episodes, fresh_episodes: how many; all of one kind are played side by side.
        cpu_seconds: what all calls of the agent may take together.
    """

    name: str
    environment_id: str
    steps: Sequence[tuple[float, float]]
    public_episodes: int = 1000
    fresh_episodes: int = 2000
    cpu_seconds: float = 10.0

    @property
    def possible(self) -> float:
        """All points there are."""
        return self.steps[-1][1]

    def points_for(self, mean_return: float) -> float:
        """The points of the highest step that this mean reaches."""
        return max((points for least, points in self.steps if mean_return >= least), default=0.0)

    def next_step(self, mean_return: float) -> tuple[float, float] | None:
        """The lowest step that this mean does not reach, if there is one."""
        return next((step for step in self.steps if mean_return < step[0]), None)


# Measured over 4,096 episodes, standard errors 35 to 38: LQR with a high price on angles has 2,227,
# with a low one 3,173; PPO with two layers of 32 after 400,000 steps 3,339 and 3,496 (two seeds).
# Random pushes have 129 and none 130. Returns are near 5,000 or near 150, so a single one says
# little: their standard deviation is 2,300, which makes 52 for the mean of 2,000.
CAPSTONE = AgentTask(
    "capstone_agent",
    "WideDoublePendulum-v0",
    ((400.0, 2.0), (1200.0, 4.0), (2000.0, 6.0), (2600.0, 8.0), (3000.0, 10.0)),
)
AGENT_TASKS = {one.name: one for one in (CAPSTONE,)}


@dataclass(frozen=True)
class Trial:
    """What came of an agent's episodes.

    Attributes:
        exercise: the task's name.
        returns: of each episode, undiscounted.
        whole: the share of the episodes that lasted to the time limit.
        cut: the share of the actions that lay outside the bounds and were cut there.
        cpu_seconds: what the agent's calls took.
        path: what was seen of the first episode, every fifth step.
        drawn: a mark that is the same for trials of the same episodes.
    """

    exercise: str
    returns: tuple[float, ...]
    whole: float = 0.0
    cut: float = 0.0
    cpu_seconds: float = field(default=0.0, compare=False)
    path: tuple[tuple[float, ...], ...] = ()
    drawn: str = ""

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "Trial":
        """A trial that was written down as JSON, which has no tuples."""
        path = tuple(map(tuple, stored["path"]))
        return cls(**{**stored, "returns": tuple(stored["returns"]), "path": path})

    @cached_property
    def numbers(self) -> np.ndarray:
        """The returns as an array: a leaderboard compares every two of a class."""
        return np.array(self.returns)

    @cached_property
    def mean(self) -> float:
        """The mean return."""
        return float(self.numbers.mean())

    @cached_property
    def standard_error(self) -> float:
        """Of the mean: the standard deviation over the root of the number of episodes."""
        return float(self.numbers.std(ddof=1) / len(self.returns) ** 0.5)


@dataclass
class Grading:
    """What decides about agents while a submission is graded, and the trials so far.

    `shown` counts how often an agent was shown fresh episodes, whatever became of it.
    """

    seed: int
    trials: list[Trial] = field(default_factory=list)
    shown: int = 0


GRADING: ContextVar[Grading | None] = ContextVar("grading", default=None)


def times_shown() -> int:
    """How often an agent of the submission that is graded was shown fresh episodes."""
    grading = GRADING.get()
    return grading.shown if grading else 0


@contextlib.contextmanager
def graded_with(seed: int) -> Iterator[list[Trial]]:
    """Within the block, hidden checks of agents play the episodes of this seed; the trials."""
    grading = Grading(seed)
    token = GRADING.set(grading)
    try:
        yield grading.trials
    finally:
        GRADING.reset(token)
