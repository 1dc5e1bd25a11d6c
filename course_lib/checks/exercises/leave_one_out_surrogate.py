"""The exercise `leave_one_out_surrogate`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.score_functions import leave_one_out_surrogate, score_function_surrogate


def cases(generator: torch.Generator) -> list[Case]:
    """Three samples to read, more of them; two, and values that are all the same."""

    def batch(samples: int) -> dict[str, Tensor]:
        return {"log_prob": log_probs(generator, samples), "value": normal(generator, samples) + 1}

    same = batch(4)
    same["value"] = torch.full_like(same["value"], 2.5)
    return [
        Case("three samples", batch(3)),
        Case("eight samples", batch(8)),
        Case("five samples", batch(5)),
        Case("two samples: each is the other's baseline", batch(2), EDGE),
        Case("all values the same: nothing to learn", same, EDGE),
    ]


def weighed(log_prob: Tensor, weight: Tensor) -> Tensor:
    """mean(weight · log p), the weight a constant."""
    return (weight.detach() * log_prob).mean()


def no_baseline(log_prob: Tensor, value: Tensor) -> Tensor:
    return score_function_surrogate(log_prob, value)


def own_sample_included(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - value.mean())


def divided_by_all(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - (value.sum() - value) / len(value))


def sum_of_others(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - (value.sum() - value))


def all_over_fewer(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - value.sum() / (len(value) - 1))


def baseline_added(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value + (value.sum() - value) / (len(value) - 1))


def baseline_only(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, (value.sum() - value) / (len(value) - 1))


def baseline_minus_value(log_prob: Tensor, value: Tensor) -> Tensor:
    return -leave_one_out_surrogate(log_prob, value)


def next_sample(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - value.roll(-1))


def first_sample(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - value[0])


def median(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(log_prob, value - value.median())


def sum_for_mean(log_prob: Tensor, value: Tensor) -> Tensor:
    return leave_one_out_surrogate(log_prob, value) * len(value)


def mean_over_fewer(log_prob: Tensor, value: Tensor) -> Tensor:
    size = len(value)
    return leave_one_out_surrogate(log_prob, value) * size / (size - 1)


def gradient_into_value(log_prob: Tensor, value: Tensor) -> Tensor:
    others = (value.sum() - value) / (len(value) - 1)
    return ((value - others) * log_prob).mean()


def gradient_into_baseline(log_prob: Tensor, value: Tensor) -> Tensor:
    others = (value.sum() - value) / (len(value) - 1)
    return ((value.detach() - others) * log_prob).mean()


def log_prob_detached(log_prob: Tensor, value: Tensor) -> Tensor:
    return leave_one_out_surrogate(log_prob.detach(), value)


def probability(log_prob: Tensor, value: Tensor) -> Tensor:
    return leave_one_out_surrogate(log_prob.exp(), value)


def normalised(log_prob: Tensor, value: Tensor) -> Tensor:
    weight = (value - value.mean()) / (value.std(correction=0) + 1e-8)
    return weighed(log_prob, weight)


def changes_value(log_prob: Tensor, value: Tensor) -> Tensor:
    value = value.detach()
    value -= (value.sum() - value) / (len(value) - 1)
    return (value * log_prob).mean()


def smallest_subtracted(log_prob: Tensor, value: Tensor) -> Tensor:
    return weighed(value - value.min(), log_prob)


def mean_so_far(log_prob: Tensor, value: Tensor) -> Tensor:
    number = torch.arange(len(value), dtype=value.dtype).clamp(min=1)
    before = (value.cumsum(0) - value) / number
    return weighed(value - before, log_prob)


def subtracted_outside(log_prob: Tensor, value: Tensor) -> Tensor:
    kept = value.detach()
    others = (kept.sum() - kept) / (len(kept) - 1)
    return (kept * log_prob - others).mean()


def not_averaged(log_prob: Tensor, value: Tensor) -> Tensor:
    kept = value.detach()
    return (kept - (kept.sum() - kept) / (len(kept) - 1)) * log_prob


def shrunk(log_prob: Tensor, value: Tensor) -> Tensor:
    factor = (len(value) - 1) / len(value)
    return weighed(factor * (value - value.mean()), log_prob)


def one_by_one(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right: each sample's others picked with a mask."""
    total = log_prob.new_zeros(())
    for i in range(len(value)):
        others = torch.cat([value[:i], value[i + 1 :]]).detach()
        total = total + (value[i].detach() - others.mean()) * log_prob[i]
    return total / len(value)


def rescaled_mean(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right: the mean of all, corrected by n/(n − 1), is the same number."""
    size = len(value)
    return size / (size - 1) * ((value - value.mean()).detach() * log_prob).mean()


def with_a_matrix(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right: a matrix of weights, in float64 inside."""
    size = len(value)
    matrix = torch.full((size, size), -1 / (size - 1), dtype=torch.float64)
    matrix.fill_diagonal_(1.0)
    return ((matrix @ value.detach().double()) @ log_prob.double() / size).to(log_prob.dtype)


def scores_compared_instead(log_prob: Tensor, value: Tensor) -> Tensor:
    """Right: the others' mean taken off the log-probabilities: the double sum is symmetric."""
    others = (log_prob.sum() - log_prob) / (len(log_prob) - 1)
    return (value.detach() * (log_prob - others)).mean()


EXERCISE = Exercise(
    name="leave_one_out_surrogate",
    reference=leave_one_out_surrogate,
    cases=cases,
    statement="each sample is held against the others, and the estimate stays unbiased",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    no_gradient=("value",),
    mistakes=(
        Mistake(
            "no-baseline",
            "Nothing is subtracted: that is the exercise before.",
            no_baseline,
        ),
        Mistake(
            "own-sample-included",
            "The mean of *all* values is subtracted, the sample's own included. Then the baseline "
            "depends on the sample, and the expected gradient shrinks by a factor 1 − 1/B: half of "
            "it for two samples. Leave the own value out.",
            own_sample_included,
        ),
        Mistake(
            "divided-by-all",
            "The others are summed rightly and divided by B. There are B − 1 of them.",
            divided_by_all,
        ),
        Mistake(
            "sum-of-others",
            "The sum of the others is subtracted. Their mean is: divide by B − 1.",
            sum_of_others,
        ),
        Mistake(
            "all-over-fewer",
            "The sum of all values is divided by B − 1. Take the sample's own value out first.",
            all_over_fewer,
        ),
        Mistake(
            "baseline-added",
            "The others' mean is added. A baseline is what you compare *with*: subtract it.",
            baseline_added,
        ),
        Mistake(
            "baseline-only",
            "The weights are the others' means alone. A sample's own value has to count, minus "
            "that mean.",
            baseline_only,
        ),
        Mistake(
            "sign-flipped",
            "Every weight has the wrong sign: baseline minus value, or the minus of a loss. Good "
            "samples are pushed away.",
            baseline_minus_value,
        ),
        Mistake(
            "one-other-sample",
            "Each sample is compared with one neighbour. That is unbiased and noisier than it need "
            "be; the mean of all others was asked for.",
            next_sample,
        ),
        Mistake(
            "first-sample",
            "All are compared with the first sample, which then has weight 0 and is thrown away.",
            first_sample,
        ),
        Mistake(
            "median",
            "The median of all values is subtracted. It knows the sample itself, so the estimate "
            "is biased; the mean of the others was asked for.",
            median,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sum_for_mean),
        Mistake(
            "mean-over-fewer",
            "The sum over samples is divided by B − 1 as well. That factor belongs to the "
            "baseline; the estimate is a mean over B.",
            mean_over_fewer,
        ),
        Mistake(
            "gradient-into-value",
            "The value is right, but a gradient flows into `value`. Detach the weights.",
            gradient_into_value,
        ),
        Mistake(
            "gradient-into-baseline",
            "The value is right, and `value` is detached where it stands alone, but a gradient "
            "still flows into it through the baseline. Detach the whole weight.",
            gradient_into_baseline,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake(
            "probability",
            "You weigh the probabilities, not their logarithms.",
            probability,
        ),
        Mistake(
            "normalised",
            "The weights were divided by their standard deviation. That is another method, with a "
            "bias of its own.",
            normalised,
        ),
        Mistake(
            "smallest-subtracted",
            "The smallest value was subtracted. Take the mean of the others.",
            smallest_subtracted,
        ),
        Mistake(
            "mean-so-far",
            "The baseline is the mean of the samples *before*: unbiased, and not what was asked "
            "for. All others count, the later ones too.",
            mean_so_far,
        ),
        Mistake(
            "subtracted-outside",
            "The baseline was subtracted after the product with log p, where it has no gradient. "
            "It belongs to the value: (f − b) · log p.",
            subtracted_outside,
        ),
        Mistake(
            "not-averaged",
            "One number for each sample came out. A surrogate is one number: the mean.",
            not_averaged,
        ),
        Mistake(
            "shrunk",
            "f − mean of all is too short by (B − 1)/B already; the factor that repairs it is "
            "B/(B − 1), the other way round.",
            shrunk,
        ),
        Mistake("changes-value", IN_PLACE, changes_value),
    ),
    variants=(one_by_one, rescaled_mean, with_a_matrix, scores_compared_instead),
)
