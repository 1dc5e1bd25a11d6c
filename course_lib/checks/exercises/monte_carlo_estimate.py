"""The exercise `monte_carlo_estimate`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.trajectories import monte_carlo_estimate


def cases(generator: torch.Generator) -> list[Case]:
    """Four draws to read, more of them, with another mean; two draws; all draws the same."""
    return [
        Case("four draws", {"sample": 3 * normal(generator, 4) + 1}),
        Case("seven draws", {"sample": normal(generator, 7) - 2}),
        Case("fifty draws", {"sample": 20 + 5 * normal(generator, 50)}),
        Case("two draws", {"sample": normal(generator, 2)}, EDGE),
        Case("all draws the same: nothing is uncertain", {"sample": torch.ones(5).double()}, EDGE),
    ]


def spread(sample: Tensor) -> Tensor:
    return sample.std(correction=1)


def divided_by_n(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), sample.std(correction=0) / math.sqrt(len(sample))


def spread_of_the_sample(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), spread(sample)


def population_spread(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), sample.std(correction=0)


def variance_of_the_mean(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), sample.var(correction=1) / len(sample)


def variance_of_the_sample(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), sample.var(correction=1)


def no_square_root_of_n(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), spread(sample) / len(sample)


def variance_over_root_n(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), sample.var(correction=1) / math.sqrt(len(sample))


def corrected_twice(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), spread(sample) / math.sqrt(len(sample) - 1)


def half_an_interval(sample: Tensor) -> tuple[Tensor, Tensor]:
    mean, error = monte_carlo_estimate(sample)
    return mean, 1.96 * error


def absolute_deviation(sample: Tensor) -> tuple[Tensor, Tensor]:
    mean = sample.mean()
    return mean, (sample - mean).abs().mean() / math.sqrt(len(sample))


def sum_for_mean(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.sum(), spread(sample) / math.sqrt(len(sample))


def second_moment(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), (sample.square().mean() / len(sample)).sqrt()


def swapped(sample: Tensor) -> tuple[Tensor, Tensor]:
    mean, error = monte_carlo_estimate(sample)
    return error, mean


def mean_only(sample: Tensor) -> Tensor:
    return sample.mean()


def median(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.median(), spread(sample) / math.sqrt(len(sample))


def changes_sample(sample: Tensor) -> tuple[Tensor, Tensor]:
    mean = sample.mean()
    sample -= mean
    return mean, (sample.square().sum() / (len(sample) - 1) / len(sample)).sqrt()


def two_standard_errors(sample: Tensor) -> tuple[Tensor, Tensor]:
    mean, error = monte_carlo_estimate(sample)
    return mean, 2 * error


def times_root_n(sample: Tensor) -> tuple[Tensor, Tensor]:
    return sample.mean(), sample.std() * len(sample) ** 0.5


def both_ends(sample: Tensor) -> tuple[Tensor, Tensor]:
    mean, error = monte_carlo_estimate(sample)
    return mean - error, mean + error


def in_one_tensor(sample: Tensor) -> Tensor:
    return torch.stack(monte_carlo_estimate(sample))


def by_the_formula(sample: Tensor) -> tuple[Tensor, Tensor]:
    """Right: the formula as it is written."""
    n = len(sample)
    mean = sample.sum() / n
    variance = ((sample - mean) ** 2).sum() / (n - 1)
    return mean, (variance / n).sqrt()


def population_over_n_minus_one(sample: Tensor) -> tuple[Tensor, Tensor]:
    """Right: the population's spread over √(n − 1) is the same number."""
    return sample.mean(), sample.std(correction=0) / math.sqrt(len(sample) - 1)


def in_numpy(sample: Tensor) -> list[Tensor]:
    """Right: through NumPy, as a list."""
    values = sample.detach().double().numpy()
    numbers = values.mean(), values.std(ddof=1) / values.size**0.5
    return [torch.tensor(number, dtype=sample.dtype) for number in numbers]


EXERCISE = Exercise(
    name="monte_carlo_estimate",
    reference=monte_carlo_estimate,
    cases=cases,
    statement="the mean, and the size of the error that it typically has",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "divided-by-n",
            "The variance is divided by n. The mean was fitted to the same draws, which makes them "
            "look closer to it than they are: divide by n − 1. With few draws the difference is "
            "large.",
            divided_by_n,
        ),
        Mistake(
            "spread-of-the-sample",
            "That is the standard deviation of the draws. It says how much one draw varies, and "
            "does not shrink with n. The mean of n draws varies less, by a factor 1/√n.",
            spread_of_the_sample,
        ),
        Mistake(
            "population-spread",
            "That is the standard deviation of the draws, divided by n inside. Two things are "
            "missing: n − 1, and the factor 1/√n that makes it the error of the *mean*.",
            population_spread,
        ),
        Mistake(
            "variance-of-the-mean",
            "That is the variance of the mean; its square root is missing. A standard error has "
            "the unit of the draws, so that it can be written as mean ± error.",
            variance_of_the_mean,
        ),
        Mistake(
            "variance-of-the-sample",
            "That is the variance of the draws. Divide by n for the variance of their mean, then "
            "take the square root.",
            variance_of_the_sample,
        ),
        Mistake(
            "no-square-root-of-n",
            "The standard deviation is divided by n; it is the *variance* of a mean that falls "
            "with 1/n. The error falls with 1/√n: four times the draws halve it.",
            no_square_root_of_n,
        ),
        Mistake(
            "variance-over-root-n",
            "A variance is divided by √n. Either the variance over n under a root, or the standard "
            "deviation over √n.",
            variance_over_root_n,
        ),
        Mistake(
            "corrected-twice",
            "The n − 1 is there twice: once in the standard deviation, once under the root. It "
            "belongs to one of them.",
            corrected_twice,
        ),
        Mistake(
            "half-an-interval",
            "That is 1.96 standard errors, half the width of a 95 % interval. One standard error "
            "was asked for.",
            half_an_interval,
        ),
        Mistake(
            "absolute-deviation",
            "You averaged absolute deviations. Variances are what adds up over independent draws, "
            "so squares are averaged, and the root comes at the end.",
            absolute_deviation,
        ),
        Mistake(
            "sum-for-mean",
            "The first number is the sum of the draws; divide by n.",
            sum_for_mean,
        ),
        Mistake(
            "second-moment",
            "The mean is not subtracted before squaring, so a large mean looks like uncertainty.",
            second_moment,
        ),
        Mistake(
            "swapped",
            "The two results stand in the other order: the mean first, then its standard error.",
            swapped,
        ),
        Mistake(
            "mean-only",
            "Only the mean came back. A number without its error cannot be compared with another: "
            "return both.",
            mean_only,
        ),
        Mistake(
            "median",
            "The first number is the median. An expectation is estimated by the mean.",
            median,
        ),
        Mistake(
            "two-standard-errors",
            "That is twice the standard error, about the half of a 95 % interval. One was asked "
            "for.",
            two_standard_errors,
        ),
        Mistake(
            "times-root-n",
            "The spread is multiplied by √n. The mean of many draws is surer than a single one: "
            "divide.",
            times_root_n,
        ),
        Mistake(
            "both-ends",
            "Those are the two ends of the bar, mean ± error. Return the mean and the error.",
            both_ends,
        ),
        Mistake(
            "in-one-tensor",
            "Both numbers came in one tensor. Return two: `return mean, error`.",
            in_one_tensor,
        ),
        Mistake("changes-sample", IN_PLACE, changes_sample),
    ),
    variants=(by_the_formula, population_over_n_minus_one, in_numpy),
)
