"""How many CPU seconds the runs need to learn, beside Stable-Baselines3's A2C: a Markdown table.

    python tests/benchmarks/bench_learning.py [RUN …] [--seeds 10] [--peer-seeds 3]

Measured is the CPU time (user and system, one thread) of training alone until the mean of 20
evaluation episodes reaches the threshold in three evaluations in a row, at the first of the three.
Policies act with sampled actions. Ours and the peer take turns (A B B A) in one process.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, zip_longest
from typing import NamedTuple

import gymnasium
import numpy as np
import torch
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from course_lib.algorithms import A2CConfig, a2c
from course_lib.evaluation import evaluate
from course_lib.runs import RUNS, Run

EVALUATE_EVERY = 1_000
IN_A_ROW = 3
PEER_MAX_STEPS = 500_000
COST_STEPS = 20_000


class Outcome(NamedTuple):
    """What one seed needed, or None if it did not hold the threshold within its steps."""

    cpu_seconds: float | None
    env_steps: int | None
    best: float


class Stopwatch:
    """Counts CPU time while training, not while evaluating, and notices a lasting success."""

    def __init__(self, environment_id: str, threshold: float, seed: int) -> None:
        self.environment_id, self.threshold, self.seed = environment_id, threshold, seed
        self.evaluations: list[tuple[float, int, float]] = []
        self.next_evaluation = EVALUATE_EVERY
        self.cpu_seconds = 0.0
        self.started = time.process_time()

    def look(self, env_steps: int, policy) -> bool:
        """Evaluate if it is time to; return whether the threshold has held three times."""
        if env_steps < self.next_evaluation:
            return False
        self.cpu_seconds += time.process_time() - self.started
        fresh = 1_000_000 * (self.seed + 1) + env_steps
        score = float(evaluate(policy, self.environment_id, seed=fresh).mean())
        self.evaluations.append((self.cpu_seconds, env_steps, score))
        self.next_evaluation = (env_steps // EVALUATE_EVERY + 1) * EVALUATE_EVERY
        self.started = time.process_time()
        return self.solved

    @property
    def solved(self) -> bool:
        last = self.evaluations[-IN_A_ROW:]
        return len(last) == IN_A_ROW and all(score >= self.threshold for *_, score in last)

    def outcome(self) -> Outcome:
        best = max(score for *_, score in self.evaluations)
        first = self.evaluations[-IN_A_ROW][:2] if self.solved else (None, None)
        return Outcome(*first, best)


def run_ours(run: Run, seed: int) -> Outcome:
    watch = Stopwatch(run.environment_id, run.threshold, seed)
    for progress in run.start(seed):
        if watch.look(progress.env_steps, progress.policy) or progress.env_steps >= run.max_steps:
            break
    return watch.outcome()


class PeerPolicy:
    """Stable-Baselines3's policy with the method that `evaluate` asks for."""

    def __init__(self, model: A2C) -> None:
        self.model = model

    def sample(self, obs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return torch.as_tensor(self.model.predict(obs.numpy(), deterministic=False)[0])


class Watch(BaseCallback):
    """Lets a stopwatch look after each of the peer's steps."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self.watch = watch

    def _on_step(self) -> bool:
        return not self.watch.look(self.num_timesteps, PeerPolicy(self.model))


def make_peer(environment_id: str, seed: int) -> A2C:
    """A2C with RL Zoo's settings for CartPole-v1: 8 environments, the rest default."""
    environments = make_vec_env(environment_id, n_envs=8, seed=seed)
    return A2C("MlpPolicy", environments, ent_coef=0.0, seed=seed, device="cpu")


def run_peer(run: Run, seed: int) -> Outcome:
    model = make_peer(run.environment_id, seed)
    watch = Stopwatch(run.environment_id, run.threshold, seed)
    model.learn(PEER_MAX_STEPS, callback=Watch(watch))
    return watch.outcome()


def cost_a_step(environment_id: str) -> tuple[float, float]:
    """CPU µs an environment step of ours and of the peer, with the peer's settings for both."""
    # Ours measures λ = 1, the peer's default, by the same functions.
    settings = replace(
        A2CConfig(), num_envs=8, num_steps=5, learning_rate=7e-4, gae_lambda=1.0, normalize=False
    )
    updates = a2c(environment_id, settings, seed=0)
    next(updates)
    started = time.process_time()
    for _ in islice(updates, COST_STEPS // 40):
        pass
    ours = time.process_time() - started
    model = make_peer(environment_id, seed=0)
    started = time.process_time()
    model.learn(COST_STEPS)
    peer = time.process_time() - started
    return 1e6 * ours / COST_STEPS, 1e6 * peer / COST_STEPS


def turns(seeds: int, peer_seeds: int) -> Iterator[tuple[Callable[[Run, int], Outcome], int]]:
    """Who runs next with which seed: A B B A A B B A …, until both have had their seeds."""
    for i, (ours, peer) in enumerate(zip_longest(range(seeds), range(peer_seeds))):
        pair = [(run_ours, ours), (run_peer, peer)]
        yield from (turn for turn in (pair if i % 2 == 0 else pair[::-1]) if turn[1] is not None)


def row(name: str, outcomes: list[Outcome]) -> str:
    solved = [outcome for outcome in outcomes if outcome.cpu_seconds is not None]
    share = f"{len(solved)}/{len(outcomes)}"
    if not solved:
        return f"| {name} | {share} | | | {max(outcome.best for outcome in outcomes):.0f} |"
    seconds = [outcome.cpu_seconds for outcome in solved]
    steps = np.median([outcome.env_steps for outcome in solved]) / 1_000
    middle, largest = np.median(seconds), max(seconds)
    best = np.median([outcome.best for outcome in outcomes])
    return f"| {name} | {share} | {middle:.2f} ({largest:.2f}) | {steps:.0f} | {best:.0f} |"


def measure(run: Run, seeds: int, peer_seeds: int) -> None:
    """Print a run's rows of the table."""
    outcomes: dict[Callable[[Run, int], Outcome], list[Outcome]] = {run_ours: [], run_peer: []}
    for runner, seed in turns(seeds, peer_seeds if run.algorithm is a2c else 0):
        outcomes[runner].append(runner(run, seed))
        print(f"{run.name} {runner.__name__} {seed}: {outcomes[runner][-1]}", file=sys.stderr)
    print(row(run.name, outcomes[run_ours]), flush=True)
    if outcomes[run_peer]:
        print(row(f"Stable-Baselines3 A2C, {run.environment_id}", outcomes[run_peer]), flush=True)


def warm_up() -> None:
    """Pay for torch's first optimiser step, which imports for a second, before anything counts."""
    next(a2c("CartPole-v1", A2CConfig(), seed=0))
    make_peer("CartPole-v1", seed=0).learn(40)


def main() -> None:
    """Measure and print."""
    with_threshold = [run.name for run in RUNS.values() if run.threshold is not None]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help=", ".join(with_threshold))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--peer-seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    warm_up()
    print("| run | solved | CPU s, median (largest) | 1,000 steps, median | best return, median |")
    print("| --- | --- | --- | --- | --- |")
    for name in options.runs or with_threshold:
        measure(RUNS[name], options.seeds, options.peer_seeds)
    for environment_id in ("CartPole-v1", "ContinuousCartPole-v0"):
        ours, peer = cost_a_step(environment_id)
        print(
            f"\nA2C with the peer's settings, {environment_id}: {ours:.1f} µs a step against ",
            end="",
        )
        print(f"{peer:.1f}, {ours / peer:.2f} of it")


if __name__ == "__main__":
    main()
