"""What a training is held against, and where it is judged."""

from dataclasses import replace

import numpy as np
import pytest

from course_lib.figures import plan as plan_module
from course_lib.figures.history import Recorder
from course_lib.figures.plan import make_plan
from course_lib.runs import RUNS, Band
from tests.figures import any_policy, invented_progress

RUN = RUNS["a2c-cartpole"]


def test_a_run_brings_its_environment_goal_and_budget():
    plan = make_plan(RUN.name, None, None, None, None)
    expected = (RUN.environment_id, RUN.threshold, RUN.max_steps, RUN.name)
    assert (plan.environment_id, plan.threshold, plan.max_steps, plan.label) == expected


def test_what_is_said_goes_before_what_the_run_says():
    plan = make_plan(RUN.name, "ContinuousCartPole-v0", 0.0, 1234, "mine")
    expected = ("ContinuousCartPole-v0", 0.0, 1234, "mine")
    assert (plan.environment_id, plan.threshold, plan.max_steps, plan.label) == expected


def test_an_unknown_run_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'a2c-cartpol'; known are .*a2c-cartpole"):
        make_plan("a2c-cartpol", None, None, None, None)


def test_somebody_has_to_say_when_to_stop():
    with pytest.raises(ValueError, match="max_steps"):
        make_plan(None, "CartPole-v1", 475.0, None, None)


def test_there_are_41_points_from_the_beginning_to_the_budget():
    plan = make_plan(None, None, None, 4000, None)
    steps, points = -1, []
    while steps < 4000:
        steps = plan.next_point(steps)
        points.append(steps)
    assert points == list(range(0, 4001, 100))


def test_the_points_are_the_bands_where_there_is_one():
    band = Band(np.array([0, 700, 900]), np.zeros((2, 3)))
    plan = replace(make_plan(None, None, None, 800, None), band=band)
    assert [plan.next_point(steps) for steps in (-1, 0, 700, 800)] == [0, 700, 800, 900]


def test_beyond_the_budget_the_points_go_on():
    plan = make_plan(None, None, None, 4000, None)
    assert plan.next_point(5000) == 5100


def test_fresh_episodes_judge_where_the_environment_is_known(monkeypatch):
    seen = []

    def evaluate(policy, environment_id, episodes, *, seed):
        seen.append((environment_id, episodes, seed))
        return np.array([1.0, 2.0])

    monkeypatch.setattr(plan_module, "evaluate", evaluate)
    plan, recorder = make_plan(RUN.name, None, None, None, None), Recorder(policy=any_policy())
    for _ in range(2):
        recorder.judge(plan.judge(recorder, since=0))
    assert recorder.returns == [1.5, 1.5] and plan.judged_by == "20 fresh episodes"
    assert [one[:2] for one in seen] == [("CartPole-v1", 20)] * 2
    assert seen[0][2] != seen[1][2]  # other episodes each time


def test_training_episodes_judge_where_it_is_not():
    plan, recorder = make_plan(None, None, None, 100, None), Recorder()
    assert plan.judge(recorder, since=0) is None
    for step in invented_progress([9.0, 2.0, 4.0]):
        recorder.add(step)
    assert plan.judge(recorder, since=1) == (2 + 4) / 2
    assert plan.judged_by == "training episodes"
