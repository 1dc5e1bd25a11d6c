"""Numbers about questions, checked by hand."""

import pytest

from autograde.grading.class_statistics import correlation, discrimination, questions, times
from autograde.grading.outcomes import BY_HAND, NOT_WRITTEN, RIGHT, WRONG, Score


def row(first, second, mistake=None, status=RIGHT):
    """One student's points in two questions of 2 and 4 points."""
    return (
        Score("a", "a", first, 2.0, status, mistake),
        Score("b", "b", second, 4.0, BY_HAND if second is None else RIGHT),
    )


def test_facility_is_the_mean_share_and_open_answers_do_not_count():
    first, second = questions([row(2, 4), row(1, None), row(0, 1, status=NOT_WRITTEN)])
    assert first.facility == pytest.approx((1 + 0.5 + 0) / 3)
    assert (first.full, first.graded, first.not_written) == (1, 3, 1)
    assert second.facility == pytest.approx((1 + 0.25) / 2)
    assert second.graded == 2


def test_discrimination_is_the_correlation_with_the_rest():
    rows = [row(first, second) for first, second in ((0, 0), (0, 1), (1, 2), (2, 3), (2, 4))]
    # Means 1 and 2; products 2 + 1 + 0 + 1 + 2 = 6; squares 4 and 10.
    assert discrimination(0, rows) == pytest.approx(6 / (4 * 10) ** 0.5)
    assert discrimination(0, rows[:4]) is None  # too few


def test_what_does_not_vary_tells_nothing():
    assert correlation([1, 1, 1], [1, 2, 3]) is None
    assert correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


def test_the_most_common_mistake_is_named_and_ties_go_by_the_alphabet():
    rows = [row(0, 4, name, WRONG) for name in ("sign", "mean", "sign", "mean", None)]
    assert (questions(rows)[0].mistake, questions(rows)[0].made_by) == ("mean", 2)
    assert questions([row(2, 4)])[0].mistake is None


def test_times_are_of_those_that_ran():
    found = times({"ada": 1.0, "ben": 3.0, "cyn": 0.0, "dan": 2.0})
    assert (found.median, found.longest, found.student) == (2.0, 3.0, "ben")
    assert times({"ada": 0.0}) is None
