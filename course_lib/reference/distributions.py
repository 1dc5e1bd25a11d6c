"""Action distributions: samples, log-probabilities and entropies, as plain functions of tensors.

Log-probabilities and entropies of several action dimensions are summed over those dimensions.
"""

import math

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_dimensions,
    require_log_std,
    require_same_shape,
    require_scalar_or_shape,
    require_shape,
)

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def sample_categorical(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one action a row from softmax(logits), by the Gumbel-max trick.

        a = argmax_k (logits_k + g_k),   g_k = −log(−log u_k),   u_k ~ U(0, 1)

    The largest of the shifted logits is at k with probability softmax(logits)_k, so no
    probabilities have to be formed, and extreme logits do no harm. No gradient flows.

    Args:
        logits: (B, K) unnormalised log-probabilities.
        generator: the source of randomness; the same state gives the same actions.

    Returns:
        (B,) int64 actions in 0 … K − 1.

    Raises:
        ValueError: `logits` is not a matrix.

    Source: Maddison et al. (2014), "A* Sampling"; lecture 002, coding a discrete policy.
    """
    require_dimensions("logits", logits, 2)
    exponential = torch.empty_like(logits, requires_grad=False).exponential_(generator=generator)
    return (logits.detach() - exponential.log()).argmax(-1)


def sample_gaussian(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one action a row from a Gaussian with independent dimensions.

        a = μ + exp(log σ) ε,   ε ~ N(0, I)

    Args:
        mean: (B, D) means.
        log_std: (B, D) or (D,) logarithms of the standard deviations.
        generator: the source of randomness; the same state gives the same actions.

    Returns:
        (B, D) actions, without a gradient: here an action is data.

    Raises:
        ValueError: `log_std` fits neither (B, D) nor (D,).

    Source: lecture 002, coding a Gaussian policy (whose `sigma` should read `log_sigma`).
    """
    require_dimensions("mean", mean, 2)
    require_log_std("log_std", log_std, mean)
    noise = torch.empty_like(mean, requires_grad=False).normal_(generator=generator)
    return mean.detach() + log_std.detach().exp() * noise


def categorical_log_prob(logits: Tensor, action: Tensor) -> Tensor:
    """log π(a|s) of the taken actions under softmax(logits).

        log π(a|s) = logits_a − log Σ_k exp(logits_k)

    The logarithm of the sum is taken without ever forming the exponentials of large numbers, so the
    result is exact at logits of ±10⁴, where log(softmax(logits)) is −∞.

    Args:
        logits: (B, K) unnormalised log-probabilities; receives the gradient. More leading
            axes are allowed.
        action: (B,) int64 actions in 0 … K − 1.

    Returns:
        (B,) log-probabilities.

    Raises:
        ValueError: `action` does not name one action a row.

    Source: lecture 002, coding a discrete policy (`log_probs[episode.actions]` picks rows, not one
    action a row).
    """
    require_shape("action", action, tuple(logits.shape[:-1]))
    return logits.log_softmax(-1).gather(-1, action.unsqueeze(-1)).squeeze(-1)


def gaussian_log_prob(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """log π(a|s) of a Gaussian with independent dimensions, summed over them.

        log π(a|s) = −Σ_d [ ½ ((a_d − μ_d)/σ_d)² + log σ_d + ½ log 2π ]

    Args:
        mean: (B, D) means; receives a gradient. More leading axes are allowed.
        log_std: (B, D) or (D,) logarithms of the standard deviations; receives a gradient.
        action: (B, D) the taken actions.

    Returns:
        (B,) log-densities.

    Raises:
        ValueError: `action` and `mean` differ in shape, or `log_std` fits neither form.

    Source: lecture 002, coding a Gaussian policy (which leaves out the constant and the sum over
    action dimensions); lecture 003, "Gaussian policy".
    """
    require_same_shape(mean=mean, action=action)
    require_log_std("log_std", log_std, mean)
    normalized = (action - mean) * (-log_std).exp()
    return -(0.5 * normalized.square() + log_std + LOG_SQRT_2PI).sum(-1)


def beta_log_prob(
    concentration1: Tensor,
    concentration0: Tensor,
    action: Tensor,
    low: float,
    high: float,
) -> Tensor:
    """log π(a|s) of Beta distributions stretched from [0, 1] to [low, high].

        x = (a − low)/(high − low)
        log π = Σ_d [ (α_d−1) log x_d + (β_d−1) log(1−x_d) − log B(α_d, β_d) − log(high − low) ]

    The last term is the change of variables: stretching by a factor thins the density by it. A Beta
    policy never proposes an action outside the bounds, so nothing has to be clipped.

    Args:
        concentration1: (B, D) α > 0; receives a gradient. More leading axes are allowed.
        concentration0: (B, D) β > 0; receives a gradient.
        action: (B, D) actions strictly inside the bounds.
        low, high: the bounds, the same for all dimensions.

    Returns:
        (B,) log-densities.

    Raises:
        ValueError: shapes differ, or `high` is not above `low`.

    Source: Chou et al. (2017), "Improving Stochastic Policy Gradients in Continuous Control with
    Deep Reinforcement Learning using the Beta Distribution"; lecture 002, Beta policies.
    """
    require_same_shape(concentration1=concentration1, concentration0=concentration0, action=action)
    if not high > low:
        raise ValueError(f"high: expected a bound above low = {low}, got {high}")
    fraction = (action - low) / (high - low)
    log_beta = (
        torch.lgamma(concentration1)
        + torch.lgamma(concentration0)
        - torch.lgamma(concentration1 + concentration0)
    )
    log_density = (
        (concentration1 - 1) * fraction.log()
        + (concentration0 - 1) * (-fraction).log1p()
        - log_beta
        - math.log(high - low)
    )
    return log_density.sum(-1)


def categorical_entropy(logits: Tensor) -> Tensor:
    """The entropy of softmax(logits), in nats.

        H = −Σ_k π_k log π_k,   with 0 · log 0 = 0

    Args:
        logits: (B, K) unnormalised log-probabilities; receives the gradient. More leading axes
            are allowed.

    Returns:
        (B,) entropies between 0 and log K.

    Source: lecture 000, "Entropy".
    """
    log_prob = logits.log_softmax(-1)
    return -(log_prob.exp() * log_prob).sum(-1)


def gaussian_entropy(log_std: Tensor) -> Tensor:
    """The entropy of a Gaussian with independent dimensions, in nats.

        H = Σ_d (log σ_d + ½ log 2πe)

    It does not depend on the mean, and it is negative for a narrow enough Gaussian: a density can
    be larger than 1.

    Args:
        log_std: (B, D), or (D,) for a spread that all states share; receives the gradient.

    Returns:
        (B,) entropies, or () for (D,).

    Source: Cover and Thomas (2006), theorem 8.4.1; lecture 000, "Entropy".
    """
    return (log_std + 0.5 + LOG_SQRT_2PI).sum(-1)


def require_entropy(entropy: Tensor, log_prob: Tensor) -> None:
    """Raise `ValueError` unless `entropy` is a scalar or has the shape of `log_prob`."""
    require_scalar_or_shape("entropy", entropy, tuple(log_prob.shape))
