"""The exercise `discounted_return`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import powers, rewards
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.returns import discounted_return, reward_to_go


def cases(generator: torch.Generator) -> list[Case]:
    """Two short episodes to read, a longer batch, a square one; γ, T and N at their limits."""

    return [
        Case("two episodes of three steps", rewards(generator, 3, 2, 0.9)),
        Case("five episodes of eight steps", rewards(generator, 8, 5, 0.97)),
        Case("as many steps as episodes", rewards(generator, 4, 4, 0.8)),
        Case("a single step", rewards(generator, 1, 3, 0.9), EDGE),
        Case("a single episode", rewards(generator, 6, 1, 0.9), EDGE),
        Case("γ = 1: nothing is discounted", rewards(generator, 4, 3, 1.0), EDGE),
        Case("γ = 0: only the first reward counts", rewards(generator, 4, 3, 0.0), EDGE),
    ]


def undiscounted(reward: Tensor, gamma: float) -> Tensor:
    return reward.sum(0)


def starts_late(reward: Tensor, gamma: float) -> Tensor:
    return gamma * discounted_return(reward, gamma)


def late_rewards_count_most(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward.flip(0), gamma)


def discount_along_episodes(reward: Tensor, gamma: float) -> Tensor:
    return (powers(reward, gamma).squeeze(1) * reward).sum(0)


def sum_over_episodes(reward: Tensor, gamma: float) -> Tensor:
    return (powers(reward, gamma) * reward).sum(1)


def one_number_for_all(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma).sum()


def mean_of_all(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma).mean()


def mean_over_time(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma) / len(reward)


def every_step(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward, gamma)


def linear_discount(reward: Tensor, gamma: float) -> Tensor:
    step = torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    return (gamma * step * reward).sum(0)


def one_discount_for_all(reward: Tensor, gamma: float) -> Tensor:
    return gamma * reward.sum(0)


def discounted_twice(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma**2)


def normalised(reward: Tensor, gamma: float) -> Tensor:
    return (1 - gamma) * discounted_return(reward, gamma)


def last_power_only(reward: Tensor, gamma: float) -> Tensor:
    return gamma ** (len(reward) - 1) * reward.sum(0)


def changes_reward(reward: Tensor, gamma: float) -> Tensor:
    reward *= powers(reward, gamma)
    return reward.sum(0)


def one_gamma_for_later(reward: Tensor, gamma: float) -> Tensor:
    return reward[0] + gamma * reward[1:].sum(0)


def weighted_average(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma) / powers(reward, gamma).sum()


def without_the_last(reward: Tensor, gamma: float) -> Tensor:
    return (powers(reward, gamma) * reward)[:-1].sum(0)


def without_the_first(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma) - reward[0]


def whole_powers(reward: Tensor, gamma: float) -> Tensor:
    return (powers(reward, gamma).floor() * reward).sum(0)


def from_the_end(reward: Tensor, gamma: float) -> Tensor:
    """Right: Horner's rule, G = r + γ G from the last step to the first."""
    total = torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        total = reward[t] + gamma * total
    return total


def as_a_product(reward: Tensor, gamma: float) -> Tensor:
    """Right: a vector times a matrix, in float64 inside."""
    discount = torch.tensor([gamma**t for t in range(len(reward))], dtype=torch.float64)
    return (discount @ reward.double()).to(reward.dtype)


def one_by_one(reward: Tensor, gamma: float) -> Tensor:
    """Right: two loops over Python numbers."""
    columns = reward.T.tolist()
    returns = [sum(gamma**t * r for t, r in enumerate(column)) for column in columns]
    return torch.tensor(returns, dtype=reward.dtype)


EXERCISE = Exercise(
    name="discounted_return",
    reference=discounted_return,
    cases=cases,
    statement="one number an episode; the first reward counts in full, reward t counts γ^t of it",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake("undiscounted", "γ is not used: all rewards count the same.", undiscounted),
        Mistake(
            "discount-starts-late",
            "Every weight has one γ too many. `reward[0]` is r₁, the first reward, and its weight "
            "is γ⁰ = 1.",
            starts_late,
        ),
        Mistake(
            "late-rewards-count-most",
            "The discount runs backwards: the last reward counts in full and the first one least. "
            "A loop G = r + γG gives that when it starts at the first step; start at the last.",
            late_rewards_count_most,
        ),
        Mistake(
            "discount-along-episodes",
            "γ^t of shape (T,) met a (T, N) tensor. Torch aligns the *last* axes, so the discount "
            "ran over episodes (and fails unless T = N). Make it (T, 1) with unsqueeze(1).",
            discount_along_episodes,
        ),
        Mistake(
            "sum-over-episodes",
            "The sum runs over axis 1, over the episodes, and leaves one number a step. Time is "
            "axis 0.",
            sum_over_episodes,
        ),
        Mistake(
            "one-number-for-all",
            "All episodes are added up. Each has a return of its own: (N,).",
            one_number_for_all,
        ),
        Mistake(
            "mean-of-all",
            "That is the mean return, an estimate of J. Here each episode keeps its own: (N,).",
            mean_of_all,
        ),
        Mistake(
            "mean-over-time",
            "The sum over time was divided by T. A return is a sum: an episode that goes on "
            "earning is worth more.",
            mean_over_time,
        ),
        Mistake(
            "reward-to-go",
            "That is the return from every step on, (T, N): the next exercise. Here only the first "
            "row of it is wanted.",
            every_step,
        ),
        Mistake(
            "linear-discount",
            "The weights are γ·t. A discount multiplies once for every step: γ to the power of t.",
            linear_discount,
        ),
        Mistake(
            "one-discount-for-all",
            "Every reward got the same factor γ. The weight of reward t is γ^t.",
            one_discount_for_all,
        ),
        Mistake(
            "discounted-twice",
            "The weights are γ^{2t}: the discount was applied twice, for instance in a recursion "
            "over rewards that were discounted already.",
            discounted_twice,
        ),
        Mistake(
            "normalised",
            "The result carries a factor 1 − γ. Some papers normalise like that; here the return "
            "is the plain discounted sum.",
            normalised,
        ),
        Mistake(
            "last-power-only",
            "One power, γ^{T−1}, multiplies the whole sum. Each reward has its own power.",
            last_power_only,
        ),
        Mistake(
            "one-gamma-for-later",
            "All later rewards carry the same γ. Each further step multiplies by γ once more: γ^t.",
            one_gamma_for_later,
        ),
        Mistake(
            "weighted-average",
            "The sum was divided by the sum of the weights. A return is the sum itself.",
            weighted_average,
        ),
        Mistake(
            "without-the-last",
            "The last reward is missing: t runs from 0 to T − 1.",
            without_the_last,
        ),
        Mistake(
            "without-the-first",
            "The first reward is missing. It counts in full, γ⁰ = 1.",
            without_the_first,
        ),
        Mistake(
            "whole-powers",
            "The powers of γ were made whole numbers, so only the first reward is left. Give "
            "`torch.arange` the dtype of the rewards.",
            whole_powers,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(from_the_end, as_a_product, one_by_one),
)
