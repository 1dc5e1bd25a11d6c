"""The exercise `reward_to_go`: its cases, and what goes wrong with it."""

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
        Case("γ = 0: only the next reward counts", rewards(generator, 4, 3, 0.0), EDGE),
    ]


def from_here_on(tensor: Tensor) -> Tensor:
    """Sums from each row to the last."""
    return tensor.flip(0).cumsum(0).flip(0)


def whole_return(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma).expand_as(reward).clone()


def first_row_only(reward: Tensor, gamma: float) -> Tensor:
    return discounted_return(reward, gamma)


def counted_from_the_start(reward: Tensor, gamma: float) -> Tensor:
    return from_here_on(powers(reward, gamma) * reward)


def divided_by_the_discount(reward: Tensor, gamma: float) -> Tensor:
    discount = powers(reward, gamma)
    return from_here_on(discount * reward) / discount


def own_reward_only(reward: Tensor, gamma: float) -> Tensor:
    return powers(reward, gamma) * reward


def past_rewards(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward.flip(0), gamma).flip(0)


def not_turned_back(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward, gamma).flip(0)


def undiscounted(reward: Tensor, gamma: float) -> Tensor:
    return from_here_on(reward)


def starts_late(reward: Tensor, gamma: float) -> Tensor:
    return gamma * reward_to_go(reward, gamma)


def skips_its_own_reward(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward, gamma) - reward


def one_step_ahead(reward: Tensor, gamma: float) -> Tensor:
    following = torch.cat([reward[1:], torch.zeros_like(reward[:1])])
    return reward + gamma * following


def along_episodes(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward.T, gamma).T


def normalized(reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return (to_go - to_go.mean()) / (to_go.std(correction=0) + 1e-8)


def last_step_is_zero(reward: Tensor, gamma: float) -> Tensor:
    without_last = torch.cat([reward[:-1], torch.zeros_like(reward[:1])])
    return reward_to_go(without_last, gamma)


def changes_reward(reward: Tensor, gamma: float) -> Tensor:
    for t in reversed(range(len(reward) - 1)):
        reward[t] += gamma * reward[t + 1]
    return reward


def transposed(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward, gamma).T


def list_of_rows(reward: Tensor, gamma: float) -> list[Tensor]:
    return list(reward_to_go(reward, gamma))


def minus_the_mean(reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return to_go - to_go.mean()


def of_the_next_step(reward: Tensor, gamma: float) -> Tensor:
    return torch.cat([reward_to_go(reward, gamma)[1:], torch.zeros_like(reward[:1])])


def discounted_twice(reward: Tensor, gamma: float) -> Tensor:
    return reward_to_go(reward, gamma**2)


def with_loops(reward: Tensor, gamma: float) -> Tensor:
    """Right: the definition, term by term."""
    steps, number = reward.shape
    to_go = torch.zeros_like(reward)
    for n in range(number):
        for t in range(steps):
            for later in range(t, steps):
                to_go[t, n] += gamma ** (later - t) * reward[later, n]
    return to_go


def with_a_triangle(reward: Tensor, gamma: float) -> Tensor:
    """Right: one product with the triangle of discounts, in float64 inside."""
    step = torch.arange(len(reward), dtype=torch.float64)
    exponent = step.unsqueeze(0) - step.unsqueeze(1)
    triangle = (gamma ** exponent.clamp(min=0)).triu()
    return (triangle @ reward.double()).to(reward.dtype)


def written_into_zeros(reward: Tensor, gamma: float) -> Tensor:
    """Right: the recursion, written into a fresh tensor."""
    to_go = torch.zeros_like(reward)
    later = torch.zeros_like(reward[0])
    for t in range(len(reward) - 1, -1, -1):
        later = reward[t] + gamma * later
        to_go[t] = later
    return to_go


EXERCISE = Exercise(
    name="reward_to_go",
    reference=reward_to_go,
    cases=cases,
    statement="every action is credited with its own reward and the discounted rest, no past",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "whole-return",
            "Every step got the return of the whole episode. Step t is followed by rewards t, "
            "t + 1, …; what came before it is not its work.",
            whole_return,
        ),
        Mistake(
            "first-step-only",
            "That is the return from the first step, one number an episode. One number a step is "
            "wanted: (T, N).",
            first_row_only,
        ),
        Mistake(
            "counted-from-the-start",
            "Your discount counts from the start of the episode, so what comes out is γ^t G_t. "
            "G_t counts from its own step: reward t has weight 1, reward t + 1 weight γ.",
            counted_from_the_start,
        ),
        Mistake(
            "divided-by-the-discount",
            "You sum γ^t r_t from the end and divide by γ^t. That is right on paper, but at γ = 0 "
            "it divides 0 by 0, and in a long episode γ^t is too small to divide by. The recursion "
            "G_t = r_{t+1} + γ G_{t+1} needs no division.",
            divided_by_the_discount,
        ),
        Mistake(
            "own-reward-only",
            "There is no sum: each step got γ^t times its own reward. An action is followed by a "
            "whole future.",
            own_reward_only,
        ),
        Mistake(
            "past-rewards",
            "The recursion runs forwards, so each step collects what came before it. Start at the "
            "last step.",
            past_rewards,
        ),
        Mistake(
            "not-turned-back",
            "The returns were collected from the last step to the first and never turned round, so "
            "the first step got what belongs to the last.",
            not_turned_back,
        ),
        Mistake("undiscounted", "γ is not used: all later rewards count the same.", undiscounted),
        Mistake(
            "discount-starts-late",
            "Every number has one γ too many: γ (r + G) stands where r + γ G belongs. The reward "
            "that follows the action at once counts in full.",
            starts_late,
        ),
        Mistake(
            "skips-its-own-reward",
            "G_t starts one step late. `reward[t]` follows action t, so it is the first term of "
            "G_t.",
            skips_its_own_reward,
        ),
        Mistake(
            "one-step-ahead",
            "You add γ times the next *reward*. The recursion adds γ times the next *return*, "
            "which holds all later rewards.",
            one_step_ahead,
        ),
        Mistake(
            "along-episodes",
            "The recursion runs over axis 1, from one episode into the next. Time is axis 0.",
            along_episodes,
        ),
        Mistake(
            "normalised",
            "The numbers come out with mean 0 and standard deviation 1. That is a trick of later "
            "lessons; here the plain returns are wanted.",
            normalized,
        ),
        Mistake(
            "last-reward-lost",
            "The last reward is missing everywhere. After the last step nothing follows, but its "
            "own reward does: G of the last step is `reward[-1]`.",
            last_step_is_zero,
        ),
        Mistake(
            "transposed",
            "The result is transposed. Time comes first, then the episodes: (T, N), like `reward`.",
            transposed,
        ),
        Mistake(
            "list-of-rows",
            "A list of T rows came out. `torch.stack` makes one tensor (T, N) of it.",
            list_of_rows,
        ),
        Mistake(
            "minus-the-mean",
            "The mean was subtracted. That is a baseline, lesson 03; here G_t itself is wanted.",
            minus_the_mean,
        ),
        Mistake(
            "of-the-next-step",
            "Row t holds G_{t+1}: everything is one row too high. The last row is the last reward.",
            of_the_next_step,
        ),
        Mistake(
            "discounted-twice",
            "γ was applied twice in each step: γ² stands where γ belongs.",
            discounted_twice,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(with_loops, with_a_triangle, written_into_zeros),
)
