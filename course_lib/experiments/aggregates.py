"""Scores of many tasks and seeds together, with intervals that say how much the seeds matter.

Tests on one task are in statistics.py; how returns become scores is in results.py.

Source: Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical
precipice", arXiv:2108.13264."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from course_lib.experiments.results import Results

INTERVAL = 0.95
DRAWS = 2_000


class Interval(NamedTuple):
    """A number of the scores at hand, and where 95 % of those of resampled seeds lie."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """The mean of the middle half of all runs: (…, runs) → (…).

    A quarter of the runs, rounded down, is left out at each end. It is moved less by one lucky
    training than the mean, and needs fewer seeds than the median.

    Source: Agarwal et al. (2021), section 4.3.
    """
    scores = np.sort(np.asarray(scores, dtype=np.float64), axis=-1)
    cut = scores.shape[-1] // 4
    return scores[..., cut : scores.shape[-1] - cut].mean(-1)


def performance_profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The share of runs with a score above each τ: (…, runs), (K,) → (…, K).

    It shows the whole distribution: the area right of 0 is the mean of scores that are not
    negative, where the curve crosses ½ is the median, and its tail are the best runs.

    Source: Agarwal et al. (2021), section 4.2.
    """
    scores = np.sort(np.asarray(scores, dtype=np.float64), axis=-1)
    rows = scores.reshape(-1, scores.shape[-1])
    above = [1 - np.searchsorted(row, thresholds, side="right") / len(row) for row in rows]
    return np.array(above).reshape(*scores.shape[:-1], len(thresholds))


def probability_of_improvement(
    scores: np.ndarray, others: np.ndarray, tasks: Sequence[str]
) -> float:
    """How likely a training of one variant beats one of another on the same task.

    The share of pairs of seeds that it wins, ties counting half, averaged over the tasks.

    Args:
        scores, others: (runs,) of the two variants.
        tasks: (runs,) the task of each.

    Source: Agarwal et al. (2021), section 4.3.
    """
    scores, others, tasks = np.asarray(scores), np.asarray(others), np.asarray(tasks)
    wins = [
        0.5 + 0.5 * np.sign(scores[tasks == task][:, None] - others[tasks == task]).mean()
        for task in dict.fromkeys(tasks.tolist())
    ]
    return float(np.mean(wins))


def resampled_runs(tasks: Sequence[str], draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """For each run another one of the same task, drawn with replacement: (draws, runs) indices.

    The tasks were chosen and stay; what was left to luck are the seeds (a stratified bootstrap).
    """
    tasks, random = np.asarray(tasks), np.random.default_rng(seed)
    drawn = np.empty((draws, len(tasks)), dtype=np.int64)
    for task in dict.fromkeys(tasks.tolist()):
        places = np.flatnonzero(tasks == task)
        drawn[:, places] = random.choice(places, (draws, len(places)))
    return drawn


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    scores: np.ndarray,
    tasks: Sequence[str],
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """A statistic of one variant's scores with its stratified bootstrap interval.

    With few seeds such intervals are too narrow: five seeds, drawn again and again, never show
    what a sixth would have been.

    Args:
        statistic: (…, runs) → (…) or (…, K), such as `interquartile_mean`.
        scores: (runs,).
        tasks: (runs,) the task of each run.
        draws, seed: of the bootstrap.

    Returns:
        The value and the bounds of the middle 95 % of the resampled values, each () or (K,).

    Raises:
        ValueError: there is not one task a run.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(tasks),):
        raise ValueError(f"one task a run: scores {scores.shape}, {len(tasks)} tasks")
    values = statistic(scores[resampled_runs(tasks, draws, seed)])
    low, high = np.quantile(values, ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2), axis=0)
    return Interval(statistic(scores), low, high)


def score_curves(found: Results) -> np.ndarray:
    """Scores at each evaluation, on the scale of `found.scores(last=1)`.

    On each task 0 is the baseline's mean at the end and 1 the best single training's end, so that
    tasks can be averaged at any moment: (variants, columns, points). A training that was better
    on its way than any at its end has more than 1 there.
    """
    returns, ends = found.array(), found.scores(last=1)
    scores = np.empty_like(returns)
    for places in found.places().values():
        # The scale is linear: two ends and their scores say what it is.
        final = returns[:, places, -1].ravel()
        worst, best = final.argmin(), final.argmax()
        low, high = ends[:, places].ravel()[[worst, best]]
        share = (returns[:, places] - final[worst]) / (final[best] - final[worst])
        scores[:, places] = low + share * (high - low)
    return scores
