"""Soft actor-critic: a squashed Gaussian policy, two critics and a temperature."""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.reference.distributions import gaussian_log_prob
from course_lib.reference.q_learning import bootstrapped
from course_lib.reference.shapes import (
    require_not_negative,
    require_same_shape,
    require_shape,
)


def constant(number: float | Tensor) -> float | Tensor:
    """The number without its gradient."""
    return number.detach() if isinstance(number, Tensor) else number


def squashed_gaussian_log_prob(mean: Tensor, log_std: Tensor, pre_tanh: Tensor) -> Tensor:
    """log π(a|s) of a = tanh(u), u ~ N(μ, σ²): a Gaussian squeezed into (−1, 1).

        log π(a|s) = log N(u; μ, σ²) − Σ_d log(1 − tanh² u_d)
        log(1 − tanh² u) = 2 (log 2 − u − softplus(−2u))

    The second line is exact where 1 − tanh² u rounds to 0. Adding 1e-6 inside the logarithm, as is
    often seen, is off by more than 1 nat from |u| = 8 on.

    Args:
        mean: (B, D) μ; receives a gradient.
        log_std: (B, D) or (D,) log σ; receives a gradient.
        pre_tanh: (B, D) u, before the tanh; receives a gradient.

    Returns:
        (B,) log-densities of a.

    Raises:
        ValueError: shapes do not fit.

    Source: Haarnoja et al. (2018), appendix C.
    """
    require_same_shape(mean=mean, pre_tanh=pre_tanh)
    log_slope = 2 * (math.log(2) - pre_tanh - softplus(-2 * pre_tanh))
    return gaussian_log_prob(mean, log_std, pre_tanh) - log_slope.sum(-1)


def sac_value_loss(
    value: Tensor, q1: Tensor, q2: Tensor, log_prob: Tensor, temperature: float | Tensor
) -> Tensor:
    """The V network of the first SAC: regression on the soft value of a sampled action.

        L(ψ) = mean ½ (V_ψ(s) − y)²,   y = min(Q₁, Q₂)(s, a) − T log π(a|s),   a ~ π

    Args:
        value: (B,) V_ψ(s); the only input that receives a gradient.
        q1: (B,) Q₁(s, a) of a fresh action.
        q2: (B,) Q₂(s, a).
        log_prob: (B,) log π(a|s).
        temperature: T ≥ 0.

    Returns:
        () the loss.

    Raises:
        ValueError: shapes differ, or T is negative.

    Source: Haarnoja et al. (2018), eq. 5; lecture 001, "Soft Actor-Critic" (J_V, with T = 1).
    """
    require_same_shape(value=value, q1=q1, q2=q2, log_prob=log_prob)
    require_not_negative("temperature", temperature)
    target = (torch.minimum(q1, q2) - temperature * log_prob).detach()
    return 0.5 * (target - value).square().mean()


@torch.no_grad()
def sac_target(
    reward: Tensor,
    next_q1: Tensor,
    next_q2: Tensor,
    next_log_prob: Tensor,
    terminated: Tensor,
    gamma: float,
    temperature: float | Tensor,
) -> Tensor:
    """The critics' target: the smaller of two Qs, and the entropy of the next state.

        y = r + γ (1 − terminated) [ min(Q₁⁻, Q₂⁻)(s', a') − T log π(a'|s') ],   a' ~ π

    The entropy is part of the future: it is discounted, and ends with the episode, as Q does.

    Args:
        reward: (B,) rewards.
        next_q1: (B,) Q₁⁻(s', a') of a fresh next action.
        next_q2: (B,) Q₂⁻(s', a').
        next_log_prob: (B,) log π(a'|s').
        terminated: (B,) bool.
        gamma: γ in [0, 1], the discount.
        temperature: T ≥ 0.

    Returns:
        (B,) targets, without a gradient.

    Raises:
        ValueError: shapes differ, γ lies outside [0, 1] or T is negative.

    Source: Haarnoja et al. (2019), arXiv:1812.05905, eq. 3 and 5; lecture 001, "About soft Q
    learning".
    """
    require_same_shape(reward=reward, next_q1=next_q1, next_q2=next_q2, next_log_prob=next_log_prob)
    require_not_negative("temperature", temperature)
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return bootstrapped(reward, future, terminated, gamma)


def sac_policy_loss(
    log_prob: Tensor, q1: Tensor, q2: Tensor, temperature: float | Tensor
) -> Tensor:
    """Climb the smaller critic, but stay random.

        L(θ) = mean T log π_θ(a|s) − min(Q₁, Q₂)(s, a),   a = tanh(μ_θ + σ_θ ε)

    The action is a function of θ, so the gradient runs through log π and through both critics'
    slopes. T has a loss of its own and is a constant here.

    Args:
        log_prob: (B,) log π_θ(a|s); receives a gradient.
        q1: (B,) Q₁(s, a); receives a gradient, where it is the smaller.
        q2: (B,) Q₂(s, a); likewise.
        temperature: T ≥ 0.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes differ, or T is negative.

    Source: Haarnoja et al. (2019), eq. 7; lecture 001, "Soft Actor-Critic" (J_π).
    """
    require_same_shape(log_prob=log_prob, q1=q1, q2=q2)
    require_not_negative("temperature", temperature)
    return (constant(temperature) * log_prob - torch.minimum(q1, q2)).mean()


def temperature_loss(log_temperature: Tensor, log_prob: Tensor, target_entropy: float) -> Tensor:
    """Let the temperature find itself: up while the policy's entropy is below the target.

        L(log T) = −mean log T · (log π(a|s) + H̄)   ⇒   ∂L/∂log T = H[π] − H̄, estimated

    log T instead of T in front has the same zero and sign; the step does not shrink with T.

    Args:
        log_temperature: () log T; the only input that receives a gradient.
        log_prob: (B,) log π(a|s) of fresh actions.
        target_entropy: H̄, by custom −D for D action dimensions.

    Returns:
        () the loss.

    Raises:
        ValueError: `log_temperature` is not a scalar.

    Source: Haarnoja et al. (2019), eq. 18, which has T where implementations have log T.
    """
    require_shape("log_temperature", log_temperature, ())
    return -(log_temperature * (log_prob + target_entropy).detach()).mean()
