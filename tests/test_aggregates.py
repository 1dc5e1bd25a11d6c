"""Tests of course_lib.experiments.aggregates: by hand and against scipy."""

import numpy as np
import pytest

from course_lib.experiments.aggregates import (
    bootstrap_interval,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    resampled_runs,
)

TASKS = ["a"] * 5 + ["b"] * 5


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end():
    assert interquartile_mean([100.0, 1.0, 2.0, 3.0]) == 2.5
    # Of five runs one is cut at each end, of three none.
    assert interquartile_mean([0.0, 1.0, 2.0, 6.0, 99.0]) == 3.0
    assert interquartile_mean([0.0, 1.0, 5.0]) == 2.0
    assert interquartile_mean(np.ones((2, 3, 8))).shape == (2, 3)


def test_the_interquartile_mean_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    for runs in (4, 7, 25, 34):
        scores = np.random.default_rng(runs).normal(size=(6, runs))
        assert interquartile_mean(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=-1))


def test_a_profile_is_the_share_of_runs_above_each_threshold():
    scores = [0.0, 0.5, 0.5, 1.0]
    profile = performance_profile(scores, [-1.0, 0.0, 0.4, 0.5, 0.9, 1.0])
    # Above means more: a score of ½ is not above ½.
    assert profile.tolist() == [1.0, 0.75, 0.75, 0.25, 0.25, 0.0]
    assert performance_profile(np.zeros((2, 3, 8)), [0.0, 1.0]).shape == (2, 3, 2)


def test_the_area_under_a_profile_is_the_mean():
    scores = np.random.default_rng(0).random(50)
    thresholds = np.linspace(0, 1, 10_001)
    area = np.trapezoid(performance_profile(scores, thresholds), thresholds)
    assert area == pytest.approx(scores.mean(), abs=1e-4)


def test_improvement_is_won_pairs_within_tasks():
    # On a: of four pairs three are won, one is a tie. On b all are lost, by as much as you like.
    mine, theirs = [2.0, 3.0, 0.0, 0.0], [1.0, 2.0, 1e6, 1e6]
    tasks = ["a", "a", "b", "b"]
    assert probability_of_improvement(mine, theirs, tasks) == pytest.approx((3.5 / 4 + 0) / 2)
    assert probability_of_improvement(theirs, mine, tasks) == pytest.approx((0.5 / 4 + 1) / 2)


def test_a_task_with_more_seeds_counts_once_in_improvement():
    assert probability_of_improvement([1, 1, 1, 0], [0, 0, 0, 1], ["a", "a", "a", "b"]) == 0.5


def test_runs_are_drawn_from_their_own_task():
    drawn = resampled_runs(["a", "b", "a", "b", "b"], draws=400)
    assert drawn.shape == (400, 5)
    assert set(drawn[:, [0, 2]].ravel()) == {0, 2}
    assert set(drawn[:, [1, 3, 4]].ravel()) == {1, 3, 4}
    # With replacement: both places show the same run in half of the draws.
    assert (drawn[:, 0] == drawn[:, 2]).mean() == pytest.approx(0.5, abs=0.1)


def test_an_interval_holds_the_value_and_narrows_with_runs():
    random = np.random.default_rng(0)
    few = bootstrap_interval(interquartile_mean, random.normal(size=10), TASKS)
    many = bootstrap_interval(interquartile_mean, random.normal(size=200), ["a"] * 200)
    for one in (few, many):
        assert one.low < one.value < one.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    # About ± 1.96 standard errors of a mean of the middle half, whose error is somewhat larger.
    assert many.high - many.low == pytest.approx(2 * 1.96 / 200**0.5, rel=0.25)


def test_differences_between_tasks_are_no_uncertainty():
    scores = np.array([0.0] * 5 + [100.0] * 5)
    found = bootstrap_interval(lambda runs: runs.mean(-1), scores, TASKS)
    assert found == (50.0, 50.0, 50.0)


def test_a_profile_has_a_band_at_each_threshold():
    scores = np.linspace(0, 1, 10)
    found = bootstrap_interval(
        lambda runs: performance_profile(runs, [0.2, 0.5]), scores, TASKS, draws=300
    )
    assert found.value.shape == found.low.shape == found.high.shape == (2,)
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()


def test_a_task_is_needed_for_each_run():
    with pytest.raises(ValueError, match="one task a run"):
        bootstrap_interval(interquartile_mean, [1.0, 2.0], ["a"])
