"""A reader's own error, told without the loop's insides."""

import pytest

from course_lib.figures.errors import shorten
from course_lib.figures.history import Recorder
from course_lib.runs import RUNS


def told(loss) -> str:
    """What a notebook shows of a training with this loss."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any error of a reader's
        next(RUNS["reinforce-cartpole"].start(0, loss=loss))
    history = Recorder().finish("reinforce", "training episodes", None, "failed")
    shorten(caught.value, history)
    assert caught.value.history is history
    return "\n".join(caught.value._render_traceback_())


def test_the_readers_own_line_is_shown_and_the_loops_are_not():
    def my_loss(log_prob, reward, gamma):
        return log_prob @ reward.reshape(7, -1)

    text = told(my_loss)
    assert "return log_prob @ reward.reshape(7, -1)" in text and "my_loss, line" in text
    assert "RuntimeError: " in text and "before the first update" in text
    assert "reinforce.py" not in text and "objective = loss" not in text


def test_a_function_not_yet_written_is_named():
    def my_loss(log_prob, reward, gamma):
        raise NotImplementedError

    assert told(my_loss) == (
        "✗ my_loss is not written yet, and this run calls it: write it first, then train."
    )


def test_an_error_of_the_course_is_told_in_a_line():
    def my_loss(log_prob, reward, gamma):
        return log_prob.sum(0)

    *callers, error, when = told(my_loss).splitlines()
    assert error == "ValueError: update 1: the loss must be a scalar, got (16,)"
    assert when == "(The run stopped before the first update.)"
    # The test stands where a reader's own code would call `next`; nothing else is shown.
    assert len(callers) == 2 and "next(RUNS[" in callers[1]
