"""The exercise `score_function_surrogate`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.score_functions import leave_one_out_surrogate, score_function_surrogate


def cases(generator: torch.Generator) -> list[Case]:
    """Four samples to read, more of them; one sample, values of one sign, a value of 0."""

    def batch(samples: int) -> dict[str, Tensor]:
        return {"log_prob": log_probs(generator, samples), "value": normal(generator, samples) + 1}

    negative = batch(5)
    negative["value"] = -negative["value"].abs() - 0.1
    zero = batch(3)
    zero["value"] = torch.tensor([0.0, 2.0, 0.0], dtype=torch.float64)
    return [
        Case("four samples", batch(4)),
        Case("nine samples", batch(9)),
        Case("two samples", batch(2)),
        Case("a single sample", batch(1), EDGE),
        Case("all values below zero", negative, EDGE),
        Case("a value of zero", zero, EDGE),
    ]


def a_loss(log_prob: Tensor, value: Tensor) -> Tensor:
    return -score_function_surrogate(log_prob, value)


def sum_for_mean(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach() * log_prob).sum()


def not_averaged(log_prob: Tensor, value: Tensor) -> Tensor:
    return value.detach() * log_prob


def probability(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach() * log_prob.exp()).mean()


def value_only(log_prob: Tensor, value: Tensor) -> Tensor:
    return value.mean()


def log_prob_only(log_prob: Tensor, value: Tensor) -> Tensor:
    return log_prob.mean()


def product_of_means(log_prob: Tensor, value: Tensor) -> Tensor:
    return value.detach().mean() * log_prob.mean()


def gradient_into_value(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value * log_prob).mean()


def log_prob_detached(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value * log_prob.detach()).mean()


def both_detached(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value * log_prob).detach().mean()


def log_of_value(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach().abs().log() * log_prob).mean()


def value_added(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach() + log_prob).mean()


def own_mean_subtracted(log_prob: Tensor, value: Tensor) -> Tensor:
    return ((value - value.mean()).detach() * log_prob).mean()


def leave_one_out(log_prob: Tensor, value: Tensor) -> Tensor:
    if len(value) == 1:
        raise ValueError("no others")
    return leave_one_out_surrogate(log_prob, value)


def normalised(log_prob: Tensor, value: Tensor) -> Tensor:
    weight = (value - value.mean()) / (value.std(correction=0) + 1e-8)
    return (weight.detach() * log_prob).mean()


def absolute_value(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach().abs() * log_prob).mean()


def changes_value(log_prob: Tensor, value: Tensor) -> Tensor:
    value = value.detach()
    value *= log_prob.detach()
    return (value / log_prob.detach() * log_prob).mean()


def importance_ratio(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach() * (log_prob - log_prob.detach()).exp()).mean()


def divided_by_values(log_prob: Tensor, value: Tensor) -> Tensor:
    kept = value.detach()
    return (kept * log_prob).sum() / kept.sum()


def divided_by_fewer(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach() * log_prob).sum() / max(len(value) - 1, 1)


def only_the_good(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach().clamp(min=0) * log_prob).mean()


def value_squared(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach().square() * log_prob).mean()


def mean_value_added(log_prob: Tensor, value: Tensor) -> Tensor:
    return (value.detach() * log_prob).mean() + value.detach().mean()


def as_an_inner_product(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right: an inner product, in float64 inside."""
    return (value.detach().double() @ log_prob.double() / len(value)).to(log_prob.dtype)


def one_by_one(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right: a loop over samples, the values as Python numbers."""
    total = log_prob.new_zeros(())
    for one, weight in zip(log_prob, value.tolist(), strict=True):
        total = total + weight * one
    return total / len(log_prob)


def with_another_value(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right in value and gradient: torch's own masked form of the product."""
    return torch.mean(torch.mul(log_prob, value.clone().detach()))


EXERCISE = Exercise(
    name="score_function_surrogate",
    reference=score_function_surrogate,
    cases=cases,
    statement="its gradient is the mean of f · ∇log p, and f is never differentiated",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    no_gradient=("value",),
    mistakes=(
        Mistake(
            "a-loss",
            "There is a minus in front. Here an objective is wanted whose gradient estimates "
            "∇E[f], to be climbed; a loss is the negative of it.",
            a_loss,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sum_for_mean),
        Mistake(
            "not-averaged",
            "One number a sample came out. Average them: an expectation is estimated by a mean.",
            not_averaged,
        ),
        Mistake(
            "probability",
            "You weigh the probabilities. The samples were drawn from p already; only the "
            "logarithm's gradient, ∇p / p, makes their mean an estimate of Σ f ∇p.",
            probability,
        ),
        Mistake(
            "value-only",
            "That is the estimate of E[f] itself. No θ is left in it: the values are numbers.",
            value_only,
        ),
        Mistake(
            "log-prob-only",
            "The values are not used, so all samples are made more likely alike: the expected "
            "gradient of that is zero.",
            log_prob_only,
        ),
        Mistake(
            "product-of-means",
            "The two means are multiplied. All information lies in *which* score came with which "
            "value: multiply first, then take the mean. (A column (B, 1) against a row (B,) gives "
            "the same numbers: torch makes a table of all pairs, and raises no error.)",
            product_of_means,
        ),
        Mistake(
            "gradient-into-value",
            "The value is right, but a gradient flows into `value` too. Where f comes from a "
            "network, that would change f instead of the distribution. Detach it.",
            gradient_into_value,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake(
            "both-detached",
            "Everything was cut from its graph, so nothing can be learned. Only `value` is a "
            "constant.",
            both_detached,
        ),
        Mistake(
            "log-of-value",
            "You took the logarithm of f. The logarithm belongs to the probability; f is taken as "
            "it is, and may be negative.",
            log_of_value,
        ),
        Mistake(
            "value-added",
            "f is added. As a summand it has no influence on the gradient; it must multiply.",
            value_added,
        ),
        Mistake(
            "own-mean-subtracted",
            "The mean of all values is subtracted. That is a baseline that knows the sample "
            "itself, which shrinks the gradient by a factor 1 − 1/B. The plain estimate comes "
            "first.",
            own_mean_subtracted,
        ),
        Mistake(
            "leave-one-out",
            "That is the next exercise: here the values are taken as they are.",
            leave_one_out,
        ),
        Mistake(
            "normalised",
            "The values were normalised. That changes the length of the gradient, by a factor that "
            "depends on the samples.",
            normalised,
        ),
        Mistake(
            "absolute-value",
            "The sign of f is lost. A negative value must push its sample away.",
            absolute_value,
        ),
        Mistake(
            "importance-ratio",
            "The gradient is right, and the value is that of another surrogate, a ratio times f "
            "(lesson 06 uses it). Here mean(f · log p) is asked for.",
            importance_ratio,
        ),
        Mistake(
            "divided-by-values",
            "The sum was divided by the sum of the values. Divide by the number of samples.",
            divided_by_values,
        ),
        Mistake(
            "divided-by-fewer",
            "The sum was divided by B − 1. It is a mean over B samples.",
            divided_by_fewer,
        ),
        Mistake(
            "only-the-good",
            "Negative values were set to zero. Bad news is news: it makes a sample rarer.",
            only_the_good,
        ),
        Mistake(
            "value-squared",
            "The value is squared. Each score is weighed with f itself, sign included.",
            value_squared,
        ),
        Mistake(
            "mean-value-added",
            "The mean value was added. It has no gradient, so the estimate is the same, but the "
            "surrogate asked for is mean(f · log p) alone.",
            mean_value_added,
        ),
        Mistake("changes-value", IN_PLACE, changes_value),
    ),
    variants=(as_an_inner_product, one_by_one, with_another_value),
)
