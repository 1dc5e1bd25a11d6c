"""Exact policy gradients of tabular MDPs, with respect to the logits (S, K) of a softmax policy.

For a softmax, Σ_a Q(s, a) ∂π(a|s)/∂logits[s, k] = π(k|s) (Q(s, k) − Σ_a π(a|s) Q(s, a)), and zero
for the logits of other states. All of the functions here stand on this line.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_range,
    require_same_shape,
    require_shape,
)
from course_lib.reference.tabular import (
    action_value,
    markov_chain,
    policy_evaluation,
    require_mdp,
    state_visitation,
)


def gradient_by_state(pi: Tensor, q_value: Tensor) -> Tensor:
    """(S, K) Σ_a Q(s, a) ∇π(a|s) with respect to the state's own logits."""
    return pi * (q_value - (pi * q_value).sum(-1, keepdim=True))


def weighted_gradient(
    visitation: Tensor, P: Tensor, R: Tensor, logits: Tensor, gamma: float
) -> Tensor:
    """(S, K) Σ_s w(s) Σ_a Q^π ∇π for any weights w (S,) of the states."""
    pi = logits.softmax(-1)
    q_value = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    return visitation.unsqueeze(-1) * gradient_by_state(pi, q_value)


def summed_visitation(P: Tensor, logits: Tensor, p0: Tensor, discount: float, steps: int) -> Tensor:
    """(S,) Σ_{k<steps} discount^k Pr(s_k = s)."""
    chain = markov_chain(P, logits.softmax(-1))
    visitation, probability = torch.zeros_like(p0), p0
    for k in range(steps):
        visitation = visitation + discount**k * probability
        probability = probability @ chain
    return visitation


def value_gradient_recursion(
    P: Tensor, pi: Tensor, q_value: Tensor, value_gradient: Tensor, gamma: float
) -> Tensor:
    """One line of the proof of the policy gradient theorem, for every state at once.

        ∇V(s) = Σ_a Q(s, a) ∇π(a|s) + γ Σ_a π(a|s) Σ_s' P(s'|s, a) ∇V(s')

    The true ∇V is its only fixed point; applied to 0 again and again it unrolls the proof.

    Args:
        P: (S, K, S) transition probabilities.
        pi: (S, K) the policy's probabilities, a softmax of logits.
        q_value: (S, K) Q^π.
        value_gradient: (S, S, K) the gradient of V(s) (first axis) with respect to all logits.
        gamma: γ in [0, 1], the discount.

    Returns:
        (S, S, K) the right-hand side.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1].

    Source: Sutton et al. (2000), theorem 1; lecture 000, "Proof of policy gradient".
    """
    require_mdp(P, pi=pi, q_value=q_value)
    require_shape("value_gradient", value_gradient, (len(P), *pi.shape))
    require_range("gamma", gamma, 0.0, 1.0)
    here = torch.diag_embed(gradient_by_state(pi, q_value).mT).permute(1, 2, 0)
    return here + gamma * torch.einsum("st,tuk->suk", markov_chain(P, pi), value_gradient)


def unrolled_gradient(
    P: Tensor, R: Tensor, logits: Tensor, p0: Tensor, gamma: float, steps: int
) -> Tensor:
    """The proof's sum, cut off after some steps.

        Σ_{k=0}^{steps} γ^k Σ_s Pr(s_k = s) Σ_a Q^π(s, a) ∇π(a|s)

    What is missing shrinks like γ^steps; the limit is the policy gradient theorem.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        logits: (S, K) the policy is their softmax.
        p0: (S,) the distribution of the first state.
        gamma: γ in [0, 1), the discount.
        steps: the last k of the sum, at least 0.

    Returns:
        (S, K) the gradient so far.

    Raises:
        ValueError: shapes do not fit, γ lies outside [0, 1) or `steps` is negative.

    Source: lecture 000, "Proof of policy gradient" (the unrolled sum).
    """
    require_mdp(P, R=R, logits=logits, p0=p0)
    require_at_least("steps", steps, 0)
    visitation = summed_visitation(P, logits, p0, gamma, steps + 1)
    return weighted_gradient(visitation, P, R, logits, gamma)


def policy_gradient_theorem(
    P: Tensor, R: Tensor, logits: Tensor, p0: Tensor, gamma: float
) -> Tensor:
    """The exact gradient of J with respect to the logits, by the theorem.

        ∇J = Σ_s d^π(s) Σ_a Q^π(s, a) ∇π(a|s)

    The visits d^π and the values Q^π depend on the logits too; the theorem says that the
    derivatives of neither are needed.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        logits: (S, K) the policy is their softmax.
        p0: (S,) the distribution of the first state.
        gamma: γ in [0, 1), the discount.

    Returns:
        (S, K) ∇J.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1).

    Source: Sutton et al. (2000), theorem 1; lecture 000, "Policy gradient (PG)".
    """
    require_mdp(P, R=R, logits=logits, p0=p0)
    visitation = state_visitation(P, logits.softmax(-1), p0, gamma)
    return weighted_gradient(visitation, P, R, logits, gamma)


def likelihood_ratio_gradient(
    logits: Tensor, state: Tensor, action: Tensor, q_value: Tensor, weight: Tensor
) -> Tensor:
    """The policy gradient estimated from sampled states and actions.

        1/n Σ_i w_i Q_i ∇log π(a_i|s_i),   ∂log π(a|s)/∂logits[s, k] = 1[a = k] − π(k|s)

    With states drawn from d^π (1 − γ) and w = 1/(1 − γ) its expectation is ∇J.

    Args:
        logits: (S, K) the policy is their softmax.
        state: (n,) int64 sampled states.
        action: (n,) int64 sampled actions.
        q_value: (n,) Q of each pair, or an estimate.
        weight: (n,) the weight of each sample.

    Returns:
        (S, K) the estimate.

    Raises:
        ValueError: shapes do not fit.

    Source: lecture 000, "Another form (REINFORCE; likelihood ratio)".
    """
    require_dimensions("logits", logits, 2)
    require_dimensions("state", state, 1)
    require_same_shape(state=state, action=action, q_value=q_value, weight=weight)
    score = one_hot(action, logits.shape[-1]).to(logits.dtype) - logits.softmax(-1)[state]
    contribution = (weight * q_value).unsqueeze(-1) * score
    return torch.zeros_like(logits).index_add(0, state, contribution) / len(state)


def undiscounted_gradient(
    P: Tensor, R: Tensor, logits: Tensor, p0: Tensor, gamma: float, horizon: int
) -> Tensor:
    """What an implementation that drops γ^t follows: discounted Q, undiscounted visits.

        Σ_s [ Σ_{t<horizon} Pr(s_t = s) ] Σ_a Q^π(s, a) ∇π(a|s)

    In general this is the gradient of no objective. In a table it is ∇J with each state's part
    stretched; where states share parameters it may even point downhill.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        logits: (S, K) the policy is their softmax.
        p0: (S,) the distribution of the first state.
        gamma: γ in [0, 1), the discount of Q.
        horizon: the number of steps counted, at least 1.

    Returns:
        (S, K) the direction.

    Raises:
        ValueError: shapes do not fit, γ lies outside [0, 1) or `horizon` is below 1.

    Source: Nota and Thomas (2020), "Is the Policy Gradient a Gradient?"; lecture 000, pseudocode,
    whose γ^i is what is missing here.
    """
    require_mdp(P, R=R, logits=logits, p0=p0)
    require_at_least("horizon", horizon, 1)
    visitation = summed_visitation(P, logits, p0, 1.0, horizon)
    return weighted_gradient(visitation, P, R, logits, gamma)
