"""The exercise `beta_log_prob`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.distributions import beta_log_prob


def cases(generator: torch.Generator) -> list[Case]:
    """Bounds of a motor, of an angle, of the Beta itself; B = D; one row, one dimension."""

    def batch(rows: int, dims: int, low: float, high: float) -> dict[str, Tensor | float]:
        return {
            "concentration1": uniform(generator, 0.6, 4.0, rows, dims),
            "concentration0": uniform(generator, 0.6, 4.0, rows, dims),
            "action": uniform(
                generator, low + 0.05 * (high - low), high - 0.05 * (high - low), rows, dims
            ),
            "low": low,
            "high": high,
        }

    flat = batch(3, 2, -1.0, 1.0)
    flat["concentration1"] = torch.ones_like(flat["concentration1"])
    flat["concentration0"] = torch.ones_like(flat["concentration0"])
    return [
        Case("three rows of two dimensions in [−1, 1]", batch(3, 2, -1.0, 1.0)),
        Case("six rows of four dimensions in [−2, 6]", batch(6, 4, -2.0, 6.0)),
        Case("as many rows as dimensions, in [0.5, 1]", batch(3, 3, 0.5, 1.0)),
        Case("in [0, 1]: nothing is stretched", batch(4, 2, 0.0, 1.0), EDGE),
        Case("one dimension", batch(4, 1, -1.0, 1.0), EDGE),
        Case("a single row", batch(1, 3, -2.0, 2.0), EDGE),
        Case("both concentrations 1: the uniform density", flat, EDGE),
    ]


def terms(concentration1, concentration0, fraction) -> Tensor:
    """(B, D) log-densities on [0, 1]."""
    log_beta = concentration1.lgamma() + concentration0.lgamma()
    log_beta = log_beta - (concentration1 + concentration0).lgamma()
    rising = (concentration1 - 1) * fraction.log()
    return rising + (concentration0 - 1) * (1 - fraction).log() - log_beta


def fraction_of(action, low, high) -> Tensor:
    return (action - low) / (high - low)


def no_change_of_variables(concentration1, concentration0, action, low, high) -> Tensor:
    return terms(concentration1, concentration0, fraction_of(action, low, high)).sum(-1)


def plus_log_width(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    return (terms(concentration1, concentration0, fraction) + math.log(high - low)).sum(-1)


def width_once(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    return terms(concentration1, concentration0, fraction).sum(-1) - math.log(high - low)


def width_without_log(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    return (terms(concentration1, concentration0, fraction) - (high - low)).sum(-1)


def swapped(concentration1, concentration0, action, low, high) -> Tensor:
    return beta_log_prob(concentration0, concentration1, action, low, high)


def no_minus_one(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    extra = fraction.log() + (1 - fraction).log()
    log_width = math.log(high - low)
    return (terms(concentration1, concentration0, fraction) + extra - log_width).sum(-1)


def not_normalised(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    rising = (concentration1 - 1) * fraction.log()
    falling = (concentration0 - 1) * (1 - fraction).log()
    return (rising + falling - math.log(high - low)).sum(-1)


def beta_function_inverted(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    log_beta = concentration1.lgamma() + concentration0.lgamma()
    log_beta = log_beta - (concentration1 + concentration0).lgamma()
    right = terms(concentration1, concentration0, fraction) - math.log(high - low)
    return (right + 2 * log_beta).sum(-1)


def joint_gamma_missing(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    right = terms(concentration1, concentration0, fraction) - math.log(high - low)
    return (right - (concentration1 + concentration0).lgamma()).sum(-1)


def shifted_only(concentration1, concentration0, action, low, high) -> Tensor:
    safe = (action - low).clamp(1e-6, 1 - 1e-6)
    return (terms(concentration1, concentration0, safe) - math.log(high - low)).sum(-1)


def symmetric_bounds(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = ((action + 1) / 2).clamp(1e-6, 1 - 1e-6)
    return (terms(concentration1, concentration0, fraction) - math.log(2.0)).sum(-1)


def no_sum(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    return terms(concentration1, concentration0, fraction) - math.log(high - low)


def mean_over_dimensions(concentration1, concentration0, action, low, high) -> Tensor:
    return no_sum(concentration1, concentration0, action, low, high).mean(-1)


def sum_over_rows(concentration1, concentration0, action, low, high) -> Tensor:
    return no_sum(concentration1, concentration0, action, low, high).sum(0)


def density(concentration1, concentration0, action, low, high) -> Tensor:
    return beta_log_prob(concentration1, concentration0, action, low, high).exp()


def negative(concentration1, concentration0, action, low, high) -> Tensor:
    return -beta_log_prob(concentration1, concentration0, action, low, high)


def normaliser_detached(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    normaliser = terms(concentration1.detach(), concentration0.detach(), fraction) - (
        (concentration1.detach() - 1) * fraction.log()
        + (concentration0.detach() - 1) * (1 - fraction).log()
    )
    powers = (concentration1 - 1) * fraction.log() + (concentration0 - 1) * (1 - fraction).log()
    return (powers + normaliser - math.log(high - low)).sum(-1)


def changes_action(concentration1, concentration0, action, low, high) -> Tensor:
    result = beta_log_prob(concentration1, concentration0, action.clone(), low, high)
    action -= low
    return result


def width_divides(concentration1, concentration0, action, low, high) -> Tensor:
    fraction = fraction_of(action, low, high)
    return (terms(concentration1, concentration0, fraction) / (high - low)).sum(-1)


def concentrations_above_one(concentration1, concentration0, action, low, high) -> Tensor:
    one, other = concentration1.exp().log1p() + 1, concentration0.exp().log1p() + 1
    return beta_log_prob(one, other, action, low, high)


def first_detached(concentration1, concentration0, action, low, high) -> Tensor:
    return beta_log_prob(concentration1.detach(), concentration0, action, low, high)


def with_the_library(concentration1, concentration0, action, low, high) -> Tensor:
    """Right: torch's Beta, and the change of variables."""
    beta = torch.distributions.Beta(concentration1, concentration0)
    fraction = (action - low) / (high - low)
    return (beta.log_prob(fraction) - math.log(high - low)).sum(-1)


def with_a_transform(concentration1, concentration0, action, low, high) -> Tensor:
    """Right: torch's stretched distribution."""
    stretch = torch.distributions.AffineTransform(low, high - low)
    base = torch.distributions.Beta(concentration1, concentration0, validate_args=False)
    stretched = torch.distributions.TransformedDistribution(base, [stretch], validate_args=False)
    return stretched.log_prob(action).sum(-1)


def in_the_stretched_density(concentration1, concentration0, action, low, high) -> Tensor:
    """Right: (a − low)^(α−1) (high − a)^(β−1) / (width^(α+β−1) B), in float64 inside."""
    alpha, beta, a = concentration1.double(), concentration0.double(), action.double()
    log_beta = alpha.lgamma() + beta.lgamma() - (alpha + beta).lgamma()
    powers = (alpha - 1) * (a - low).log() + (beta - 1) * (high - a).log()
    width = (alpha + beta - 1) * math.log(high - low)
    return (powers - width - log_beta).sum(-1).to(action.dtype)


EXERCISE = Exercise(
    name="beta_log_prob",
    reference=beta_log_prob,
    cases=cases,
    statement="a density on [low, high] that integrates to 1, whatever the bounds",
    points={VALUE: 1, GRADIENT: 1, EDGE: 1},
    gradient=("concentration1", "concentration0"),
    mistakes=(
        Mistake(
            "no-change-of-variables",
            "The density was not stretched: from [0, 1] to [low, high] it is spread over a width "
            "of high − low, so it is lower by that factor: subtract log(high − low) for every "
            "dimension. As it is, it does not integrate to 1.",
            no_change_of_variables,
        ),
        Mistake(
            "plus-log-width",
            "log(high − low) has the wrong sign: a density that is spread more widely is lower.",
            plus_log_width,
        ),
        Mistake(
            "width-counted-once",
            "log(high − low) is subtracted once a row. Every dimension is stretched, so it is "
            "subtracted once for each.",
            width_once,
        ),
        Mistake(
            "width-without-log",
            "The width itself is subtracted. In a log-density a factor becomes its logarithm.",
            width_without_log,
        ),
        Mistake(
            "concentrations-swapped",
            "The two concentrations are exchanged. `concentration1` belongs to x (large: near "
            "high), `concentration0` to 1 − x.",
            swapped,
        ),
        Mistake(
            "no-minus-one",
            "The exponents are α and β; they are α − 1 and β − 1.",
            no_minus_one,
        ),
        Mistake(
            "not-normalised",
            "log B(α, β) is missing, so the density does not integrate to 1, and the gradient of "
            "the concentrations lacks its counterweight.",
            not_normalised,
        ),
        Mistake(
            "beta-function-added",
            "log B(α, β) is added. The density is divided by B.",
            beta_function_inverted,
        ),
        Mistake(
            "joint-gamma-missing",
            "log Γ(α + β) is missing: B(α, β) = Γ(α) Γ(β) / Γ(α + β).",
            joint_gamma_missing,
        ),
        Mistake(
            "shifted-only",
            "The action is shifted by `low` and not divided by the width, so it leaves [0, 1].",
            shifted_only,
        ),
        Mistake(
            "bounds-ignored",
            "Your formula holds for [−1, 1] only. Use `low` and `high`.",
            symmetric_bounds,
        ),
        Mistake(
            "no-sum",
            "One log-density for each dimension came out, (B, D). Sum over the last axis.",
            no_sum,
        ),
        Mistake(
            "mean-over-dimensions",
            "The mean over the dimensions stands where the sum belongs.",
            mean_over_dimensions,
        ),
        Mistake(
            "sum-over-rows",
            "The sum runs over the rows of the batch. Dimensions are the last axis.",
            sum_over_rows,
        ),
        Mistake("density", "That is the density. Its logarithm was asked for.", density),
        Mistake(
            "negative",
            "That is −log π. The log-density itself was asked for; no loss is built yet.",
            negative,
        ),
        Mistake(
            "normaliser-detached",
            "The value is right, but log B(α, β) was cut from its graph. Its gradient is what "
            "keeps the concentrations from growing without end.",
            normaliser_detached,
        ),
        Mistake(
            "width-divides",
            "The *logarithm* is divided by the width. The density is; its logarithm loses "
            "log(high − low).",
            width_divides,
        ),
        Mistake(
            "concentrations-above-one",
            "The concentrations went through a softplus, plus one. The network has done that; here "
            "they are used as they are.",
            concentrations_above_one,
        ),
        Mistake(
            "concentration-detached",
            "The value is right, but `concentration1` was cut from its graph: half of the policy "
            "would never learn.",
            first_detached,
        ),
        Mistake("changes-action", IN_PLACE, changes_action),
    ),
    variants=(with_the_library, with_a_transform, in_the_stretched_density),
)
