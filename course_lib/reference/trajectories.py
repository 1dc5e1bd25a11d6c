"""Whole trajectories, and estimates from samples of them.

The returns of single episodes are in `returns.py`.
"""

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_range,
    require_same_shape,
    require_shape,
)


def trajectory_log_prob(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    """The log-probability of whole trajectories.

        log p(τ|θ) = log p(s_0) + Σ_t [ log π_θ(a_t|s_t) + log p(s_{t+1}|s_t, a_t) ]

    θ stands in the policy's terms alone. The environment's terms are constants of the gradient,
    which is why a policy gradient needs no model of the environment.

    Args:
        log_p0: (N,) log p(s_0).
        log_prob: (T, N) log π_θ(a_t|s_t); receives the gradient.
        log_transition: (T, N) log p(s_{t+1}|s_t, a_t).

    Returns:
        (N,) one log-probability a trajectory.

    Raises:
        ValueError: shapes do not fit.

    Source: lecture 004, "Markov decision processes" and the derivation of REINFORCE.
    """
    require_dimensions("log_prob", log_prob, 2)
    require_same_shape(log_prob=log_prob, log_transition=log_transition)
    require_shape("log_p0", log_p0, tuple(log_prob.shape[1:]))
    return log_p0 + log_prob.sum(0) + log_transition.sum(0)


def episode_reward_to_go(
    reward: Tensor, terminated: Tensor, truncated: Tensor, gamma: float
) -> Tensor:
    """The discounted sum of the rewards that follow each action, within its own episode.

        G_t = r_{t+1} + γ (1 − terminated_t)(1 − truncated_t) G_{t+1},   G_T = 0

    An autoreset puts several episodes into one column. Whatever the next one earns is not the work
    of this one's actions, so the sum stops at either kind of end. Nothing is bootstrapped: after a
    truncation, and at the edge of the rollout, the rest of the return is missing.

    Args:
        reward: (T, N) rewards, `reward[t]` follows the action of step t.
        terminated: (T, N) bool, the MDP ended with step t.
        truncated: (T, N) bool, step t was cut by a limit.
        gamma: γ in [0, 1], the discount.

    Returns:
        (T, N) rewards to go.

    Raises:
        ValueError: shapes differ, or γ lies outside [0, 1].

    Source: lecture 004, "Discounted reward to go"; lecture 000, "autoreset".
    """
    require_same_shape(reward=reward, terminated=terminated, truncated=truncated)
    require_range("gamma", gamma, 0.0, 1.0)
    to_go = [torch.zeros_like(reward[0])]
    for step_reward, stop in zip(reward.flip(0), (terminated | truncated).flip(0), strict=True):
        to_go.append(step_reward + gamma * to_go[-1].masked_fill(stop, 0))
    return torch.stack(to_go[:0:-1])


def monte_carlo_estimate(sample: Tensor) -> tuple[Tensor, Tensor]:
    """A mean, and how far it may be off.

        mean = 1/n Σ_i x_i,   standard error = sqrt( 1/(n−1) Σ_i (x_i − mean)² / n )

    Four times the samples halve the error. The variance is divided by n − 1: the mean has already
    been fitted to the same samples.

    Args:
        sample: (n,) independent draws, at least two.

    Returns:
        (mean, standard_error), each ().

    Raises:
        ValueError: `sample` is not a vector, or has fewer than two entries.

    Source: lecture 004, "Expected return" (Monte Carlo estimation).
    """
    require_dimensions("sample", sample, 1)
    require_at_least("the number of samples", len(sample), 2)
    return sample.mean(), sample.std(correction=1) / len(sample) ** 0.5
