"""Targets for value functions from data of another policy. All are constants: no gradient."""

import torch
from torch import Tensor

from course_lib.reference.advantages import td_error
from course_lib.reference.shapes import (
    require_dimensions,
    require_not_negative,
    require_positive,
    require_range,
    require_same_shape,
    require_shape,
)


@torch.no_grad()
def expected_sarsa_target(
    reward: Tensor, next_q_value: Tensor, next_pi: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """One step's target of Q, with the next action averaged over and not sampled.

        y = r + γ (1 − terminated) Σ_a' π(a'|s') Q(s', a')

    The action that follows is π's whoever took this one, so no importance ratio is needed.

    Args:
        reward: (B,) rewards.
        next_q_value: (B, K) Q(s', ·).
        next_pi: (B, K) π(·|s').
        terminated: (B,) bool.
        gamma: γ in [0, 1], the discount.

    Returns:
        (B,) targets, without a gradient.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1].

    Source: van Seijen et al. (2009), "A Theoretical and Empirical Analysis of Expected Sarsa";
    lecture 000, "How to learn Q off-policy?".
    """
    require_dimensions("next_q_value", next_q_value, 2)
    require_same_shape(next_q_value=next_q_value, next_pi=next_pi)
    require_shape("reward", reward, (len(next_q_value),))
    require_same_shape(reward=reward, terminated=terminated)
    require_range("gamma", gamma, 0.0, 1.0)
    return reward + gamma * (next_pi * next_q_value).sum(-1).masked_fill(terminated, 0)


@torch.no_grad()
def n_step_importance_target(
    reward: Tensor,
    log_prob: Tensor,
    behavior_log_prob: Tensor,
    next_q_value: Tensor,
    terminated: Tensor,
    gamma: float,
) -> Tensor:
    """The n-step target of Q(s_0, a_0) over T steps of another policy, weighed per decision.

        y = Σ_{t<T} γ^t ρ_{1:t} r_{t+1} + γ^T ρ_{1:T−1} Q̄(s_T)
        ρ_{1:t} = Π_{1≤i≤t} π(a_i|s_i) / b(a_i|s_i)

    a_0 is given, whoever chose it, so it needs no correction; every later action does. The
    bootstrap Q̄ = Σ_a π(a|s_T) Q(s_T, a) is an expectation already. After a termination nothing
    follows. Read backwards it is one line: target_t = r_{t+1} + γ ρ_{t+1} target_{t+1}.

    Args:
        reward: (T, N) rewards.
        log_prob: (T, N) log π(a_t|s_t).
        behavior_log_prob: (T, N) log b(a_t|s_t).
        next_q_value: (N,) Q̄(s_T), the expectation under π.
        terminated: (T, N) bool, the MDP ended with step t.
        gamma: γ in [0, 1], the discount.

    Returns:
        (N,) targets, without a gradient.

    Raises:
        ValueError: shapes do not fit, or γ lies outside [0, 1].

    Source: Precup, Sutton and Singh (2000); lecture 000, "n-step + IS".
    """
    require_dimensions("reward", reward, 2)
    require_same_shape(
        reward=reward,
        log_prob=log_prob,
        behavior_log_prob=behavior_log_prob,
        terminated=terminated,
    )
    require_shape("next_q_value", next_q_value, tuple(reward.shape[1:]))
    require_range("gamma", gamma, 0.0, 1.0)
    ratio = (log_prob - behavior_log_prob).exp()
    following = next_q_value
    for t in reversed(range(len(reward))):
        target = reward[t] + gamma * following.masked_fill(terminated[t], 0)
        following = ratio[t] * target
    return target


@torch.no_grad()
def vtrace_target(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    log_prob: Tensor,
    behavior_log_prob: Tensor,
    gamma: float,
    rho_bar: float,
    c_bar: float,
) -> Tensor:
    """V-trace: a target of V^π from another policy's rollout, with ratios that are clipped.

        v_t = V(s_t) + min(ρ̄, ρ_t) δ_t + γ min(c̄, ρ_t) (v_{t+1} − V(s_{t+1}))
        δ_t = r_{t+1} + γ (1 − terminated_t) V(s_{t+1}) − V(s_t),   ρ_t = π(a_t|s_t)/b(a_t|s_t)

    ρ̄ decides what is learned (the value of a policy between b and π; of π itself if nothing is
    clipped), c̄ only how far surprises travel back. The last summand stops at either kind of end
    and at the edge of the rollout. On policy, with ρ̄ = c̄ = 1, this is the longest n-step return.

    Args:
        reward: (T, N) rewards.
        value: (T, N) V(s_t).
        next_value: (T, N) V of the state that step t really led to.
        terminated: (T, N) bool, the MDP ended with step t: no bootstrap.
        truncated: (T, N) bool, step t was cut by a limit: bootstrap, but no sum across.
        log_prob: (T, N) log π(a_t|s_t).
        behavior_log_prob: (T, N) log b(a_t|s_t).
        gamma: γ in [0, 1], the discount.
        rho_bar: ρ̄ > 0.
        c_bar: c̄ ≥ 0.

    Returns:
        (T, N) targets, without a gradient.

    Raises:
        ValueError: shapes differ, γ lies outside [0, 1], ρ̄ ≤ 0 or c̄ < 0.

    Source: Espeholt et al. (2018), "IMPALA", arXiv:1802.01561, eq. 1 and remark 1.
    """
    require_same_shape(
        reward=reward,
        truncated=truncated,
        log_prob=log_prob,
        behavior_log_prob=behavior_log_prob,
    )
    require_positive("rho_bar", rho_bar)
    require_not_negative("c_bar", c_bar)
    ratio = (log_prob - behavior_log_prob).exp()
    surprise = ratio.clamp(max=rho_bar) * td_error(reward, value, next_value, terminated, gamma)
    carry = gamma * ratio.clamp(max=c_bar).masked_fill(terminated | truncated, 0)
    correction = [torch.zeros_like(surprise[0])]
    for step_surprise, step_carry in zip(surprise.flip(0), carry.flip(0), strict=True):
        correction.append(step_surprise + step_carry * correction[-1])
    return value + torch.stack(correction[:0:-1])
