"""Importance sampling: learning from the actions of another policy.

Targets for value functions from such data are in `off_policy_targets.py`.
"""

import torch
from torch import Tensor

from course_lib.reference.returns import discounted_return, reward_to_go
from course_lib.reference.shapes import require_dimensions, require_same_shape


def importance_ratio(log_prob: Tensor, behavior_log_prob: Tensor) -> Tensor:
    """How much likelier the actions so far are under π than under the policy that took them.

        ρ_{0:t} = Π_{i≤t} π(a_i|s_i) / b(a_i|s_i)

    The environment's probabilities cancel. Logarithms are summed before the exponential is taken,
    so nothing underflows on the way; the spread of ρ still grows exponentially with t.

    Args:
        log_prob: (T, N) log π(a_t|s_t); receives a gradient.
        behavior_log_prob: (T, N) log b(a_t|s_t), stored when the actions were taken.

    Returns:
        (T, N) cumulative ratios.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: lecture 003, "Off-policy learning & importance sampling"; lecture 001, "Going
    off-policy" (whose product runs over i but shows a_t).
    """
    require_same_shape(log_prob=log_prob, behavior_log_prob=behavior_log_prob)
    return (log_prob - behavior_log_prob.detach()).cumsum(0).exp()


def importance_sampling_return(
    log_prob: Tensor, behavior_log_prob: Tensor, reward: Tensor, gamma: float, kind: str
) -> Tensor:
    """An estimate of J(π) from trajectories of another policy.

        "ordinary"       1/N Σ_i ρ_i R_i,   ρ_i = ρ_{0:T−1} of trajectory i
        "weighted"       Σ_i ρ_i R_i / Σ_i ρ_i
        "per_decision"   1/N Σ_i Σ_t γ^t ρ_{0:t} r_{t+1}

    Ordinary: unbiased, and wild. Weighted: biased for finite N, tame. Per decision: unbiased, and
    calmer than ordinary, because a reward does not depend on the actions after it.

    Args:
        log_prob: (T, N) log π(a_t|s_t); receives a gradient. Steps after an episode's end carry
            log_prob = behavior_log_prob and reward = 0.
        behavior_log_prob: (T, N) log b(a_t|s_t).
        reward: (T, N) rewards.
        gamma: γ in [0, 1], the discount.
        kind: "ordinary", "weighted" or "per_decision".

    Returns:
        () the estimate.

    Raises:
        ValueError: an unknown kind, shapes differ, or γ lies outside [0, 1].

    Source: Precup, Sutton and Singh (2000), "Eligibility Traces for Off-Policy Policy Evaluation";
    lecture 003, "Importance sampling".
    """
    require_dimensions("reward", reward, 2)
    require_same_shape(reward=reward, log_prob=log_prob, behavior_log_prob=behavior_log_prob)
    if kind == "per_decision":
        return discounted_return(
            importance_ratio(log_prob, behavior_log_prob) * reward, gamma
        ).mean()
    log_ratio = (log_prob - behavior_log_prob.detach()).sum(0)
    episode_return = discounted_return(reward, gamma)
    if kind == "ordinary":
        return (log_ratio.exp() * episode_return).mean()
    if kind == "weighted":
        return (log_ratio.softmax(0) * episode_return).sum()  # ρ_i / Σρ, without forming any ρ
    raise ValueError(f"kind: expected ordinary, weighted or per_decision, got {kind!r}")


def effective_sample_size(weight: Tensor) -> Tensor:
    """How many equally weighted samples these are worth.

        n_eff = (Σ w)² / Σ w²

    n if all weights are equal, 1 if a single one is not zero. The scale of the weights drops out.

    Args:
        weight: (n,) weights of at least 0, not all of them 0.

    Returns:
        () between 1 and n.

    Raises:
        ValueError: `weight` is not a vector, or holds nothing above 0.

    Source: Kong (1992), "A Note on Importance Sampling Using Standardized Weights".
    """
    require_dimensions("weight", weight, 1)
    if not bool((weight > 0).any()):
        raise ValueError(f"weight: expected an entry above 0, got {weight.tolist()}")
    return weight.sum().square() / weight.square().sum()


def off_policy_reinforce_loss(
    log_prob: Tensor, behavior_log_prob: Tensor, reward: Tensor, gamma: float
) -> Tensor:
    """REINFORCE on another policy's trajectories, with the future ratios dropped.

        L(θ) = −mean_i Σ_t ρ_{0:t} log π_θ(a_t|s_t) Σ_{t'≥t} γ^t' r_{t'+1}

    ρ_{0:t} corrects for how the step was reached. The ratios between t and t' would correct the
    rewards as well; leaving them out is no longer the gradient of J, but of a policy iteration that
    still improves if the two policies are close.

    Args:
        log_prob: (T, N) log π_θ(a_t|s_t); the only input that receives a gradient, and not through
            ρ. Steps after an episode's end carry log_prob = behavior_log_prob = 0 and reward = 0.
        behavior_log_prob: (T, N) log b(a_t|s_t).
        reward: (T, N) rewards.
        gamma: γ in [0, 1], the discount.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes differ, or γ lies outside [0, 1].

    Source: lecture 003, "Off-policy policy gradient" (the last factor approximated by 1).
    """
    require_same_shape(log_prob=log_prob, behavior_log_prob=behavior_log_prob, reward=reward)
    ratio = importance_ratio(log_prob, behavior_log_prob).detach()
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype, device=reward.device)
    weight = ratio * reward_to_go(reward.detach(), gamma)
    return -torch.tensordot(discount, weight * log_prob, dims=1).mean()


def first_order_loss(log_prob: Tensor, behavior_log_prob: Tensor, q_value: Tensor) -> Tensor:
    """Importance sampling of single actions: the ratio of the states is taken for 1.

        L(θ) = −mean ρ_t Q_t,   ρ_t = π_θ(a_t|s_t) / b(a_t|s_t)

    No product over time, so no exponential variance; right to first order in π − b. With b the old
    policy and Q an advantage this is the surrogate of TRPO and PPO.

    Args:
        log_prob: (T, N) or (B,) log π_θ(a|s); the only input that receives a gradient, through ρ.
        behavior_log_prob: the same shape, log b(a|s).
        q_value: the same shape, Q(s, a) or an advantage.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes differ.

    Source: lecture 003, "A first-order approximation for IS".
    """
    require_same_shape(log_prob=log_prob, behavior_log_prob=behavior_log_prob, q_value=q_value)
    return -((log_prob - behavior_log_prob.detach()).exp() * q_value.detach()).mean()
