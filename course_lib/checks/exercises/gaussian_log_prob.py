"""The exercise `gaussian_log_prob`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.distributions import gaussian_log_prob

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def cases(generator: torch.Generator) -> list[Case]:
    """Rows with their own spread and with a shared one; B = D; one row, one dimension."""

    def batch(rows: int, dims: int, shared: bool = False) -> dict[str, Tensor]:
        shape = (dims,) if shared else (rows, dims)
        return {
            "mean": normal(generator, rows, dims),
            "log_std": 0.5 * normal(generator, *shape) - 0.4,
            "action": 2 * normal(generator, rows, dims),
        }

    return [
        Case("three rows of two dimensions", batch(3, 2)),
        Case("three rows of two dimensions, one spread for all", batch(3, 2, shared=True)),
        Case("six rows of four dimensions", batch(6, 4)),
        Case("as many rows as dimensions", batch(3, 3)),
        Case("as many rows as dimensions, one spread for all", batch(3, 3, shared=True)),
        Case("one dimension", batch(4, 1), EDGE),
        Case("a single row", batch(1, 3), EDGE),
    ]


def terms(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """(B, D) the dimensions' log-densities before the sum."""
    return -0.5 * ((action - mean) / log_std.exp()).square() - log_std - HALF_LOG_2PI


def no_sum(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, log_std, action)


def mean_over_dimensions(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, log_std, action).mean(-1)


def sum_over_rows(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, log_std, action).sum(0)


def sum_over_all(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, log_std, action).sum()


def no_constant(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return (terms(mean, log_std, action) + HALF_LOG_2PI).sum(-1)


def constant_once(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return (terms(mean, log_std, action) + HALF_LOG_2PI).sum(-1) - HALF_LOG_2PI


def whole_log_2pi(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return (terms(mean, log_std, action) - HALF_LOG_2PI).sum(-1)


def no_log_std(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return (terms(mean, log_std, action) + log_std).sum(-1)


def plus_log_std(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return (terms(mean, log_std, action) + 2 * log_std).sum(-1)


def log_of_log_std(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return (terms(mean, log_std, action) + log_std - log_std.exp()).sum(-1)


def no_half(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    square = ((action - mean) / log_std.exp()).square()
    return (terms(mean, log_std, action) - 0.5 * square).sum(-1)


def variance_missing(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    square = (action - mean).square() / log_std.exp()
    return (-0.5 * square - log_std - HALF_LOG_2PI).sum(-1)


def log_variance(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, 0.5 * log_std, action).sum(-1)


def exp_forgotten(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    square = ((action - mean) / log_std).square()
    return (-0.5 * square - log_std - HALF_LOG_2PI).sum(-1)


def not_squared(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    distance = ((action - mean) / log_std.exp()).abs()
    return (-0.5 * distance - log_std - HALF_LOG_2PI).sum(-1)


def unit_variance(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, torch.zeros_like(log_std), action).sum(-1)


def density(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean, log_std, action).exp()


def negative(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return -gaussian_log_prob(mean, log_std, action)


def mean_detached(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean.detach(), log_std, action)


def log_std_detached(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean, log_std.detach(), action)


def changes_action(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    result = gaussian_log_prob(mean, log_std, action.clone())
    action -= mean.detach()
    return result


def factor_inside_the_square(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    squares = ((action - mean) / (2 * log_std.exp())).square()
    return -(squares + log_std + HALF_LOG_2PI).sum(-1)


def variance_for_std(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, 2 * log_std, action).sum(-1)


def exp_twice(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return terms(mean, log_std.exp(), action).sum(-1)


def half_of_log_std(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean, log_std, action) + (0.5 * log_std).expand_as(mean).sum(-1)


def log_pi(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean, log_std, action) + mean.shape[-1] * 0.5 * math.log(2)


def clipped_spread(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean, log_std.clamp(-0.5, 0.5), action)


def one_spread_a_row(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return gaussian_log_prob(mean, log_std.mean(-1, keepdim=True).expand_as(mean), action)


def with_the_library(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """Right: torch's distribution, summed."""
    return torch.distributions.Normal(mean, log_std.exp()).log_prob(action).sum(-1)


def as_one_vector(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """Right: the sums apart, the constant counted D times, in float64 inside."""
    scaled = (action.double() - mean.double()) * (-log_std.double()).exp()
    constant = mean.shape[-1] * HALF_LOG_2PI
    log_spread = log_std.double().expand_as(mean).sum(-1)
    return (-0.5 * torch.linalg.vector_norm(scaled, dim=-1) ** 2 - log_spread - constant).to(
        mean.dtype
    )


def from_the_density(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """Right: by variances, one dimension after the other."""
    total = mean.new_zeros(len(mean))
    for d in range(mean.shape[1]):
        variance = (2 * log_std[..., d]).exp()
        square = (action[:, d] - mean[:, d]) ** 2
        total = total - 0.5 * (square / variance + (2 * math.pi * variance).log())
    return total


EXERCISE = Exercise(
    name="gaussian_log_prob",
    reference=gaussian_log_prob,
    cases=cases,
    statement="one log-density a row, constant and all dimensions included",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("mean", "log_std"),
    mistakes=(
        Mistake(
            "no-sum",
            "One log-density for each dimension came out, (B, D). The dimensions are independent, "
            "so their densities multiply and the logarithms add up: sum over the last axis. That "
            "is one of the slips on [002]'s slide.",
            no_sum,
        ),
        Mistake(
            "mean-over-dimensions",
            "The mean over the dimensions stands where the sum belongs. Every dimension multiplies "
            "the density by its own factor.",
            mean_over_dimensions,
        ),
        Mistake(
            "sum-over-rows",
            "The sum runs over axis 0, over the rows of the batch. Dimensions are the last axis.",
            sum_over_rows,
        ),
        Mistake("sum-over-all", "Everything was summed. One number a row is wanted.", sum_over_all),
        Mistake(
            "no-constant",
            "The constant −½ log 2π of each dimension is missing. It has no gradient, so learning "
            "would not notice; a ratio of densities of different policies would not either, but "
            "the value is not a log-density. That is one of the slips on [002]'s slide.",
            no_constant,
        ),
        Mistake(
            "constant-once",
            "The constant −½ log 2π is there once. Each dimension has one.",
            constant_once,
        ),
        Mistake(
            "whole-log-2pi",
            "The constant is −log 2π; it is half of that: the density is divided by √(2π) σ.",
            whole_log_2pi,
        ),
        Mistake(
            "no-log-std",
            "The term −log σ is missing. Without it nothing keeps σ from growing for ever: a wide "
            "Gaussian would be good everywhere.",
            no_log_std,
        ),
        Mistake(
            "plus-log-std",
            "log σ has the wrong sign: a wider Gaussian is *lower* at its top.",
            plus_log_std,
        ),
        Mistake(
            "std-for-log-std",
            "σ is subtracted where log σ belongs: the logarithm of 1/σ is −log σ, and `log_std` is "
            "that logarithm already.",
            log_of_log_std,
        ),
        Mistake(
            "no-half",
            "The ½ in front of the square is missing: the exponent is −½ ((a − μ)/σ)².",
            no_half,
        ),
        Mistake(
            "divided-by-std",
            "The square of the distance is divided by σ; it must be σ². Divide first, then square.",
            variance_missing,
        ),
        Mistake(
            "log-variance",
            "`log_std` is read as the logarithm of the variance. It is that of the standard "
            "deviation: σ = exp(log_std).",
            log_variance,
        ),
        Mistake(
            "exp-forgotten",
            "You divide by `log_std`. The standard deviation is its exponential.",
            exp_forgotten,
        ),
        Mistake(
            "not-squared",
            "The distance is not squared. With |a − μ| you have a Laplace density, nearly.",
            not_squared,
        ),
        Mistake(
            "unit-variance",
            "`log_std` is not used: that is the density with σ = 1.",
            unit_variance,
        ),
        Mistake("density", "That is the density. Its logarithm was asked for.", density),
        Mistake(
            "negative",
            "That is −log π. The log-density itself was asked for; no loss is built yet.",
            negative,
        ),
        Mistake(
            "mean-detached",
            "The value is right, but no gradient reaches `mean`: the policy would never move.",
            mean_detached,
        ),
        Mistake(
            "log-std-detached",
            "The value is right, but no gradient reaches `log_std`: the policy's spread would "
            "never change.",
            log_std_detached,
        ),
        Mistake(
            "factor-inside-the-square",
            "The 2 of 2σ² was squared as well: (2σ)² is 4σ². Divide by σ, square, then take half.",
            factor_inside_the_square,
        ),
        Mistake(
            "variance-for-std",
            "σ² stands where σ belongs: σ = exp(log_std), and the formula squares it.",
            variance_for_std,
        ),
        Mistake(
            "exp-twice",
            "The exponential is taken twice: that is the slip in [002]'s code. exp(log_std) is σ.",
            exp_twice,
        ),
        Mistake(
            "half-of-log-std",
            "log σ counts half. ½ log σ² is log σ: no ½ is left.",
            half_of_log_std,
        ),
        Mistake(
            "log-pi",
            "The constant is ½ log π in your solution. It is ½ log 2π.",
            log_pi,
        ),
        Mistake(
            "clipped-spread",
            "log_std was kept within bounds. That belongs to a network, if anywhere; here the "
            "density of exactly this Gaussian is wanted.",
            clipped_spread,
        ),
        Mistake(
            "one-spread-a-row",
            "The dimensions' log_std were averaged. Each dimension has its own spread.",
            one_spread_a_row,
        ),
        Mistake("changes-action", IN_PLACE, changes_action),
    ),
    variants=(with_the_library, as_one_vector, from_the_density),
)
