"""REINFORCE: losses whose gradients are estimates of −∇J(θ) from whole episodes.

Baselines and critics live elsewhere: here the weight of an action is made of rewards alone.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.reference.returns import discounted_return, reward_to_go
from course_lib.reference.shapes import (
    require_dimensions,
    require_same_shape,
    require_shape,
)


def max_likelihood_loss(log_prob: Tensor) -> Tensor:
    """The negative mean log-likelihood of the taken actions: imitation.

        L(θ) = −mean log π_θ(a|s)

    Policy gradient is this with every term weighted by how well things went.

    Args:
        log_prob: (T, N) or (B,) log π_θ(a|s) of the demonstrated actions; receives the gradient.

    Returns:
        () the loss.

    Source: lecture 003, "Comparison to maximum likelihood".
    """
    return -log_prob.mean()


def reinforce_loss(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """REINFORCE in its total-return form: every action of a trajectory is paid the whole return.

        L(θ) = −mean_i [ R_γ(τ_i) Σ_t log π_θ(a_t|s_t) ],   R_γ = Σ_t γ^t r_{t+1}

    The return stays inside the expectation with the scores it belongs to: E[R] · E[Σ∇log π] would
    be zero. The gradient of L is an unbiased estimate of −∇J(θ), and a noisy one.

    Args:
        log_prob: (T, N) log π_θ(a_t|s_t); the only input that receives a gradient. Steps after an
            episode's end carry log_prob = 0 and reward = 0. (T,) for a single trajectory.
        reward: (T, N) rewards, `reward[t]` follows the action of step t.
        gamma: γ in [0, 1], the discount.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: the two tensors differ in shape, or γ lies outside [0, 1].

    Source: Williams (1992); lecture 004, "Working out MDP"; lecture 003, "Evaluating the policy
    gradient".
    """
    require_same_shape(log_prob=log_prob, reward=reward)
    episode_return = discounted_return(reward.detach(), gamma)
    return -(episode_return * log_prob.sum(0)).mean()


def reinforce_to_go_loss(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """REINFORCE with causality: an action is paid only what came after it.

        L(θ) = −mean_i Σ_t γ^t G_t log π_θ(a_t|s_t),   G_t = Σ_{t'≥t} γ^{t'−t} r_{t'+1}

    γ^t belongs there: it is what makes this an unbiased estimate of −∇J for the discounted J. The
    variance is lower than in the total-return form.

    Args:
        log_prob: (T, N) log π_θ(a_t|s_t); the only input that receives a gradient. Steps after an
            episode's end carry log_prob = 0 and reward = 0. (T,) for a single trajectory.
        reward: (T, N) rewards, `reward[t]` follows the action of step t.
        gamma: γ in [0, 1], the discount.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: the two tensors differ in shape, or γ lies outside [0, 1].

    Source: lecture 004, "REINFORCE" (γ^t G_t); lecture 000, pseudocode (γ^i g_i).
    """
    require_same_shape(log_prob=log_prob, reward=reward)
    to_go = reward_to_go(reward.detach(), gamma)
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype, device=reward.device)
    return -torch.tensordot(discount, to_go * log_prob, dims=1).mean()


def reinforce_practical_loss(log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """REINFORCE with causality as implementations have it: without γ^t.

        L(θ) = −mean_i Σ_t G_t log π_θ(a_t|s_t),   G_t = Σ_{t'≥t} γ^{t'−t} r_{t'+1}

    For γ < 1 this is the gradient of no objective in general (lesson 04 measures how far it points
    away), but it does not mute the late steps of a long episode, which are as worth learning from.

    Args:
        log_prob: (T, N) log π_θ(a_t|s_t); the only input that receives a gradient. Steps after an
            episode's end carry log_prob = 0 and reward = 0. (T,) for a single trajectory.
        reward: (T, N) rewards, `reward[t]` follows the action of step t.
        gamma: γ in [0, 1], the discount.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: the two tensors differ in shape, or γ lies outside [0, 1].

    Source: Nota and Thomas (2020), "Is the Policy Gradient a Gradient?"; lecture 003, "Reward to
    go".
    """
    require_same_shape(log_prob=log_prob, reward=reward)
    return -(reward_to_go(reward.detach(), gamma) * log_prob).sum(0).mean()


def cross_entropy_policy_gradient(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    """The policy gradient loss through a weighted cross entropy.

        L(θ) = mean_i w_i CE(logits_i, a_i) = −mean_i w_i log π_θ(a_i|s_i)

    Any library's classification loss is a policy gradient, once each row is weighted.

    Args:
        logits: (B, K) unnormalised log-probabilities; the only input that receives a gradient.
        action: (B,) int64 taken actions.
        weight: (B,) returns or advantages.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: `action` or `weight` does not have one entry a row.

    Source: lecture 003, "Policy gradient with automatic differentiation".
    """
    require_dimensions("logits", logits, 2)
    require_shape("action", action, (logits.shape[0],))
    require_shape("weight", weight, (logits.shape[0],))
    return (weight.detach() * cross_entropy(logits, action, reduction="none")).mean()
