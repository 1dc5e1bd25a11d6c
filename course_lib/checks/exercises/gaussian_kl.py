"""The exercise `gaussian_kl`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.divergences import gaussian_kl


def cases(generator: torch.Generator) -> list[Case]:
    """A spread for each state and one for all; square; equal ones, one dimension, one state."""

    def pair(rows: int, dims: int, shared: bool = False) -> dict[str, Tensor]:
        spread = (dims,) if shared else (rows, dims)
        return {
            "mean_p": normal(generator, rows, dims),
            "log_std_p": 0.5 * normal(generator, *spread) - 0.2,
            "mean_q": normal(generator, rows, dims),
            "log_std_q": 0.5 * normal(generator, *spread) + 0.3,
        }

    same = pair(4, 2)
    same |= {"mean_q": same["mean_p"].clone(), "log_std_q": same["log_std_p"].clone()}
    spread_only = pair(4, 3)
    spread_only["mean_q"] = spread_only["mean_p"].clone()
    return [
        Case("three states, two dimensions", pair(3, 2)),
        Case("five states, three dimensions, one spread for all", pair(5, 3, shared=True)),
        Case("as many states as dimensions", pair(3, 3)),
        Case("means alike, spreads not", spread_only, EDGE),
        Case("twice the same policy", same, EDGE),
        Case("one dimension", pair(6, 1), EDGE),
        Case("one state", pair(1, 3, shared=True), EDGE),
    ]


def terms(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    """(B, D) the divergence of every dimension."""
    var_p, var_q = (2 * log_std_p).exp(), (2 * log_std_q).exp()
    return log_std_q - log_std_p + (var_p + (mean_p - mean_q).square()) / (2 * var_q) - 0.5


def reversed_order(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return gaussian_kl(mean_q, log_std_q, mean_p, log_std_p)


def constant_missing(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return (terms(mean_p, log_std_p, mean_q, log_std_q) + 0.5).sum(-1)


def constant_once(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return (terms(mean_p, log_std_p, mean_q, log_std_q) + 0.5).sum(-1) - 0.5


def logarithm_upside_down(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    whole = terms(mean_p, log_std_p, mean_q, log_std_q)
    return (whole - 2 * (log_std_q - log_std_p)).sum(-1)


def logarithm_missing(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    whole = terms(mean_p, log_std_p, mean_q, log_std_q)
    return (whole - (log_std_q - log_std_p)).sum(-1)


def two_missing(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    var_p, var_q = (2 * log_std_p).exp(), (2 * log_std_q).exp()
    distance = (var_p + (mean_p - mean_q).square()) / var_q
    return (log_std_q - log_std_p + distance - 0.5).sum(-1)


def spread_of_p_below(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    var_p, var_q = (2 * log_std_p).exp(), (2 * log_std_q).exp()
    distance = (var_q + (mean_p - mean_q).square()) / (2 * var_p)
    return (log_std_q - log_std_p + distance - 0.5).sum(-1)


def means_only(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    whole = terms(mean_p, log_std_p, mean_q, log_std_q)
    return (whole - terms(mean_p, log_std_p, mean_p, log_std_q)).sum(-1)


def spreads_only(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return terms(mean_p, log_std_p, mean_p + 0 * mean_q, log_std_q).sum(-1)


def standard_deviations(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    std_p, std_q = log_std_p.exp(), log_std_q.exp()
    distance = (std_p + (mean_p - mean_q).square()) / (2 * std_q)
    return (log_std_q - log_std_p + distance - 0.5).sum(-1)


def log_variance(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return gaussian_kl(mean_p, 0.5 * log_std_p, mean_q, 0.5 * log_std_q)


def square_missing(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    var_p, var_q = (2 * log_std_p).exp(), (2 * log_std_q).exp()
    distance = (var_p + (mean_p - mean_q).abs()) / (2 * var_q)
    return (log_std_q - log_std_p + distance - 0.5).sum(-1)


def mean_over_dimensions(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return terms(mean_p, log_std_p, mean_q, log_std_q).mean(-1)


def mean_over_states(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return gaussian_kl(mean_p, log_std_p, mean_q, log_std_q).mean()


def not_summed(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return terms(mean_p, log_std_p, mean_q, log_std_q)


def sign_flipped(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return -gaussian_kl(mean_p, log_std_p, mean_q, log_std_q)


def p_detached(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return gaussian_kl(mean_p.detach(), log_std_p.detach(), mean_q, log_std_q)


def spreads_detached(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    return gaussian_kl(mean_p, log_std_p.detach(), mean_q, log_std_q.detach())


def changes_mean(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    result = gaussian_kl(mean_p, log_std_p, mean_q, log_std_q)
    with torch.no_grad():
        mean_p -= mean_q
    return result


def with_torch(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    """Right: torch's own distributions."""
    p, q = Normal(mean_p, log_std_p.exp()), Normal(mean_q, log_std_q.exp())
    return kl_divergence(p, q).sum(-1)


def dimension_by_dimension(mean_p, log_std_p, mean_q, log_std_q) -> Tensor:
    """Right: a loop over dimensions, with standard deviations, in float64 inside."""
    total = 0.0
    for d in range(mean_p.shape[-1]):
        std_p, std_q = log_std_p[..., d].double().exp(), log_std_q[..., d].double().exp()
        apart = (mean_p[:, d] - mean_q[:, d]).double()
        total = total + torch.log(std_q / std_p) - 0.5
        total = total + (std_p**2 + apart**2) / (2 * std_q**2)
    return total.to(mean_p.dtype)


EXERCISE = Exercise(
    name="gaussian_kl",
    reference=gaussian_kl,
    cases=cases,
    statement="means count in units of q's spread, and spreads count as well",
    points={VALUE: 0.5, GRADIENT: 0.5},
    gradient=("mean_p", "log_std_p", "mean_q", "log_std_q"),
    mistakes=(
        Mistake(
            "reversed",
            "That is KL(q‖p). p is named first: q's spread stands below the fraction.",
            reversed_order,
        ),
        Mistake(
            "constant-missing",
            "The −½ of every dimension is missing, so that two equal policies are ½ apart in each.",
            constant_missing,
        ),
        Mistake(
            "constant-once",
            "The −½ is subtracted once. It belongs to every dimension: put it inside the sum.",
            constant_once,
        ),
        Mistake(
            "logarithm-upside-down",
            "The logarithm is upside down: it is log(σ_q/σ_p) = log σ_q − log σ_p.",
            logarithm_upside_down,
        ),
        Mistake(
            "logarithm-missing",
            "log(σ_q/σ_p) is missing: without it a narrow p would look close to any wide q.",
            logarithm_missing,
        ),
        Mistake(
            "two-missing",
            "The fraction is divided by σ_q² and not by 2σ_q².",
            two_missing,
        ),
        Mistake(
            "spread-of-p-below",
            "The spreads are exchanged in the fraction: σ_p² stands above, 2σ_q² below.",
            spread_of_p_below,
        ),
        Mistake(
            "means-only",
            "Only the distance of the means counts. Two Gaussians with one mean and different "
            "spreads are different policies.",
            means_only,
        ),
        Mistake(
            "spreads-only",
            "The distance of the means is missing: (μ_p − μ_q)²/(2σ_q²).",
            spreads_only,
        ),
        Mistake(
            "standard-deviations",
            "Standard deviations stand where variances belong: σ² = exp(2 log σ).",
            standard_deviations,
        ),
        Mistake(
            "log-variance",
            "`log_std` is read as the logarithm of the variance. It is that of σ.",
            log_variance,
        ),
        Mistake(
            "square-missing",
            "The distance of the means is not squared. It is a variance that it is added to.",
            square_missing,
        ),
        Mistake(
            "mean-over-dimensions",
            "The dimensions were averaged. Independent dimensions add up: sum over the last axis.",
            mean_over_dimensions,
        ),
        Mistake(
            "mean-over-states",
            "The states were averaged as well. One number a state is wanted, (B,).",
            mean_over_states,
        ),
        Mistake(
            "not-summed",
            "A number for each dimension came out. Sum over the last axis.",
            not_summed,
        ),
        Mistake(
            "sign-flipped",
            "Every number is negative. A divergence is never below 0.",
            sign_flipped,
        ),
        Mistake(
            "p-detached",
            "The value is right, but no gradient reaches p. Which policy is held still is the "
            "caller's decision.",
            p_detached,
        ),
        Mistake(
            "spreads-detached",
            "The value is right, but the spreads were cut from their graph. A policy learns them, "
            "too.",
            spreads_detached,
        ),
        Mistake("changes-mean", IN_PLACE, changes_mean),
    ),
    variants=(with_torch, dimension_by_dimension),
)
