"""The exercise `kl_to_reference`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.language_models import kl_to_reference


def cases(generator: torch.Generator) -> list[Case]:
    """Differences of either sign; none at all; tiny ones, where digits cancel."""
    same = log_probs(generator, 2, 3)
    return [
        Case("two answers of three tokens", given(generator, 2, 3)),
        Case("five answers of four tokens", given(generator, 5, 4)),
        Case("as many answers as tokens", given(generator, 3, 3)),
        Case("the policy is the reference", {"log_prob": same, "ref_log_prob": same.clone()}, EDGE),
        Case("a single token", given(generator, 1, 1), EDGE),
        Case(
            "a policy that has left the reference far behind",
            {"log_prob": same, "ref_log_prob": same - 30.0},
            EDGE,
        ),
        Case(
            "differences of 1e-4",
            {"log_prob": same, "ref_log_prob": same + 1e-4 * normal(generator, 2, 3)},
            NUMERICS,
        ),
    ]


def given(generator: torch.Generator, count: int, length: int) -> dict[str, Tensor]:
    """The inputs of one case."""
    log_prob = log_probs(generator, count, length)
    return {"log_prob": log_prob, "ref_log_prob": log_prob + 0.8 * normal(generator, count, length)}


def k1(log_prob, ref_log_prob) -> Tensor:
    return log_prob - ref_log_prob.detach()


def k1_negative(log_prob, ref_log_prob) -> Tensor:
    return ref_log_prob.detach() - log_prob


def k2(log_prob, ref_log_prob) -> Tensor:
    return 0.5 * (ref_log_prob.detach() - log_prob).square()


def other_way_round(log_prob, ref_log_prob) -> Tensor:
    difference = log_prob - ref_log_prob.detach()
    return difference.exp() - difference - 1


def no_minus_one(log_prob, ref_log_prob) -> Tensor:
    return kl_to_reference(log_prob, ref_log_prob) + 1


def adds_the_difference(log_prob, ref_log_prob) -> Tensor:
    difference = ref_log_prob.detach() - log_prob
    return difference.exp() + difference - 1


def ratio_only(log_prob, ref_log_prob) -> Tensor:
    return (ref_log_prob.detach() - log_prob).exp() - 1


def weighed(log_prob, ref_log_prob) -> Tensor:
    return log_prob.exp() * (log_prob - ref_log_prob.detach())


def sign_flipped(log_prob, ref_log_prob) -> Tensor:
    return -kl_to_reference(log_prob, ref_log_prob)


def one_number(log_prob, ref_log_prob) -> Tensor:
    return kl_to_reference(log_prob, ref_log_prob).mean()


def one_a_sequence(log_prob, ref_log_prob) -> Tensor:
    return kl_to_reference(log_prob, ref_log_prob).sum(-1)


def probabilities(log_prob, ref_log_prob) -> Tensor:
    difference = ref_log_prob.detach().exp() - log_prob.exp()
    return difference.expm1() - difference


def detached(log_prob, ref_log_prob) -> Tensor:
    return kl_to_reference(log_prob.detach(), ref_log_prob)


def reaches_the_reference(log_prob, ref_log_prob) -> Tensor:
    difference = ref_log_prob - log_prob
    return difference.expm1() - difference


def with_the_ratio(log_prob, ref_log_prob) -> Tensor:
    """Right: r − log r − 1 with the ratio written out, in float64 inside."""
    ratio = (ref_log_prob.detach().double() - log_prob.double()).exp()
    return (ratio - ratio.log() - 1).to(log_prob.dtype)


def under_no_grad(log_prob, ref_log_prob) -> Tensor:
    """Right: the reference held by no_grad, expm1 of torch.special."""
    with torch.no_grad():
        reference = ref_log_prob.clone()
    return torch.special.expm1(reference - log_prob) + log_prob - reference


def wrong_one_held(log_prob, ref_log_prob) -> Tensor:
    difference = ref_log_prob - log_prob.detach()
    return difference.expm1() - difference


def absolute_difference(log_prob, ref_log_prob) -> Tensor:
    difference = (ref_log_prob.detach() - log_prob).abs()
    return difference.expm1() - difference


EXERCISE = Exercise(
    name="kl_to_reference",
    reference=kl_to_reference,
    cases=cases,
    statement="it is never negative, and 0 only where policy and reference agree",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    no_gradient=("ref_log_prob",),
    mistakes=(
        Mistake(
            "k1",
            "That is log π − log π_ref. Its mean over the policy's tokens is the KL as well, but "
            "single numbers are negative half of the time, and its gradient has mean 0. Wanted is "
            "exp(d) − d − 1.",
            k1,
        ),
        Mistake(
            "k1-negative",
            "That is d alone, minus an estimate of the KL. Wanted is exp(d) − d − 1.",
            k1_negative,
        ),
        Mistake(
            "k2",
            "That is ½ d², the estimate called k2: near, but its mean is not the KL. Wanted is "
            "exp(d) − d − 1.",
            k2,
        ),
        Mistake(
            "difference-upside-down",
            "d has the wrong sign: d = log π_ref − log π. As it stands it estimates a divergence "
            "for tokens written by the reference.",
            other_way_round,
        ),
        Mistake(
            "no-minus-one",
            "The −1 is missing: where policy and reference agree, 0 should come out.",
            no_minus_one,
        ),
        Mistake(
            "adds-the-difference",
            "d is added; subtract it: exp(d) − d − 1 touches 0 at d = 0 and bends upwards.",
            adds_the_difference,
        ),
        Mistake(
            "ratio-only",
            "−d is missing: exp(d) − 1 has mean 0 over the policy's tokens, whatever the "
            "policies are.",
            ratio_only,
        ),
        Mistake(
            "weighed-with-the-probability",
            "You multiply by π. The tokens were drawn from π already; a mean over them is an "
            "expectation without further weights.",
            weighed,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: a divergence is at least 0.",
            sign_flipped,
        ),
        Mistake(
            "one-number",
            "A single number comes out. Return one a token, (B, L): the loss has to leave out "
            "padding.",
            one_number,
        ),
        Mistake(
            "one-a-sequence",
            "The tokens are added up. Return one number a token, (B, L).",
            one_a_sequence,
        ),
        Mistake(
            "difference-of-probabilities",
            "The difference is one of probabilities. d is a difference of log-probabilities: the "
            "logarithm of a ratio.",
            probabilities,
        ),
        Mistake(
            "detached",
            "The value is right, but log π was cut from its graph: the penalty would hold nothing "
            "back.",
            detached,
        ),
        Mistake(
            "reaches-the-reference",
            "The value is right, but a gradient flows into the reference, which stands still.",
            reaches_the_reference,
        ),
        Mistake(
            "wrong-one-held",
            "log π was held, and the reference gets the gradient: nothing would pull the "
            "policy back. The other way round.",
            wrong_one_held,
        ),
        Mistake(
            "absolute-difference",
            "d has a sign. With |d| a token that became rarer and one that became likelier "
            "pay the same, and the mean is not the divergence.",
            absolute_difference,
        ),
    ),
    variants=(with_the_ratio, under_no_grad),
)
