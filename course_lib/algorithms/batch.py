"""A rollout judged by a critic and laid flat: what PPO and the trust-region methods learn from."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.policies import Critic
from course_lib.rollout import Rollout


class Batch(NamedTuple):
    """B = T · N steps, one a row, in no order that matters; nothing here has a gradient.

    Attributes:
        obs: (B, S).
        action: (B,) int64, or (B, D).
        old_log_prob: (B,) log π(a|s) of the policy that acted.
        advantage: (B,) how much better than expected the action was.
        value_target: (B,) what the critic should have said.
    """

    obs: Tensor
    action: Tensor
    old_log_prob: Tensor
    advantage: Tensor
    value_target: Tensor

    def rows(self, index: Tensor) -> "Batch":
        """The steps with these numbers."""
        return Batch(*(column[index] for column in self))


@torch.no_grad()
def judged(
    rollout: Rollout,
    critic: Critic,
    advantage: Callable[..., Tensor],
    normalize: Callable[[Tensor, float], Tensor] | None,
    gamma: float,
    gae_lambda: float,
    reward_scale: float,
) -> Batch:
    """Weigh every step of a rollout against the critic's expectation.

    Args:
        rollout: (T, N) steps.
        critic: V, of scaled rewards.
        advantage: `advantage(reward, value, next_value, terminated, truncated, gamma=…,
            gae_lambda=…)`.
        normalize: `normalize(advantage, eps)`; `None` leaves the advantages as they are.
        gamma: γ, the discount.
        gae_lambda: λ.
        reward_scale: factor of the rewards.
    """
    value = critic(rollout.obs)
    estimate = advantage(
        reward_scale * rollout.reward, value, critic(rollout.next_obs),
        rollout.terminated, rollout.truncated, gamma=gamma, gae_lambda=gae_lambda,
    )  # fmt: skip
    weight = estimate if normalize is None else normalize(estimate, 1e-8)
    columns = rollout.obs, rollout.action, rollout.log_prob, weight, estimate + value
    return Batch(*(column.flatten(0, 1) for column in columns))
