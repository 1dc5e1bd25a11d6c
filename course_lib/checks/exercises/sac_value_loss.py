"""The exercise `sac_value_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import AVERAGE_CRITIC, LARGER_CRITIC, SUM_FOR_MEAN
from course_lib.reference.sac import sac_value_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Batches of several sizes; T = 1, T = 0, densities above 1."""
    dense = given(generator, 4, 0.5)
    dense["log_prob"] = -dense["log_prob"]  # a density may be larger than 1
    return [
        Case("five transitions", given(generator, 5, 0.3)),
        Case("nine transitions", given(generator, 9, 1.7)),
        Case("densities above 1", dense),
        Case("T = 1", given(generator, 4, 1.0), EDGE),
        Case("T = 0", given(generator, 4, 0.0), EDGE),
        Case("a batch of one", given(generator, 1, 0.5), EDGE),
    ]


def given(generator: torch.Generator, size: int, temperature: float) -> dict:
    """The inputs of one case."""
    value, q1, q2 = (2.0 * normal(generator, size) for _ in range(3))
    log_prob = log_probs(generator, size)
    return {"value": value, "q1": q1, "q2": q2, "log_prob": log_prob, "temperature": temperature}


def half_square(target: Tensor, value: Tensor) -> Tensor:
    """mean ½ (V − y)², y held."""
    return 0.5 * (target.detach() - value).square().mean()


def no_entropy(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(torch.minimum(q1, q2), value)


def entropy_costs(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(torch.minimum(q1, q2) + temperature * log_prob, value)


def no_temperature(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(torch.minimum(q1, q2) - log_prob, value)


def divided_by_temperature(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(torch.minimum(q1, q2) - log_prob / max(temperature, 1e-3), value)


def larger(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(torch.maximum(q1, q2) - temperature * log_prob, value)


def average(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square((q1 + q2) / 2 - temperature * log_prob, value)


def first_only(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(q1 - temperature * log_prob, value)


def minimum_of_all(value, q1, q2, log_prob, temperature) -> Tensor:
    return half_square(torch.stack([q1, q2]).min() - temperature * log_prob, value)


def no_half(value, q1, q2, log_prob, temperature) -> Tensor:
    return 2 * sac_value_loss(value, q1, q2, log_prob, temperature)


def summed(value, q1, q2, log_prob, temperature) -> Tensor:
    return len(value) * sac_value_loss(value, q1, q2, log_prob, temperature)


def not_squared(value, q1, q2, log_prob, temperature) -> Tensor:
    target = (torch.minimum(q1, q2) - temperature * log_prob).detach()
    return 0.5 * (target - value).abs().mean()


def target_not_held(value, q1, q2, log_prob, temperature) -> Tensor:
    return 0.5 * (torch.minimum(q1, q2) - temperature * log_prob - value).square().mean()


def entropy_not_held(value, q1, q2, log_prob, temperature) -> Tensor:
    held = torch.minimum(q1, q2).detach()
    return 0.5 * (held - temperature * log_prob - value).square().mean()


def value_held(value, q1, q2, log_prob, temperature) -> Tensor:
    target = torch.minimum(q1, q2) - temperature * log_prob
    return 0.5 * (target - value.detach()).square().mean()


def with_where(value, q1, q2, log_prob, temperature) -> Tensor:
    """Right: the smaller by `where`, the square written out, under no_grad."""
    with torch.no_grad():
        target = torch.where(q1 < q2, q1, q2) - temperature * log_prob
    error = value - target
    return (error * error).sum() / (2 * len(error))


def by_mse(value, q1, q2, log_prob, temperature) -> Tensor:
    """Right: half of torch's mean squared error; the entropy inside the minimum."""
    soft = torch.stack([q1 - temperature * log_prob, q2 - temperature * log_prob])
    return torch.nn.functional.mse_loss(value, soft.min(0).values.detach()) / 2


def smaller_mean(value, q1, q2, log_prob, temperature) -> Tensor:
    smaller = q1 if q1.mean() < q2.mean() else q2
    return sac_value_loss(value, smaller, smaller, log_prob, temperature)


def smaller_error(value, q1, q2, log_prob, temperature) -> Tensor:
    errors = [(value - (q - temperature * log_prob).detach()) ** 2 for q in (q1, q2)]
    return 0.5 * torch.minimum(*errors).mean()


def huber(value, q1, q2, log_prob, temperature) -> Tensor:
    target = (torch.minimum(q1, q2) - temperature * log_prob).detach()
    return torch.nn.functional.smooth_l1_loss(value, target)


EXERCISE = Exercise(
    name="sac_value_loss",
    reference=sac_value_loss,
    cases=cases,
    statement="V is pulled to min(Q₁, Q₂) − T log π, and nothing else is pulled",
    points={VALUE: 1},
    gradient=("value",),
    no_gradient=("q1", "q2", "log_prob"),
    mistakes=(
        Mistake(
            "no-entropy",
            "−T log π is missing: V of the soft problem is Q plus what the randomness of the "
            "action is worth.",
            no_entropy,
        ),
        Mistake(
            "entropy-costs",
            "T log π is added. A rare action has a very negative log π and is liked: subtract.",
            entropy_costs,
        ),
        Mistake(
            "no-temperature",
            "log π is counted as it is, as for T = 1 (the slide leaves T out). A nat is worth T.",
            no_temperature,
        ),
        Mistake(
            "divided-by-temperature",
            "log π is divided by T. Q is in units of reward; T log π is too, log π / T is not.",
            divided_by_temperature,
        ),
        Mistake(
            "larger-critic",
            LARGER_CRITIC,
            larger,
        ),
        Mistake(
            "average-critic",
            AVERAGE_CRITIC,
            average,
        ),
        Mistake(
            "first-critic-only",
            "Only q1 is used; the second critic is there to contradict it.",
            first_only,
        ),
        Mistake(
            "minimum-of-the-batch",
            "A `.min()` without an axis is one number for the whole batch. torch.minimum(q1, q2) "
            "compares element by element.",
            minimum_of_all,
        ),
        Mistake(
            "no-half",
            "The ½ in front of the square is missing, so every step is twice as long.",
            no_half,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, summed),
        Mistake(
            "not-squared",
            "The error is not squared. Absolute errors lead V to the median of the targets; a "
            "value is their mean.",
            not_squared,
        ),
        Mistake(
            "target-not-held",
            "The value is right, but the target was not detached: the critics and the policy would "
            "be pulled towards V.",
            target_not_held,
        ),
        Mistake(
            "log-prob-not-held",
            "The value is right, but a gradient flows into log π: the policy would be trained by "
            "V's loss. Detach the whole target.",
            entropy_not_held,
        ),
        Mistake(
            "value-held",
            "The value is right, but V itself was detached, and it is V that should learn here.",
            value_held,
        ),
        Mistake(
            "smaller-mean",
            "The critic with the smaller *mean* is used for all states. Which one is smaller "
            "differs from state to state: torch.minimum.",
            smaller_mean,
        ),
        Mistake(
            "smaller-error",
            "The smaller of the two squared errors counts. That pulls V to whichever critic "
            "is *nearer*, not to the smaller one.",
            smaller_error,
        ),
        Mistake(
            "huber",
            "That is torch's smooth L1: large errors count linearly. V has to be a *mean*, "
            "and only the square has the mean as its minimum.",
            huber,
        ),
    ),
    variants=(with_where, by_mse),
)
