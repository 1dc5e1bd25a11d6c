"""The exercise `approximate_kl`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import SUM_FOR_MEAN
from course_lib.reference.ppo_updates import approximate_kl


def cases(generator: torch.Generator) -> list[Case]:
    """Small and large moves in both directions; no move; moves one way only."""

    def batch(size: int, spread: float, shift: float = 0.0) -> dict[str, Tensor]:
        old = log_probs(generator, size)
        return {
            "log_prob": old + spread * normal(generator, size) + shift,
            "old_log_prob": old,
        }

    stayed = batch(4, 0.0)
    return [
        Case("four samples", batch(4, 0.6)),
        Case("eleven samples, far away", batch(11, 1.2)),
        Case("all actions likelier", batch(6, 0.3, 0.8)),
        Case("all actions rarer", batch(5, 0.3, -1.0)),
        Case("the policy as it acted", stayed, EDGE),
        Case("a single sample", batch(1, 0.9, 0.4), EDGE),
    ]


def log_ratio(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """log ρ."""
    return log_prob - old_log_prob


def minus_log_ratio(log_prob, old_log_prob) -> Tensor:
    return -log_ratio(log_prob, old_log_prob).mean()


def mean_log_ratio(log_prob, old_log_prob) -> Tensor:
    return log_ratio(log_prob, old_log_prob).mean()


def half_square(log_prob, old_log_prob) -> Tensor:
    return 0.5 * log_ratio(log_prob, old_log_prob).square().mean()


def other_direction(log_prob, old_log_prob) -> Tensor:
    return approximate_kl(old_log_prob, log_prob)


def weighted_other_direction(log_prob, old_log_prob) -> Tensor:
    moved = log_ratio(log_prob, old_log_prob)
    return (moved.exp() * moved).mean()


def sign_of_the_logarithm(log_prob, old_log_prob) -> Tensor:
    moved = log_ratio(log_prob, old_log_prob)
    return (moved.expm1() + moved).mean()


def one_not_subtracted(log_prob, old_log_prob) -> Tensor:
    return approximate_kl(log_prob, old_log_prob) + 1


def control_variate_only(log_prob, old_log_prob) -> Tensor:
    return log_ratio(log_prob, old_log_prob).expm1().mean()


def sums(log_prob, old_log_prob) -> Tensor:
    return len(log_prob) * approximate_kl(log_prob, old_log_prob)


def sign(log_prob, old_log_prob) -> Tensor:
    return -approximate_kl(log_prob, old_log_prob)


def absolute(log_prob, old_log_prob) -> Tensor:
    return log_ratio(log_prob, old_log_prob).abs().mean()


def of_the_means(log_prob, old_log_prob) -> Tensor:
    moved = log_ratio(log_prob, old_log_prob).mean()
    return moved.expm1() - moved


def not_averaged(log_prob, old_log_prob) -> Tensor:
    moved = log_ratio(log_prob, old_log_prob)
    return moved.expm1() - moved


def from_the_ratio(log_prob, old_log_prob) -> Tensor:
    """Right: probabilities divided, then ρ − 1 − log ρ."""
    ratio = log_prob.exp() / old_log_prob.exp()
    return (ratio - 1 - ratio.log()).mean()


def in_three_means(log_prob, old_log_prob) -> Tensor:
    """Right: the mean of each term, in float64 inside, without a gradient."""
    new, old = log_prob.detach().double(), old_log_prob.detach().double()
    return ((new - old).exp().mean() - 1 + old.mean() - new.mean()).to(log_prob.dtype)


EXERCISE = Exercise(
    name="approximate_kl",
    reference=approximate_kl,
    cases=cases,
    statement="it estimates KL(π_old‖π) from sampled actions and never comes out negative",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "minus-log-ratio",
            "−mean(log ρ) has the right expectation, but single batches come out negative, and a "
            "divergence cannot. Add the control variate ρ − 1, whose mean is 0.",
            minus_log_ratio,
        ),
        Mistake(
            "mean-log-ratio",
            "mean(log ρ) estimates *minus* the divergence: the actions were drawn from π_old, so "
            "on average log π is the smaller one.",
            mean_log_ratio,
        ),
        Mistake(
            "half-the-square",
            "½ (log ρ)² is close for small moves, but biased: its expectation is not the KL. "
            "Wanted is ρ − 1 − log ρ.",
            half_square,
        ),
        Mistake(
            "other-direction",
            "The two policies are exchanged: that uses π_old/π, which estimates neither direction "
            "with actions from π_old. ρ has the new policy above.",
            other_direction,
        ),
        Mistake(
            "kl-of-the-new-policy",
            "ρ log ρ estimates KL(π‖π_old), the other direction. The policy that acted comes "
            "first: KL(π_old‖π).",
            weighted_other_direction,
        ),
        Mistake(
            "logarithm-added",
            "log ρ is added where it must be subtracted: ρ − 1 and log ρ are nearly equal near 1, "
            "and only their difference is a distance.",
            sign_of_the_logarithm,
        ),
        Mistake(
            "one-not-subtracted",
            "An unchanged policy gives 1 instead of 0: ρ − *1* − log ρ.",
            one_not_subtracted,
        ),
        Mistake(
            "control-variate-only",
            "ρ − 1 has mean 0 whatever the policy: that is the control variate alone. Subtract "
            "log ρ from it.",
            control_variate_only,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake("sign-flipped", "The sign is flipped: a divergence is at least 0.", sign),
        Mistake(
            "absolute-value",
            "|log ρ| is never negative either, but its mean is no divergence: for a small move ε "
            "it is of size ε, the KL of size ε².",
            absolute,
        ),
        Mistake(
            "of-the-means",
            "The exponential is taken of the mean of log ρ, so moves in both directions cancel "
            "before they are counted. The mean comes last.",
            of_the_means,
        ),
        Mistake("not-averaged", "One number a sample comes out. Take their mean.", not_averaged),
    ),
    variants=(from_the_ratio, in_three_means),
)
