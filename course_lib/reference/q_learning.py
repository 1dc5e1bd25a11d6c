"""Deep Q-learning: targets over discrete actions, and the regression of a critic on any target."""

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_dimensions,
    require_range,
    require_same_shape,
    require_shape,
)


def bootstrapped(reward: Tensor, future: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """r + γ (1 − terminated) · future, all (B,): what every one-step target is."""
    require_dimensions("reward", reward, 1)
    require_same_shape(reward=reward, terminated=terminated)
    require_range("gamma", gamma, 0.0, 1.0)
    return torch.where(terminated, reward, reward + gamma * future)


@torch.no_grad()
def dqn_target(reward: Tensor, next_q_value: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """The target of Q-learning.

        y = r + γ (1 − terminated) max_a' Q⁻(s', a')

    The maximum over noisy values is too large on average: the maximisation bias.

    Args:
        reward: (B,) rewards.
        next_q_value: (B, K) Q⁻(s', ·), of the target network.
        terminated: (B,) bool.
        gamma: γ in [0, 1], the discount.

    Returns:
        (B,) targets, without a gradient.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1].

    Source: Mnih et al. (2015), "Human-Level Control through Deep Reinforcement Learning"; lecture
    000, "Connection with DQN"; lecture 002, homework.
    """
    require_dimensions("next_q_value", next_q_value, 2)
    require_shape("reward", reward, (len(next_q_value),))
    return bootstrapped(reward, next_q_value.amax(-1), terminated, gamma)


@torch.no_grad()
def double_dqn_target(
    reward: Tensor,
    next_q_value: Tensor,
    next_target_q_value: Tensor,
    terminated: Tensor,
    gamma: float,
) -> Tensor:
    """The target of double Q-learning: one network chooses, the other one judges.

        y = r + γ (1 − terminated) Q⁻(s', argmax_a' Q(s', a'))

    An action that one network overrates by chance is not overrated by the other as well.

    Args:
        reward: (B,) rewards.
        next_q_value: (B, K) Q(s', ·), of the online network, which chooses.
        next_target_q_value: (B, K) Q⁻(s', ·), of the target network, which judges.
        terminated: (B,) bool.
        gamma: γ in [0, 1], the discount.

    Returns:
        (B,) targets, without a gradient.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1].

    Source: van Hasselt, Guez and Silver (2016), arXiv:1509.06461; lecture 000, "Maximization bias".
    """
    require_dimensions("next_q_value", next_q_value, 2)
    require_same_shape(next_q_value=next_q_value, next_target_q_value=next_target_q_value)
    require_shape("reward", reward, (len(next_q_value),))
    choice = next_q_value.argmax(-1, keepdim=True)
    return bootstrapped(
        reward, next_target_q_value.gather(-1, choice).squeeze(-1), terminated, gamma
    )


def critic_loss(q_value: Tensor, td_target: Tensor) -> Tensor:
    """Regression of Q on its target, which is held still.

        L(φ) = mean ½ (y − Q_φ(s, a))²

    Args:
        q_value: (B,) Q_φ(s, a) of the actions that were taken; the only input with a gradient.
        td_target: (B,) y, a constant.

    Returns:
        () the loss.

    Raises:
        ValueError: the two tensors differ in shape; (B,) against (B, 1) would silently compare
            everything with everything.

    Source: lecture 000, "Off-policy critic" (L = ½ δ²).
    """
    require_same_shape(q_value=q_value, td_target=td_target)
    return 0.5 * (td_target.detach() - q_value).square().mean()
