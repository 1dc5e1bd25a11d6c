"""The exercise `dream_policy_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import SUM_FOR_MEAN
from course_lib.reference.world_models import dream_policy_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Entropies of each state, a single one for all; no bonus; one dream."""
    shared = given(generator, 4, 3, 0.5)
    shared["entropy"] = torch.tensor(0.7, dtype=torch.float64)
    return [
        Case("three steps of two dreams", given(generator, 3, 2, 0.3)),
        Case("six steps of four dreams", given(generator, 6, 4, 0.05)),
        Case("as many steps as dreams", given(generator, 3, 3, 0.5)),
        Case("one entropy for all", shared),
        Case("no bonus", given(generator, 3, 2, 0.0), EDGE),
        Case("a single dream of one step", given(generator, 1, 1, 0.2), EDGE),
    ]


def given(generator: torch.Generator, horizon: int, dreams: int, entropy_coef: float) -> dict:
    """The inputs of one case."""
    return {
        "lambda_return": 2.0 * normal(generator, horizon, dreams) + 1.0,
        "entropy": uniform(generator, 0.1, 1.5, horizon, dreams),
        "entropy_coef": entropy_coef,
    }


def sign_flipped(lambda_return, entropy, entropy_coef) -> Tensor:
    return -dream_policy_loss(lambda_return, entropy, entropy_coef)


def entropy_costs(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return.mean() + entropy_coef * entropy.mean()


def no_entropy(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return.mean() + 0 * entropy.mean()


def no_coefficient(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return.mean() - entropy.mean()


def summed(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return.sum() - entropy_coef * entropy.sum()


def sum_over_time(lambda_return, entropy, entropy_coef) -> Tensor:
    bonus = entropy if entropy.ndim == 0 else entropy.sum(0).mean()
    return -lambda_return.sum(0).mean() - entropy_coef * bonus


def first_step_only(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return[0].mean() - entropy_coef * entropy.mean()


def return_held(lambda_return, entropy, entropy_coef) -> Tensor:
    return dream_policy_loss(lambda_return.detach(), entropy, entropy_coef)


def entropy_held(lambda_return, entropy, entropy_coef) -> Tensor:
    return dream_policy_loss(lambda_return, entropy.detach(), entropy_coef)


def centred(lambda_return, entropy, entropy_coef) -> Tensor:
    away = lambda_return - lambda_return.mean().detach()
    return -away.mean() - entropy_coef * entropy.mean()


def score_weighted(lambda_return, entropy, entropy_coef) -> Tensor:
    return -(lambda_return.detach() * entropy).mean() - entropy_coef * entropy.mean()


def squared(lambda_return, entropy, entropy_coef) -> Tensor:
    return 0.5 * lambda_return.square().mean() - entropy_coef * entropy.mean()


def element_by_element(lambda_return, entropy, entropy_coef) -> Tensor:
    """Right: minus the mean of return plus bonus, the bonus spread over all steps."""
    bonus = entropy.expand_as(lambda_return)
    return -(lambda_return + entropy_coef * bonus).sum() / lambda_return.numel()


def step_by_step(lambda_return, entropy, entropy_coef) -> Tensor:
    """Right: a loop over the steps."""
    steps = [row.mean() for row in lambda_return]
    return -sum(steps) / len(steps) - torch.mean(entropy) * entropy_coef


def return_summed(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return.sum() - entropy_coef * entropy.mean()


def return_summed_over_time(lambda_return, entropy, entropy_coef) -> Tensor:
    return -lambda_return.sum(0).mean() - entropy_coef * entropy.mean()


def coefficient_on_everything(lambda_return, entropy, entropy_coef) -> Tensor:
    return -entropy_coef * (lambda_return.mean() + entropy.mean())


EXERCISE = Exercise(
    name="dream_policy_loss",
    reference=dream_policy_loss,
    cases=cases,
    statement="going downhill raises every return of the dream, and the entropy",
    points={VALUE: 1},
    gradient=("lambda_return", "entropy"),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: an optimiser goes downhill, and returns should grow.",
            sign_flipped,
        ),
        Mistake(
            "entropy-costs",
            "The entropy is added to the loss, so it would be driven down. It is a bonus: subtract "
            "it.",
            entropy_costs,
        ),
        Mistake(
            "no-entropy",
            "The entropy bonus is missing: − entropy_coef · mean(entropy).",
            no_entropy,
        ),
        Mistake(
            "no-coefficient",
            "The coefficient of the entropy is not used.",
            no_coefficient,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, summed),
        Mistake(
            "sum-over-time",
            "The steps of a dream are added up, so a longer dream takes longer steps. Mean over "
            "all of (H, B).",
            sum_over_time,
        ),
        Mistake(
            "first-step-only",
            "Only the first step's return is climbed. Every dreamed state is a start like another: "
            "mean over all of them.",
            first_step_only,
        ),
        Mistake(
            "return-held",
            "The value is right, but the return was detached: only the entropy would be climbed. "
            "Here the return *is* the objective, not a weight.",
            return_held,
        ),
        Mistake(
            "entropy-held",
            "The value is right, but the entropy was detached: the bonus would do nothing.",
            entropy_held,
        ),
        Mistake(
            "centred",
            "A baseline is subtracted. It does not change the gradient, but the value: there is no "
            "score here whose noise it could reduce.",
            centred,
        ),
        Mistake(
            "return-as-a-weight",
            "The return is used as a weight, as in REINFORCE. Here its own slope is what teaches.",
            score_weighted,
        ),
        Mistake(
            "squared",
            "The return is squared, as if it should become 0. It should become large.",
            squared,
        ),
        Mistake(
            "return-summed",
            "The return is summed and the entropy averaged, so their balance depends on the "
            "number of dreams. Two means.",
            return_summed,
        ),
        Mistake(
            "return-summed-over-time",
            "The return is summed over the steps, the entropy averaged: their balance depends "
            "on the horizon. Two means.",
            return_summed_over_time,
        ),
        Mistake(
            "coefficient-on-everything",
            "The coefficient multiplies the return as well. It is the price of entropy alone.",
            coefficient_on_everything,
        ),
    ),
    variants=(element_by_element, step_by_step),
)
