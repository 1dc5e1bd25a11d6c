"""The exercise `gaussian_nll`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import gaussian_nll_loss

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.world_models import gaussian_nll

CONSTANT = 0.5 * math.log(2 * math.pi)


def cases(generator: torch.Generator) -> list[Case]:
    """One σ for all rows and one for each; one dimension, one row; a perfect prediction."""
    exact = given(generator, 3, 2)
    exact["target"] = exact["mean"].clone()
    return [
        Case("four rows of three dimensions", given(generator, 4, 3)),
        Case("a σ for each row", given(generator, 5, 2, per_row=True)),
        Case("as many rows as dimensions", given(generator, 3, 3, per_row=True)),
        Case("one dimension", given(generator, 4, 1), EDGE),
        Case("a single row", given(generator, 1, 3), EDGE),
        Case("a perfect prediction", exact, EDGE),
    ]


def given(generator: torch.Generator, rows: int, size: int, per_row: bool = False) -> dict:
    """The inputs of one case."""
    shape = (rows, size) if per_row else (size,)
    return {
        "mean": normal(generator, rows, size),
        "log_std": uniform(generator, -1.0, 0.8, *shape),
        "target": 1.5 * normal(generator, rows, size),
    }


def each(mean: Tensor, log_std: Tensor, target: Tensor) -> Tensor:
    """(B, D) −log N of each number."""
    noise = (target - mean) * (-log_std).exp()
    return 0.5 * noise.square() + log_std + CONSTANT


def sign_flipped(mean, log_std, target) -> Tensor:
    return -gaussian_nll(mean, log_std, target)


def mean_over_dimensions(mean, log_std, target) -> Tensor:
    return each(mean, log_std, target).mean()


def sum_over_rows(mean, log_std, target) -> Tensor:
    return each(mean, log_std, target).sum()


def not_averaged(mean, log_std, target) -> Tensor:
    return each(mean, log_std, target).sum(-1)


def no_constant(mean, log_std, target) -> Tensor:
    return (each(mean, log_std, target) - CONSTANT).sum(-1).mean()


def squared_error(mean, log_std, target) -> Tensor:
    return 0.5 * (target - mean).square().sum(-1).mean() + 0 * log_std.sum()


def no_log_std(mean, log_std, target) -> Tensor:
    return (each(mean, log_std, target) - log_std).sum(-1).mean()


def log_std_subtracted(mean, log_std, target) -> Tensor:
    return (each(mean, log_std, target) - 2 * log_std).sum(-1).mean()


def no_half(mean, log_std, target) -> Tensor:
    noise = (target - mean) * (-log_std).exp()
    return (noise.square() + log_std + CONSTANT).sum(-1).mean()


def variance_as_std(mean, log_std, target) -> Tensor:
    return gaussian_nll(mean, 2 * log_std, target)


def std_not_squared(mean, log_std, target) -> Tensor:
    error = 0.5 * (target - mean).square() * (-log_std).exp()
    return (error + log_std + CONSTANT).sum(-1).mean()


def log_std_as_std(mean, log_std, target) -> Tensor:
    return gaussian_nll(mean, log_std.abs().clamp(1e-2).log(), target)


def absolute_error(mean, log_std, target) -> Tensor:
    noise = (target - mean).abs() * (-log_std).exp()
    return (noise + log_std + CONSTANT).sum(-1).mean()


def spread_held(mean, log_std, target) -> Tensor:
    return gaussian_nll(mean, log_std.detach(), target)


def mean_held(mean, log_std, target) -> Tensor:
    return gaussian_nll(mean.detach(), log_std, target)


def by_distribution(mean, log_std, target) -> Tensor:
    """Right: torch's Normal."""
    return -Normal(mean, log_std.exp().expand_as(mean)).log_prob(target).sum(1).mean()


def by_torch_loss(mean, log_std, target) -> Tensor:
    """Right: torch's loss with its constant, which averages over the dimensions."""
    variance = (2 * log_std).exp().expand_as(mean)
    return mean.shape[1] * gaussian_nll_loss(mean, target, variance, full=True, eps=0.0)


def row_by_row(mean, log_std, target) -> Tensor:
    """Right: one row after the other, with the variance, in float64 inside."""
    total = 0.0
    for i in range(len(mean)):
        spread = (log_std if log_std.ndim == 1 else log_std[i]).double()
        error = (target[i] - mean[i]).double() ** 2 / (2 * (2 * spread).exp())
        total = total + (error + spread + CONSTANT).sum()
    return (total / len(mean)).to(mean.dtype)


def half_log_std(mean, log_std, target) -> Tensor:
    return (each(mean, log_std, target) - 0.5 * log_std).sum(-1).mean()


def torch_loss(mean, log_std, target) -> Tensor:
    return gaussian_nll_loss(mean, target, (2 * log_std).exp().expand_as(mean))


EXERCISE = Exercise(
    name="gaussian_nll",
    reference=gaussian_nll,
    cases=cases,
    statement="its best mean is the target's, and its best σ the size of the error",
    points={VALUE: 2},
    gradient=("mean", "log_std"),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: that is the mean log-likelihood, which should grow. A loss is "
            "its negative.",
            sign_flipped,
        ),
        Mistake(
            "mean-over-dimensions",
            "The dimensions are averaged. They are independent, so their log-densities add up; "
            "the mean is over the rows only.",
            mean_over_dimensions,
        ),
        Mistake(
            "sum-over-rows",
            "The rows are added up. Sum over the dimensions, mean over the batch.",
            sum_over_rows,
        ),
        Mistake(
            "not-averaged",
            "One number a row came out, (B,). Return their mean.",
            not_averaged,
        ),
        Mistake(
            "no-constant",
            "½ log 2π for each dimension is missing. It has no gradient; with it the number is a "
            "true log-likelihood, in nats.",
            no_constant,
        ),
        Mistake(
            "squared-error",
            "That is half the squared error: σ is not used, so the model cannot say how sure it "
            "is.",
            squared_error,
        ),
        Mistake(
            "no-log-std",
            "+ log σ is missing. Without it an infinite σ would excuse every error.",
            no_log_std,
        ),
        Mistake(
            "log-std-subtracted",
            "log σ is subtracted. A wide Gaussian is low everywhere, so −log N grows with log σ.",
            log_std_subtracted,
        ),
        Mistake(
            "no-half", "The ½ in front of the squared error is missing: ½ (x − μ)²/σ².", no_half
        ),
        Mistake(
            "variance-as-std",
            "σ² stands where σ belongs: `log_std` is log σ, so σ = exp(log_std).",
            variance_as_std,
        ),
        Mistake(
            "std-not-squared",
            "The squared error is divided by σ. Divide by σ²: the error in units of σ, squared.",
            std_not_squared,
        ),
        Mistake(
            "log-std-as-std",
            "`log_std` is used as σ. Take its exponential first.",
            log_std_as_std,
        ),
        Mistake(
            "absolute-error",
            "The error is not squared: that would be (nearly) a Laplace distribution's likelihood.",
            absolute_error,
        ),
        Mistake(
            "spread-held",
            "The value is right, but log σ was cut from its graph: the model could never learn how "
            "sure to be.",
            spread_held,
        ),
        Mistake(
            "mean-held",
            "The value is right, but the mean was cut from its graph: nothing would be predicted.",
            mean_held,
        ),
        Mistake(
            "logarithm-of-the-variance-twice",
            "log σ² = 2 log σ stands with another ½ in front: the second term is log σ, with "
            "no ½, when you are given log σ.",
            half_log_std,
        ),
        Mistake(
            "torch-loss",
            "torch.nn.functional.gaussian_nll_loss leaves the constant out and averages over "
            "everything by default. Wanted: the constant, a sum over dimensions, a mean over "
            "rows.",
            torch_loss,
        ),
    ),
    variants=(by_distribution, by_torch_loss, row_by_row),
)
