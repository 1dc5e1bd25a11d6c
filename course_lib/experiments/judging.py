"""How one training of an experiment is judged: now and then, by fresh episodes."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from course_lib.algorithms.progress import NotFiniteError
from course_lib.evaluation import evaluate
from course_lib.policies import Policy
from course_lib.runs import Run

POINTS = 6
EVALUATION_SEED = 4_000_000  # far from the seeds that train


class Training(NamedTuple):
    """What one training came to, at moments spread evenly over its environment steps.

    Attributes:
        returns: (points,) mean returns of 20 fresh episodes; `None` after a loss that was not
            finite.
        seconds: CPU seconds of training that the policy had taken at each of the moments that were
            reached, without the judging; `None` where nobody looked at the clock.
    """

    returns: list[float | None]
    seconds: list[float] | None = None


class Clock:
    """CPU seconds of this process since it was made, some of them left out."""

    def __init__(self) -> None:
        self._start = time.process_time()

    def seconds(self) -> float:
        """How many so far."""
        return time.process_time() - self._start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens in the block does not count."""
        before = self.seconds()
        yield
        self._start += self.seconds() - before


def judge(policy: Policy, run: Run, seed: int, point: int) -> float:
    """The mean return of 20 fresh episodes, the same first states for all rows of a table."""
    judged_by = EVALUATION_SEED + 1000 * seed + point
    return float(evaluate(policy, run.environment_id, seed=judged_by).mean())


def moments(run: Run, points: int) -> np.ndarray:
    """(points,) the environment steps at which a training is judged, the last at its end."""
    return np.arange(1, points + 1) * run.max_steps / points


def returns_of(
    run: Run, seed: int, points: int = POINTS, **functions: Callable[..., Any]
) -> list[float | None]:
    """Train a run to the end of its budget and judge its policy now and then.

    Args:
        run: what to train, and for how many environment steps.
        seed: of everything random in the training.
        points: how often to judge, evenly spread, the last time at the end.
        functions: a reader's own, by the algorithm's argument names.

    Returns:
        (points,) mean returns of 20 fresh episodes; `None` after a loss that was not finite.
    """
    progress, returns = run.start(seed, **functions), []
    step = next(progress)
    for point in moments(run, points):
        try:
            while step.env_steps < point:
                step = next(progress)
        except NotFiniteError:
            return returns + [None] * (points - len(returns))
        returns.append(judge(step.policy, run, seed, len(returns)))
    return returns


def load(run: Run, **functions: Callable[..., Any]) -> None:
    """One update before the clock starts: what a process loads only once is not training."""
    next(run.start(seed=0, **functions))


def returns_only(run: Run, seed: int, points: int) -> Training:
    """`returns_of`, without a clock."""
    return Training(returns_of(run, seed, points))


def budgeted_training(
    run: Run, seed: int, points: int, **functions: Callable[..., Any]
) -> Training:
    """Train a run and judge at each moment the policy that stands then; look at the clock, too.

    A batch that is still being collected does not count: some algorithms learn from whole episodes
    of many environments, and would else be given more steps than the others. Until its first update
    is done, a training is judged by the policy of that update.

    Args:
        run: what to train, and for how many environment steps.
        seed: of everything random in the training.
        points: how often to judge, evenly spread, the last time at the end.
        functions: a reader's own, by the algorithm's argument names.
    """
    load(run, **functions)
    progress, clock, trained, returns = run.start(seed, **functions), Clock(), [], []
    ahead = next(progress)
    policy, seconds = copy.deepcopy(ahead.policy), clock.seconds()
    try:
        for point in moments(run, points):
            while ahead.env_steps <= point:
                policy, seconds = copy.deepcopy(ahead.policy), clock.seconds()
                ahead = next(progress)
            trained.append(seconds)
            with clock.paused():
                returns.append(judge(policy, run, seed, len(returns)))
    except NotFiniteError:
        returns += [None] * (points - len(returns))
    return Training(returns, trained)
