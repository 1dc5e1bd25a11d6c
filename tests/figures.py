"""Invented trainings for the tests of course_lib.figures."""

from collections.abc import Iterator, Sequence

import torch

from course_lib.algorithms import Progress
from course_lib.figures import History, train
from course_lib.policies import CategoricalPolicy


def any_policy(observation_size: int = 4, num_actions: int = 2) -> CategoricalPolicy:
    """An untrained policy, always the same."""
    generator = torch.Generator().manual_seed(0)
    return CategoricalPolicy(observation_size, num_actions, (8,), generator)


def invented_progress(returns: Sequence[float], steps: int = 100) -> Iterator[Progress]:
    """One update every `steps` steps, in which one episode of each of these returns ended."""
    policy = any_policy()
    for i, one in enumerate(returns, start=1):
        yield Progress(steps * i, [one], policy, {"entropy": 1 / i})


def invented_history(returns: Sequence[float], label: str = "a2c", **options) -> History:
    """The history of such a training, judged at each of 40 points by its training episodes."""
    options = {"max_steps": max(100 * len(returns), 1), "quiet": True} | options
    return train(invented_progress(returns), label=label, **options)
