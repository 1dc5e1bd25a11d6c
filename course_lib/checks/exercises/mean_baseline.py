"""The exercise `mean_baseline`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import mean_baseline


def cases(generator: torch.Generator) -> list[Case]:
    """Four returns to read, more of them; one episode, returns of both signs."""
    return [
        Case("four episodes", {"episode_return": 20 + 5 * normal(generator, 4)}),
        Case("eleven episodes", {"episode_return": 3 * normal(generator, 11) - 1}),
        Case("a single episode", {"episode_return": normal(generator, 1) + 2}, EDGE),
    ]


def sum_of_returns(episode_return: Tensor) -> Tensor:
    return episode_return.sum()


def negative(episode_return: Tensor) -> Tensor:
    return -episode_return.mean()


def median(episode_return: Tensor) -> Tensor:
    return episode_return.median()


def largest(episode_return: Tensor) -> Tensor:
    return episode_return.max()


def smallest(episode_return: Tensor) -> Tensor:
    return episode_return.min()


def divided_by_fewer(episode_return: Tensor) -> Tensor:
    return episode_return.sum() / max(len(episode_return) - 1, 0.5)


def already_subtracted(episode_return: Tensor) -> Tensor:
    return episode_return - episode_return.mean()


def one_an_episode(episode_return: Tensor) -> Tensor:
    return episode_return.mean().expand_as(episode_return).clone()


def root_mean_square(episode_return: Tensor) -> Tensor:
    return episode_return.square().mean().sqrt()


def axis_of_length_one(episode_return: Tensor) -> Tensor:
    return episode_return.mean(0, keepdim=True)


def changes_returns(episode_return: Tensor) -> Tensor:
    mean = episode_return.mean()
    episode_return -= mean
    return mean


def mean_of_the_others(episode_return: Tensor) -> Tensor:
    return (episode_return.sum() - episode_return) / max(len(episode_return) - 1, 1)


def first_return(episode_return: Tensor) -> Tensor:
    return episode_return[0]


def middle_of_the_range(episode_return: Tensor) -> Tensor:
    return (episode_return.min() + episode_return.max()) / 2


def moving_mean(episode_return: Tensor) -> Tensor:
    mean = episode_return[0]
    for one in episode_return[1:]:
        mean = 0.9 * mean + 0.1 * one
    return mean


def sum_over_number(episode_return: Tensor) -> Tensor:
    """Right: sum and division."""
    return episode_return.sum() / len(episode_return)


def one_after_the_other(episode_return: Tensor) -> Tensor:
    """Right: a running mean, in float64 inside."""
    mean = torch.zeros((), dtype=torch.float64)
    for number, one in enumerate(episode_return.double(), start=1):
        mean = mean + (one - mean) / number
    return mean.to(episode_return.dtype)


EXERCISE = Exercise(
    name="mean_baseline",
    reference=mean_baseline,
    cases=cases,
    statement="what an episode is usually worth, in one number",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "sum-of-returns",
            "The returns are added up. What is usual is their mean.",
            sum_of_returns,
        ),
        Mistake(
            "negative",
            "The sign is flipped. The baseline is subtracted later, by the loss.",
            negative,
        ),
        Mistake(
            "median",
            "That is the median. It is a possible baseline; the mean was asked for.",
            median,
        ),
        Mistake(
            "largest",
            "That is the best return. Every other episode would then be bad news.",
            largest,
        ),
        Mistake(
            "smallest",
            "That is the worst return. Every other episode would then be good news.",
            smallest,
        ),
        Mistake(
            "divided-by-n-minus-1",
            "The sum is divided by n − 1. That belongs to a variance; a mean divides by n.",
            divided_by_fewer,
        ),
        Mistake(
            "already-subtracted",
            "The mean was subtracted already. Return the baseline itself, one number.",
            already_subtracted,
        ),
        Mistake(
            "one-an-episode",
            "The mean came out once for each episode, (N,). One number is wanted: a scalar.",
            one_an_episode,
        ),
        Mistake(
            "root-mean-square",
            "The returns were squared, averaged and rooted. The plain mean was asked for.",
            root_mean_square,
        ),
        Mistake(
            "axis-of-length-one",
            "The mean has an axis of length 1 that it should not have: (1,) for ().",
            axis_of_length_one,
        ),
        Mistake(
            "mean-of-the-others",
            "That is the leave-one-out baseline of lesson 01, one number an episode. Here one "
            "number is wanted, the mean of all.",
            mean_of_the_others,
        ),
        Mistake(
            "first-return",
            "That is the first episode's return. Take the mean of all.",
            first_return,
        ),
        Mistake(
            "middle-of-the-range",
            "That is the middle between the worst and the best episode. Take the mean of all.",
            middle_of_the_range,
        ),
        Mistake(
            "moving-mean",
            "A moving mean forgets early episodes, and it hangs on their order. Here all N count "
            "the same.",
            moving_mean,
        ),
        Mistake("changes-returns", IN_PLACE, changes_returns),
    ),
    variants=(sum_over_number, one_after_the_other),
)
