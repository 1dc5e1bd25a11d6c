"""The exercise `temperature_loss`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.sac import temperature_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Too little and too much entropy; T = 1, T near 0; a target of 0; densities above 1."""
    return [
        Case("too little entropy", given(generator, 5, 0.3, -1.0, above=2.0)),
        Case("too much entropy", given(generator, 8, 1.7, -2.0)),
        Case("T = 1: the loss is 0, its slope is not", given(generator, 4, 1.0, -1.0), EDGE),
        Case("T near 0", given(generator, 6, 1e-4, -3.0), EDGE),
        Case("a target of 0", given(generator, 5, 0.5, 0.0), EDGE),
        Case("a positive target", given(generator, 5, 0.5, 1.5), EDGE),
        Case("a batch of one", given(generator, 1, 0.5, -1.0), EDGE),
    ]


def given(
    generator: torch.Generator, size: int, temperature: float, target: float, above: float = 0.0
) -> dict:
    """The inputs of one case; `above` raises the log-densities."""
    return {
        "log_temperature": torch.tensor(math.log(temperature), dtype=torch.float64),
        "log_prob": log_probs(generator, size) + 2 * above,
        "target_entropy": target,
    }


def sign_flipped(log_temperature, log_prob, target_entropy) -> Tensor:
    return -temperature_loss(log_temperature, log_prob, target_entropy)


def temperature_in_front(log_temperature, log_prob, target_entropy) -> Tensor:
    return -(log_temperature.exp() * (log_prob + target_entropy).detach()).mean()


def target_subtracted(log_temperature, log_prob, target_entropy) -> Tensor:
    return temperature_loss(log_temperature, log_prob, -target_entropy)


def entropy_sign(log_temperature, log_prob, target_entropy) -> Tensor:
    return temperature_loss(log_temperature, -log_prob, target_entropy)


def no_target(log_temperature, log_prob, target_entropy) -> Tensor:
    return temperature_loss(log_temperature, log_prob, 0.0)


def summed(log_temperature, log_prob, target_entropy) -> Tensor:
    return -(log_temperature * (log_prob + target_entropy).detach()).sum()


def log_prob_not_held(log_temperature, log_prob, target_entropy) -> Tensor:
    return -(log_temperature * (log_prob + target_entropy)).mean()


def temperature_held(log_temperature, log_prob, target_entropy) -> Tensor:
    return -(log_temperature.detach() * (log_prob + target_entropy)).mean()


def squared(log_temperature, log_prob, target_entropy) -> Tensor:
    return 0.5 * (log_temperature * (log_prob.mean() + target_entropy).detach()).square()


def one_a_state(log_temperature, log_prob, target_entropy) -> Tensor:
    return -(log_temperature * (log_prob + target_entropy).detach())


def product_of_signs(log_temperature, log_prob, target_entropy) -> Tensor:
    return -(log_temperature * (log_prob + target_entropy).detach().sign()).mean()


def from_the_entropy(log_temperature, log_prob, target_entropy) -> Tensor:
    """Right: log T times how much entropy there is too much."""
    with torch.no_grad():
        entropy = -log_prob.sum() / len(log_prob)
    return log_temperature * (entropy - target_entropy)


def one_by_one(log_temperature, log_prob, target_entropy) -> Tensor:
    """Right: a loop over Python numbers."""
    total = sum(one.item() + target_entropy for one in log_prob)
    return -log_temperature * (total / len(log_prob))


EXERCISE = Exercise(
    name="temperature_loss",
    reference=temperature_loss,
    cases=cases,
    statement="its slope in log T is the entropy minus the target, so T falls when there is too "
    "much entropy",
    points={VALUE: 1},
    gradient=("log_temperature",),
    no_gradient=("log_prob",),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: T rises when there is too much entropy, which makes more of it. "
            "Within minutes the temperature explodes.",
            sign_flipped,
        ),
        Mistake(
            "temperature-in-front",
            "T stands in front, as in the paper. It has the same zero and sign, but its step "
            "shrinks with T; the exercise asks for log T, as implementations have it.",
            temperature_in_front,
        ),
        Mistake(
            "target-subtracted",
            "The target is subtracted. log π + H̄ is 0 when the entropy −log π equals H̄: add it.",
            target_subtracted,
        ),
        Mistake(
            "log-prob-sign",
            "log π has the wrong sign. The entropy is −log π, and the bracket is target minus "
            "entropy: H̄ + log π.",
            entropy_sign,
        ),
        Mistake(
            "no-target",
            "The target entropy is missing: T would fall until the policy has entropy 0.",
            no_target,
        ),
        Mistake(
            "sum-for-mean",
            "A sum stands where a mean belongs, so T moves faster the larger the batch is.",
            summed,
        ),
        Mistake(
            "log-prob-not-held",
            "The value is right, but log π carries a gradient: the price of entropy would train "
            "the policy, and against its interest. Detach log π.",
            log_prob_not_held,
        ),
        Mistake(
            "temperature-held",
            "The value is right, but log T was detached, and it is log T that should move here.",
            temperature_held,
        ),
        Mistake(
            "squared",
            "A square has its slope scaled by log T, so nothing moves at T = 1. The loss is linear "
            "in log T; its slope is entropy minus target.",
            squared,
        ),
        Mistake(
            "not-averaged",
            "One number a state came out, (B,). Return their mean.",
            one_a_state,
        ),
        Mistake(
            "sign-of-each",
            "Only the sign of each difference is used. Then T balances how *often* the entropy is "
            "too small, not by how much.",
            product_of_signs,
        ),
    ),
    variants=(from_the_entropy, one_by_one),
)
