"""The exercise `gaussian_entropy`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.distributions import gaussian_entropy

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def cases(generator: torch.Generator) -> list[Case]:
    """Spreads that differ by state, one spread for all states, one dimension, narrow ones."""
    return [
        Case("four states, three dimensions", {"log_std": 0.7 * normal(generator, 4, 3)}),
        Case("seven states, two dimensions", {"log_std": normal(generator, 7, 2) - 0.5}),
        Case("as many states as dimensions", {"log_std": normal(generator, 3, 3)}),
        Case("one spread for all states", {"log_std": 0.5 * normal(generator, 3)}, EDGE),
        Case("one dimension", {"log_std": 0.5 * normal(generator, 5, 1)}, EDGE),
        Case("a single number", {"log_std": 0.5 * normal(generator, 1)}, EDGE),
        Case(
            "narrow: the entropy is negative", {"log_std": uniform(generator, -6, -3, 2, 3)}, EDGE
        ),
    ]


def constant(dimensions: float) -> float:
    """½ log 2πe, once a dimension."""
    return dimensions * (0.5 + HALF_LOG_2PI)


def sign_flipped(log_std: Tensor) -> Tensor:
    return -gaussian_entropy(log_std)


def not_summed(log_std: Tensor) -> Tensor:
    return log_std + constant(1)


def mean_over_dimensions(log_std: Tensor) -> Tensor:
    return log_std.mean(-1) + constant(1)


def summed_over_states(log_std: Tensor) -> Tensor:
    return (log_std + constant(1)).sum()


def wrong_axis(log_std: Tensor) -> Tensor:
    return (log_std + constant(1)).sum(0)


def constant_once(log_std: Tensor) -> Tensor:
    return log_std.sum(-1) + constant(1)


def no_constant(log_std: Tensor) -> Tensor:
    return log_std.sum(-1)


def half_forgotten(log_std: Tensor) -> Tensor:
    return (log_std + 2 * constant(1)).sum(-1)


def e_forgotten(log_std: Tensor) -> Tensor:
    return (log_std + HALF_LOG_2PI).sum(-1)


def two_pi_forgotten(log_std: Tensor) -> Tensor:
    return (log_std + 0.5).sum(-1)


def std_for_its_logarithm(log_std: Tensor) -> Tensor:
    return (log_std.exp() + constant(1)).sum(-1)


def logarithm_twice(log_std: Tensor) -> Tensor:
    return (0.5 * log_std.square().log() + constant(1)).sum(-1)


def log_variance(log_std: Tensor) -> Tensor:
    return (0.5 * log_std + constant(1)).sum(-1)


def variance_doubled(log_std: Tensor) -> Tensor:
    return (2 * log_std + constant(1)).sum(-1)


def never_negative(log_std: Tensor) -> Tensor:
    return gaussian_entropy(log_std).clamp(min=0)


def detached(log_std: Tensor) -> Tensor:
    return gaussian_entropy(log_std.detach())


def with_distributions(log_std: Tensor) -> Tensor:
    """Right: by torch.distributions, whose mean does not matter."""
    return Independent(Normal(torch.zeros_like(log_std), log_std.exp()), 1).entropy()


def by_the_variance(log_std: Tensor) -> Tensor:
    """Right: ½ log(2πe σ²) a dimension, in float64 inside."""
    variance = (2 * log_std.double()).exp()
    return (0.5 * (2 * math.pi * math.e * variance).log()).sum(-1).to(log_std.dtype)


def dimension_by_dimension(log_std: Tensor) -> Tensor:
    """Right: a loop over the dimensions."""
    total = torch.zeros_like(log_std[..., 0])
    for d in range(log_std.shape[-1]):
        total = total + log_std[..., d] + constant(1)
    return total


EXERCISE = Exercise(
    name="gaussian_entropy",
    reference=gaussian_entropy,
    cases=cases,
    statement="it sums over dimensions, ignores the mean and may be negative",
    points={VALUE: 1},
    gradient=("log_std",),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: a wider Gaussian has the larger entropy, so log σ enters with a "
            "plus.",
            sign_flipped,
        ),
        Mistake(
            "not-summed",
            "One number a dimension comes out. Independent dimensions add their entropies: sum "
            "over the last axis.",
            not_summed,
        ),
        Mistake(
            "mean-over-dimensions",
            "You take the mean over dimensions. Entropies of independent dimensions add up.",
            mean_over_dimensions,
        ),
        Mistake(
            "summed-over-states",
            "The sum runs over the states too. Sum over the last axis alone: (B, D) gives (B,).",
            summed_over_states,
        ),
        Mistake(
            "wrong-axis",
            "The sum runs over the states (axis 0). The dimensions stand on the last axis: dim=-1.",
            wrong_axis,
        ),
        Mistake(
            "constant-once",
            "½ log 2πe is added once. It belongs to every dimension, so put it inside the sum.",
            constant_once,
        ),
        Mistake(
            "no-constant",
            "Σ log σ alone: the gradient is right, the value is not. Each dimension brings "
            "½ log 2πe ≈ 1.419 as well.",
            no_constant,
        ),
        Mistake(
            "half-forgotten",
            "The constant lacks its ½: it is ½ log 2πe a dimension, not log 2πe.",
            half_forgotten,
        ),
        Mistake(
            "e-forgotten",
            "½ log 2π is the constant of the log-density. The entropy has another ½ a dimension, "
            "the mean of ½ z²: together ½ log 2πe.",
            e_forgotten,
        ),
        Mistake(
            "two-pi-forgotten",
            "Only the ½ is there; ½ log 2π a dimension is missing: together ½ log 2πe.",
            two_pi_forgotten,
        ),
        Mistake(
            "std-for-its-logarithm",
            "You add σ = exp(log_std). The entropy contains log σ, which is what you are given.",
            std_for_its_logarithm,
        ),
        Mistake(
            "logarithm-twice",
            "The argument was taken for σ and its logarithm for log σ. It is log σ already.",
            logarithm_twice,
        ),
        Mistake(
            "read-as-log-variance",
            "The argument was taken for log σ² and halved. It is log σ.",
            log_variance,
        ),
        Mistake(
            "log-std-doubled",
            "log σ counts twice. ½ log(2πe σ²) = log σ + ½ log 2πe: the square and the ½ cancel.",
            variance_doubled,
        ),
        Mistake(
            "never-negative",
            "Negative values are cut off at 0. The entropy of a density *is* negative once it is "
            "narrow enough (σ < 0.242), and cutting it off cuts off the gradient as well.",
            never_negative,
        ),
        Mistake(
            "gradient-cut",
            "The value is right, but no gradient reaches log_std, so the bonus could not widen "
            "the policy. Leave out detach(), .item() and no_grad() here.",
            detached,
        ),
    ),
    variants=(with_distributions, by_the_variance, dimension_by_dimension),
)
