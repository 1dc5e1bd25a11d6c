"""A linear-quadratic regulator in one dimension: DPG where the answer is known exactly."""

import torch
from torch import Tensor

from course_lib.reference.shapes import require_range


def lqr_gradient(
    a: float, b: float, q: float, r: float, gain: float | Tensor, gamma: float, s0: float
) -> Tensor:
    """The deterministic policy gradient theorem where everything is known: a scalar LQR.

        s' = a s + b u,   u = μ(s) = −gain · s,   reward −(q s² + r u²)
        V(s) = −p s²,   p = (q + r gain²)/(1 − γ c²),   c = a − b gain
        dJ/dgain = Σ_t γ^t ∂Q(s_t, u)/∂u|_{u=μ(s_t)} · dμ(s_t)/dgain
                 = −s0² (2 r gain − 2 γ p b c)/(1 − γ c²)

    Args:
        a, b: the dynamics.
        q, r: the costs of a state and of an action.
        gain: the policy's only parameter.
        gamma: γ in [0, 1], the discount.
        s0: the first state.

    Returns:
        () dJ/dgain; float64 for a float.

    Raises:
        ValueError: γ lies outside [0, 1], or γ c² ≥ 1: the return is infinite.

    Source: Silver et al. (2014), theorem 1; lecture 000, "Deterministic policy gradient".
    """
    require_range("gamma", gamma, 0.0, 1.0)
    if not isinstance(gain, Tensor):
        gain = torch.tensor(gain, dtype=torch.float64)
    c = a - b * gain
    decay = 1 - gamma * c**2
    if not decay > 0:
        raise ValueError(f"gain: expected γ (a − b gain)² below 1, got {gamma * c.item() ** 2}")
    p = (q + r * gain**2) / decay
    return -(s0**2) * (2 * r * gain - 2 * gamma * p * b * c) / decay
