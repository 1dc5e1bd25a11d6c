"""The exercise `reinforce_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import ended_early, episodes
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN
from course_lib.reference.reinforce import (
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
)
from course_lib.reference.returns import discounted_return


def cases(generator: torch.Generator) -> list[Case]:
    """Two short episodes to read, a longer batch, padding, one episode, a square batch, γ = 1."""
    padded = ended_early(episodes(generator, 5, 3), length=3, env=1)
    return [
        Case("two episodes of three steps", {**episodes(generator, 3, 2), "gamma": 0.9}),
        Case("five episodes of eight steps", {**episodes(generator, 8, 5), "gamma": 0.97}),
        Case("as many steps as episodes", {**episodes(generator, 4, 4), "gamma": 0.8}),
        Case("an episode that ended early", {**padded, "gamma": 0.9}, EDGE),
        Case("a single episode", {**episodes(generator, 6, 1), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**episodes(generator, 4, 3), "gamma": 1.0}, EDGE),
    ]


def sign_flipped(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -reinforce_loss(log_prob, reward, gamma)


def broadcast_over_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    episode_return = discounted_return(reward, gamma).unsqueeze(1)
    return -(episode_return * log_prob.sum(0)).mean()


def broadcast_over_steps(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    discounted = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1) * reward
    return -(discounted.reshape(-1, 1) * log_prob.reshape(-1)).sum() / reward.shape[1]


def reward_to_its_own_action(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    return -torch.tensordot(discount, reward * log_prob, dims=1).mean()


def discount_runs_backwards(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_loss(log_prob, reward.flip(0), gamma)


def undiscounted(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_loss(log_prob, reward, 1.0)


def discount_starts_late(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return gamma * reinforce_loss(log_prob, reward, gamma)


def mean_over_time(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -(discounted_return(reward, gamma) * log_prob.mean(0)).mean()


def sum_over_episodes(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -(discounted_return(reward, gamma) * log_prob.sum(0)).sum()


def probability(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -(discounted_return(reward, gamma) * log_prob.exp().sum(0)).mean()


def product_of_log_probs(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return -(discounted_return(reward, gamma) * log_prob.prod(0)).mean()


def normalized(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    episode_return = discounted_return(reward, gamma)
    centred = episode_return - episode_return.mean()
    return -(centred / (episode_return.std(correction=0) + 1e-8) * log_prob.sum(0)).mean()


def normalized_unbiased(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    episode_return = discounted_return(reward, gamma)
    centred = episode_return - episode_return.mean()
    std = (centred.square().sum() / (len(centred) - 1)).sqrt()  # as std() has it; 0/0 for N = 1
    return -(centred / (std + 1e-8) * log_prob.sum(0)).mean()


def log_prob_detached(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    return reinforce_loss(log_prob.detach(), reward, gamma)


def discounts_in_place(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    reward *= gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    return -(reward.sum(0) * log_prob.sum(0)).mean()


def with_loops(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: one episode after the other, one step after the other."""
    total = log_prob.new_zeros(())
    steps, envs = reward.shape
    for n in range(envs):
        episode_return = sum(gamma**t * reward[t, n].item() for t in range(steps))
        for t in range(steps):
            total = total - episode_return * log_prob[t, n]
    return total / envs


def with_einsum(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """Right: one contraction, in float64 inside."""
    discount = torch.tensor([gamma**t for t in range(len(reward))], dtype=torch.float64)
    total = torch.einsum("t,tn,un->", discount, reward.double(), log_prob.double())
    return (-total / reward.shape[1]).to(log_prob.dtype)


EXERCISE = Exercise(
    name="reinforce_loss",
    reference=reinforce_loss,
    cases=cases,
    statement="its gradient is an unbiased estimate of −∇J",
    points={VALUE: 1, GRADIENT: 1, EDGE: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "broadcast",
            "That is the mean return times the mean score: which episode earned which return is "
            "lost, and since the expected score is zero, nothing is learned. Either the two means "
            "were multiplied, or shapes (N, 1) and (N,) met and silently made an (N, N) table. "
            "Multiply within each episode, (N,) by (N,), then take the mean.",
            broadcast_over_episodes,
        ),
        Mistake(
            "broadcast",
            "Every reward is paid to every action of *every* episode. Either sums ran over all "
            "elements (sum() without an axis), or shapes (T·N, 1) and (T·N,) met in a product and "
            "silently made a table. Sum over time only, sum(0), and multiply (N,) by (N,).",
            broadcast_over_steps,
        ),
        Mistake(
            "reward-to-its-own-action",
            "Each action is paid its own reward only. An action is followed by a whole future; in "
            "this form it is even paid the whole episode: R_γ times the sum of all log π.",
            reward_to_its_own_action,
        ),
        Mistake(
            "reward-to-go",
            "Each action is paid the rewards after it, with γ^t: that is the better estimator of "
            "the next exercise. Here every action of an episode is paid the same total R_γ.",
            reinforce_to_go_loss,
        ),
        Mistake(
            "reward-to-go-without-discount",
            "Each action is paid its reward-to-go: that is the practical loss of a later exercise. "
            "Here every action of an episode is paid the same total R_γ.",
            reinforce_practical_loss,
        ),
        Mistake(
            "discount-runs-backwards",
            "The *last* reward counts fully and the first has the most γ. R_γ = Σ_t γ^t r_{t+1}: "
            "it is the first reward that has weight γ^0 = 1.",
            discount_runs_backwards,
        ),
        Mistake(
            "undiscounted",
            "γ is not used: the return is a plain sum. The objective discounts, "
            "R_γ = Σ_t γ^t r_{t+1}.",
            undiscounted,
        ),
        Mistake(
            "discount-starts-late",
            "Every reward has one γ too many. The first reward, at t = 0, has weight γ^0 = 1.",
            discount_starts_late,
        ),
        Mistake(
            "mean-over-time",
            "The log-probabilities of an episode are averaged over time. The log-probability of a "
            "trajectory is their *sum*; the mean is taken over episodes only, so long episodes "
            "weigh more, as they should.",
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
        Mistake(
            "product-of-log-probs",
            "The log-probabilities are multiplied. The probability of a trajectory is a product of "
            "probabilities; its logarithm is the *sum* of their logarithms.",
            product_of_log_probs,
        ),
        Mistake(
            "normalized",
            "The returns were shifted and scaled to mean 0 and standard deviation 1. That often "
            "helps, and lesson 03 shows why, but it is another estimator: pay R_γ as it is.",
            normalized,
        ),
        Mistake(
            "normalized",
            "The returns were shifted and scaled to mean 0 and standard deviation 1. That often "
            "helps, and lesson 03 shows why, but it is another estimator (and none at all for a "
            "single episode, whose std() is nan): pay R_γ as it is.",
            normalized_unbiased,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake("changes-reward", IN_PLACE, discounts_in_place),
    ),
    variants=(with_loops, with_einsum),
)
