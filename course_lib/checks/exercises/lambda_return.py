"""The exercise `lambda_return`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.reference.world_models import lambda_return


def cases(generator: torch.Generator) -> list[Case]:
    """A discount for each step, dreams that end; λ and the discount at their limits; one step."""
    ended = given(generator, 5, 3, 0.9)
    ended["discount"] = ended["discount"].clone()
    ended["discount"][2, 0] = ended["discount"][4, 2] = 0.0
    number = given(generator, 4, 3, 0.8)
    number["discount"] = 0.95
    return [
        Case("three steps of two dreams", given(generator, 3, 2, 0.8)),
        Case("seven steps of four dreams", given(generator, 7, 4, 0.95)),
        Case("as many steps as dreams", given(generator, 4, 4, 0.6)),
        Case("two dreams end", ended),
        Case("λ = 0", given(generator, 4, 3, 0.0), EDGE),
        Case("λ = 1", given(generator, 4, 3, 1.0), EDGE),
        Case("one discount for all", number, EDGE),
        Case("a dream of one step", given(generator, 1, 3, 0.9), EDGE),
        Case("a single dream", given(generator, 5, 1, 0.9), EDGE),
    ]


def given(generator: torch.Generator, horizon: int, dreams: int, gae_lambda: float) -> dict:
    """The inputs of one case."""
    return {
        "reward": normal(generator, horizon, dreams),
        "next_value": 2.0 * normal(generator, horizon, dreams) + 1.0,
        "discount": uniform(generator, 0.7, 0.99, horizon, dreams),
        "gae_lambda": gae_lambda,
    }


def backwards(reward, next_value, discount, gae_lambda, last=None, mix=None) -> Tensor:
    """R_t from the end, right unless told otherwise."""
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    mix = mix or (lambda value, later: (1 - gae_lambda) * value + gae_lambda * later)
    later, rows = next_value[-1] if last is None else last, []
    for t in reversed(range(len(reward))):
        later = reward[t] + discount[t] * mix(next_value[t], later)
        rows.append(later)
    return torch.stack(rows[::-1])


def starts_at_zero(reward, next_value, discount, gae_lambda) -> Tensor:
    return backwards(reward, next_value, discount, gae_lambda, last=torch.zeros_like(next_value[0]))


def lambda_swapped(reward, next_value, discount, gae_lambda) -> Tensor:
    return backwards(reward, next_value, discount, 1 - gae_lambda)


def value_missing(reward, next_value, discount, gae_lambda) -> Tensor:
    return backwards(
        reward, next_value, discount, gae_lambda, mix=lambda value, later: gae_lambda * later
    )


def value_added_whole(reward, next_value, discount, gae_lambda) -> Tensor:
    return backwards(
        reward, next_value, discount, gae_lambda,
        mix=lambda value, later: value + gae_lambda * later,
    )  # fmt: skip


def one_step(reward, next_value, discount, gae_lambda) -> Tensor:
    return lambda_return(reward, next_value, discount, 0.0)


def no_lambda(reward, next_value, discount, gae_lambda) -> Tensor:
    return lambda_return(reward, next_value, discount, 1.0)


def no_discount(reward, next_value, discount, gae_lambda) -> Tensor:
    return lambda_return(reward, next_value, 1.0, gae_lambda)


def reward_discounted(reward, next_value, discount, gae_lambda) -> Tensor:
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    return lambda_return(discount * reward, next_value, discount, gae_lambda)


def value_of_the_step_after(reward, next_value, discount, gae_lambda) -> Tensor:
    shifted = torch.cat((next_value[1:], next_value[-1:]))
    return lambda_return(reward, shifted, discount, gae_lambda)


def discount_of_the_step_after(reward, next_value, discount, gae_lambda) -> Tensor:
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    shifted = torch.cat((discount[1:], discount[-1:]))
    return lambda_return(reward, next_value, shifted, gae_lambda)


def forwards(reward, next_value, discount, gae_lambda) -> Tensor:
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    flipped = [one.flip(0) for one in (reward, next_value, discount)]
    return lambda_return(*flipped, gae_lambda).flip(0)


def advantage(reward, next_value, discount, gae_lambda) -> Tensor:
    whole = lambda_return(reward, next_value, discount, gae_lambda)
    return whole - torch.cat((next_value[:1], next_value[:-1]))


def values_held(reward, next_value, discount, gae_lambda) -> Tensor:
    return lambda_return(reward, next_value.detach(), discount, gae_lambda)


def everything_held(reward, next_value, discount, gae_lambda) -> Tensor:
    return lambda_return(reward, next_value, discount, gae_lambda).detach()


def as_average_of_n_steps(reward, next_value, discount, gae_lambda) -> Tensor:
    """Right: the n-step returns themselves, with weights (1 − λ) λ^(n−1), the rest on the last."""
    horizon = len(reward)
    d = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    rows = []
    for t in range(horizon):
        total, carried, so_far = 0.0, 1.0, 0.0
        for n in range(1, horizon - t + 1):
            k = t + n - 1
            so_far = so_far + carried * reward[k]
            carried = carried * d[k]
            weight = gae_lambda ** (n - 1) * (1 - gae_lambda if k < horizon - 1 else 1.0)
            total = total + weight * (so_far + carried * next_value[k])
        rows.append(total)
    return torch.stack(rows)


def through_errors(reward, next_value, discount, gae_lambda) -> Tensor:
    """Right: what each step adds to its value, summed backwards, then the value put back."""
    d = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    one_step_return = reward + d * next_value
    surplus = torch.zeros_like(reward[0])
    rows = [one_step_return[-1]]
    for t in range(len(reward) - 2, -1, -1):
        surplus = rows[-1] - next_value[t]
        rows.append(one_step_return[t] + d[t] * gae_lambda * surplus)
    return torch.stack(rows).flip(0)


def later_not_discounted(reward, next_value, discount, gae_lambda) -> Tensor:
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    later, rows = next_value[-1], []
    for t in reversed(range(len(reward))):
        later = reward[t] + discount[t] * (1 - gae_lambda) * next_value[t] + gae_lambda * later
        rows.append(later)
    return torch.stack(rows[::-1])


def value_not_discounted(reward, next_value, discount, gae_lambda) -> Tensor:
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    later, rows = next_value[-1], []
    for t in reversed(range(len(reward))):
        later = reward[t] + (1 - gae_lambda) * next_value[t] + discount[t] * gae_lambda * later
        rows.append(later)
    return torch.stack(rows[::-1])


def not_turned_round(reward, next_value, discount, gae_lambda) -> Tensor:
    return backwards(reward, next_value, discount, gae_lambda).flip(0)


def last_value_held(reward, next_value, discount, gae_lambda) -> Tensor:
    return backwards(reward, next_value, discount, gae_lambda, last=next_value[-1].detach())


def first_step_only(reward, next_value, discount, gae_lambda) -> Tensor:
    return lambda_return(reward, next_value, discount, gae_lambda)[0]


EXERCISE = Exercise(
    name="lambda_return",
    reference=lambda_return,
    cases=cases,
    statement="λ = 0 looks one step ahead, λ = 1 to the dream's end, and all of it has a slope",
    points={VALUE: 2, GRADIENT: 1},
    gradient=("reward", "next_value"),
    mistakes=(
        Mistake(
            "starts-at-zero",
            "The recursion starts from 0. A dream is cut, it does not end: beyond its last step "
            "lies what the critic says of the last state, next_value[-1].",
            starts_at_zero,
        ),
        Mistake(
            "lambda-swapped",
            "λ and 1 − λ are exchanged: λ weighs the return of the next step, 1 − λ its value.",
            lambda_swapped,
        ),
        Mistake(
            "value-missing",
            "(1 − λ) v is missing: with λ < 1 a part of the trust goes to the critic.",
            value_missing,
        ),
        Mistake(
            "value-added-whole",
            "v is added whole. The two weights sum to 1: (1 − λ) v + λ R.",
            value_added_whole,
        ),
        Mistake(
            "one-step",
            "That is r + d v, the return for λ = 0, whatever λ is.",
            one_step,
        ),
        Mistake(
            "no-lambda",
            "That is the return for λ = 1, whatever λ is: rewards to the end of the dream.",
            no_lambda,
        ),
        Mistake(
            "no-discount",
            "The discount is not used: what comes a step later is worth d times as much.",
            no_discount,
        ),
        Mistake(
            "reward-discounted",
            "The discount multiplies the reward too. r_t comes with this step, with weight 1.",
            reward_discounted,
        ),
        Mistake(
            "value-of-the-step-after",
            "The values are taken one step late. next_value[t] is already that of the state which "
            "step t led to.",
            value_of_the_step_after,
        ),
        Mistake(
            "discount-of-the-step-after",
            "The discounts are taken one step late: d_t says whether the dream goes on after step "
            "t.",
            discount_of_the_step_after,
        ),
        Mistake(
            "forwards",
            "The sum runs forwards. A return looks ahead: begin with the last step.",
            forwards,
        ),
        Mistake(
            "advantage",
            "A value is subtracted. Wanted is the return itself: here it is climbed directly, "
            "without a baseline.",
            advantage,
        ),
        Mistake(
            "values-held",
            "The value is right, but the critic's opinions were detached. In a dream they have a "
            "slope too: the last one says where to be when the dream is over.",
            values_held,
        ),
        Mistake(
            "everything-held",
            "The value is right, but nothing has a gradient. In the theorem of lesson 04 returns "
            "are weights and held; here they are climbed themselves.",
            everything_held,
        ),
        Mistake(
            "later-not-discounted",
            "Only the value is discounted, λ R is not. Both lie one step ahead: d stands in "
            "front of the whole bracket.",
            later_not_discounted,
        ),
        Mistake(
            "value-not-discounted",
            "Only λ R is discounted, the value is not. Both lie one step ahead: d stands in "
            "front of the whole bracket.",
            value_not_discounted,
        ),
        Mistake(
            "not-turned-round",
            "The rows were collected from the end and stacked as they came: the last step "
            "stands first. Turn the list round.",
            not_turned_round,
        ),
        Mistake(
            "last-value-held",
            "The values are right, but the bootstrap from the last state was detached: what "
            "comes after the dream would have no slope.",
            last_value_held,
        ),
        Mistake(
            "first-step-only",
            "That is the return of the first step alone. Every step of the dream has one: (H, B).",
            first_step_only,
        ),
    ),
    variants=(as_average_of_n_steps, through_errors),
)
