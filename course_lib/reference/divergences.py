"""How far apart two action distributions are. KL(p‖q) names p first; it is not symmetric."""

import torch
from torch import Tensor

from course_lib.reference.shapes import require_log_std, require_same_shape


def categorical_kl(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """KL divergence of two softmax distributions, in nats.

        KL(p‖q) = Σ_k p_k (log p_k − log q_k),   with 0 · log 0 = 0

    Args:
        logits_p: (B, K) p is their softmax; receives a gradient. More leading axes are allowed.
        logits_q: (B, K) q is their softmax; receives a gradient.

    Returns:
        (B,) divergences of at least 0.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: lecture 001, "Constrained objective".
    """
    require_same_shape(logits_p=logits_p, logits_q=logits_q)
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def gaussian_kl(mean_p: Tensor, log_std_p: Tensor, mean_q: Tensor, log_std_q: Tensor) -> Tensor:
    """KL divergence of two Gaussians with independent dimensions, summed over them.

        KL(p‖q) = Σ_d [ log(σ_q/σ_p) + (σ_p² + (μ_p − μ_q)²)/(2 σ_q²) − ½ ]

    Args:
        mean_p: (B, D) μ_p. All inputs receive a gradient; more leading axes are allowed.
        log_std_p: (B, D) or (D,) log σ_p.
        mean_q: (B, D) μ_q.
        log_std_q: (B, D) or (D,) log σ_q.

    Returns:
        (B,) divergences of at least 0.

    Raises:
        ValueError: shapes do not fit.

    Source: Kullback (1959); lecture 001, "Constrained objective".
    """
    require_same_shape(mean_p=mean_p, mean_q=mean_q)
    require_log_std("log_std_p", log_std_p, mean_p)
    require_log_std("log_std_q", log_std_q, mean_q)
    log_ratio = log_std_p - log_std_q
    distance = (mean_p - mean_q) * (-log_std_q).exp()
    # σ_p²/σ_q² − 1 by expm1: exact where the two are nearly the same, as after a small step.
    return (0.5 * (torch.expm1(2 * log_ratio) + distance.square()) - log_ratio).sum(-1)


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """The largest difference in probability that two distributions give to any event.

        TV(p, q) = ½ Σ_k |p_k − q_k| ≤ sqrt(½ KL(p‖q))

    The inequality is Pinsker's: a bound on the KL divergence keeps the probabilities close too.

    Args:
        p: (B, K) probabilities.
        q: (B, K) probabilities.

    Returns:
        (B,) between 0 and 1.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: lecture 001, "Constrained objective" (which writes Pinsker's inequality for |p − q|).
    """
    require_same_shape(p=p, q=q)
    return 0.5 * (p - q).abs().sum(-1)
