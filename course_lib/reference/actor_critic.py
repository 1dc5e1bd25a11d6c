"""Actor-critic losses: a policy and a value function trained from the same steps."""

from torch import Tensor

from course_lib.reference.advantages import td_error
from course_lib.reference.distributions import require_entropy
from course_lib.reference.shapes import require_same_shape


def actor_critic_losses(
    log_prob: Tensor,
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    gamma: float,
) -> tuple[Tensor, Tensor]:
    """The two losses of the one-sample online actor-critic.

        δ = r + γ (1 − terminated) V(s') − V(s)
        L_actor = −mean δ log π_θ(a|s)      with δ a constant
        L_critic = mean ½ (y − V(s))²       with y = r + γ (1 − terminated) V(s') a constant

    The critic's target is held still (a semi-gradient): the guess moves towards what happened, not
    what happened towards the guess.

    Args:
        log_prob: (B,) log π_θ(a|s); receives the actor's gradient.
        reward: (B,) rewards.
        value: (B,) V(s); receives the critic's gradient.
        next_value: (B,) V(s'); receives none.
        terminated: (B,) bool.
        gamma: γ in [0, 1], the discount.

    Returns:
        (actor_loss, critic_loss), each ().

    Raises:
        ValueError: shapes differ, or γ lies outside [0, 1].

    Source: lecture 004, "Online Actor-Critic"; ⊥ there is a stop-gradient.
    """
    require_same_shape(
        log_prob=log_prob,
        reward=reward,
        value=value,
        next_value=next_value,
        terminated=terminated,
    )
    error = td_error(reward, value, next_value, terminated, gamma).detach()
    td_target = error + value.detach()
    return -(error * log_prob).mean(), 0.5 * (td_target - value).square().mean()


def a2c_loss(
    log_prob: Tensor,
    advantage: Tensor,
    value: Tensor,
    value_target: Tensor,
    entropy: Tensor,
    value_coef: float,
    entropy_coef: float,
) -> Tensor:
    """Advantage actor-critic: policy, value and entropy terms in one scalar to be minimised.

        L = −mean(Â log π) + c_v · mean ½ (V̂ − V)² − c_e · mean H

    Each term trains its own part: Â and V̂ are constants here, so the policy term leaves the critic
    alone and the value term does not chase its own target.

    Args:
        log_prob: (T, N) or (B,) log π_θ(a|s); receives a gradient.
        advantage: the same shape, Â; receives none.
        value: the same shape, V(s); receives a gradient, from the value term only.
        value_target: the same shape, V̂; receives none.
        entropy: the same shape, or a scalar; receives a gradient that raises it.
        value_coef: c_v ≥ 0.
        entropy_coef: c_e ≥ 0.

    Returns:
        () the loss.

    Raises:
        ValueError: shapes differ.

    Source: Mnih et al. (2016), arXiv:1602.01783; lecture 000, "A2C pseudocode" and "Entropy".
    """
    require_same_shape(
        log_prob=log_prob, advantage=advantage, value=value, value_target=value_target
    )
    require_entropy(entropy, log_prob)
    policy_loss = -(advantage.detach() * log_prob).mean()
    value_loss = 0.5 * (value_target.detach() - value).square().mean()
    return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()
