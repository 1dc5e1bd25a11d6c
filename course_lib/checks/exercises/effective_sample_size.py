"""The exercise `effective_sample_size`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.importance import effective_sample_size


def cases(generator: torch.Generator) -> list[Case]:
    """A few uneven weights, many, weights of another scale; then all equal, one alone, zeros."""
    few = uniform(generator, 0.05, 3.0, 5)
    many = (1.5 * torch.randn(40, generator=generator, dtype=torch.float64)).exp()
    shares = uniform(generator, 0.05, 1.0, 6)
    zeros = uniform(generator, 0.2, 2.0, 7)
    zeros[[1, 4, 5]] = 0.0
    alone = torch.tensor([0.0, 2.5, 0.0, 0.0], dtype=torch.float64)
    return [
        Case("five weights", {"weight": few}),
        Case("forty weights, some of them large", {"weight": many}),
        Case("weights in hundreds", {"weight": 300 * uniform(generator, 0.1, 2.0, 4)}),
        Case("shares that add up to 1", {"weight": shares / shares.sum()}, EDGE),
        Case("some weights are 0", {"weight": zeros}, EDGE),
        Case("all alike", {"weight": torch.full((6,), 0.7, dtype=torch.float64)}, EDGE),
        Case("one weight is all there is", {"weight": alone}, EDGE),
    ]


def upside_down(weight) -> Tensor:
    return weight.square().sum() / weight.sum().square()


def as_a_share(weight) -> Tensor:
    return effective_sample_size(weight) / len(weight)


def not_squared(weight) -> Tensor:
    return weight.sum() / weight.square().sum()


def taken_for_shares(weight) -> Tensor:
    return 1 / weight.square().sum()


def counted(weight) -> Tensor:
    return (weight > 0).sum().to(weight.dtype)


def added(weight) -> Tensor:
    return weight.sum()


def by_the_largest(weight) -> Tensor:
    return weight.sum() / weight.max()


def by_entropy(weight) -> Tensor:
    share = weight / weight.sum()
    return torch.special.entr(share).sum().exp()


def unbiased_variance(weight) -> Tensor:
    return len(weight) / (1 + weight.var() / weight.mean().square())


def root(weight) -> Tensor:
    return effective_sample_size(weight).sqrt()


def sum_squared_twice(weight) -> Tensor:
    return weight.square().sum().square() / weight.pow(4).sum()


def changes_weight(weight) -> Tensor:
    weight /= weight.sum()
    return 1 / weight.square().sum()


def shares_first(weight) -> Tensor:
    """Right: shares, then one over the sum of their squares."""
    return 1 / (weight / weight.sum()).square().sum()


def by_variance(weight) -> Tensor:
    """Right: n / (1 + Var/mean²), with the population's variance."""
    return len(weight) / (1 + weight.var(correction=0) / weight.mean().square())


def by_loop(weight) -> Tensor:
    """Right: Python numbers, in float64."""
    numbers = [one.item() for one in weight]
    total = sum(numbers) ** 2 / sum(one * one for one in numbers)
    return torch.tensor(total, dtype=weight.dtype)


def mean_taken_for_one(weight) -> Tensor:
    return len(weight) / weight.square().mean()


EXERCISE = Exercise(
    name="effective_sample_size",
    reference=effective_sample_size,
    cases=cases,
    statement="it counts how many equally weighted samples the weights leave you",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "upside-down",
            "The fraction is upside down: as it stands, equal weights give 1/n. They should give "
            "n: (Σw)² goes on top.",
            upside_down,
        ),
        Mistake(
            "as-a-share",
            "That is the share n_eff/n, at most 1. A number of samples is wanted: n if all weights "
            "are equal.",
            as_a_share,
        ),
        Mistake(
            "not-squared",
            "The sum on top is not squared, so doubling all weights halves the result. The scale "
            "of weights must not matter.",
            not_squared,
        ),
        Mistake(
            "taken-for-shares",
            "1/Σw² is right for weights that add up to 1 only. Others have to be divided by their "
            "sum first, or use (Σw)² on top.",
            taken_for_shares,
        ),
        Mistake(
            "counted",
            "That counts the weights above 0. A sample with a tiny weight hardly counts, so it "
            "must hardly count here, too.",
            counted,
        ),
        Mistake(
            "added",
            "That is the sum of the weights. It is near n whatever the weights are, if they are "
            "ratios: their mean is 1. What counts is how uneven they are.",
            added,
        ),
        Mistake(
            "by-the-largest",
            "The sum is divided by the largest weight. That is another measure, and a harsher one: "
            "here all weights enter, squared.",
            by_the_largest,
        ),
        Mistake(
            "by-entropy",
            "That is the exponential of the entropy of the shares, another count of samples. The "
            "one here comes from the variance of a weighted mean: (Σw)²/Σw².",
            by_entropy,
        ),
        Mistake(
            "unbiased-variance",
            "Nearly: n/(1 + Var/mean²) is the same formula with the *population's* variance, which "
            "divides by n. torch's `var` divides by n − 1 unless told otherwise.",
            unbiased_variance,
        ),
        Mistake(
            "root",
            "A square root too many: (Σw)²/Σw² is a number of samples already.",
            root,
        ),
        Mistake(
            "squares-of-squares",
            "The weights are squared once too often: Σw² belongs below, and (Σw)² on top.",
            sum_squared_twice,
        ),
        Mistake("changes-weight", IN_PLACE, changes_weight),
        Mistake(
            "mean-taken-for-one",
            "n/mean(w²) is the large-sample formula for ratios, whose mean is 1. These "
            "weights have another mean: (Σw)²/Σw².",
            mean_taken_for_one,
        ),
    ),
    variants=(shares_first, by_variance, by_loop),
)
