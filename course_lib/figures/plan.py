"""What a training is held against: its goal, its budget and where its policy is judged."""

from dataclasses import dataclass

import numpy as np

from course_lib.evaluation import evaluate
from course_lib.figures.curves import stored_band
from course_lib.figures.history import Recorder
from course_lib.runs import RUNS, Band

POINTS = 40
EPISODES = 20
EVALUATION_SEED = 2_000_000  # far from the seeds that anybody trains with


@dataclass(frozen=True)
class Plan:
    """How long to train, and what for.

    Attributes:
        label: what the run is called.
        run: its name in `RUNS`, or `None`.
        environment_id: where evaluation episodes are played; `None` judges by training episodes.
        threshold: the mean return that counts as solved, or `None`.
        max_steps: environment steps after which to give up.
        band: what the reference reached, or `None`.
    """

    label: str
    run: str | None
    environment_id: str | None
    threshold: float | None
    max_steps: int
    band: Band | None

    @property
    def judged_by(self) -> str:
        """Whose mean return says how good the policy is."""
        return "training episodes" if self.environment_id is None else f"{EPISODES} fresh episodes"

    def next_point(self, env_steps: int) -> int:
        """The environment steps at which the policy is judged next, `env_steps` being done.

        They are the band's own points where there is one, so that both are judged equally often.
        """
        points = np.arange(POINTS + 1) * self.max_steps // POINTS
        if self.band is not None:
            points = np.append(self.band.env_steps, self.max_steps)
        later = points[points > env_steps]
        return int(later.min()) if len(later) else env_steps + self.max_steps // POINTS

    def judge(self, recorder: Recorder, since: int) -> float | None:
        """The mean return of 20 fresh episodes; without an environment that of the training
        episodes since the one numbered `since`, `None` if there are none."""
        if self.environment_id is not None:
            seed = EVALUATION_SEED + len(recorder.returns)
            return float(evaluate(recorder.policy, self.environment_id, EPISODES, seed=seed).mean())
        ended = recorder.episode_returns[since:]
        return float(np.mean(ended)) if ended else None


def make_plan(
    run: str | None,
    environment_id: str | None,
    threshold: float | None,
    max_steps: int | None,
    label: str | None,
) -> Plan:
    """What is given, and the rest from the run.

    Raises:
        ValueError: there is no such run, or neither a run nor `max_steps` to say when to stop.
    """
    if run is not None and run not in RUNS:
        raise ValueError(f"no run is called {run!r}; known are {', '.join(RUNS)}")
    known = RUNS[run] if run else None
    if max_steps is None and known is None:
        raise ValueError("say when to stop: train(…, max_steps=…) or train(…, run=…)")
    if known is not None:
        environment_id = environment_id or known.environment_id
        threshold = known.threshold if threshold is None else threshold
        max_steps = known.max_steps if max_steps is None else max_steps
    return Plan(
        label or run or "this run", run, environment_id, threshold, max_steps, stored_band(run)
    )
