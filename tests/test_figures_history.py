"""Histories: what is noted of a training, and when it counts as solved."""

import pytest

from course_lib.figures.history import Recorder, solved_at
from tests.figures import invented_progress


def test_solved_is_the_third_evaluation_in_a_row_that_reaches_the_threshold():
    assert solved_at([10, 20, 30, 40], [5, 9, 9, 9], threshold=9) == 40


def test_one_evaluation_below_the_threshold_starts_the_count_again():
    steps = [10, 20, 30, 40, 50, 60]
    assert solved_at(steps, [9, 9, 8, 9, 9, 8], threshold=9) is None
    assert solved_at(steps, [9, 9, 8, 9, 9, 9], threshold=9) == 60


def test_a_later_collapse_does_not_undo_that_it_was_solved():
    assert solved_at([10, 20, 30, 40], [9, 9, 9, 0], threshold=9) == 30


@pytest.mark.parametrize("threshold", [None, 9.5])
def test_nothing_is_solved_without_a_threshold_or_below_it(threshold):
    assert solved_at([10, 20, 30], [9, 9, 9], threshold) is None


def test_the_recorder_notes_each_update_and_each_episode():
    recorder = Recorder()
    for step in invented_progress([3.0, 4.0]):
        recorder.add(step)
    recorder.judge(3.5)
    history = recorder.finish("a2c", "training episodes", None, "budget")
    assert history.update_steps.tolist() == history.episode_steps.tolist() == [100, 200]
    assert history.episode_returns.tolist() == [3.0, 4.0]
    assert history.metrics["entropy"].tolist() == [1, 0.5]
    assert (history.env_steps.tolist(), history.returns.tolist()) == ([200], [3.5])


def test_an_empty_history_has_no_policy_and_empty_arrays():
    history = Recorder().finish("a2c", "training episodes", 475.0, "failed")
    assert history.policy is None and history.solved_at is None and history.metrics == {}
    assert len(history.env_steps) == len(history.update_steps) == len(history.episode_steps) == 0
