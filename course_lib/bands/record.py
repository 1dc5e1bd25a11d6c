"""Learning curves: train a run and evaluate it now and then."""

from collections.abc import Iterator

import numpy as np

from course_lib.evaluation import evaluate
from course_lib.runs import Run

GRID_POINTS = 31


def grid(run: Run) -> np.ndarray:
    """(points,) the environment steps at which a run's band is given, from 0 to its maximum."""
    return np.linspace(0, run.max_steps, GRID_POINTS).astype(np.int64)


def evaluation_points(run: Run, seed: int) -> Iterator[tuple[int, float]]:
    """Train up to `run.max_steps`; yield (environment steps, mean return of 20 episodes) at the
    first update after each point of the grid."""
    progress = run.start(seed)
    step = next(progress)
    for point in grid(run):
        while step.env_steps < point:
            step = next(progress)
        returns = evaluate(step.policy, run.environment_id, seed=1_000_000 + seed)
        yield step.env_steps, float(returns.mean())


def learning_curve(run: Run, seed: int) -> np.ndarray:
    """(points,) mean evaluation returns of one seed, interpolated to the grid."""
    env_steps, returns = zip(*evaluation_points(run, seed), strict=True)
    return np.interp(grid(run), env_steps, returns).astype(np.float32)
