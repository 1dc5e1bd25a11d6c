"""The exercise `squashed_gaussian_log_prob`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform
from torch.nn.functional import softplus

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.distributions import gaussian_log_prob
from course_lib.reference.sac import squashed_gaussian_log_prob


def cases(generator: torch.Generator) -> list[Case]:
    """One σ for all states and one for each; one dimension; u so large that tanh u rounds to 1."""
    far = torch.tensor([[20.0, -20.0], [8.0, -12.0], [-3.0, 0.2]], dtype=torch.float64)
    return [
        Case("four states, three dimensions", given(generator, 4, 3)),
        Case("a σ for each state", given(generator, 5, 2, per_state=True)),
        Case("as many states as dimensions", given(generator, 3, 3)),
        Case("one dimension", given(generator, 4, 1), EDGE),
        Case("a single state", given(generator, 1, 3, per_state=True), EDGE),
        Case(
            "u = 0: the tanh changes nothing",
            {**given(generator, 2, 2), "pre_tanh": torch.zeros(2, 2, dtype=torch.float64)},
            EDGE,
        ),
        Case(
            "u up to ±20, where tanh u rounds to ±1",
            {"mean": 0.9 * far, "log_std": torch.ones(2, dtype=torch.float64), "pre_tanh": far},
            NUMERICS,
        ),
    ]


def given(generator: torch.Generator, states: int, size: int, per_state: bool = False) -> dict:
    """The inputs of one case."""
    shape = (states, size) if per_state else (size,)
    return {
        "mean": normal(generator, states, size),
        "log_std": uniform(generator, -1.0, 0.7, *shape),
        "pre_tanh": 1.2 * normal(generator, states, size),
    }


def log_slope(pre_tanh: Tensor) -> Tensor:
    """log(1 − tanh² u), each dimension."""
    return 2 * (math.log(2) - pre_tanh - softplus(-2 * pre_tanh))


def no_correction(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh)


def correction_added(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh) + log_slope(pre_tanh).sum(-1)


def of_the_action(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh.tanh()) - log_slope(pre_tanh).sum(-1)


def correction_of_the_mean(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh) - log_slope(mean).sum(-1)


def tanh_not_squared(mean, log_std, pre_tanh) -> Tensor:
    slope = (1 - pre_tanh.tanh().abs()).clamp(1e-12)
    return gaussian_log_prob(mean, log_std, pre_tanh) - slope.log().sum(-1)


def epsilon(mean, log_std, pre_tanh) -> Tensor:
    slope = (1 - pre_tanh.tanh().square() + 1e-6).log()
    return gaussian_log_prob(mean, log_std, pre_tanh) - slope.sum(-1)


def naive_logarithm(mean, log_std, pre_tanh) -> Tensor:
    slope = (1 - pre_tanh.tanh().square()).log()
    return gaussian_log_prob(mean, log_std, pre_tanh) - slope.sum(-1)


def clamped(mean, log_std, pre_tanh) -> Tensor:
    slope = (1 - pre_tanh.tanh().square()).clamp(min=1e-6).log()
    return gaussian_log_prob(mean, log_std, pre_tanh) - slope.sum(-1)


def each_dimension(mean, log_std, pre_tanh) -> Tensor:
    noise = (pre_tanh - mean) * (-log_std).exp()
    gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
    return gaussian - log_slope(pre_tanh)


def mean_over_dimensions(mean, log_std, pre_tanh) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh) / mean.shape[-1]


def correction_averaged(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh) - log_slope(pre_tanh).mean(-1)


def correction_of_one_dimension(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh) - log_slope(pre_tanh)[..., 0]


def over_the_batch(mean, log_std, pre_tanh) -> Tensor:
    return each_dimension(mean, log_std, pre_tanh).sum(0)


def log_std_as_std(mean, log_std, pre_tanh) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std.abs().clamp(1e-3).log(), pre_tanh)


def variance_as_std(mean, log_std, pre_tanh) -> Tensor:
    return squashed_gaussian_log_prob(mean, 2 * log_std, pre_tanh)


def no_constant(mean, log_std, pre_tanh) -> Tensor:
    constant = 0.5 * math.log(2 * math.pi) * mean.shape[-1]
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh) + constant


def correction_detached(mean, log_std, pre_tanh) -> Tensor:
    return gaussian_log_prob(mean, log_std, pre_tanh) - log_slope(pre_tanh).sum(-1).detach()


def sample_detached(mean, log_std, pre_tanh) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh.detach())


def with_distributions(mean, log_std, pre_tanh) -> Tensor:
    """Right: torch's transform, asked for its log-slope at u, never at a = tanh u."""
    gaussian = Independent(Normal(mean, log_std.exp().expand_as(mean)), 1)
    transform = TransformedDistribution(gaussian, TanhTransform()).transforms[0]
    slope = transform.log_abs_det_jacobian(pre_tanh, pre_tanh.tanh())
    return gaussian.log_prob(pre_tanh) - slope.sum(-1)


def by_cosh(mean, log_std, pre_tanh) -> Tensor:
    """Right: 1 − tanh² u = 1/cosh² u, its logarithm by logaddexp, dimension by dimension."""
    total = torch.zeros_like(mean[:, 0])
    for d in range(mean.shape[1]):
        std = log_std[..., d].exp()
        noise = (pre_tanh[:, d] - mean[:, d]) / std
        log_cosh = torch.logaddexp(pre_tanh[:, d], -pre_tanh[:, d]) - math.log(2)
        total = total - noise.square() / 2 - std.log() - math.log(math.tau) / 2 + 2 * log_cosh
    return total


def softplus_of_plus(mean, log_std, pre_tanh) -> Tensor:
    right = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return right + 2 * (softplus(2 * pre_tanh) - softplus(-2 * pre_tanh)).sum(-1)


def half_of_the_slope(mean, log_std, pre_tanh) -> Tensor:
    right = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return right + (math.log(2) - pre_tanh - softplus(-2 * pre_tanh)).sum(-1)


def no_log_std(mean, log_std, pre_tanh) -> Tensor:
    whole = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return whole + log_std.expand_as(mean).sum(-1)


def clamped_u(mean, log_std, pre_tanh) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh.clamp(-10, 10))


def back_through_atanh(mean, log_std, pre_tanh) -> Tensor:
    inside = 1 - 1e-6
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh.tanh().clamp(-inside, inside).atanh())


def one_number(mean, log_std, pre_tanh) -> Tensor:
    return squashed_gaussian_log_prob(mean, log_std, pre_tanh).sum()


EXERCISE = Exercise(
    name="squashed_gaussian_log_prob",
    reference=squashed_gaussian_log_prob,
    cases=cases,
    statement="exp of it, over all a in (−1, 1), integrates to 1, and it stays finite at the ends",
    points={VALUE: 2, NUMERICS: 1},
    gradient=("mean", "log_std", "pre_tanh"),
    mistakes=(
        Mistake(
            "no-correction",
            "That is the density of u, before the tanh. The tanh squeezes the line into (−1, 1), "
            "so densities grow where it is flat: subtract Σ_d log(1 − tanh² u_d).",
            no_correction,
        ),
        Mistake(
            "correction-added",
            "The correction has the wrong sign. Where the tanh is flat, many u share few a, and "
            "the density of a is *larger*: subtract log(1 − tanh² u), which is negative.",
            correction_added,
        ),
        Mistake(
            "density-at-the-action",
            "The Gaussian's density is taken at a = tanh u. The Gaussian lives before the tanh: "
            "log N(u; μ, σ²).",
            of_the_action,
        ),
        Mistake(
            "correction-at-the-mean",
            "The slope of the tanh is taken at the mean. The change of variables needs it at the "
            "sample, u.",
            correction_of_the_mean,
        ),
        Mistake(
            "tanh-not-squared",
            "The derivative of tanh is 1 − tanh² u; the square is missing.",
            tanh_not_squared,
        ),
        Mistake(
            "epsilon-in-the-logarithm",
            "Nearly: log(1 − tanh² u + 1e-6) is the usual patch, and off by more than a nat from "
            "|u| = 8 on, where its gradient vanishes too. log(1 − tanh² u) = 2 (log 2 − u − "
            "softplus(−2u)) is exact.",
            epsilon,
        ),
        Mistake(
            "infinite-at-the-ends",
            "At |u| = 20 tanh u rounds to 1, and log(1 − 1) is −∞. Use 2 (log 2 − u − "
            "softplus(−2u)), which never forms the difference.",
            naive_logarithm,
        ),
        Mistake(
            "clamped",
            "Clamping 1 − tanh² u keeps the logarithm finite, but from |u| = 8 on it is wrong, and "
            "its gradient is 0. 2 (log 2 − u − softplus(−2u)) needs no clamp.",
            clamped,
        ),
        Mistake(
            "not-summed",
            "One number a dimension came out, (B, D). The dimensions are independent: their log "
            "densities add up to one number a state, (B,).",
            each_dimension,
        ),
        Mistake(
            "mean-over-dimensions",
            "The dimensions are averaged. Densities of independent dimensions multiply, so their "
            "logarithms are added.",
            mean_over_dimensions,
        ),
        Mistake(
            "correction-averaged",
            "The Gaussian is summed over the dimensions, the correction averaged. Both are sums.",
            correction_averaged,
        ),
        Mistake(
            "correction-of-one-dimension",
            "Only the first dimension's correction is subtracted; every dimension has one.",
            correction_of_one_dimension,
        ),
        Mistake(
            "over-the-batch",
            "The sum runs over the batch (axis 0). Sum over the dimensions of the action, dim=-1.",
            over_the_batch,
        ),
        Mistake(
            "log-std-as-std",
            "`log_std` is used as σ. Take its exponential first.",
            log_std_as_std,
        ),
        Mistake(
            "variance-as-std",
            "σ² stands where σ belongs: `log_std` is log σ, so σ = exp(log_std).",
            variance_as_std,
        ),
        Mistake(
            "no-constant",
            "½ log 2π for each dimension is missing. It has no gradient, but the temperature "
            "compares log π with a target entropy, so it counts here.",
            no_constant,
        ),
        Mistake(
            "correction-detached",
            "The value is right, but the correction was cut from its graph. u = μ + σε depends on "
            "θ, so the correction moves with the policy, and holds it back from the ends.",
            correction_detached,
        ),
        Mistake(
            "sample-detached",
            "The value is right, but u was cut from its graph. In SAC u = μ + σε is a function of "
            "θ, and the gradient goes through it.",
            sample_detached,
        ),
        Mistake(
            "softplus-of-plus",
            "The softplus has the wrong sign inside: log(1 − tanh² u) = 2 (log 2 − u − "
            "softplus(−2u)). Test it at u = 0: the slope of tanh is 1 there, its logarithm 0; "
            "and at u = 5.",
            softplus_of_plus,
        ),
        Mistake(
            "half-of-the-slope",
            "The factor 2 in front of log 2 − u − softplus(−2u) is missing: the slope is a "
            "*square* over the sum of exponentials.",
            half_of_the_slope,
        ),
        Mistake(
            "no-log-std",
            "log σ is missing: a wide Gaussian is lower everywhere. Without it nothing pays "
            "for randomness.",
            no_log_std,
        ),
        Mistake(
            "clamped-u",
            "u is clamped to ±10 first. The result is finite and wrong beyond, and has no "
            "slope in u there. The exact form needs no clamp.",
            clamped_u,
        ),
        Mistake(
            "back-through-atanh",
            "u is recovered from a by atanh, with a clamped inside ±1. Beyond |u| ≈ 7 that is "
            "another u, and its gradient is gone. You are given u: use it.",
            back_through_atanh,
        ),
        Mistake(
            "one-number",
            "Everything is summed, over the batch too. Each action has a log-probability of "
            "its own: sum over the last axis only.",
            one_number,
        ),
    ),
    variants=(with_distributions, by_cosh),
)
