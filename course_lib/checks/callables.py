"""Small functions and modules that cases pass in where an exercise takes one.

They belong to the student edition: a case that holds another callable cannot be recorded. None of
them is the answer to an exercise. A module is made of nothing but its tensors, so that its
`state_dict` is all there is to write down.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class TanhPolicy(nn.Module):
    """μ(s) = tanh(W s + b): (B, S) → (B, D), of `weight` (D, S) and `bias` (D,)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, obs: Tensor) -> Tensor:
        return torch.tanh(obs @ self.weight.T + self.bias)


class QuadraticCritic(nn.Module):
    """Q(s, a) = v·s + sᵀMa − ½ |a|²: (B, S), (B, D) → (B,), of `state` (S,) and `mixed` (S, D)."""

    def __init__(self, state: Tensor, mixed: Tensor) -> None:
        super().__init__()
        self.state, self.mixed = nn.Parameter(state), nn.Parameter(mixed)

    def forward(self, obs: Tensor, action: Tensor) -> Tensor:
        return obs @ self.state + ((obs @ self.mixed - 0.5 * action) * action).sum(-1)


class Bowl(nn.Module):
    """f(x) = −½ Σ_d k_d (x_d − c_d)²: (B, D) → (B,), of `centre` (D,) and `curvature` (D,)."""

    def __init__(self, centre: Tensor, curvature: Tensor) -> None:
        super().__init__()
        self.register_buffer("centre", centre)
        self.register_buffer("curvature", curvature)

    def forward(self, x: Tensor) -> Tensor:
        return -0.5 * (self.curvature * (x - self.centre).square()).sum(-1)


class Drift(nn.Module):
    """s' ~ N(tanh(W s + U a), σ(s)²): (B, S), (B, D) → mean and log σ, each (B, S).

    Of `state` W (S, S), `action` U (S, D) and `spread` (S,): log σ = spread − ¼ s².
    """

    def __init__(self, state: Tensor, action: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.state, self.action = nn.Parameter(state), nn.Parameter(action)
        self.spread = nn.Parameter(spread)

    def forward(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.tanh(obs @ self.state.T + action @ self.action.T)
        return mean, self.spread - 0.25 * obs.square()


class Matrix(nn.Module):
    """x ↦ A x: (…, D) → (…, E), of `matrix` (E, D)."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix.T


def surprise_so_far(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Takes what an advantage estimator takes, and is none: it sums forwards, within episodes."""
    surprise = reward - value + 0.5 * next_value.masked_fill(terminated, 0)
    stops, rows, trace = terminated | truncated, [], torch.zeros_like(surprise[0])
    for now, stop in zip(surprise, stops, strict=True):
        rows.append(now + gamma * gae_lambda * trace)
        trace = rows[-1].masked_fill(stop, 0)
    return torch.stack(rows)


MODULES: dict[str, type[nn.Module]] = {
    one.__name__: one for one in (TanhPolicy, QuadraticCritic, Bowl, Drift, Matrix)
}
FUNCTIONS: dict[str, Callable] = {one.__name__: one for one in (surprise_so_far,)}
