"""The exercise `reinforce_practical_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import ended_early, episodes
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN
from course_lib.reference.reinforce import (
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
)
from course_lib.reference.returns import reward_to_go


def cases(generator: torch.Generator) -> list[Case]:
    """Two short episodes to read, a longer batch, a square one, padding, T = 1, N = 1, γ = 0."""
    padded = ended_early(episodes(generator, 6, 3), length=2, env=1)
    return [
        Case("two episodes of three steps", {**episodes(generator, 3, 2), "gamma": 0.9}),
        Case("five episodes of eight steps", {**episodes(generator, 8, 5), "gamma": 0.97}),
        Case("as many steps as episodes", {**episodes(generator, 4, 4), "gamma": 0.8}),
        Case("an episode that ended early", {**padded, "gamma": 0.9}, EDGE),
        Case("a single step", {**episodes(generator, 1, 3), "gamma": 0.9}, EDGE),
        Case("a single episode", {**episodes(generator, 6, 1), "gamma": 0.9}, EDGE),
        Case(
            "γ = 0: only the next reward counts", {**episodes(generator, 4, 3), "gamma": 0.0}, EDGE
        ),
    ]


def paid(weight: Tensor, log_prob: Tensor) -> Tensor:
    """The loss in which action t is paid `weight[t]`."""
    return -(weight * log_prob).sum(0).mean()


def sign_flipped(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -reinforce_practical_loss(log_prob, reward, gamma)


def past_rewards(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(reward_to_go(reward.flip(0), gamma).flip(0), log_prob)


def reward_to_its_own_action(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(reward, log_prob)


def one_step_ahead(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    following = torch.cat([reward[1:], torch.zeros_like(reward[:1])])
    return paid(reward + gamma * following, log_prob)


def skips_its_own_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(reward_to_go(reward, gamma) - reward, log_prob)


def collects_too_early(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    following = reward_to_go(reward, gamma)[1:]
    return paid(torch.cat([following, torch.zeros_like(reward[:1])]), log_prob)


def gamma_on_the_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(reward_to_go(gamma * reward, 1.0), log_prob)


def discount_starts_late(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(gamma * reward_to_go(reward, gamma), log_prob)


def undiscounted(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_practical_loss(log_prob, reward, 1.0)


def hard_coded_gamma(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_practical_loss(log_prob, reward, 0.99)


def not_turned_back(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(reward_to_go(reward, gamma).flip(0), log_prob)


def normalized(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid((to_go - to_go.mean()) / (to_go.std(correction=0) + 1e-8), log_prob)


def normalized_unbiased(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid((to_go - to_go.mean()) / (to_go.std() + 1e-8), log_prob)


def centred(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid(to_go - to_go.mean(), log_prob)


def mean_over_time(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_practical_loss(log_prob, reward, gamma) / len(reward)


def sum_over_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_practical_loss(log_prob, reward, gamma) * reward.shape[1]


def log_prob_detached(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_practical_loss(log_prob.detach(), reward, gamma)


def changes_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    for t in reversed(range(len(reward) - 1)):
        reward[t] += gamma * reward[t + 1]
    return paid(reward, log_prob)


def with_loops(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: backwards through each episode."""
    steps, envs = reward.shape
    total = log_prob.new_zeros(())
    for n in range(envs):
        to_go = 0.0
        for t in reversed(range(steps)):
            to_go = reward[t, n].item() + gamma * to_go
            total = total - to_go * log_prob[t, n] / envs
    return total


def with_a_matrix(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: one contraction with a triangle of discounts, in float64 inside."""
    steps, envs = reward.shape
    weight = torch.zeros(steps, steps, dtype=torch.float64)
    for t in range(steps):
        for later in range(t, steps):
            weight[t, later] = gamma ** (later - t)
    loss = -torch.einsum("tu,un,tn->", weight, reward.double(), log_prob.double()) / envs
    return loss.to(log_prob.dtype)


EXERCISE = Exercise(
    name="reinforce_practical_loss",
    reference=reinforce_practical_loss,
    cases=cases,
    statement="every action is paid G_t, the late ones as fully as the first",
    points={VALUE: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "with-discount",
            "Your weights are γ^t G_t, as in the exercise before; perhaps the rewards are "
            "discounted from the start of the episode. Here G_t counts from the action itself: "
            "its first reward has weight 1, whatever t is.",
            reinforce_to_go_loss,
        ),
        Mistake(
            "total-return",
            "Every action is paid the whole return, the past included. Pay action t only G_t, the "
            "discounted sum from its own reward on.",
            reinforce_loss,
        ),
        Mistake(
            "past-rewards",
            "The recursion runs forwards, so each action is paid what came before it. "
            "G_t = r_{t+1} + γ G_{t+1} needs the *next* one: start at the last step.",
            past_rewards,
        ),
        Mistake(
            "reward-to-its-own-action",
            "Each action is paid its own reward only. An action is followed by a whole future: "
            "G_t = r_{t+1} + γ G_{t+1}.",
            reward_to_its_own_action,
        ),
        Mistake(
            "one-step-ahead",
            "You add γ times the next *reward*. The recursion adds γ times the next *return*, "
            "which holds everything after it.",
            one_step_ahead,
        ),
        Mistake(
            "skips-its-own-reward",
            "G_t starts one step late. reward[t] follows action t, so it is the first term of G_t.",
            skips_its_own_reward,
        ),
        Mistake(
            "skips-its-own-reward",
            "Action t is paid G_{t+1}, which starts one step late. Update the running return with "
            "reward[t] first, then collect it.",
            collects_too_early,
        ),
        Mistake(
            "discount-starts-late",
            "Every return has one γ too many: you compute γ (r + G). Only the future is "
            "discounted: r_{t+1} + γ G_{t+1}.",
            discount_starts_late,
        ),
        Mistake(
            "gamma-on-the-reward",
            "γ multiplies the reward, not the return after it. The next reward counts fully, only "
            "the future is discounted: r_{t+1} + γ G_{t+1}.",
            gamma_on_the_reward,
        ),
        Mistake("undiscounted", "γ is not used: all rewards count the same.", undiscounted),
        Mistake(
            "hard-coded-gamma",
            "γ = 0.99 is written into the function. It comes in as `gamma`; use that.",
            hard_coded_gamma,
        ),
        Mistake(
            "not-turned-back",
            "The returns were collected from the last step to the first and never turned round, so "
            "the first action is paid what belongs to the last.",
            not_turned_back,
        ),
        Mistake(
            "normalized",
            "The returns were shifted and scaled to mean 0 and standard deviation 1. That often "
            "helps, and lesson 03 shows why, but it is another estimator: pay G_t as it is.",
            normalized,
        ),
        Mistake(
            "normalized",
            "The returns were shifted and scaled to mean 0 and standard deviation 1. That often "
            "helps, and lesson 03 shows why, but it is another estimator: pay G_t as it is.",
            normalized_unbiased,
        ),
        Mistake(
            "centred",
            "The mean is taken off the returns. That often helps, and lesson 03 shows why, but it "
            "is another estimator: pay G_t as it is.",
            centred,
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
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(with_loops, with_a_matrix),
)
