"""Proximal policy optimisation: objectives that can be followed for several epochs.

What watches and steers those epochs is in `ppo_updates.py`.
"""

import torch
from torch import Tensor

from course_lib.reference.distributions import require_entropy
from course_lib.reference.shapes import (
    require_not_negative,
    require_same_shape,
    require_scalar_or_shape,
)


def kl_penalty_loss(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, kl: Tensor, kl_coef: float
) -> Tensor:
    """PPO's first form: the surrogate objective with a price on moving, negated.

        L(θ) = −mean ρ A + β mean KL(π_old‖π_θ),   ρ = π_θ(a|s) / π_old(a|s)

    Args:
        log_prob: (B,) log π_θ(a|s); receives a gradient.
        old_log_prob: (B,) log π_old(a|s), stored when the actions were sampled.
        advantage: (B,) A(s, a); receives none.
        kl: (B,) KL(π_old‖π_θ) of each state, or their mean; receives a gradient.
        kl_coef: β ≥ 0.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes do not fit, or β is negative.

    Source: Schulman et al. (2017), arXiv:1707.06347, eq. 8; lecture 001, "Proximal Policy
    Optimization", where it stands under min and must be maximised.
    """
    require_same_shape(log_prob=log_prob, old_log_prob=old_log_prob, advantage=advantage)
    require_scalar_or_shape("kl", kl, tuple(log_prob.shape))
    require_not_negative("kl_coef", kl_coef)
    ratio = (log_prob - old_log_prob.detach()).exp()
    return -(ratio * advantage.detach()).mean() + kl_coef * kl.mean()


def clipped_surrogate_loss(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip_epsilon: float = 0.2
) -> Tensor:
    """PPO's clipped surrogate objective, negated so that it can be minimised.

        L(θ) = −meanᵢ min(ρᵢ Aᵢ, clip(ρᵢ, 1−ε, 1+ε) Aᵢ),   ρᵢ = π_θ(aᵢ|sᵢ) / π_old(aᵢ|sᵢ)

    The minimum makes the bound pessimistic: once ρᵢ has moved past 1 ± ε in the direction Aᵢ
    asks for, sample i stops contributing; if it moved the wrong way, it keeps pulling back.

    Args:
        log_prob: (B,) log π_θ(a|s). The only input that receives a gradient.
        old_log_prob: (B,) log π_old(a|s), stored when the actions were sampled.
        advantage: (B,) estimates of A(s, a). Normalise them beforehand, if at all.
        clip_epsilon: ε ≥ 0, how far a ratio may move before its sample is silenced.

    Returns:
        () the loss.

    Raises:
        ValueError: the three tensors differ in shape, or ε is negative.

    Source: Schulman et al. (2017), eq. 7; lecture 001, "Proximal Policy Optimization 2", where it
    stands under min and must be maximised.
    """
    require_same_shape(log_prob=log_prob, old_log_prob=old_log_prob, advantage=advantage)
    require_not_negative("clip_epsilon", clip_epsilon)
    advantage = advantage.detach()
    ratio = (log_prob - old_log_prob.detach()).exp()
    clipped_ratio = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return -torch.minimum(ratio * advantage, clipped_ratio * advantage).mean()


def clipped_value_loss(
    value: Tensor, old_value: Tensor, value_target: Tensor, clip_epsilon: float
) -> Tensor:
    """A value loss that holds V near what it was when the data were collected.

        V_clip = V_old + clip(V − V_old, −ε, ε)
        L(φ) = mean ½ max( (V − V̂)², (V_clip − V̂)² )

    Where V has moved more than ε towards its target, the sample stops contributing. ε is in units
    of the value, so the reward's scale decides what it means; the ablations find little use in it.

    Args:
        value: (B,) V_φ(s); the only input that receives a gradient.
        old_value: (B,) V(s) when the actions were sampled.
        value_target: (B,) V̂.
        clip_epsilon: ε ≥ 0.

    Returns:
        () the loss.

    Raises:
        ValueError: shapes differ, or ε is negative.

    Source: Engstrom et al. (2020), "Implementation Matters in Deep Policy Gradients"; lecture 001.
    """
    require_same_shape(value=value, old_value=old_value, value_target=value_target)
    require_not_negative("clip_epsilon", clip_epsilon)
    value_target, old_value = value_target.detach(), old_value.detach()
    clipped = old_value + (value - old_value).clamp(-clip_epsilon, clip_epsilon)
    squared_error = torch.maximum(
        (value - value_target).square(), (clipped - value_target).square()
    )
    return 0.5 * squared_error.mean()


def ppo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    value: Tensor,
    value_target: Tensor,
    entropy: Tensor,
    clip_epsilon: float,
    value_coef: float,
    entropy_coef: float,
) -> Tensor:
    """PPO: clipped policy, value and entropy terms in one scalar to be minimised.

        L = L_clip(ε) + c_v · mean ½ (V̂ − V)² − c_e · mean H

    Args:
        log_prob: (B,) log π_θ(a|s); receives a gradient.
        old_log_prob: (B,) log π_old(a|s).
        advantage: (B,) Â; receives none.
        value: (B,) V(s); receives a gradient, from the value term only.
        value_target: (B,) V̂; receives none.
        entropy: (B,) or a scalar; receives a gradient that raises it.
        clip_epsilon: ε ≥ 0.
        value_coef: c_v ≥ 0.
        entropy_coef: c_e ≥ 0.

    Returns:
        () the loss.

    Raises:
        ValueError: shapes differ, or ε is negative.

    Source: Schulman et al. (2017), eq. 9.
    """
    require_same_shape(log_prob=log_prob, value=value, value_target=value_target)
    require_entropy(entropy, log_prob)
    policy_loss = clipped_surrogate_loss(log_prob, old_log_prob, advantage, clip_epsilon)
    value_loss = 0.5 * (value_target.detach() - value).square().mean()
    return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()
