"""What a training run leaves behind, and when it counts as solved. Showing it lives elsewhere."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from course_lib.algorithms import Progress
    from course_lib.policies import Policy

HOLD = 3  # evaluations in a row that must reach the threshold: one alone may be luck


@dataclass(frozen=True)
class History:
    """One training run, as far as it came.

    Attributes:
        label: what the run is called in pictures.
        judged_by: what `returns` are means of: "20 fresh episodes" or "training episodes".
        env_steps: (E,) environment steps at which the policy was judged.
        returns: (E,) mean returns there, of fresh episodes if the environment is known, else of the
            training episodes that ended since the point before.
        policy: the policy as it is at the end; `None` if nothing was learned.
        seconds: wall-clock time of the training itself, evaluations and drawing left out.
        solved_at: environment steps at which the threshold had been held three times in a row;
            `None` if it was not.
        ended: why it stopped: "solved", "budget", "interrupted", "failed", or "exhausted" where the
            iterator came to its end.
        update_steps: (U,) environment steps after each update.
        metrics: name → (U,), what the algorithm says of each update, such as "entropy".
        episode_steps, episode_returns: (M,) when training episodes ended, and their returns.
    """

    label: str
    judged_by: str
    env_steps: np.ndarray
    returns: np.ndarray
    policy: "Policy | None"
    seconds: float
    solved_at: int | None
    ended: str
    update_steps: np.ndarray
    metrics: dict[str, np.ndarray]
    episode_steps: np.ndarray
    episode_returns: np.ndarray


@dataclass
class Recorder:
    """A history while it is being written."""

    policy: "Policy | None" = None
    seconds: float = 0.0
    env_steps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    update_steps: list[int] = field(default_factory=list)
    updates: list[dict[str, float]] = field(default_factory=list)
    episode_steps: list[int] = field(default_factory=list)
    episode_returns: list[float] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Environment steps so far."""
        return self.update_steps[-1] if self.update_steps else 0

    def add(self, progress: "Progress") -> None:
        """Note one update."""
        self.policy = progress.policy
        self.update_steps.append(progress.env_steps)
        self.updates.append(progress.metrics)
        self.episode_steps += [progress.env_steps] * len(progress.finished_returns)
        self.episode_returns += progress.finished_returns

    def judge(self, mean_return: float) -> None:
        """Note what the policy is worth now."""
        self.env_steps.append(self.steps)
        self.returns.append(mean_return)

    def finish(self, label: str, judged_by: str, threshold: float | None, ended: str) -> History:
        """The history so far."""
        names = self.updates[0] if self.updates else {}
        return History(
            label=label,
            judged_by=judged_by,
            env_steps=np.array(self.env_steps, dtype=np.int64),
            returns=np.array(self.returns),
            policy=self.policy,
            seconds=self.seconds,
            solved_at=solved_at(self.env_steps, self.returns, threshold),
            ended=ended,
            update_steps=np.array(self.update_steps, dtype=np.int64),
            metrics={name: np.array([one[name] for one in self.updates]) for name in names},
            episode_steps=np.array(self.episode_steps, dtype=np.int64),
            episode_returns=np.array(self.episode_returns),
        )


def solved_at(
    env_steps: np.ndarray | list[int], returns: np.ndarray | list[float], threshold: float | None
) -> int | None:
    """Steps at the third evaluation in a row that reaches the threshold; `None` if there is none.

    Args:
        env_steps, returns: (E,) the evaluations of one run.
        threshold: the mean return to reach; `None` where there is none to reach.
    """
    if threshold is None:
        return None
    in_a_row = 0
    for steps, mean_return in zip(env_steps, returns, strict=True):
        in_a_row = in_a_row + 1 if mean_return >= threshold else 0
        if in_a_row == HOLD:
            return int(steps)
    return None
