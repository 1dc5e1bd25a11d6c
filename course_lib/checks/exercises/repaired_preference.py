"""The exercise `repaired_preference`: lesson 13's silent bug, a temperature that counts twice."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.black_box import rwr_weight

EPS = 1e-8


def cases(generator: torch.Generator) -> list[Case]:
    """One batch in two units and at two levels; other temperatures; ties; one episode."""
    returns = normal(generator, 5)
    return [
        Case("five episodes", p(12 * returns + 40, 0.3)),
        Case("the same in a unit a hundred times smaller", p(0.12 * returns + 0.4, 0.3)),
        Case("the same, lower by 1,000", p(12 * returns - 960, 0.3)),
        Case("nine episodes, a high temperature", p(90 * normal(generator, 9) + 200, 1.7)),
        Case("four episodes, a low temperature", p(5 * normal(generator, 4), 0.15)),
        Case("all equally good", p(torch.full((4,), 500.0).double(), 0.3), EDGE),
        Case("a single episode", p(normal(generator, 1) + 20, 0.3), EDGE),
        Case("a spread of ten thousand", p(10_000 * normal(generator, 6), 0.001), NUMERICS),
    ]


def p(episode_return: Tensor, temperature: float) -> dict[str, Tensor | float]:
    """The inputs of one case."""
    return {"episode_return": episode_return, "temperature": temperature}


def spread_of(episode_return: Tensor) -> Tensor:
    return episode_return.std(correction=0) + EPS


def repaired_preference(episode_return: Tensor, temperature: float) -> Tensor:
    """exp(R/(T σ)) / Σ exp(R/(T σ)), σ the spread of the returns: T is in standard deviations."""
    return rwr_weight(
        episode_return - episode_return.mean(), temperature * spread_of(episode_return)
    )


def still_twice(episode_return: Tensor, temperature: float) -> Tensor:
    spread = spread_of(episode_return)
    scaled = (episode_return - episode_return.mean()) / spread
    return (scaled / (temperature * spread)).softmax(0)


def not_at_all(episode_return: Tensor, temperature: float) -> Tensor:
    return (episode_return / temperature).softmax(0)


def temperature_lost(episode_return: Tensor, temperature: float) -> Tensor:
    return (episode_return / spread_of(episode_return)).softmax(0)


def multiplied(episode_return: Tensor, temperature: float) -> Tensor:
    return (episode_return / spread_of(episode_return) * temperature).softmax(0)


def multiplied_by_the_spread(episode_return: Tensor, temperature: float) -> Tensor:
    return (episode_return * spread_of(episode_return) / temperature).softmax(0)


def sample_deviation(episode_return: Tensor, temperature: float) -> Tensor:
    square = (episode_return - episode_return.mean()).square().sum()
    spread = (square / (len(episode_return) - 1)).sqrt() + EPS  # 0/0 for one episode
    return (episode_return / (temperature * spread)).softmax(0)


def by_the_mean(episode_return: Tensor, temperature: float) -> Tensor:
    return (episode_return / (temperature * episode_return.mean().abs())).softmax(0)


def by_the_range(episode_return: Tensor, temperature: float) -> Tensor:
    reach = episode_return.max() - episode_return.min() + EPS
    return (episode_return / (temperature * reach)).softmax(0)


def by_the_largest(episode_return: Tensor, temperature: float) -> Tensor:
    return (episode_return / (temperature * episode_return.abs().max())).softmax(0)


def no_eps(episode_return: Tensor, temperature: float) -> Tensor:
    scaled = (episode_return - episode_return.mean()) / episode_return.std(correction=0)
    return (scaled / temperature).softmax(0)


def overflows(episode_return: Tensor, temperature: float) -> Tensor:
    weight = (episode_return / (temperature * spread_of(episode_return))).exp()
    return weight / weight.sum()


def prefers_the_worst(episode_return: Tensor, temperature: float) -> Tensor:
    return repaired_preference(-episode_return, temperature)


def not_normalised(episode_return: Tensor, temperature: float) -> Tensor:
    best = episode_return.max()
    return ((episode_return - best) / (temperature * spread_of(episode_return))).exp()


def all_the_same(episode_return: Tensor, temperature: float) -> Tensor:
    return torch.full_like(episode_return, 1 / len(episode_return))


def large_eps(episode_return: Tensor, temperature: float) -> Tensor:
    spread = episode_return.std(correction=0) + 1.0
    return (episode_return / (temperature * spread)).softmax(0)


def in_place(episode_return: Tensor, temperature: float) -> Tensor:
    episode_return -= episode_return.mean().item()
    return (episode_return / (temperature * spread_of(episode_return))).softmax(0)


def returns_without_a_unit(episode_return: Tensor, temperature: float) -> Tensor:
    """Right: the returns are standardised, the temperature is left as it is."""
    scaled = (episode_return - episode_return.mean()) / spread_of(episode_return)
    return (scaled / temperature).softmax(0)


def temperature_with_a_floor(episode_return: Tensor, temperature: float) -> Tensor:
    """Right: the temperature is given the unit, with a floor where all returns are the same."""
    spread = (episode_return - episode_return.mean()).square().mean().sqrt().clamp(min=1e-6)
    return (episode_return / (temperature * spread)).softmax(0)


def one_case_apart(episode_return: Tensor, temperature: float) -> Tensor:
    """Right: even weights where there is no spread, no small number elsewhere."""
    spread = episode_return.std(correction=0)
    if spread < 1e-9:
        return torch.full_like(episode_return, 1 / len(episode_return))
    weight = ((episode_return - episode_return.max()) / spread / temperature).exp()
    return weight / weight.sum()


EXERCISE = Exercise(
    name="repaired_preference",
    reference=repaired_preference,
    cases=cases,
    statement="the unit of the reward makes no difference, and the temperature does",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "still-twice",
            "The spread is still used twice: the returns are divided by it, and the temperature is "
            "multiplied by it. A number without a unit is divided by one that has one. Keep one of "
            "the two: either measure the returns in standard deviations, or give the temperature "
            "the returns' unit.",
            still_twice,
        ),
        Mistake(
            "not-at-all",
            "Now the spread is used nowhere: a temperature of 0.3 is 0.3 points of return. With "
            "returns that lie 12 apart, the best episode alone counts. Exactly one of the two "
            "steps has to stay.",
            not_at_all,
        ),
        Mistake(
            "temperature-lost",
            "The spread is used once, and the temperature not at all: that is T = 1.",
            temperature_lost,
        ),
        Mistake(
            "multiplied-by-the-temperature",
            "The temperature multiplies the returns. A *low* temperature has to prefer more: "
            "divide by it.",
            multiplied,
        ),
        Mistake(
            "multiplied-by-the-spread",
            "The returns are multiplied by their spread. Then the unit counts twice, the other way "
            "round: divide.",
            multiplied_by_the_spread,
        ),
        Mistake(
            "sample-deviation",
            "The spread divides by n − 1, and is nan for one episode. It was the population's "
            "before the repair: `std(correction=0)`.",
            sample_deviation,
        ),
        Mistake(
            "by-the-mean",
            "The temperature is measured in mean returns. Then the weights change when every "
            "reward grows by 1, though no episode has become better than another.",
            by_the_mean,
        ),
        Mistake(
            "by-the-range",
            "The temperature is measured in ranges (largest minus smallest), which one odd episode "
            "decides. It was in standard deviations.",
            by_the_range,
        ),
        Mistake(
            "by-the-largest",
            "The temperature is measured in the largest return. Late in training all returns lie "
            "near it, and nothing tells the episodes apart any more.",
            by_the_largest,
        ),
        Mistake(
            "no-eps",
            "Where all returns are equal, the spread is 0 and 0/0 is nan. On CartPole that day "
            "comes: all episodes reach 500. Keep the 1e-8.",
            no_eps,
        ),
        Mistake(
            "overflows",
            "The exponent is right, and the exponential is taken as it is: where all returns are "
            "500 and their spread is 0, it overflows. `softmax` takes the largest off first.",
            overflows,
        ),
        Mistake(
            "prefers-the-worst",
            "The sign was flipped by the repair: the worst episode weighs most.",
            prefers_the_worst,
        ),
        Mistake(
            "not-normalised",
            "The unit is right now, but the weights no longer sum to 1.",
            not_normalised,
        ),
        Mistake(
            "all-the-same",
            "All episodes count the same. That is what the bug comes to when returns lie far "
            "apart.",
            all_the_same,
        ),
        Mistake(
            "large-eps",
            "What is added to the spread is too large: where returns are measured in tenths, it is "
            "all there is. 1e-8.",
            large_eps,
        ),
        Mistake("changes-returns", IN_PLACE, in_place),
    ),
    variants=(returns_without_a_unit, temperature_with_a_floor, one_case_apart),
)
