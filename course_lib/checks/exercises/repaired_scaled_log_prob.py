"""The exercise `repaired_scaled_log_prob`: lesson 10's silent bug, a slope taken after scaling."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.distributions import gaussian_log_prob
from course_lib.reference.sac import squashed_gaussian_log_prob


def repaired_scaled_log_prob(mean, log_std, pre_tanh, high) -> Tensor:
    """log π of a = high · tanh(u): (B,)."""
    squashed = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return squashed - mean.shape[-1] * math.log(high)


def cases(generator: torch.Generator) -> list[Case]:
    """Bounds above 1 and below; one dimension; the bound 1; u so large that tanh u rounds to 1."""
    far = torch.tensor([[20.0, -20.0], [8.0, -12.0]], dtype=torch.float64)
    return [
        Case("four states, one dimension, |a| < 2", given(generator, 4, 1, 2.0)),
        Case("five states, three dimensions, |a| < 3", given(generator, 5, 3, 3.0)),
        Case("as many states as dimensions, |a| < 0.4", given(generator, 3, 3, 0.4)),
        Case("|a| < 1: nothing is scaled", given(generator, 4, 2, 1.0), EDGE),
        Case("a single state", given(generator, 1, 2, 2.5), EDGE),
        Case(
            "u up to ±20",
            {
                "mean": 0.9 * far,
                "log_std": torch.ones(2, dtype=torch.float64),
                "pre_tanh": far,
                "high": 2.0,
            },
            NUMERICS,
        ),
    ]


def given(generator: torch.Generator, states: int, size: int, high: float) -> dict:
    """The inputs of one case."""
    return {
        "mean": normal(generator, states, size),
        "log_std": uniform(generator, -1.0, 0.7, size),
        "pre_tanh": 1.2 * normal(generator, states, size),
        "high": high,
    }


def as_it_was(mean, log_std, pre_tanh, high) -> Tensor:
    action = high * pre_tanh.tanh()
    slope = (1 - action.square()).clamp(min=1e-6)
    return gaussian_log_prob(mean, log_std, pre_tanh) - slope.log().sum(-1)


def scale_forgotten(mean, log_std, pre_tanh, high) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh)


def scale_once(mean, log_std, pre_tanh, high) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh) - math.log(high)


def scale_added(mean, log_std, pre_tanh, high) -> Tensor:
    squashed = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return squashed + mean.shape[-1] * math.log(high)


def scale_without_logarithm(mean, log_std, pre_tanh, high) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh) - mean.shape[-1] * high


def whole_width(mean, log_std, pre_tanh, high) -> Tensor:
    squashed = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return squashed - mean.shape[-1] * math.log(2 * high)


def clamp_left(mean, log_std, pre_tanh, high) -> Tensor:
    slope = (high * (1 - pre_tanh.tanh().square())).clamp(min=1e-6)
    return gaussian_log_prob(mean, log_std, pre_tanh) - slope.log().sum(-1)


def no_slope(mean, log_std, pre_tanh, high) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh) - mean.shape[-1] * math.log(high)


def scaled_before_the_tanh(mean, log_std, pre_tanh, high) -> Tensor:
    return repaired_scaled_log_prob(high * mean, log_std, high * pre_tanh, high)


def slope_and_scale_together(mean, log_std, pre_tanh, high) -> Tensor:
    """Right: log(high / cosh² u), each dimension in a loop."""
    total = gaussian_log_prob(mean, log_std, pre_tanh)
    for u in pre_tanh.unbind(-1):
        log_cosh = torch.logaddexp(u, -u) - math.log(2)
        total = total - (math.log(high) - 2 * log_cosh)
    return total


def as_a_wider_gaussian(mean, log_std, pre_tanh, high) -> Tensor:
    """Right: the scale handed over as a constant log-slope, in float64 inside."""
    squashed = squashed_gaussian_log_prob(mean.double(), log_std.double(), pre_tanh.double())
    scale = torch.full_like(mean, high, dtype=torch.float64).log().sum(-1)
    return (squashed - scale).to(mean.dtype)


def clamp_kept(mean, log_std, pre_tanh, high) -> Tensor:
    noise = (pre_tanh - mean) * torch.exp(-log_std)
    gaussian = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)
    action = high * torch.tanh(pre_tanh)
    slope = high * (1 - (action / high) ** 2).clamp(min=1e-6)
    return (gaussian - slope.log()).sum(-1)


def rows_for_dimensions(mean, log_std, pre_tanh, high) -> Tensor:
    squashed = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return squashed - len(mean) * math.log(high)


def scale_squared(mean, log_std, pre_tanh, high) -> Tensor:
    squashed = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return squashed - 2 * mean.shape[-1] * math.log(high)


EXERCISE = Exercise(
    name="repaired_scaled_log_prob",
    reference=repaired_scaled_log_prob,
    cases=cases,
    statement="the density of a = high · tanh(u) integrates to 1 over (−high, high)",
    points={VALUE: 2},
    gradient=("mean", "log_std", "pre_tanh"),
    mistakes=(
        Mistake(
            "slope-after-scaling",
            "The slope is still computed from the scaled action. 1 − tanh² u is a statement about "
            "tanh u; with a = 2 tanh u, 1 − a² is negative in half of the range, and the clamp "
            "hides it. Take tanh u (or your exact formula), and the scale on top.",
            as_it_was,
        ),
        Mistake(
            "scale-forgotten",
            "The slope is right, but a stretched density is lower: the slope of high · tanh(u) has "
            "the factor `high`. Subtract log(high) for each dimension.",
            scale_forgotten,
        ),
        Mistake(
            "scale-once",
            "log(high) is subtracted once. Every dimension of the action is stretched: D times.",
            scale_once,
        ),
        Mistake(
            "scale-added",
            "log(high) is added. Stretching spreads the probability over more room: the density "
            "falls, so subtract.",
            scale_added,
        ),
        Mistake(
            "scale-without-logarithm",
            "`high` itself is subtracted. Densities are divided by it, so their logarithms lose "
            "log(high).",
            scale_without_logarithm,
        ),
        Mistake(
            "whole-width",
            "log(2 · high) is subtracted, the width of the range. But tanh runs from −1 to 1 "
            "already: the stretch is by `high`.",
            whole_width,
        ),
        Mistake(
            "clamp-left",
            "The slope is right now, but still clamped at 1e-6: from |u| = 8 on it is wrong and "
            "without a gradient. Your `squashed_gaussian_log_prob` needs no clamp.",
            clamp_left,
        ),
        Mistake(
            "no-slope",
            "Only the scale is subtracted; the slope of the tanh is missing.",
            no_slope,
        ),
        Mistake(
            "scaled-before-the-tanh",
            "u is scaled in place of tanh u: high · tanh(u) is not tanh(high · u).",
            scaled_before_the_tanh,
        ),
        Mistake(
            "clamp-kept",
            "The slope is taken from a/high now, which is right, but the clamp is still "
            "there: near ±high every action gets the same slope. The exact form needs none.",
            clamp_kept,
        ),
        Mistake(
            "rows-for-dimensions",
            "log(high) is subtracted once for each *row* of the batch: len(mean) is B. D is "
            "the last axis.",
            rows_for_dimensions,
        ),
        Mistake(
            "scale-squared",
            "The slope is taken as high² − a². That is high² (1 − tanh² u), one factor too "
            "many: the slope of high · tanh u is high (1 − tanh² u).",
            scale_squared,
        ),
    ),
    variants=(slope_and_scale_together, as_a_wider_gaussian),
)
