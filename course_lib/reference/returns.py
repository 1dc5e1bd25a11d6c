"""Returns of sampled trajectories: discounted sums of rewards, in all or from each step on.

Estimates that bootstrap from a value function live in `advantages.py`.
"""

import torch
from torch import Tensor

from course_lib.reference.shapes import require_dimensions, require_range


def discounted_return(reward: Tensor, gamma: float) -> Tensor:
    """The discounted return of each trajectory.

        R_γ = Σ_t γ^t r_{t+1}

    Args:
        reward: (T, N) rewards, `reward[t]` follows the action of step t; or (T,).
        gamma: γ in [0, 1], the discount.

    Returns:
        (N,) one return a trajectory; () for a single one.

    Raises:
        ValueError: `reward` has no time axis, or γ lies outside [0, 1].

    Source: lecture 004, "Expected return".
    """
    require_dimensions("reward", reward, 1, 2)
    require_range("gamma", gamma, 0.0, 1.0)
    discount = gamma ** torch.arange(reward.shape[0], dtype=reward.dtype, device=reward.device)
    return torch.tensordot(discount, reward, dims=1)


def reward_to_go(reward: Tensor, gamma: float) -> Tensor:
    """The discounted sum of the rewards that follow each action: one episode a column.

        G_t = r_{t+1} + γ G_{t+1},   G_T = 0

    An action cannot change a reward that came before it; crediting it with the future alone leaves
    the gradient's expectation as it is and takes variance away.

    Args:
        reward: (T, N) rewards, `reward[t]` follows the action of step t; or (T,).
        gamma: γ in [0, 1], the discount.

    Returns:
        (T, N) or (T,), the shape of `reward`.

    Raises:
        ValueError: `reward` has no time axis, or γ lies outside [0, 1].

    Source: lecture 004, "Discounted reward to go"; lecture 003, "Reducing variance".
    """
    require_dimensions("reward", reward, 1, 2)
    require_range("gamma", gamma, 0.0, 1.0)
    to_go = [torch.zeros_like(reward[0])]
    for step_reward in reward.flip(0):
        to_go.append(step_reward + gamma * to_go[-1])
    return torch.stack(to_go[:0:-1])
