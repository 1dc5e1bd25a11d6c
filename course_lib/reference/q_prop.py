"""Q-Prop: the slope of a critic as a baseline that may depend on the action."""

import torch
from torch import Tensor

from course_lib.reference.deterministic import (
    DeterministicPolicy,
    QFunction,
    dpg_loss,
    judged,
)
from course_lib.reference.shapes import require_same_shape


def qprop_baseline(
    q_function: QFunction, obs: Tensor, action: Tensor, mean_action: Tensor
) -> Tensor:
    """The critic, made linear in the action: its first-order Taylor expansion around μ(s).

        Q̄(s, a) = Q(s, μ) + ∇_a Q(s, a)|_{a=μ} · (a − μ)

    Being linear, it has a policy gradient that is known exactly: that of DPG. So it may be
    subtracted under the score function and added again in closed form.

    Args:
        q_function: Q.
        obs: (B, S) observations.
        action: (B, D) the actions that were taken.
        mean_action: (B, D) μ(s).

    Returns:
        (B,) Q̄(s, a), without a gradient.

    Raises:
        ValueError: shapes do not fit, that of Q included.

    Source: Gu et al. (2017), "Q-Prop", arXiv:1611.02247; lecture 000, "Action dependent baseline".
    """
    require_same_shape(action=action, mean_action=mean_action)
    with torch.enable_grad():
        centre = mean_action.detach().requires_grad_()
        q_value = judged("q_function", q_function, obs.detach(), centre)
        (slope,) = torch.autograd.grad(q_value.sum(), centre)
    return q_value.detach() + (slope * (action - mean_action).detach()).sum(-1)


def qprop_loss(
    log_prob: Tensor,
    advantage: Tensor,
    baseline_advantage: Tensor,
    obs: Tensor,
    policy: DeterministicPolicy,
    q_function: QFunction,
) -> Tensor:
    """The likelihood ratio for what the critic does not know, DPG for what it does.

        L(θ) = −mean (A − Ā) log π_θ(a|s) − mean Q(s, μ_θ(s)),   Ā = ∇_a Q(s, μ(s)) · (a − μ(s))

    Unbiased for a Gaussian policy with mean μ, whatever the critic; and the better the critic, the
    less is left to the term with the large variance.

    Args:
        log_prob: (B,) log π_θ(a|s); receives a gradient.
        advantage: (B,) A(s, a); receives none.
        baseline_advantage: (B,) Ā(s, a), `qprop_baseline` minus Q(s, μ(s)); receives none.
        obs: (B, S) observations.
        policy: μ_θ; its parameters receive a gradient through the critic.
        q_function: Q.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes do not fit, that of Q included.

    Source: Gu et al. (2017), eq. 7; lecture 000, "Q-Prop", where Q̄ stands for Ā: Q(s, μ(s)) does
    not depend on the action, so it changes nothing but the variance.
    """
    require_same_shape(
        log_prob=log_prob, advantage=advantage, baseline_advantage=baseline_advantage
    )
    residual = (advantage - baseline_advantage).detach()
    return -(residual * log_prob).mean() + dpg_loss(obs, policy, q_function)
