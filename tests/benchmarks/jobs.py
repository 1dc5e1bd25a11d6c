"""What a process of the benchmark does: prepare once, then one task after the other.

Not in __main__.py, which a spawned process cannot import."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

import gymnasium

from course_lib.runs import RUNS
from tests.benchmarks import cost, learning
from tests.benchmarks.peer_settings import PeerSettings
from tests.benchmarks.stable_baselines import make_model
from tests.benchmarks.stopwatch import one_thread

COST = "cost"


def prepare() -> None:
    """One thread; and the first optimiser step, which imports for a second, before any clock."""
    one_thread()
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    next(RUNS["a2c-cartpole"].start(0))
    make_model("a2c", "CartPole-v1", PeerSettings(8), 0).learn(40)


def measure(task: str, seeds: int, peer_seeds: int, again: bool) -> str:
    """One run by name, or all comparisons of the cost a step; returns the name."""
    if task == COST:
        for one in cost.COSTS:
            cost.measure(one, again=again)
    else:
        learning.measure(RUNS[task], seeds, peer_seeds, again=again)
    return task


def fixed_work(_: int) -> float:
    """CPU seconds of always the same training, ours and the peer's."""
    started = time.process_time()
    progress = RUNS["a2c-cartpole"].start(0)
    while next(progress).env_steps < 40_000:
        pass
    make_model("a2c", "CartPole-v1", PeerSettings(8), 0).learn(10_000)
    return time.process_time() - started


def cost_of_company(workers: int, rounds: int = 5) -> float:
    """How many times as many CPU seconds the same work takes when `workers` do it at once."""
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=prepare) as executor:
        list(executor.map(fixed_work, range(2 * workers)))  # all have started
        alone = [executor.submit(fixed_work, 0).result() for _ in range(rounds)]
        together = list(executor.map(fixed_work, range(rounds * workers)))
    return median(together) / median(alone)
