"""What a process of the benchmark does: prepare once, then one task after the other.

Not in __main__.py, which a spawned process cannot import."""

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
