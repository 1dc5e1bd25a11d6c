"""How a training of an experiment is judged: which policy, by which episodes, with which clock."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from course_lib.algorithms import Progress
from course_lib.algorithms.progress import NotFiniteError
from course_lib.experiments import judging, returns_of
from course_lib.experiments.detailed_ppo import detailed_ppo
from course_lib.runs import Run
from tests.test_experiments import CARTPOLE, small_run


def test_returns_are_judged_evenly_and_the_seed_decides():
    run = small_run("0.2", CARTPOLE)
    first = returns_of(run, seed=0, points=3)
    assert len(first) == 3 and all(8 <= one <= 500 for one in first)
    assert first == returns_of(run, seed=0, points=3)
    assert first != returns_of(run, seed=1, points=3)


def counting(environment_id, config, seed):
    """An algorithm whose policy counts updates, each of `config` steps."""
    policy = SimpleNamespace(updates=0)
    while True:
        policy.updates += 1
        if policy.updates == 8:
            raise NotFiniteError("update 8: the loss is nan")
        yield Progress(policy.updates * config, [], policy, {})


@pytest.mark.parametrize(
    ("steps", "first_after", "last_before"),
    [
        # Judged after 30, 60 and 90 steps. Batches of 20 end at 20, 40, 60, 80, 100;
        (20, [2, 3, 5], [1, 3, 4]),
        # of 50 at 50, 100: until there is an update, the first one stands for none;
        (50, [1, 2, 2], [1, 1, 1]),
        # of 12 at 12, 24, 36, 48, 60, 72, 84, and the eighth breaks off.
        (12, [3, 5, None], [2, 5, None]),
    ],
)
def test_one_way_of_judging_waits_for_a_batch_and_the_other_keeps_to_the_budget(
    monkeypatch, steps, first_after, last_before
):
    monkeypatch.setattr(judging, "judge", lambda policy, *_: policy.updates)
    run = Run("counting", counting, CARTPOLE, steps, None, 90)
    assert judging.returns_of(run, 0, 3) == first_after
    training = judging.budgeted_training(run, 0, 3)
    assert training.returns == last_before
    assert len(training.seconds) == 3 - last_before.count(None)


def test_the_clock_counts_training_and_not_judging(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(judging, "judge", lambda *_: next(clock) and 0.0)
    monkeypatch.setattr(judging.time, "process_time", lambda: float(next(clock)))
    training = judging.budgeted_training(Run("c", counting, CARTPOLE, 50, None, 90), 0, 3)
    # Every look at the clock and every judging takes 10 s; it is made at 0. The first update, at 50
    # steps, is looked at after 10 s, and is judged for 30 steps. The looks at both ends of that are
    # after 20 and 40 s, so 20 s do not count, and the next one, after 50 s, says 30.
    # The second update would come at 100 steps: what stands at 60 still stands at 90.
    assert training.seconds == [10.0, 30.0, 30.0]


def test_a_training_that_breaks_off_leaves_gaps_at_the_end():
    def breaks(environment_id, config, seed):
        whole = detailed_ppo(environment_id, config, seed)
        yield from (next(whole) for _ in range(2))
        raise NotFiniteError("update 3: the loss is nan")

    run = replace(small_run("0.2", CARTPOLE), algorithm=breaks)
    returns = returns_of(run, seed=0, points=3)  # after 32, 64 and 96 steps
    assert None not in returns[:2] and returns[2] is None


def test_a_readers_own_functions_are_used():
    def loss(*_):
        raise RuntimeError("mine")

    for judged_by in (returns_of, judging.budgeted_training):
        with pytest.raises(RuntimeError, match="mine"):
            judged_by(small_run("0.2", CARTPOLE), seed=0, points=2, loss=loss)
