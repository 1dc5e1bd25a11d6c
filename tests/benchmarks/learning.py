"""Measuring how long a run takes to its threshold, ours and the peer's in turns."""

import sys
import time
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from course_lib.runs import Run
from tests.benchmarks import results
from tests.benchmarks.peer_settings import settings_of_peer
from tests.benchmarks.stopwatch import Stopwatch

FIRST_SEED = 200  # no setting was found with these seeds
MAX_SECONDS = 120.0
EVALUATE_EVERY = 1_000
EVALUATIONS = 20  # at least, within a run's budget


class Turn(NamedTuple):
    """One training: whose, and with which seed."""

    who: str
    seed: int


def settings_by_side(run: Run) -> dict[str, Any]:
    """Who is measured on a run, with which settings: ours, and the peer with its two."""
    algorithm = results.algorithm_of(run)
    return {results.OURS: run.config, **settings_of_peer(algorithm, run.environment_id)}


def turns(sides: list[str], seeds: int, peer_seeds: int) -> Iterator[Turn]:
    """A B, B A, A B …: a machine that gets slower or faster favours nobody."""
    columns = [range(seeds if who == results.OURS else peer_seeds) for who in sides]
    for i, row in enumerate(zip_longest(*columns)):
        ready = [
            Turn(who, FIRST_SEED + seed)
            for who, seed in zip(sides, row, strict=True)
            if seed is not None
        ]
        yield from (ready if i % 2 == 0 else ready[::-1])


def evaluate_every(run: Run) -> int:
    """Environment steps between two evaluations."""
    return min(EVALUATE_EVERY, run.max_steps // EVALUATIONS)


def allowed_seconds(run: Run, who: str) -> float:
    """CPU seconds after which a side is given up.

    If the zoo's settings solve all seeds, the defaults have three times as long as the slowest of
    them, at least 20 s: only the better of the two is shown.
    """
    if who == results.OURS:
        return float("inf")
    if who == "defaults":
        zoo = results.described(settings_by_side(run)["zoo"])
        outcomes = results.outcomes_of(results.read(), "learning", run.name, "zoo", zoo)
        needed = [one["cpu_seconds"] for one in outcomes]
        if needed and None not in needed:
            return min(MAX_SECONDS, max(20.0, 3 * max(needed)))
    return MAX_SECONDS


def train(run: Run, who: str, seed: int) -> dict[str, Any]:
    """One side's training of one seed."""
    ours = who == results.OURS
    watch = Stopwatch(
        run.environment_id, run.threshold, seed, evaluate_every(run),
        run.max_steps if ours else sys.maxsize, allowed_seconds(run, who),
    )  # fmt: skip
    if not ours:
        # Imported here: the README's tables should not wait for it.
        from tests.benchmarks.stable_baselines import train_peer

        settings = settings_by_side(run)[who]
        algorithm = results.algorithm_of(run)
        return train_peer(algorithm, run.environment_id, settings, seed, watch)
    for progress in run.start(seed):
        if watch.look(progress.env_steps, progress.policy):
            break
    return watch.outcome()


def measure(run: Run, seeds: int, peer_seeds: int, *, again: bool) -> None:
    """Measure the seeds of a run that are missing, and store each as it is done."""
    sides = settings_by_side(run)
    texts = {who: results.described(settings) for who, settings in sides.items()}
    done = set() if again else {results.key_of(record) for record in results.read()}
    first = [who for who in sides if who != "defaults"]
    last = [who for who in sides if who == "defaults"]
    for turn in (*turns(first, seeds, peer_seeds), *turns(last, seeds, peer_seeds)):
        record = {
            "kind": "learning", "task": run.name, "who": turn.who, "settings": texts[turn.who],
            "seed": turn.seed,
        }  # fmt: skip
        if results.key_of(record) in done:
            continue
        started = time.perf_counter()
        record |= train(run, turn.who, turn.seed)
        results.append(record)
        took = time.perf_counter() - started
        needed, best = record["cpu_seconds"], record["best"]
        line = f"{run.name} {turn.who} {turn.seed}: {needed} s CPU, best {best} ({took:.0f} s)"
        print(line, file=sys.stderr, flush=True)
