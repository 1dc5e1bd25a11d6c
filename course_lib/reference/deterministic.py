"""Deterministic policy gradients: DPG, DDPG, TD3, and the target networks they need.

Policies are modules `policy(obs)` → (B, D), critics are modules `q_function(obs, action)` → (B,).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.reference.q_learning import bootstrapped
from course_lib.reference.shapes import (
    require_bounds,
    require_not_negative,
    require_range,
    require_shape,
)

DeterministicPolicy = Callable[[Tensor], Tensor]
QFunction = Callable[[Tensor, Tensor], Tensor]


def judged(name: str, q_function: QFunction, obs: Tensor, action: Tensor) -> Tensor:
    """(B,) Q(s, a), or `ValueError`: a critic that returns (B, 1) broadcasts later on."""
    q_value = q_function(obs, action)
    require_shape(f"{name}(obs, action)", q_value, (len(obs),))
    return q_value


@torch.no_grad()
def ddpg_target(
    reward: Tensor,
    next_obs: Tensor,
    terminated: Tensor,
    target_policy: DeterministicPolicy,
    target_q_function: QFunction,
    gamma: float,
) -> Tensor:
    """The critic's target when the policy is deterministic.

        y = r + γ (1 − terminated) Q⁻(s', μ⁻(s'))

    Nothing depends on who took the action that was taken: off-policy learning without ratios.

    Args:
        reward: (B,) rewards.
        next_obs: (B, S) the observations that the steps led to.
        terminated: (B,) bool.
        target_policy: μ⁻.
        target_q_function: Q⁻.
        gamma: γ in [0, 1], the discount.

    Returns:
        (B,) targets, without a gradient.

    Raises:
        ValueError: shapes do not fit, that of Q⁻ included, or γ lies outside [0, 1].

    Source: Lillicrap et al. (2016), arXiv:1509.02971; lectures 000 and 001, "Deep Deterministic
    Policy Gradient", whose y lacks (1 − terminated).
    """
    require_shape("reward", reward, (len(next_obs),))
    future = judged("target_q_function", target_q_function, next_obs, target_policy(next_obs))
    return bootstrapped(reward, future, terminated, gamma)


@torch.no_grad()
def td3_target(
    reward: Tensor,
    next_obs: Tensor,
    terminated: Tensor,
    target_policy: DeterministicPolicy,
    target_q1: QFunction,
    target_q2: QFunction,
    gamma: float,
    noise: Tensor,
    noise_clip: float,
    low: float,
    high: float,
) -> Tensor:
    """DDPG's target with two cures for overestimation: a smoothed action and the smaller of two Qs.

        a' = clip(μ⁻(s') + clip(ε, −c, c), low, high)
        y = r + γ (1 − terminated) min(Q₁⁻(s', a'), Q₂⁻(s', a'))

    Similar actions should be worth similar amounts, so a narrow peak of the critic is averaged
    away; and an error has to be made by both critics before the actor can exploit it.

    Args:
        reward: (B,) rewards.
        next_obs: (B, S) the observations that the steps led to.
        terminated: (B,) bool.
        target_policy: μ⁻.
        target_q1: Q₁⁻.
        target_q2: Q₂⁻.
        gamma: γ in [0, 1], the discount.
        noise: (B, D) ε as drawn, in the action's units, not yet clipped.
        noise_clip: c ≥ 0.
        low, high: the action's bounds.

    Returns:
        (B,) targets, without a gradient.

    Raises:
        ValueError: shapes do not fit, those of the Qs included, γ lies outside [0, 1], c < 0 or
            `high` is below `low`.

    Source: Fujimoto, van Hoof and Meger (2018), arXiv:1802.09477, algorithm 1; lecture 001, "Twin
    delayed DDPG".
    """
    require_shape("reward", reward, (len(next_obs),))
    require_not_negative("noise_clip", noise_clip)
    require_bounds(low, high)
    next_action = target_policy(next_obs)
    require_shape("noise", noise, tuple(next_action.shape))
    next_action = (next_action + noise.clamp(-noise_clip, noise_clip)).clamp(low, high)
    first = judged("target_q1", target_q1, next_obs, next_action)
    second = judged("target_q2", target_q2, next_obs, next_action)
    return bootstrapped(reward, torch.minimum(first, second), terminated, gamma)


def dpg_loss(obs: Tensor, policy: DeterministicPolicy, q_function: QFunction) -> Tensor:
    """The deterministic policy gradient: climb the critic.

        L(θ) = −mean Q(s, μ_θ(s))   ⇒   −∇L = mean ∇_a Q(s, a)|_{a=μ(s)} ∇_θ μ_θ(s)

    The critic's own parameters receive a gradient as well; give the optimiser the actor's alone.

    Args:
        obs: (B, S) observations.
        policy: μ_θ; its parameters receive the gradient, through the critic.
        q_function: Q.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: Q does not return (B,).

    Source: Silver et al. (2014), "Deterministic Policy Gradient Algorithms", theorem 1; lecture
    000, "Policy improvement = backprop on critic".
    """
    return -judged("q_function", q_function, obs, policy(obs)).mean()


@torch.no_grad()
def update_target(target: nn.Module, online: nn.Module, target_rate: float) -> None:
    """Let a target network follow, in place.

        θ⁻ ← (1 − rate) θ⁻ + rate θ

    A slow copy holds the critic's target still for a while. Buffers (running statistics) are
    copied: a blend of counters means nothing.

    Args:
        target: the network that follows; changed.
        online: the network that learns; left alone.
        target_rate: between 0 (stay) and 1 (copy).

    Raises:
        ValueError: the rate lies outside [0, 1], or the two networks differ.

    Source: Lillicrap et al. (2016); lecture 000, algorithm 1, step 5.
    """
    require_range("target_rate", target_rate, 0.0, 1.0)
    parameters, learned = dict(target.named_parameters()), dict(online.named_parameters())
    buffers, counted = dict(target.named_buffers()), dict(online.named_buffers())
    require_same_tensors(parameters, learned)
    require_same_tensors(buffers, counted)
    for name, parameter in parameters.items():
        parameter.lerp_(learned[name], target_rate)
    for name, buffer in buffers.items():
        buffer.copy_(counted[name])


def require_same_tensors(target: dict[str, Tensor], online: dict[str, Tensor]) -> None:
    """Raise `ValueError` unless both hold the same names and shapes; before anything is changed."""
    if list(target) != list(online):
        raise ValueError(f"online: expected the tensors {list(target)}, got {list(online)}")
    for name, tensor in target.items():
        require_shape(f"online {name}", online[name], tuple(tensor.shape))
