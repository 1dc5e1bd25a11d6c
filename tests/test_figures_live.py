"""Training in front of the reader: when it stops, and that nothing is lost."""

import io
import itertools
import re

import pytest
import torch

from course_lib.figures import train
from course_lib.runs import RUNS
from tests.figures import any_policy, invented_history, invented_progress

RUN = "reinforce-cartpole"


def interrupted_after(count: int):
    """A training during which the reader presses the square button."""
    yield from itertools.islice(invented_progress(range(1, 100)), count)
    raise KeyboardInterrupt


def test_the_budget_ends_a_training():
    history = train(invented_progress(range(100)), max_steps=350, quiet=True)
    assert history.ended == "budget" and history.update_steps.tolist() == [100, 200, 300, 400]


def test_three_evaluations_at_the_threshold_end_a_training():
    history = invented_history([1, 9, 1, 9, 9, 9, 9, 9], threshold=9)
    assert (history.ended, history.solved_at) == ("solved", 600)


def test_a_training_can_go_on_after_it_is_solved():
    history = invented_history([9, 9, 9, 1], threshold=9, stop_when_solved=False)
    assert (history.ended, history.solved_at, len(history.returns)) == ("budget", 300, 4)


def test_a_threshold_of_zero_is_a_threshold():
    history = invented_history([-1, 0, 0, 0, 0], threshold=0.0)
    assert (history.ended, history.solved_at) == ("solved", 400)


def test_an_iterator_may_come_to_its_end():
    history = train(invented_progress([1, 2]), max_steps=10_000, quiet=True)
    assert history.ended == "exhausted" and history.update_steps.tolist() == [100, 200]


def test_the_same_iterator_goes_on_where_it_stopped():
    progress = invented_progress(range(10))
    first = train(progress, max_steps=300, quiet=True)
    second = train(progress, max_steps=500, quiet=True)
    assert first.update_steps.tolist() + second.update_steps.tolist() == [100, 200, 300, 400, 500]


def test_an_interruption_keeps_the_policy_and_the_curve():
    history = train(interrupted_after(4), max_steps=100_000, quiet=True)
    assert history.ended == "interrupted" and history.policy is not None
    assert history.episode_returns.tolist() == [1, 2, 3, 4]


def test_an_interruption_is_told_in_one_line(capsys):
    train(interrupted_after(4), max_steps=100_000)
    captured = capsys.readouterr()
    assert captured.out == "Interrupted after 400 steps; what was learned so far is kept.\n"
    assert captured.err == ""


def test_an_interrupted_evaluation_keeps_what_there_is(monkeypatch):
    def press_the_button(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.figures.plan.evaluate", press_the_button)
    history = train(invented_progress([1, 2]), run=RUN, quiet=True)
    assert history.ended == "interrupted" and history.update_steps.tolist() == [100]


def test_the_readers_error_comes_through_with_the_history_so_far(capsys):
    calls = itertools.count(1)

    def breaks_at_the_third_call(log_prob, reward, gamma):
        if next(calls) == 3:
            raise IndexError("index 5 is out of bounds")
        return -(log_prob * reward.sum(0)).sum(0).mean()

    with pytest.raises(IndexError, match="index 5 is out of bounds") as caught:
        train(RUNS[RUN].start(0, loss=breaks_at_the_third_call), run=RUN)
    history = caught.value.history
    assert history.ended == "failed" and len(history.update_steps) == 2
    assert history.policy.sample(torch.zeros(1, 4), torch.Generator()).shape == (1,)
    assert "Stopped by an error" in capsys.readouterr().out


def test_a_loss_that_is_no_number_is_told_by_its_update():
    def not_a_number(log_prob, reward, gamma):
        return log_prob.sum() * float("nan")

    with pytest.raises(ValueError, match="update 1: the loss is nan") as caught:
        train(RUNS[RUN].start(0, loss=not_a_number), run=RUN, quiet=True)
    assert caught.value.history.policy is None


def test_in_a_terminal_there_is_one_line_and_no_bar_in_a_file(capsys):
    train(invented_progress([1, 2]), max_steps=200, label="mine")
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1 and captured.out.startswith("200 steps, ")
    assert captured.err == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_is_wiped_away_at_the_end(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    train(invented_progress([1, 2]), max_steps=200, label="mine")
    states = terminal.getvalue().split("\r")
    assert any(re.match(r"mine: +\d+%\|", state) for state in states)
    assert states[-1].strip() == "" and capsys.readouterr().out.startswith("200 steps, ")


def test_quiet_is_quiet(capfd):
    invented_history([1, 2, 3])
    assert capfd.readouterr() == ("", "")


def test_the_policy_is_judged_in_the_runs_environment_and_left_as_it_was():
    policy = any_policy(1, 1)
    before = [parameter.clone() for parameter in policy.parameters()]
    progress = (step._replace(policy=policy) for step in invented_progress([5.0, 5.0]))
    history = train(progress, environment_id="Probe1-v0", max_steps=200, quiet=True)
    assert history.returns.tolist() == [1.0, 1.0]  # probe 1 pays 1 an episode, not 5
    assert all(torch.equal(*pair) for pair in zip(before, policy.parameters(), strict=True))


def test_watching_does_not_change_what_is_learned():
    alone = RUNS[RUN].start(0)
    expected = [next(alone).finished_returns for _ in range(3)]
    history = train(RUNS[RUN].start(0), run=RUN, max_steps=1, quiet=True)
    assert history.episode_returns.tolist() == expected[0]
    progress = RUNS[RUN].start(0)
    first = train(progress, run=RUN, max_steps=1, quiet=True)
    second = train(progress, run=RUN, max_steps=int(first.update_steps[-1]) + 1, quiet=True)
    assert second.episode_returns.tolist() == expected[1]
