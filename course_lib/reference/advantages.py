"""Estimates of returns and advantages that bootstrap from a value function.

All of them take the two ends of an episode apart: after a termination there is no future; after a
truncation there is one, and V(final observation) stands for it, but no sum crosses the cut.
"""

import torch
from torch import Tensor

from course_lib.reference.shapes import require_range, require_same_shape


def td_error(
    reward: Tensor, value: Tensor, next_value: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """The temporal-difference error: one step's surprise.

        δ_t = r_{t+1} + γ (1 − terminated_t) V(s_{t+1}) − V(s_t)

    Its expectation under the policy is the advantage, if V is exact.

    Args:
        reward: (T, N) rewards.
        value: (T, N) V(s_t).
        next_value: (T, N) V of the state that step t really led to.
        terminated: (T, N) bool, the MDP ended with step t. A truncated step bootstraps.
        gamma: γ in [0, 1], the discount.

    Returns:
        (T, N) errors. Gradients are neither stopped nor needed: detach before using it in a loss.

    Raises:
        ValueError: shapes differ, or γ lies outside [0, 1].

    Source: lecture 000, "Generalized Advantage"; lecture 004, "Advantage actor-critic".
    """
    require_same_shape(reward=reward, value=value, next_value=next_value, terminated=terminated)
    require_range("gamma", gamma, 0.0, 1.0)
    return reward + gamma * next_value.masked_fill(terminated, 0) - value


def n_step_return(
    reward: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    num_steps: int,
) -> Tensor:
    """Up to `num_steps` real rewards, then a guess: the n-step target of V(s_t).

        q_t = Σ_{k<m} γ^k r_{t+k+1} + γ^m V(s_{t+m}) (1 − terminated_{t+m−1})

    with m ≤ num_steps the number of steps that the rollout and the episode still hold. One pass
    adds one more real step to every target, where it may.

    Args:
        reward: (T, N) rewards.
        next_value: (T, N) V of the state that step t really led to.
        terminated: (T, N) bool, the MDP ended with step t: no bootstrap.
        truncated: (T, N) bool, step t was cut by a limit: bootstrap there, no step across.
        gamma: γ in [0, 1], the discount.
        num_steps: n ≥ 1.

    Returns:
        (T, N) targets.

    Raises:
        ValueError: shapes differ, γ lies outside [0, 1] or `num_steps` is below 1.

    Source: Mnih et al. (2016), algorithm S3; lecture 000, "A2C pseudocode" (whose bootstrap γ^n
    must read γ^(n−i), and whose sum must stop at r_n).
    """
    require_same_shape(
        reward=reward, next_value=next_value, terminated=terminated, truncated=truncated
    )
    require_range("gamma", gamma, 0.0, 1.0)
    if num_steps < 1:
        raise ValueError(f"num_steps: expected at least 1, got {num_steps}")
    one_step = reward + gamma * next_value.masked_fill(terminated, 0)
    stops = terminated | truncated
    target = one_step
    for _ in range(min(num_steps, len(reward)) - 1):
        longer = reward[:-1] + gamma * target[1:]
        target = torch.cat([torch.where(stops[:-1], one_step[:-1], longer), one_step[-1:]])
    return target


def generalized_advantage(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Generalised advantage estimation: TD errors, summed with weights that fade.

        Â_t = δ_t + γλ (1 − terminated_t)(1 − truncated_t) Â_{t+1}
        δ_t = r_{t+1} + γ (1 − terminated_t) V(s_{t+1}) − V(s_t)

    λ slides between one step (λ = 0: little variance, all of V's bias) and the whole episode
    (λ = 1: no bias from V, all the variance).

    Args:
        reward: (T, N) rewards.
        value: (T, N) V(s_t).
        next_value: (T, N) V of the state that step t really led to: the final observation at an
            end, never the first one of the next episode.
        terminated: (T, N) bool, the MDP ended with step t: no bootstrap.
        truncated: (T, N) bool, step t was cut by a limit: bootstrap, but no sum across.
        gamma: γ in [0, 1], the discount.
        gae_lambda: λ in [0, 1].

    Returns:
        (T, N) advantages. Gradients are neither stopped nor needed: losses detach them.

    Raises:
        ValueError: shapes differ, or γ or λ lies outside [0, 1].

    Source: Schulman et al. (2016), arXiv:1506.02438, eq. 16; lecture 000, "Generalized Advantage".
    """
    require_range("gae_lambda", gae_lambda, 0.0, 1.0)
    require_same_shape(reward=reward, truncated=truncated)
    delta = td_error(reward, value, next_value, terminated, gamma)
    carry = (gamma * gae_lambda) * (~(terminated | truncated)).to(delta.dtype)
    advantage = [torch.zeros_like(delta[0])]
    for step_delta, step_carry in zip(delta.flip(0), carry.flip(0), strict=True):
        advantage.append(step_delta + step_carry * advantage[-1])
    return torch.stack(advantage[:0:-1])


def normalize_advantage(advantage: Tensor, eps: float = 1e-8) -> Tensor:
    """Shift and scale advantages to mean 0 and standard deviation 1 over all elements.

        Â ← (Â − mean Â) / (std Â + ε)

    It makes the step size independent of the reward's scale. The population standard deviation is
    used, and ε keeps constant advantages (and a batch of one) finite.

    Args:
        advantage: any shape.
        eps: ε > 0, added to the standard deviation.

    Returns:
        The same shape.

    Source: Andrychowicz et al. (2021), "What Matters in On-Policy Reinforcement Learning?", C63.
    """
    centred = advantage - advantage.mean()
    return centred / (advantage.std(correction=0) + eps)
