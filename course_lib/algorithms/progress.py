"""What a training loop yields after each update, and how it stops on numbers that are none."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.policies import Critic, Policy


class Progress(NamedTuple):
    """The state of a training run after one update.

    Attributes:
        env_steps: steps of single environments so far.
        finished_returns: undiscounted returns of the episodes that ended since the last yield.
        policy: the policy itself, no copy: it goes on learning when the loop goes on.
        metrics: numbers worth plotting, such as "loss" and "entropy".
        critic: the value function, where the algorithm has one.
    """

    env_steps: int
    finished_returns: list[float]
    policy: Policy
    metrics: dict[str, float]
    critic: Critic | None = None


class NotFiniteError(ValueError):
    """A loss is infinite or no number: nothing that follows would mean anything."""


def require_finite(update: int, loss: Tensor, **terms: Tensor) -> None:
    """Raise `ValueError` unless the loss is a finite scalar, naming what went into it.

    For a loss that is a scalar but not finite it is a `NotFiniteError`.

    Args:
        update: which update this is, counted from 1.
        loss: () the loss.
        terms: what the loss was made of, looked at only if the loss is not finite.
    """
    if loss.ndim:
        raise ValueError(f"update {update}: the loss must be a scalar, got {tuple(loss.shape)}")
    number = loss.item()
    if math.isfinite(number):
        return
    broken = [name for name, term in terms.items() if not torch.isfinite(term).all()]
    cause = f"{' and '.join(broken)} already not finite" if broken else "all its inputs are finite"
    raise NotFiniteError(f"update {update}: the loss is {number}; {cause}")
