"""Gradients of expectations: score function, pathwise derivative, Gumbel-softmax.

The log-probabilities that these need are in `distributions.py`.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_positive,
    require_same_shape,
    require_shape,
)


def gaussian_score(features: Tensor, weights: Tensor, std: float, action: Tensor) -> Tensor:
    """The score of a Gaussian policy whose mean is linear in the features.

        ∇_w log N(a; φᵀw, σ²) = (a − φᵀw) φ / σ²

    An action above the mean pulls the mean up, and the narrower the policy, the harder.

    Args:
        features: (B, F) φ(s).
        weights: (F,) w.
        std: σ > 0.
        action: (B,) scalar actions.

    Returns:
        (B, F) one score a row.

    Raises:
        ValueError: shapes do not fit, or `std` is not positive.

    Source: Williams (1992); lecture 003, "Gaussian policy".
    """
    require_dimensions("features", features, 2)
    require_shape("weights", weights, tuple(features.shape[1:]))
    require_shape("action", action, tuple(features.shape[:1]))
    require_positive("std", std)
    return (action - features @ weights).unsqueeze(-1) * features / std**2


def score_function_surrogate(log_prob: Tensor, value: Tensor) -> Tensor:
    """A scalar whose gradient is the score-function estimate of ∇E[f(x)].

        S(θ) = 1/B Σ_i f(x_i) log p_θ(x_i)   ⇒   ∇S = 1/B Σ_i f(x_i) ∇log p_θ(x_i)

    It is an objective to differentiate, not a loss: no minus, and its own value means nothing.
    f needs no derivative; it may be a game's score.

    Args:
        log_prob: (B,) log p_θ(x_i); the only input that receives a gradient.
        value: (B,) f(x_i), constants.

    Returns:
        () the surrogate.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: lecture 004, "Score function"; lecture 002, "Log-derivative trick".
    """
    require_same_shape(log_prob=log_prob, value=value)
    return (value.detach() * log_prob).mean()


def leave_one_out_surrogate(log_prob: Tensor, value: Tensor) -> Tensor:
    """The score-function surrogate with the mean of the *other* samples as each one's baseline.

        S(θ) = 1/B Σ_i (f(x_i) − 1/(B−1) Σ_{j≠i} f(x_j)) log p_θ(x_i)

    The mean of all samples would contain f(x_i) itself and shrink the gradient by 1 − 1/B; the
    others know nothing of x_i, so nothing is biased.

    Args:
        log_prob: (B,) log p_θ(x_i); the only input that receives a gradient.
        value: (B,) f(x_i), constants; at least two.

    Returns:
        () the surrogate.

    Raises:
        ValueError: the two tensors differ in shape or hold fewer than two samples.

    Source: Kool, van Hoof and Welling (2019), "Buy 4 REINFORCE Samples, Get a Baseline for Free!";
    lecture 004, "Storchastic".
    """
    require_dimensions("log_prob", log_prob, 1)
    require_same_shape(log_prob=log_prob, value=value)
    require_at_least("the number of samples", len(value), 2)
    others = (value.sum() - value) / (len(value) - 1)
    return score_function_surrogate(log_prob, value - others)


def pathwise_estimate(
    f: Callable[[Tensor], Tensor], mean: Tensor, log_std: Tensor, noise: Tensor
) -> Tensor:
    """E[f(x)] of a Gaussian, sampled so that the gradient runs through the samples.

        1/B Σ_i f(μ + σ ε_i),   ε_i ~ N(0, I),   σ = exp(log σ)

    The randomness comes from outside, so f's own slope says which way to move: far less variance
    than the score function, but f must be differentiable.

    Args:
        f: maps (B, D) to (B,).
        mean: (D,) μ; receives a gradient.
        log_std: (D,) log σ; receives a gradient.
        noise: (B, D) draws of a standard Gaussian.

    Returns:
        () the estimate.

    Raises:
        ValueError: shapes do not fit, that of f(x) included.

    Source: lecture 004, "Reparameterization" and "Pathwise derivative".
    """
    require_dimensions("noise", noise, 2)
    require_shape("mean", mean, tuple(noise.shape[1:]))
    require_shape("log_std", log_std, tuple(noise.shape[1:]))
    sampled = f(mean + log_std.exp() * noise)
    require_shape("f(sample)", sampled, tuple(noise.shape[:1]))
    return sampled.mean()


def gumbel_softmax(
    logits: Tensor, gumbel_noise: Tensor, temperature: float | Tensor, straight_through: bool
) -> Tensor:
    """A differentiable stand-in for a categorical sample.

        y = softmax((logits + g) / τ)
        straight through: onehot(argmax(logits + g)), with the gradient of y

    As τ → 0, y tends to the exact sample of the Gumbel-max trick, and its gradient explodes. The
    straight-through form is a true sample forward and pretends to be y backward, so its gradient
    is biased.

    Args:
        logits: (B, K) unnormalised log-probabilities; receives the gradient. More leading axes
            are allowed.
        gumbel_noise: (B, K) draws −log(−log u), u ~ U(0, 1).
        temperature: τ > 0.
        straight_through: whether the result is one-hot.

    Returns:
        (B, K) rows that sum to 1.

    Raises:
        ValueError: shapes differ, or `temperature` is not positive.

    Source: Jang, Gu and Poole (2017), arXiv:1611.01144; Maddison, Mnih and Teh (2017),
    arXiv:1611.00712; lecture 004, "Gumbel softmax".
    """
    require_same_shape(logits=logits, gumbel_noise=gumbel_noise)
    require_positive("temperature", temperature)
    perturbed = logits + gumbel_noise
    soft = (perturbed / temperature).softmax(-1)
    if not straight_through:
        return soft
    hard = one_hot(perturbed.argmax(-1), logits.shape[-1]).to(soft.dtype)
    # In this order the difference is exactly 0, and the result exactly one-hot.
    return hard + (soft - soft.detach())
