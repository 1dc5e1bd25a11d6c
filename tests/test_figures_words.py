"""Training runs in words: nothing but what is true."""

from dataclasses import replace

import numpy as np
import pytest

from course_lib.figures.plan import make_plan
from course_lib.figures.words import describe_curves, describe_reference, headline, rounded, verdict
from course_lib.runs import Band
from tests.figures import invented_history


def plan_with_band(threshold: float | None = 9.0):
    """Four reference seeds: solved after 300, after 500, after 500, and never."""
    steps = np.array([100, 200, 300, 400, 500])
    returns = np.array([[9, 9, 9, 9, 9], [0, 0, 9, 9, 9], [0, 0, 9, 9, 9], [9, 9, 0, 9, 9.0]])
    plan = make_plan(None, None, threshold, 500, "a2c")
    return replace(plan, band=Band(steps, returns))


def test_a_solved_run_says_when_and_counts_the_slower_seeds():
    history = replace(invented_history([1.0, 9.0, 9.0, 9.0, 9.0], threshold=9.0), seconds=2.14)
    assert verdict(history, plan_with_band()) == (
        "Solved after 400 steps, 2.1 s of training: at least 9 in three evaluations in a row; "
        "3 of 4 reference seeds were slower."
    )
    assert headline(history) == "a2c: solved after 400 steps"


def test_a_run_that_is_not_solved_says_how_many_had_solved_it_by_then():
    history = replace(invented_history([1.0, 9.0, 9.0, 8.0]), seconds=1.0)
    assert verdict(history, plan_with_band()) == (
        "400 steps, 1.0 s of training, the last mean return 8; "
        "9 was not reached three times in a row; 1 of 4 reference seeds had solved it by then."
    )


def test_a_run_that_went_on_after_it_was_solved_says_both():
    history = invented_history([9.0] * 3 + [2.0], threshold=9.0, stop_when_solved=False)
    line = verdict(replace(history, seconds=1.0), plan_with_band())
    assert line.startswith("400 steps, 1.0 s of training, the last mean return 2; ")
    assert "solved after 300 steps: at least 9 in three evaluations in a row; 3 of 4" in line
    assert headline(history) == "a2c: a mean return of 2 after 400 steps"


@pytest.mark.parametrize(("slower", "words"), [(0, "0 of 1"), (1, "1 of 1"), (2, "2 of 2")])
def test_the_number_of_slower_seeds_and_its_verb_agree(slower, words):
    history = invented_history([9.0, 9.0, 9.0], threshold=9.0)
    band = Band(np.array([100, 200, 300]), np.full((max(slower, 1), 3), 0.0 if slower else 9.0))
    line = verdict(history, replace(plan_with_band(), band=band))
    verb = "was" if slower == 1 else "were"
    assert f"; {words} reference seeds {verb} slower." in line


def test_without_a_threshold_nothing_is_compared():
    history = replace(invented_history([1.0, 2.0]), seconds=1.0)
    plan = plan_with_band(threshold=None)
    assert verdict(history, plan) == "200 steps, 1.0 s of training, the last mean return 2."
    assert "goal" not in describe_reference(plan)


@pytest.mark.parametrize(("ended", "word"), [("interrupted", "kept"), ("failed", "error")])
def test_a_run_that_was_broken_off_says_so(ended, word):
    history = replace(invented_history([1.0, 2.0]), ended=ended)
    line = verdict(history, plan_with_band())
    assert "200 steps" in line and word in line and "reference" not in line
    assert headline(history) == f"a2c: {ended} after 200 steps"


def test_alternative_text_says_where_a_curve_begins_peaks_and_ends():
    assert describe_curves([invented_history([1.0, 1500.0, 3.0])]) == (
        "a2c: the mean return is 1 after 100 steps, 1500 at its best after 200 "
        "and 3 at the end, after 300."
    )


def test_alternative_text_of_a_short_run_repeats_nothing():
    assert describe_curves([invented_history([7.0])]) == (
        "a2c: the mean return is 7 after 100 steps."
    )
    assert "at its best" not in describe_curves([invented_history([1.0, 2.0])])
    assert describe_curves([invented_history([])]) == "a2c: nothing to see yet."


def test_alternative_text_names_the_goal_and_the_band():
    text = describe_reference(plan_with_band())
    assert "marks 9" in text and "4 reference seeds" in text


@pytest.mark.parametrize(
    ("mean_return", "text"), [(499.6, "500"), (-162.3, "-162"), (8.0, "8"), (0.65, "0.65")]
)
def test_a_small_return_keeps_two_digits(mean_return, text):
    assert rounded(mean_return) == text
