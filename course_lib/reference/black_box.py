"""Black-box and reward-weighted updates: which samples to keep, and how much each one counts."""

import math

from torch import Tensor

from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_not_negative,
    require_positive,
    require_shape,
)


def cem_update(
    sample: Tensor, score: Tensor, elite_fraction: float, min_std: float
) -> tuple[Tensor, Tensor]:
    """One step of the cross-entropy method: fit a Gaussian to the best.

        elite = the max(1, int(fraction · n)) samples with the highest scores
        mean, std = those of the elite, std at least min_std

    No gradient, no policy: a search over parameters. `min_std` keeps it from freezing too soon.

    Args:
        sample: (n, D) parameter vectors.
        score: (n,) their returns.
        elite_fraction: in (0, 1].
        min_std: at least 0.

    Returns:
        (mean, std), each (D,), population standard deviation.

    Raises:
        ValueError: shapes do not fit, or a number outside these bounds.

    Source: Rubinstein (1999); Szita and Lőrincz (2006); lecture 001, the benchmark's CEM.
    """
    require_dimensions("sample", sample, 2)
    require_at_least("the number of samples", len(sample), 1)
    require_shape("score", score, (len(sample),))
    require_not_negative("min_std", min_std)
    if not 0 < elite_fraction <= 1:
        raise ValueError(f"elite_fraction: expected a number in (0, 1], got {elite_fraction}")
    count = max(1, int(elite_fraction * len(sample)))
    elite = sample[score.topk(count).indices]
    return elite.mean(0), elite.std(0, correction=0).clamp(min=min_std)


def rwr_weight(episode_return: Tensor, temperature: float | Tensor) -> Tensor:
    """Reward-weighted regression: imitate your own episodes, the better the more.

        w_i = exp(R_i/T) / Σ_j exp(R_j/T)

    Args:
        episode_return: (n,) R.
        temperature: T > 0; small: only the best counts, large: all count the same.

    Returns:
        (n,) weights that sum to 1.

    Raises:
        ValueError: `episode_return` is not a vector, or T is not positive.

    Source: Peters and Schaal (2007), "Reinforcement Learning by Reward-Weighted Regression".
    """
    require_dimensions("episode_return", episode_return, 1)
    require_positive("temperature", temperature)
    return (episode_return / temperature).softmax(0)


def reps_dual(advantage: Tensor, eta: float | Tensor, epsilon: float) -> Tensor:
    """The dual of relative entropy policy search, to be *minimised* over η.

        g(η) = η ε + η log 1/n Σ_i exp(A_i/η)

    At its minimum the weights exp(A/η) are as greedy as a KL divergence of ε from the samples
    allows: the temperature of `rwr_weight` chooses itself.

    Args:
        advantage: (n,) A; receives a gradient.
        eta: η > 0; a tensor receives a gradient.
        epsilon: ε ≥ 0, the KL divergence allowed.

    Returns:
        () the dual.

    Raises:
        ValueError: `advantage` is not a vector with an entry, η is not positive or ε negative.

    Source: Peters, Mülling and Altün (2010), "Relative Entropy Policy Search".
    """
    require_dimensions("advantage", advantage, 1)
    require_at_least("the number of samples", len(advantage), 1)
    require_positive("eta", eta)
    require_not_negative("epsilon", epsilon)
    log_mean = (advantage / eta).logsumexp(0) - math.log(len(advantage))
    return eta * (epsilon + log_mean)


def reps_weight(advantage: Tensor, eta: float | Tensor) -> Tensor:
    """How much each sample counts in the policy's regression after REPS has found its η.

        w_i = exp(A_i/η) / Σ_j exp(A_j/η)

    Args:
        advantage: (n,) A.
        eta: η > 0, the minimiser of `reps_dual`.

    Returns:
        (n,) weights that sum to 1.

    Raises:
        ValueError: `advantage` is not a vector, or η is not positive.

    Source: Peters, Mülling and Altün (2010).
    """
    require_dimensions("advantage", advantage, 1)
    require_positive("eta", eta)
    return (advantage / eta).softmax(0)
