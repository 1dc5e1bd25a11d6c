"""Small helpers that several test modules share."""

import torch
from torch import Tensor


def double(values) -> Tensor:
    """A float64 tensor of these numbers."""
    return torch.tensor(values, dtype=torch.float64)


def leaf(values) -> Tensor:
    """A float64 tensor that collects a gradient."""
    return double(values).requires_grad_()


def random_rollout(seed: int, steps: int, envs: int, end_rate: float = 0.2) -> dict[str, Tensor]:
    """A rollout with both kinds of ends, never both at once; next_value fits inside episodes."""
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return torch.randn(steps, envs, generator=generator, dtype=torch.float64)

    reward, value, next_value = draw(), draw(), draw()
    kind = torch.rand(steps, envs, generator=generator)
    terminated, truncated = kind < end_rate / 2, (kind >= end_rate / 2) & (kind < end_rate)
    inside = ~(terminated | truncated)[:-1]
    next_value[:-1] = torch.where(inside, value[1:], next_value[:-1])
    return {
        "reward": reward,
        "value": value,
        "next_value": next_value,
        "terminated": terminated,
        "truncated": truncated,
    }
