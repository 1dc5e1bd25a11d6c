"""An invented benchmark for the tests of its figures: six variants, two tasks."""

import numpy as np

from course_lib.algorithms import RandomPolicyConfig, random_policy
from course_lib.experiments.experiment import Experiment, Trial
from course_lib.experiments.results import Results
from course_lib.runs import Run

POINTS = 10
# The share of the way from the worst to the best return that a variant has gone at the end, and
# the CPU seconds of its training.
VARIANTS = {
    "Random": (0.0, 1.0), "REINFORCE": (0.5, 2.0), "TRPO": (0.85, 5.0), "PPO": (0.9, 8.0),
    "CMA-ES": (0.6, 1.5), "SAC": (0.88, 150.0),
}  # fmt: skip
TASKS = {"Pendulum-v1": (-1200.0, -150.0), "DoublePendulum-v0": (143.0, 5000.0)}


class Timed(Results):
    """Results whose clock was invented, too."""

    def cpu_seconds(self) -> np.ndarray:
        share = np.arange(1, POINTS + 1) / POINTS
        rows = [seconds * share for _, seconds in VARIANTS.values()]
        return np.repeat(np.array(rows)[:, None], len(self.columns), axis=1)


def invented_benchmark(seeds: int = 5, noise: float = 0.05) -> Timed:
    """Results of all trainings, each curve rising to its variant's share with some noise."""
    experiment = Experiment(
        "benchmark", "who?", tuple(VARIANTS), tuple(TASKS), seeds,
        lambda _, task: Run("invented", random_policy, task, RandomPolicyConfig(), None, 1_000),
        "Random", POINTS,
    )  # fmt: skip
    random, returns = np.random.default_rng(0), {}
    for trial in experiment.trials():
        returns[trial] = curve(trial, noise, random)
    return Timed("python -m course_lib.experiments benchmark", experiment, returns)


def curve(trial: Trial, noise: float, random: np.random.Generator) -> list[float]:
    """The mean returns of one training."""
    low, high = TASKS[trial.task]
    goal = VARIANTS[trial.variant][0]
    goal += noise * random.normal() if goal else 0.0
    rising = goal * np.minimum(1.0, np.arange(1, POINTS + 1) / 6)
    return [float(low + share * (high - low)) for share in rising]
