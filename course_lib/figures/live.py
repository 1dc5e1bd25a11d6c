"""Training in front of the reader: a bar and a curve while it runs, one picture and one line after.

The training loops only yield; when to judge, to draw and to stop is decided here."""

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from course_lib.figures.errors import shorten
from course_lib.figures.history import HOLD, History, Recorder
from course_lib.figures.plan import Plan, make_plan
from course_lib.figures.screen import Screen, Silence
from course_lib.figures.words import verdict

if TYPE_CHECKING:
    from course_lib.algorithms import Progress


def train(
    progress: "Iterator[Progress]",
    *,
    run: str | None = None,
    max_steps: int | None = None,
    label: str | None = None,
    environment_id: str | None = None,
    threshold: float | None = None,
    stop_when_solved: bool = True,
    quiet: bool = False,
) -> History:
    """Run a training loop and show how it learns.

    The policy is judged by 20 fresh episodes at each point of the run's band (without a band: at 41
    points of the budget). The training stops when the threshold was reached at three points in a
    row, when the budget is used up, or when you interrupt it (the square button); what was learned
    up to then comes back in every case.

    If one of your functions raises, so does `train`, with your error; the history up to there is
    its attribute `.history` (in the next cell: `sys.last_value.history`). Call `train` again with
    the same iterator to go on where it stopped.

    Args:
        progress: what an algorithm yields, as `RUNS["a2c-cartpole"].start(seed=0)`.
        run: its name in `RUNS`, for threshold, budget and reference band.
        max_steps: the budget in environment steps, if it is not the run's.
        label: what pictures call it; the name of the run if nothing is said.
        environment_id: where to judge the policy without a `run`. Without either, the training's
            own episodes say how good it is.
        threshold: the mean return that counts as solved, if it is not the run's.
        stop_when_solved: whether to stop there; else the whole budget is used.
        quiet: show and print nothing.

    Raises:
        ValueError: there is no such run, or nothing says when to stop.
    """
    plan = make_plan(run, environment_id, threshold, max_steps, label)
    recorder, screen = Recorder(), Silence() if quiet else Screen(plan)
    try:
        ended = learn(progress, plan, recorder, screen, stop_when_solved)
    except KeyboardInterrupt:
        ended = "interrupted"
    except Exception as error:
        history = recorder.finish(plan.label, plan.judged_by, plan.threshold, "failed")
        screen.close(history, verdict(history, plan))
        shorten(error, history)
        raise
    history = recorder.finish(plan.label, plan.judged_by, plan.threshold, ended)
    screen.close(history, verdict(history, plan))
    return history


def learn(
    progress: "Iterator[Progress]",
    plan: Plan,
    recorder: Recorder,
    screen: "Screen | Silence",
    stop_when_solved: bool,
) -> str:
    """Train until there is a reason to stop, and say which."""
    goal = math.inf if plan.threshold is None else plan.threshold
    point, since, in_a_row = 0, 0, 0
    while True:
        # 1. One update, and nothing else, on the clock.
        start = time.perf_counter()
        step = next(progress, None)
        recorder.seconds += time.perf_counter() - start
        if step is None:
            return "exhausted"
        recorder.add(step)

        # 2. Judge the policy now and then.
        judged = plan.judge(recorder, since) if recorder.steps >= point else None
        if judged is not None:
            recorder.judge(judged)
            point, since = plan.next_point(recorder.steps), len(recorder.episode_returns)
            in_a_row = in_a_row + 1 if judged >= goal else 0

        # 3. Show it, and stop when there is a reason.
        screen.update(recorder)
        if stop_when_solved and in_a_row >= HOLD:
            return "solved"
        if recorder.steps >= plan.max_steps:
            return "budget"
