"""Tests of course_lib.experiments.statistics: by hand, against closed forms, and against scipy."""

import math

import numpy as np
import pytest

from course_lib.experiments.statistics import (
    holm,
    not_below_best,
    p_against_best,
    power,
    share_best,
    share_refused_among_equals,
    spread,
    student_t_tail,
    welch_p_value,
)


def test_the_spread_of_three_seeds_by_hand():
    found = spread([1.0, 2.0, 6.0])
    # Deviations −2, −1, 3: squares sum to 14, n − 1 = 2.
    assert found.mean == 3.0
    assert found.std == pytest.approx(math.sqrt(14 / 2))
    assert found.standard_error == pytest.approx(math.sqrt(14 / 2) / math.sqrt(3))
    assert found.seeds == 3
    assert spread(np.zeros((4, 2, 5))).mean.shape == (4, 2)


@pytest.mark.parametrize("returns", [[1.0], 1.0, [[1.0], [2.0]], []])
def test_one_seed_has_no_spread(returns):
    with pytest.raises(ValueError, match="two seeds or more"):
        spread(returns)


def test_returns_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        spread([1.0, math.nan])


def test_the_tails_of_one_two_and_four_degrees_have_closed_forms():
    t = np.array([-30.0, -2.0, -0.1, 0.0, 0.5, 3.0, 40.0])
    cauchy = 0.5 - np.arctan(t) / np.pi
    assert student_t_tail(t, 1) == pytest.approx(cauchy, rel=1e-9)
    two = 0.5 - t / (2 * np.sqrt(2 + t**2))
    assert student_t_tail(t[:6], 2) == pytest.approx(two[:6], rel=1e-9)
    sine = t / np.sqrt(4 + t**2)
    four = 0.5 - 0.75 * (sine - sine**3 / 3)
    assert student_t_tail(t[:6], 4) == pytest.approx(four[:6], rel=1e-9)


def test_tails_agree_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    degrees = np.array([1.0, 1.3, 2.7, 4.0, 7.77, 30.0, 200.0])[:, None]
    t = np.array([-8.0, -1.0, 0.0, 0.3, 2.0, 6.0, 12.0])
    assert student_t_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=1e-6)


def test_welchs_test_by_hand():
    # Means 2 and 5, variances 1 and 4, three seeds each: t = 3/√(5/3),
    # degrees (5/3)² / ((1/3)²/2 + (4/3)²/2) = 50/17.
    p_value = welch_p_value([1.0, 2.0, 3.0], [3.0, 5.0, 7.0])
    assert p_value == pytest.approx(student_t_tail(3 / math.sqrt(5 / 3), 50 / 17))
    assert 0.02 < p_value < 0.06
    # The other way round it is the rest.
    assert welch_p_value([3.0, 5.0, 7.0], [1.0, 2.0, 3.0]) == pytest.approx(1 - p_value)


def test_welchs_test_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    for lower, upper in ((3, 8), (5, 5), (10, 4)):
        one = random.normal(0, 1, (20, lower))
        two = random.normal(1, 3, (20, upper))
        theirs = stats.ttest_ind(one, two, axis=-1, equal_var=False, alternative="less").pvalue
        assert welch_p_value(one, two) == pytest.approx(theirs, rel=1e-6)


def test_units_do_not_matter_to_the_test():
    one, two = np.random.default_rng(0).normal(size=(2, 5))
    assert welch_p_value(one * 1e-6 - 3, two * 1e-6 - 3) == pytest.approx(welch_p_value(one, two))


def test_without_any_spread_the_means_decide():
    assert welch_p_value([1.0, 1.0], [2.0, 2.0]) == 0.0
    assert welch_p_value([2.0, 2.0], [2.0, 2.0]) == 0.5
    assert welch_p_value([3.0, 3.0], [2.0, 2.0]) == 1.0


def test_bold_are_the_best_and_those_that_cannot_be_told_from_it():
    returns = [[10.0, 11.0, 12.0], [9.0, 10.5, 12.0], [1.0, 2.0, 3.0], [-50.0, 10.0, 50.0]]
    # The last is far below on average, and varies so much that nothing can be said.
    assert not_below_best(returns).tolist() == [True, True, False, True]
    p_value = p_against_best(returns)
    assert p_value[0] == 1.0
    assert p_value[2] == welch_p_value(returns[2], returns[0])


def test_many_tables_are_tested_at_once():
    returns = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    one_by_one = [[not_below_best(table) for table in row] for row in returns]
    assert np.array_equal(not_below_best(returns), one_by_one)


def test_two_equal_bests_are_both_bold_and_order_does_not_matter():
    returns = np.array([[3.0, 3.0, 3.0], [5.0, 5.0, 5.0], [5.0, 5.0, 5.0]])
    assert not_below_best(returns).tolist() == [False, True, True]
    assert not_below_best(returns[::-1]).tolist() == [True, True, False]


def test_holm_multiplies_by_the_tests_that_are_left():
    # Sorted: 0.01 · 3, 0.02 · 2, 0.03 · 1; none may fall below the one before.
    assert holm([0.02, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.5]).tolist() == [1.0, 1.0]


def test_holm_refuses_no_more_than_the_level_where_single_tests_do():
    random = np.random.default_rng(0)
    p_value = random.random((2_000, 12))  # of twelve tests in which nothing is to be found
    single = (p_value < 0.05).any(-1).mean()
    corrected = np.array([(holm(row) < 0.05).any() for row in p_value]).mean()
    assert single == pytest.approx(1 - 0.95**12, abs=0.03)
    assert corrected == pytest.approx(0.05, abs=0.015)


def test_power_is_the_level_without_a_difference_and_grows_with_it_and_with_seeds():
    difference = np.array([0.0, 1.0, 2.0, 4.0])
    few, many = power(difference, 3), power(difference, 10)
    assert few[0] == pytest.approx(0.05, abs=0.015)
    assert (np.diff(few) > 0).all()
    assert (many[1:] > few[1:]).all()
    assert power(1.0, 5).shape == ()


def test_power_agrees_with_the_noncentral_t_distribution():
    stats = pytest.importorskip("scipy.stats")
    # With equal spreads and numbers Welch's degrees are close to Student's 2 n − 2.
    for seeds in (5, 10, 20):
        bound = stats.t.isf(0.05, 2 * seeds - 2)
        exact = stats.nct.sf(bound, 2 * seeds - 2, 1.0 * math.sqrt(seeds / 2))
        assert power(1.0, seeds) == pytest.approx(exact, abs=0.04)


def test_among_equals_a_table_of_thirteen_mostly_refuses_someone():
    variants, tables = share_refused_among_equals(13, 5)
    pair, _ = share_refused_among_equals(2, 5)
    # Of two, the lower one is refused in twice 5 % of the tables: a side was chosen afterwards.
    assert pair == pytest.approx(0.05, abs=0.02)
    assert variants > 2 * pair
    assert tables > 0.5


def test_who_is_best_depends_on_the_seeds_that_were_run():
    returns = np.array([[0.0, 10.0, 0.0, 10.0], [4.0, 4.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0]])
    # Two of four: the first has a mean of 0 in one of six pairs, 5 in four, 10 in one.
    assert share_best(returns, 2) == pytest.approx([5 / 6, 1 / 6, 0], abs=0.03)
    assert share_best(returns, 4).tolist() == [1.0, 0.0, 0.0]
    assert share_best(returns, 1) == pytest.approx([0.5, 0.5, 0], abs=0.04)
    with pytest.raises(ValueError, match="5 of 4 seeds"):
        share_best(returns, 5)
