"""Exact off-policy gradients of tabular MDPs, with respect to the logits of a softmax policy."""

from torch import Tensor

from course_lib.reference.tabular import require_mdp
from course_lib.reference.tabular_gradients import policy_gradient_theorem, weighted_gradient


def off_policy_gradient(
    P: Tensor, R: Tensor, logits: Tensor, behavior_visitation: Tensor, gamma: float
) -> Tensor:
    """The off-policy policy gradient as it is used: states as the behaviour policy visits them.

        Σ_s d^b(s) Σ_a Q^π(s, a) ∇π(a|s)

    The full gradient of Σ_s d^b(s) V^π(s) has the term Σ_a π ∇Q^π too, which is ignored: nobody
    can sample it from a replay buffer.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        logits: (S, K) the target policy π is their softmax.
        behavior_visitation: (S,) d^b, normalised or not.
        gamma: γ in [0, 1), the discount.

    Returns:
        (S, K) the approximate gradient.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: Degris, White and Sutton (2012), "Off-Policy Actor-Critic", eq. 5; lecture 000, "Proof
    of off-policy gradient".
    """
    require_mdp(P, R=R, logits=logits, behavior_visitation=behavior_visitation)
    return weighted_gradient(behavior_visitation, P, R, logits, gamma)


def off_policy_gradient_oracle(
    P: Tensor, R: Tensor, logits: Tensor, behavior_visitation: Tensor, gamma: float
) -> Tensor:
    """The exact gradient of Σ_s d^b(s) V^π(s), with the term that `off_policy_gradient` ignores.

        Σ_s d^b(s) Σ_a [ Q^π ∇π + π ∇Q^π ] = Σ_s d̃(s) Σ_a Q^π(s, a) ∇π(a|s)
        d̃ = (I − γ P_πᵀ)⁻¹ d^b

    Unrolled, it is the policy gradient theorem started from d^b: begin where the behaviour policy
    has been, and go on with π.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        logits: (S, K) the target policy π is their softmax.
        behavior_visitation: (S,) d^b, normalised or not.
        gamma: γ in [0, 1), the discount.

    Returns:
        (S, K) the gradient.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: lecture 000, "Approximation vs Oracle".
    """
    require_mdp(P, R=R, logits=logits, behavior_visitation=behavior_visitation)
    return policy_gradient_theorem(P, R, logits, behavior_visitation, gamma)
