"""The exercise `repaired_centred_loss`, lesson 02's silent bug: a row against a column.

The broken version has exactly the gradient zero; it is the first known mistake.
"""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN
from course_lib.reference.reinforce import reinforce_practical_loss
from course_lib.reference.returns import reward_to_go


def cases(generator: torch.Generator) -> list[Case]:
    """Two short episodes to read, a longer batch, a square one, one episode, γ = 1."""

    def episodes(steps: int, envs: int) -> dict[str, Tensor]:
        return {
            "log_prob": log_probs(generator, steps, envs),
            "reward": normal(generator, steps, envs) + 1.0,
        }

    return [
        Case("two episodes of three steps", {**episodes(3, 2), "gamma": 0.9}),
        Case("five episodes of eight steps", {**episodes(8, 5), "gamma": 0.97}),
        Case("as many steps as episodes", {**episodes(4, 4), "gamma": 0.8}),
        Case("a single episode", {**episodes(6, 1), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**episodes(4, 3), "gamma": 1.0}, EDGE),
    ]


def repaired_centred_loss(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """−mean over episodes of Σ_t (G_t − Ḡ) log π, Ḡ the mean of all G_t."""
    to_go = reward_to_go(reward.detach(), gamma)
    return paid(to_go - to_go.mean(), log_prob)


def paid(weight: Tensor, log_prob: Tensor) -> Tensor:
    """The loss in which action t is paid `weight[t]`."""
    return -(weight * log_prob).sum(0).mean()


def still_a_row_and_a_column(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma).reshape(-1, 1)
    weight = to_go - to_go.mean()
    return -(weight * log_prob.reshape(-1)).sum() / reward.shape[1]


def centred_product(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    product = reward_to_go(reward, gamma) * log_prob
    return -(product - product.mean()).sum(0).mean()


def not_centred(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_practical_loss(log_prob, reward, gamma)


def centred_log_prob(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """The same numbers as the repaired loss: Σ (G − Ḡ) x = Σ G (x − x̄)."""
    return paid(reward_to_go(reward, gamma), log_prob - log_prob.mean())


def centred_an_episode(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid(to_go - to_go.mean(0), log_prob)


def centred_a_step(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid(to_go - to_go.mean(1, keepdim=True), log_prob)


def centred_a_step_without_its_axis(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid(to_go - to_go.mean(1), log_prob)


def with_discount(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    weight = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    weight = weight * reward_to_go(reward, gamma)
    return paid(weight - weight.mean(), log_prob)


def centred_rewards(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return paid(reward_to_go(reward - reward.mean(), gamma), log_prob)


def mixed_up(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma).T.reshape(-1)
    weight = to_go - to_go.mean()
    return -(weight * log_prob.reshape(-1)).sum() / reward.shape[1]


def sign_flipped(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -repaired_centred_loss(log_prob, reward, gamma)


def normalized(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid((to_go - to_go.mean()) / (to_go.std(correction=0) + 1e-8), log_prob)


def normalized_unbiased(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    to_go = reward_to_go(reward, gamma)
    return paid((to_go - to_go.mean()) / (to_go.std() + 1e-8), log_prob)


def sum_over_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return repaired_centred_loss(log_prob, reward, gamma) * reward.shape[1]


def mean_over_time(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return repaired_centred_loss(log_prob, reward, gamma) / len(reward)


def log_prob_detached(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return repaired_centred_loss(log_prob.detach(), reward, gamma)


def changes_reward(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    for t in reversed(range(len(reward) - 1)):
        reward[t] += gamma * reward[t + 1]
    return paid(reward - reward.mean(), log_prob)


def both_flat(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: the smallest repair, both tensors flat."""
    to_go = reward_to_go(reward, gamma).reshape(-1)
    weight = to_go - to_go.mean()
    return -(weight * log_prob.reshape(-1)).sum() / reward.shape[1]


def with_loops(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: step by step, in float64 inside."""
    steps, envs = reward.shape
    to_go = reward_to_go(reward.double(), gamma)
    mean = sum(one.item() for one in to_go.flatten()) / to_go.numel()
    total = torch.zeros((), dtype=torch.float64)
    for t in range(steps):
        for n in range(envs):
            total = total - (to_go[t, n] - mean) * log_prob[t, n]
    return (total / envs).to(log_prob.dtype)


EXERCISE = Exercise(
    name="repaired_centred_loss",
    reference=repaired_centred_loss,
    cases=cases,
    statement="the loss that had no gradient has the right one",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "still-a-row-and-a-column",
            "(T·N, 1) still meets (T·N,), and torch makes a (T·N, T·N) table of every weight times "
            "every log-probability. Its sum is (sum of weights) · (sum of log-probabilities), and "
            "centred weights sum to 0. Give both the same shape.",
            still_a_row_and_a_column,
        ),
        Mistake(
            "centred-the-product",
            "The mean of the *products* is taken off. What is centred sums to zero, so nothing is "
            "left of value or gradient. Take the mean off the weights, then multiply.",
            centred_product,
        ),
        Mistake(
            "not-centred",
            "The mean is not taken off: that is the practical loss again, which fails when all "
            "returns are large. Pay G_t − Ḡ.",
            not_centred,
        ),
        Mistake(
            "centred-an-episode",
            "Each episode has its own mean taken off, so a long, good episode is no better than a "
            "short, bad one. Ḡ is one number: the mean over all steps of all episodes.",
            centred_an_episode,
        ),
        Mistake(
            "centred-a-step",
            "The mean over episodes is taken off at each step. That is a fair idea (lesson 03), "
            "but another estimator. Ḡ is one number: the mean over all steps of all episodes.",
            centred_a_step,
        ),
        Mistake(
            "centred-a-step",
            "The mean over axis 1 is taken off, and its (T,) does not fit (T, N). Ḡ is one number "
            "anyway: the mean over all steps of all episodes, mean() without an axis.",
            centred_a_step_without_its_axis,
        ),
        Mistake(
            "with-discount",
            "Your weights are γ^t G_t, as in Exercise 5. Here G_t counts from the action itself, "
            "as in Exercise 6 and in the bugged code.",
            with_discount,
        ),
        Mistake(
            "centred-rewards",
            "The mean is taken off the rewards, before they are summed. Then early actions have "
            "more taken off than late ones. Sum first, then centre the G_t.",
            centred_rewards,
        ),
        Mistake(
            "mixed-up",
            "Both tensors are flat now, but one was transposed on the way, so actions are paid "
            "what other steps earned. Flatten both in the same order, or leave both (T, N).",
            mixed_up,
        ),
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "normalized",
            "The weights are divided by their standard deviation as well. Here they are centred "
            "only: G_t − Ḡ.",
            normalized,
        ),
        Mistake(
            "normalized",
            "The weights are divided by their standard deviation as well. Here they are centred "
            "only: G_t − Ḡ.",
            normalized_unbiased,
        ),
        Mistake(
            "sum-over-episodes",
            "The sum over episodes is missing its 1/N: an expectation is estimated by a mean, and "
            "the step must not grow with the number of episodes.",
            sum_over_episodes,
        ),
        Mistake(
            "mean-over-time",
            "The mean runs over time too. Sum over the steps of an episode, and take the mean over "
            "episodes only, as the other REINFORCE losses do.",
            mean_over_time,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(both_flat, with_loops, centred_log_prob),
)
