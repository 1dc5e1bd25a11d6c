"""The exercise `reinforce_to_go_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import ended_early, episodes, powers
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN
from course_lib.reference.reinforce import (
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
)
from course_lib.reference.returns import reward_to_go


def cases(generator: torch.Generator) -> list[Case]:
    """Two short episodes to read, a longer batch, a square one, padding, T = 1, N = 1, γ = 1, 0."""
    padded = ended_early(episodes(generator, 6, 3), length=2, env=1)
    return [
        Case("two episodes of three steps", {**episodes(generator, 3, 2), "gamma": 0.9}),
        Case("five episodes of eight steps", {**episodes(generator, 8, 5), "gamma": 0.97}),
        Case("as many steps as episodes", {**episodes(generator, 4, 4), "gamma": 0.8}),
        Case("an episode that ended early", {**padded, "gamma": 0.9}, EDGE),
        Case("a single step", {**episodes(generator, 1, 3), "gamma": 0.9}, EDGE),
        Case("a single episode", {**episodes(generator, 6, 1), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**episodes(generator, 4, 3), "gamma": 1.0}, EDGE),
        Case(
            "γ = 0: only the first reward counts", {**episodes(generator, 4, 3), "gamma": 0.0}, EDGE
        ),
    ]


def paid(weight: Tensor, log_prob: Tensor) -> Tensor:
    """The loss in which action t is paid `weight[t]`."""
    return -(weight * log_prob).sum(0).mean()


def sign_flipped(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -reinforce_to_go_loss(log_prob, reward, gamma)


def reward_to_its_own_action(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(powers(reward, gamma) * reward, log_prob)


def past_rewards(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid((powers(reward, gamma) * reward).cumsum(0), log_prob)


def discounted_twice(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    discount = powers(reward, gamma)
    return paid(discount * (discount * reward).flip(0).cumsum(0).flip(0), log_prob)


def skips_its_own_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    later = reward_to_go(reward, gamma) - reward
    return paid(powers(reward, gamma) * later, log_prob)


def undiscounted(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_to_go_loss(log_prob, reward, 1.0)


def undiscounted_inside(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(powers(reward, gamma) * reward_to_go(reward, 1.0), log_prob)


def discount_starts_late(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return gamma * reinforce_to_go_loss(log_prob, reward, gamma)


def not_turned_back(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(powers(reward, gamma) * reward_to_go(reward, gamma).flip(0), log_prob)


def flipped_once(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid((powers(reward, gamma) * reward).flip(0).cumsum(0), log_prob)


def sum_along_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid((powers(reward, gamma) * reward).flip(1).cumsum(1).flip(1), log_prob)


def discount_along_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(powers(reward, gamma).squeeze(1) * reward_to_go(reward, gamma), log_prob)


def sums_before_the_product(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    weight = powers(reward, gamma) * reward_to_go(reward, gamma)
    return -(weight.sum(0) * log_prob.sum(0)).mean()


def mean_over_time(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_to_go_loss(log_prob, reward, gamma) / len(reward)


def sum_over_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_to_go_loss(log_prob, reward, gamma) * reward.shape[1]


def probability(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(powers(reward, gamma) * reward_to_go(reward, gamma), log_prob.exp())


def log_prob_detached(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_to_go_loss(log_prob.detach(), reward, gamma)


def changes_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    for t in reversed(range(len(reward) - 1)):
        reward[t] += gamma * reward[t + 1]
    return paid(powers(reward, gamma) * reward, log_prob)


def with_loops(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: the double sum as it is written."""
    steps, envs = reward.shape
    total = log_prob.new_zeros(())
    for n in range(envs):
        for t in range(steps):
            weight = sum(gamma**later * reward[later, n].item() for later in range(t, steps))
            total = total - weight * log_prob[t, n]
    return total / envs


def reward_by_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: the other order of the sums: each reward pays all actions before it."""
    return -((powers(reward, gamma) * reward) * log_prob.cumsum(0)).sum(0).mean()


def with_a_matrix(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: one contraction with a triangle of discounts, in float64 inside."""
    steps, envs = reward.shape
    discount = torch.tensor([gamma**t for t in range(steps)], dtype=torch.float64)
    triangle = discount.expand(steps, steps).triu()
    loss = -torch.einsum("tu,un,tn->", triangle, reward.double(), log_prob.double()) / envs
    return loss.to(log_prob.dtype)


EXERCISE = Exercise(
    name="reinforce_to_go_loss",
    reference=reinforce_to_go_loss,
    cases=cases,
    statement="the same expectation as the total-return form, without the noise of the past",
    points={VALUE: 1, GRADIENT: 1, EDGE: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "total-return",
            "Every action is paid the whole return, the past included: that is the previous "
            "exercise. Action t is paid only from its own reward on: γ^t G_t.",
            reinforce_loss,
        ),
        Mistake(
            "without-discount",
            "γ^t in front of G_t is missing: that is the practical loss of the next exercise. Here "
            "the estimate has to be unbiased for the discounted J, so the weight is γ^t G_t.",
            reinforce_practical_loss,
        ),
        Mistake(
            "reward-to-its-own-action",
            "Each action is paid its own reward only. An action is followed by a whole future: sum "
            "over all t' ≥ t.",
            reward_to_its_own_action,
        ),
        Mistake(
            "past-rewards",
            "The cumulative sum runs forwards: each action is paid what came before it, which it "
            "could not change. Sum from t to the end: flip, cumsum, flip, or loop backwards.",
            past_rewards,
        ),
        Mistake(
            "discounted-twice",
            "γ is counted twice: your sum has γ^{t'} already, counted from the start of the "
            "episode, and then γ^t comes on top. γ^t G_t has γ^{t'} in all.",
            discounted_twice,
        ),
        Mistake(
            "skips-its-own-reward",
            "G_t starts one step late. reward[t] follows action t, so it is the first term of G_t.",
            skips_its_own_reward,
        ),
        Mistake("undiscounted", "γ is not used at all: all rewards count the same.", undiscounted),
        Mistake(
            "undiscounted-inside",
            "γ^t stands in front, but the sum inside G_t is not discounted: "
            "G_t = Σ_{t'≥t} γ^{t'−t} r_{t'+1}.",
            undiscounted_inside,
        ),
        Mistake(
            "discount-starts-late",
            "Every weight has one γ too many. The first reward has weight γ^0 = 1.",
            discount_starts_late,
        ),
        Mistake(
            "not-turned-back",
            "The returns were collected from the last step to the first and never turned round, so "
            "the first action is paid what belongs to the last.",
            not_turned_back,
        ),
        Mistake(
            "not-turned-back",
            "The cumulative sum starts at the end, as it should, but was never turned back, so the "
            "first action is paid what belongs to the last: flip, cumsum, flip.",
            flipped_once,
        ),
        Mistake(
            "sum-along-episodes",
            "The cumulative sum runs over axis 1, from one episode into the next. Time is axis 0.",
            sum_along_episodes,
        ),
        Mistake(
            "discount-along-episodes",
            "γ^t of shape (T,) met a (T, N) tensor. Torch aligns the *last* axes, so the discount "
            "ran over episodes (and fails unless T = N). Make it (T, 1) with unsqueeze(1).",
            discount_along_episodes,
        ),
        Mistake(
            "sums-before-the-product",
            "The weights and the log-probabilities are summed over time before they are "
            "multiplied, so every action is paid for every step. Multiply step by step, then sum.",
            sums_before_the_product,
        ),
        Mistake(
            "mean-over-time",
            "The mean runs over time too. Sum over the steps of an episode, and take the mean over "
            "episodes only; padding would otherwise make short episodes count less.",
            mean_over_time,
        ),
        Mistake(
            "sum-over-episodes",
            "The sum over episodes is missing its 1/N: an expectation is estimated by a mean, and "
            "the step must not grow with the number of episodes.",
            sum_over_episodes,
        ),
        Mistake(
            "probability",
            "You weigh the probabilities, not their logarithms: ∇p = p ∇log p, so rare actions are "
            "hardly moved. The log-derivative trick has already divided by p.",
            probability,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(with_loops, reward_by_reward, with_a_matrix),
)
