"""Trust regions: how much a new policy gains, and how far it may go for it."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_not_negative,
    require_same_shape,
)
from course_lib.reference.tabular import (
    action_value,
    expected_return,
    policy_evaluation,
    require_mdp,
    state_visitation,
)


def performance_difference(
    P: Tensor, R: Tensor, pi_new: Tensor, pi_old: Tensor, p0: Tensor, gamma: float
) -> tuple[Tensor, Tensor]:
    """Both sides of the identity on which trust regions stand.

        J(π') − J(π) = Σ_s d^π'(s) Σ_a π'(a|s) A^π(s, a)

    The new policy is better by the old policy's advantages of what the new one does. The trouble is
    d^π': the states have to be the new policy's, from which nothing has been sampled yet.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        pi_new: (S, K) π'.
        pi_old: (S, K) π.
        p0: (S,) the distribution of the first state.
        gamma: γ in [0, 1), the discount.

    Returns:
        (difference, by_advantage), each (): the left-hand and the right-hand side.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: Kakade and Langford (2002), lemma 6.1; lecture 001, "Policy relative performance".
    """
    require_mdp(P, R=R, pi_new=pi_new, pi_old=pi_old, p0=p0)
    difference = expected_return(P, R, pi_new, p0, gamma) - expected_return(P, R, pi_old, p0, gamma)
    value = policy_evaluation(P, R, pi_old, gamma)
    advantage = action_value(P, R, value, gamma) - value.unsqueeze(-1)
    visitation = state_visitation(P, pi_new, p0, gamma)
    return difference, visitation @ (pi_new * advantage).sum(-1)


def surrogate_objective(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor) -> Tensor:
    """What a trust region *maximises*: the old data's advantages, under the new policy's actions.

        L(θ) = mean ρ A,   ρ = π_θ(a|s) / π_old(a|s)

    At θ_old its gradient is the policy gradient; further away it ignores that the states change.

    Args:
        log_prob: (B,) log π_θ(a|s); the only input that receives a gradient.
        old_log_prob: (B,) log π_old(a|s), stored when the actions were sampled.
        advantage: (B,) A(s, a).

    Returns:
        () the objective.

    Raises:
        ValueError: the three tensors differ in shape.

    Source: Schulman et al. (2015), eq. 14; lecture 001, "Constrained objective".
    """
    require_same_shape(log_prob=log_prob, old_log_prob=old_log_prob, advantage=advantage)
    return ((log_prob - old_log_prob.detach()).exp() * advantage.detach()).mean()


@torch.no_grad()
def line_search(
    objective: Callable[[Tensor], Tensor],
    kl: Callable[[Tensor], Tensor],
    parameters: Tensor,
    step: Tensor,
    max_kl: float,
    backtrack_ratio: float,
    max_backtracks: int,
) -> tuple[Tensor, bool]:
    """Shorten a step until it improves the objective and keeps inside the trust region.

        θ' = θ + ratio^i · step,   i = 0, 1, … max_backtracks − 1
        accepted if objective(θ') > objective(θ) and kl(θ') ≤ max_kl

    The step was made for a linear objective and a quadratic KL divergence; this asks the true ones.

    Args:
        objective: θ (D,) → scalar, to be raised.
        kl: θ (D,) → scalar.
        parameters: (D,) θ.
        step: (D,) the full step.
        max_kl: the limit, at least 0.
        backtrack_ratio: between 0 and 1, exclusive.
        max_backtracks: how many lengths are tried, at least 1.

    Returns:
        (parameters, accepted): the first θ' that passes and True, or θ and False.

    Raises:
        ValueError: shapes differ, or a number outside these bounds.

    Source: Schulman et al. (2015), appendix C; lecture 001, "Trust Region Policy Optimization".
    """
    require_dimensions("parameters", parameters, 1)
    require_same_shape(parameters=parameters, step=step)
    require_not_negative("max_kl", max_kl)
    require_at_least("max_backtracks", max_backtracks, 1)
    if not 0 < backtrack_ratio < 1:
        raise ValueError(f"backtrack_ratio: expected a number in (0, 1), got {backtrack_ratio}")
    before = objective(parameters)
    for i in range(max_backtracks):
        candidate = parameters + backtrack_ratio**i * step
        if objective(candidate) > before and kl(candidate) <= max_kl:
            return candidate, True
    return parameters, False


def trpo_multiplier(
    multiplier: float, kl: float | Tensor, max_kl: float, step_size: float
) -> float:
    """The trust region as a price: TRPO's Lagrangian variant, one step of the dual ascent.

        λ ← max(0, λ + step_size (KL − max_kl))

    A step that went too far makes the next one dearer; a price below nothing means nothing.

    Args:
        multiplier: λ ≥ 0.
        kl: the KL divergence of the last update.
        max_kl: the limit.
        step_size: of the ascent, at least 0.

    Returns:
        The new λ, a float of at least 0.

    Raises:
        ValueError: λ or the step size is negative.

    Source: lecture 001, "Trust Region Policy Optimization" (L(θ', λ), step 2, without the maximum).
    """
    require_not_negative("multiplier", multiplier)
    require_not_negative("step_size", step_size)
    kl = kl.item() if isinstance(kl, Tensor) else kl
    return max(0.0, multiplier + step_size * (kl - max_kl))
