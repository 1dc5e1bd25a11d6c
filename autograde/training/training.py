"""Training one seed after the other, and what each of them came to."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from autograde.errors import CourseError
from autograde.training.choosing import Choice, other_kind
from course_lib.algorithms.progress import NotFiniteError
from course_lib.evaluation import evaluate
from course_lib.figures.curves import stored_band
from course_lib.figures.history import History, Recorder
from course_lib.figures.live import learn
from course_lib.figures.plan import EPISODES, Plan
from course_lib.figures.screen import Silence

JUDGING_SEED = 3_000_000  # far from the seeds that train, and from those that curves are judged by
NOTHING = np.array([])


@dataclass(frozen=True)
class SeedResult:
    """One seed, as far as it came.

    Attributes:
        seed: of everything random in the training.
        history: its curve and its policy.
        returns: (20,) of fresh episodes of the final policy; empty where there is none to judge.
        problem: why it broke off, or `None`.
    """

    seed: int
    history: History
    returns: np.ndarray
    problem: str | None = None

    @property
    def env_steps(self) -> int:
        """How long it trained."""
        return int(self.history.update_steps[-1]) if self.history.update_steps.size else 0

    @property
    def speed(self) -> float:
        """Environment steps a second, evaluations left out."""
        return self.env_steps / self.history.seconds if self.history.seconds else 0.0

    @property
    def mean(self) -> float | None:
        """The mean return of the fresh episodes."""
        return float(self.returns.mean()) if self.returns.size else None

    @property
    def standard_error(self) -> float | None:
        """Of that mean: σ/√n."""
        if self.returns.size < 2:
            return None
        return float(self.returns.std(ddof=1) / math.sqrt(self.returns.size))


def train_seeds(
    choice: Choice, seeds: range, bars: Any, *, to_the_end: bool
) -> Iterator[SeedResult]:
    """Train and judge each seed; an interrupt ends the current one, which is the last.

    Raises:
        CourseError: the algorithm refuses the environment or a setting.
    """
    torch.set_num_threads(1)  # the number of threads changes results, not only times
    plan = Plan(
        choice.title, choice.run_name, choice.run.environment_id, choice.run.threshold,
        choice.run.max_steps, stored_band(choice.run_name),
    )  # fmt: skip
    for seed in seeds:
        with bars.of(seed, plan.max_steps) as bar:
            result = train_seed(choice, plan, seed, bar, to_the_end=to_the_end)
        yield result
        if result.history.ended == "interrupted":
            return


def train_seed(
    choice: Choice, plan: Plan, seed: int, bar: Any | Silence, *, to_the_end: bool
) -> SeedResult:
    """Train one seed until it is solved, spent, interrupted or broken, and judge its policy."""
    recorder, problem = Recorder(), None
    try:
        progress = choice.run.start(seed)
        ended = learn(progress, plan, recorder, bar, stop_when_solved=not to_the_end)
    except KeyboardInterrupt:
        ended = "interrupted"
    except (ValueError, RuntimeError) as error:
        if not recorder.update_steps and not isinstance(error, NotFiniteError):
            raise CourseError(refusal(choice, error)) from None
        ended, problem = "failed", str(error)
    history = recorder.finish(plan.label, plan.judged_by, plan.threshold, ended)
    if problem is not None or history.policy is None:
        return SeedResult(seed, history, NOTHING, problem)
    try:
        fresh = JUDGING_SEED + seed
        returns = evaluate(history.policy, plan.environment_id, EPISODES, seed=fresh)
    except KeyboardInterrupt:
        return SeedResult(seed, replace(history, ended="interrupted"), NOTHING)
    return SeedResult(seed, history, returns)


def refusal(choice: Choice, error: Exception) -> str:
    """Why nothing can be trained, and what can."""
    text = f"{choice.title} does not work: {str(error).rstrip('.')}."
    if "actions; this algorithm needs" in text:
        fitting = ", ".join(other_kind(choice.run.environment_id))
        text += f" The course's environments with such actions are {fitting}."
    return text
