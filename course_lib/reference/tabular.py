"""Markov decision processes small enough for exact answers: values and visits by linear solves.

P (S, K, S), R (S, K), p0 (S,) and pi (S, K) are as in the curriculum; gradients with respect to a
softmax policy's logits live in `tabular_gradients.py`.
"""

import torch
from torch import Tensor

from course_lib.reference.shapes import require_dimensions, require_range, require_shape


def require_mdp(P: Tensor, **tensors: Tensor) -> None:
    """Raise `ValueError` unless P is (S, K, S); p0 and visitations (S,); all others (S, K)."""
    require_dimensions("P", P, 3)
    states, actions, _ = P.shape
    require_shape("P", P, (states, actions, states))
    for name, tensor in tensors.items():
        vector = name == "p0" or name.endswith("visitation")
        require_shape(name, tensor, (states,) if vector else (states, actions))


def require_discounting(gamma: float) -> None:
    """Raise `ValueError` unless 0 ≤ γ < 1: at γ = 1 the sums over all time need not exist."""
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma: expected a number in [0, 1) for an exact solution, got {gamma}")


def markov_chain(P: Tensor, pi: Tensor) -> Tensor:
    """(S, S) P_π(s'|s) = Σ_a π(a|s) P(s'|s, a): the MDP seen with its policy inside."""
    return torch.einsum("sk,skt->st", pi, P)


def policy_evaluation(P: Tensor, R: Tensor, pi: Tensor, gamma: float) -> Tensor:
    """The exact value of every state.

        V = R_π + γ P_π V   ⇒   V = (I − γ P_π)⁻¹ R_π,   R_π(s) = Σ_a π(a|s) R(s, a)

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        pi: (S, K) the policy's probabilities.
        gamma: γ in [0, 1), the discount.

    Returns:
        (S,) V^π, differentiable in all tensors.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: Sutton and Barto (2018), eq. 4.4; lecture 000, "Proof of policy gradient".
    """
    require_mdp(P, R=R, pi=pi)
    require_discounting(gamma)
    identity = torch.eye(len(P), dtype=P.dtype, device=P.device)
    return torch.linalg.solve(identity - gamma * markov_chain(P, pi), (pi * R).sum(-1))


def action_value(P: Tensor, R: Tensor, value: Tensor, gamma: float) -> Tensor:
    """One step ahead from the values of the states.

        Q(s, a) = R(s, a) + γ Σ_s' P(s'|s, a) V(s')

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        value: (S,) V.
        gamma: γ in [0, 1], the discount.

    Returns:
        (S, K) Q, differentiable in all tensors.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1].

    Source: Sutton and Barto (2018), eq. 4.6; lecture 000, "Proof of policy gradient".
    """
    require_mdp(P, R=R)
    require_shape("value", value, (len(P),))
    require_range("gamma", gamma, 0.0, 1.0)
    return R + gamma * (P @ value)


def state_visitation(P: Tensor, pi: Tensor, p0: Tensor, gamma: float) -> Tensor:
    """How much each state counts: its discounted expected number of visits.

        d^π(s) = Σ_k γ^k Pr(s_k = s)   ⇒   d^π = (I − γ P_πᵀ)⁻¹ p0

    It sums to 1/(1 − γ), not to 1; some papers multiply it by 1 − γ.

    Args:
        P: (S, K, S) transition probabilities.
        pi: (S, K) the policy's probabilities.
        p0: (S,) the distribution of the first state.
        gamma: γ in [0, 1), the discount.

    Returns:
        (S,) d^π, differentiable in all tensors.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: Sutton et al. (2000), "Policy Gradient Methods for Reinforcement Learning with Function
    Approximation"; lecture 000, "Discounted state distribution".
    """
    require_mdp(P, pi=pi, p0=p0)
    require_discounting(gamma)
    identity = torch.eye(len(P), dtype=P.dtype, device=P.device)
    return torch.linalg.solve(identity - gamma * markov_chain(P, pi).mT, p0)


def expected_return(P: Tensor, R: Tensor, pi: Tensor, p0: Tensor, gamma: float) -> Tensor:
    """The objective of the whole course, exactly.

        J(π) = E[ Σ_t γ^t r_{t+1} ] = Σ_s p0(s) V^π(s)

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        pi: (S, K) the policy's probabilities.
        p0: (S,) the distribution of the first state.
        gamma: γ in [0, 1), the discount.

    Returns:
        () J, differentiable in all tensors.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: lecture 000, "Policy gradient (PG)"; lecture 004, "Expected return".
    """
    require_mdp(P, R=R, pi=pi, p0=p0)
    return p0 @ policy_evaluation(P, R, pi, gamma)
