"""CPU time of training alone, and when a threshold was held: the measure of the benchmark."""

import time
from collections.abc import Callable
from typing import Any

import torch

from course_lib.evaluation import evaluate
from course_lib.policies import Policy

IN_A_ROW = 3
EPISODES = 20
SHARE = 50  # long trainings are judged after every 50th of their length: 2 % is near enough


class Stopwatch:
    """Counts CPU seconds (user and system) while training, not while evaluating.

    A policy is judged by the mean return of 20 fresh episodes, at the first update after every
    `every` environment steps; after 50 times as many, when the training is a fiftieth longer. What
    counts is the first of three evaluations in a row that reach the threshold.

    Args:
        environment_id, threshold: where, and the mean return to reach.
        seed: of the training; the evaluation episodes depend on it and on the steps.
        every: environment steps between two evaluations, at first.
        max_steps, max_seconds: when to give up.
        clock: in seconds.
        judge: `judge(policy, environment_id, episodes, seed)` → returns.
    """

    def __init__(
        self,
        environment_id: str,
        threshold: float,
        seed: int,
        every: int,
        max_steps: int,
        max_seconds: float,
        clock: Callable[[], float] = time.process_time,
        judge: Callable[..., Any] = evaluate,
    ) -> None:
        self.environment_id, self.threshold, self.seed = environment_id, threshold, seed
        self.every, self.max_steps, self.max_seconds = every, max_steps, max_seconds
        self.clock, self.judge = clock, judge
        self.evaluations: list[tuple[float, int, float]] = []
        self.next_evaluation, self.env_steps = every, 0
        self.cpu_seconds = 0.0
        self.start()

    def start(self) -> None:
        """Begin to count here."""
        self.started = self.clock()

    def look(self, env_steps: int, policy: Policy) -> bool:
        """Evaluate if it is time to; return whether to stop."""
        self.cpu_seconds += self.clock() - self.started
        self.env_steps = env_steps
        if env_steps >= self.next_evaluation:
            fresh = 1_000_000 * (self.seed + 1) + env_steps
            score = self.judge(policy, self.environment_id, EPISODES, fresh).mean()
            self.evaluations.append((self.cpu_seconds, env_steps, float(score)))
            self.next_evaluation = env_steps + max(self.every, env_steps // SHARE)
        spent = self.cpu_seconds > self.max_seconds or env_steps >= self.max_steps
        self.start()
        return self.solved or spent

    @property
    def solved(self) -> bool:
        """Whether the threshold has been reached three times in a row."""
        last = self.evaluations[-IN_A_ROW:]
        return len(last) == IN_A_ROW and all(score >= self.threshold for *_, score in last)

    def outcome(self) -> dict[str, Any]:
        """What the seed needed (`None` if it did not hold the threshold), and what it spent."""
        first = self.evaluations[-IN_A_ROW][:2] if self.solved else (None, None)
        best = max((score for *_, score in self.evaluations), default=None)
        return {
            "cpu_seconds": None if first[0] is None else round(first[0], 4),
            "env_steps": first[1],
            "spent_seconds": round(self.cpu_seconds, 2),
            "spent_steps": self.env_steps,
            "best": None if best is None else round(best, 1),
        }


def one_thread() -> None:
    """The number of threads changes results, not only times."""
    torch.set_num_threads(1)
