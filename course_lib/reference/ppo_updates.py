"""What watches and steers PPO's epochs: KL divergence, clip fraction, minibatches."""

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_at_least,
    require_not_negative,
    require_positive,
    require_same_shape,
)


def adapt_kl_coef(kl_coef: float, kl: float | Tensor, target_kl: float) -> float:
    """Turn the price of moving up or down after an update.

        β ← β/2 if KL < target/1.5;   2β if KL > 1.5 · target;   β otherwise

    Args:
        kl_coef: β ≥ 0.
        kl: the KL divergence of the update.
        target_kl: what it should be, above 0.

    Returns:
        The new β, a float.

    Raises:
        ValueError: β is negative, or the target is not positive.

    Source: Schulman et al. (2017), section 4; lecture 001, "Proximal Policy Optimization".
    """
    require_not_negative("kl_coef", kl_coef)
    require_positive("target_kl", target_kl)
    if kl < target_kl / 1.5:
        return float(kl_coef) / 2
    if kl > 1.5 * target_kl:
        return float(kl_coef) * 2
    return float(kl_coef)


@torch.no_grad()
def clip_fraction(log_prob: Tensor, old_log_prob: Tensor, clip_epsilon: float) -> Tensor:
    """How many ratios have left the interval in which they are not clipped.

        mean 1[ |ρ − 1| > ε ]

    Args:
        log_prob: (B,) log π_θ(a|s).
        old_log_prob: (B,) log π_old(a|s).
        clip_epsilon: ε ≥ 0.

    Returns:
        () between 0 and 1, without a gradient.

    Raises:
        ValueError: the two tensors differ in shape, or ε is negative.

    Source: Schulman et al. (2017), eq. 7.
    """
    require_same_shape(log_prob=log_prob, old_log_prob=old_log_prob)
    require_not_negative("clip_epsilon", clip_epsilon)
    ratio = (log_prob - old_log_prob).exp()
    return ((ratio - 1).abs() > clip_epsilon).to(ratio.dtype).mean()


def approximate_kl(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """KL(π_old‖π_θ), estimated from the sampled actions alone.

        mean (ρ − 1 − log ρ),   ρ = π_θ(a|s) / π_old(a|s)

    −log ρ alone is unbiased too, but comes out negative as often as not; E[ρ − 1] = 0 is added as a
    control variate, and every summand is at least 0.

    Args:
        log_prob: (B,) log π_θ(a|s).
        old_log_prob: (B,) log π_old(a|s), of the policy that sampled the actions.

    Returns:
        () the estimate, at least 0.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: Schulman (2020), "Approximating KL Divergence", k3.
    """
    require_same_shape(log_prob=log_prob, old_log_prob=old_log_prob)
    log_ratio = log_prob - old_log_prob
    return (log_ratio.expm1() - log_ratio).mean()


def minibatch_indices(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    """One epoch's minibatches: a shuffled 0 … size − 1, cut into pieces.

    Args:
        size: how many elements there are, at least 1.
        minibatch_size: how many a piece holds, at least 1; the last one may hold fewer.
        generator: the source of randomness; the same state gives the same pieces.

    Returns:
        A list of int64 tensors that hold each index once.

    Raises:
        ValueError: a size below 1.

    Source: Schulman et al. (2017), algorithm 1.
    """
    require_at_least("size", size, 1)
    require_at_least("minibatch_size", minibatch_size, 1)
    return list(torch.randperm(size, generator=generator).split(minibatch_size))
