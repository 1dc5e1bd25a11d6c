"""Small helpers around torch's optimisers that several training loops share."""

import torch
from torch import nn


def decay(
    optimizer: torch.optim.Optimizer,
    learning_rate: float,
    env_steps: int,
    decay_steps: int | None,
) -> None:
    """Set the step size to what is left of it: η (1 − env_steps/decay_steps), at least 0.

    Args:
        optimizer: its step sizes are changed.
        learning_rate: η, at the start.
        env_steps: environment steps so far.
        decay_steps: after how many it is 0; `None` leaves the optimiser alone.
    """
    if decay_steps is not None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * max(0.0, 1 - env_steps / decay_steps)


def clip_gradients(max_norm: float, *networks: nn.Module) -> None:
    """Scale each network's gradient to `max_norm` if it is longer, each by itself."""
    for network in networks:
        nn.utils.clip_grad_norm_(network.parameters(), max_norm)
