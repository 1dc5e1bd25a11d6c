"""Small helpers around torch's optimisers that several training loops share."""

from collections.abc import Iterable

import torch
from torch import Tensor


def share_left(env_steps: int, decay_steps: int | None) -> float:
    """What is left of something that falls evenly to 0: 1 − env_steps/decay_steps, at least 0.

    Args:
        env_steps: environment steps so far.
        decay_steps: after how many nothing is left; `None` keeps all of it.
    """
    return 1.0 if decay_steps is None else max(0.0, 1 - env_steps / decay_steps)


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
            group["lr"] = learning_rate * share_left(env_steps, decay_steps)


def clip_gradients(max_norm: float, *networks: Iterable[Tensor]) -> None:
    """Scale each network's gradient to `max_norm` if it is longer, each by itself.

    The numbers are those of `nn.utils.clip_grad_norm_`, to the last bit, without its bookkeeping:
    on networks as small as these that costs more than the arithmetic.

    Args:
        max_norm: the length that is left alone.
        networks: the weights of each. A loop that does little else hands over lists: to collect
            the weights of a network anew takes as long as to measure their gradient.
    """
    for network in networks:
        gradients = [weight.grad for weight in network if weight.grad is not None]
        if not gradients:
            continue
        length = torch.stack(torch._foreach_norm(gradients)).norm()
        if length + 1e-6 > max_norm:
            torch._foreach_mul_(gradients, max_norm / (length + 1e-6))


def descend(
    loss: Tensor, optimizer: torch.optim.Optimizer, max_norm: float, *networks: Iterable[Tensor]
) -> None:
    """One step of an optimiser down a loss, with the gradient clipped as by `clip_gradients`.

    `zero_grad` and `backward` in one: gradients take the place of the old ones, and nothing but
    the weights of these networks gets any.
    """
    networks = [list(network) for network in networks]
    weights = [weight for network in networks for weight in network]
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    clip_gradients(max_norm, *networks)
    optimizer.step()
