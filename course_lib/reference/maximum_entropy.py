"""Maximum entropy reinforcement learning over discrete actions, and exactly on tabular MDPs."""

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_at_least,
    require_not_negative,
    require_positive,
    require_same_shape,
)
from course_lib.reference.tabular import action_value, policy_evaluation, require_mdp


def boltzmann_policy(q_value: Tensor, temperature: float | Tensor) -> Tensor:
    """The policy that is best once entropy counts.

        π(a|s) = exp(Q(s, a)/T) / Σ_k exp(Q(s, k)/T) = argmax_π Σ_a π (Q − T log π)

    T → 0: greedy. T → ∞: uniform.

    Args:
        q_value: (B, K) Q(s, ·); receives a gradient. More leading axes are allowed.
        temperature: T > 0.

    Returns:
        (B, K) probabilities.

    Raises:
        ValueError: T is not positive.

    Source: Ziebart et al. (2008); lecture 001, "Maximum entropy learning" (whose solution exp(c)
    must read exp(c/λ)).
    """
    require_positive("temperature", temperature)
    return (q_value / temperature).softmax(-1)


def soft_value(q_value: Tensor, temperature: float | Tensor) -> Tensor:
    """The value of a state to who acts by the Boltzmann policy and likes entropy.

        V(s) = T log Σ_k exp(Q(s, k)/T) = max_π Σ_a π (Q − T log π)

    It lies between max Q (T → 0) and max Q + T log K.

    Args:
        q_value: (B, K) Q(s, ·); receives a gradient, the Boltzmann policy. More leading axes are
            allowed.
        temperature: T > 0.

    Returns:
        (B,) values.

    Raises:
        ValueError: T is not positive.

    Source: Haarnoja et al. (2017), arXiv:1702.08165, eq. 3; lecture 001, "About soft Q learning".
    """
    require_positive("temperature", temperature)
    return temperature * (q_value / temperature).logsumexp(-1)


def soft_policy_evaluation(
    P: Tensor, R: Tensor, pi: Tensor, gamma: float, temperature: float | Tensor
) -> Tensor:
    """The exact soft Q of a policy: rewards, and the entropy of what comes after.

        Q(s, a) = R(s, a) + γ Σ_s' P(s'|s, a) V(s')
        V(s) = Σ_a π(a|s) (Q(s, a) − T log π(a|s)),   with 0 · log 0 = 0

    The entropy of the state itself is in V, not in Q: the action is already given there.

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        pi: (S, K) the policy's probabilities.
        gamma: γ in [0, 1), the discount.
        temperature: T ≥ 0; 0 is ordinary policy evaluation.

    Returns:
        (S, K) Q.

    Raises:
        ValueError: shapes do not fit, γ lies outside [0, 1) or T is negative.

    Source: Haarnoja et al. (2018), arXiv:1801.01290, eq. 2 and 3; lecture 001, "About soft Q
    learning", 1.
    """
    require_mdp(P, R=R, pi=pi)
    require_not_negative("temperature", temperature)
    # The entropy is a reward of the state, which every action there receives.
    entropy = torch.special.entr(pi).sum(-1, keepdim=True)
    value = policy_evaluation(P, R + temperature * entropy, pi, gamma)
    return action_value(P, R, value, gamma)


def soft_policy_iteration(
    P: Tensor, R: Tensor, gamma: float, temperature: float | Tensor, iterations: int
) -> tuple[Tensor, Tensor]:
    """Evaluate, become Boltzmann, repeat: the policy improves every time until it is the best one.

        π₀ uniform,   π_{i+1} = exp(Q^{π_i}/T) / Z   ⇒   Q^{π_{i+1}} ≥ Q^{π_i} everywhere

    Args:
        P: (S, K, S) transition probabilities.
        R: (S, K) expected rewards.
        gamma: γ in [0, 1), the discount.
        temperature: T > 0.
        iterations: how many times the policy is improved, at least 0.

    Returns:
        (pi, q_value), each (S, K); `q_value` is that of the returned `pi`.

    Raises:
        ValueError: shapes do not fit, γ lies outside [0, 1), T is not positive or `iterations` is
            negative.

    Source: Haarnoja et al. (2018), theorem 1; lecture 001, "About soft Q learning", 2 and 3.
    """
    require_mdp(P, R=R)
    require_positive("temperature", temperature)
    require_at_least("iterations", iterations, 0)
    pi = torch.full_like(R, 1 / R.shape[-1])
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = boltzmann_policy(q_value, temperature)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value


def kl_policy_loss(logits: Tensor, q_value: Tensor, temperature: float | Tensor) -> Tensor:
    """Policy gradient by minimising a KL divergence.

        L(θ) = mean Σ_a π_θ(a|s) (log π_θ(a|s) − Q(s, a)/T)
             = mean KL(π_θ‖exp(Q/T)/Z) − log Z

    Z does not depend on θ, so it is left out. The sum over actions is exact: no samples, no
    variance from them.

    Args:
        logits: (B, K) π_θ is their softmax; the only input that receives a gradient.
        q_value: (B, K) Q(s, ·).
        temperature: T > 0.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: the two tensors differ in shape, or T is not positive.

    Source: Haarnoja et al. (2018), eq. 4; lecture 000, "Policy gradient from minimizing KL", whose
    sign is that of a descent.
    """
    require_same_shape(logits=logits, q_value=q_value)
    require_positive("temperature", temperature)
    log_prob = logits.log_softmax(-1)
    target = (q_value / temperature).detach()
    return (log_prob.exp() * (log_prob - target)).sum(-1).mean()
