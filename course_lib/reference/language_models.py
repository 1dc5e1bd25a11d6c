"""Policy gradients for language models: a token is an action, an answer is an episode."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.reference.distributions import categorical_log_prob
from course_lib.reference.shapes import (
    require_bool,
    require_dimensions,
    require_not_negative,
    require_same_shape,
    require_shape,
)


def token_log_prob(logits: Tensor, tokens: Tensor) -> Tensor:
    """log π of every token of every answer.

        log π(y_t | x, y_{<t}) = logits_{t, y_t} − log Σ_v exp(logits_{t, v})

    Args:
        logits: (B, L, V); logits[:, t] predicts tokens[:, t], so whoever calls has shifted them
            already. Receives the gradient.
        tokens: (B, L) int64.

    Returns:
        (B, L) log-probabilities.

    Raises:
        ValueError: shapes do not fit.

    Source: lecture 002, coding a discrete policy, with a vocabulary of actions.
    """
    require_dimensions("logits", logits, 3)
    require_shape("tokens", tokens, tuple(logits.shape[:-1]))
    return categorical_log_prob(logits, tokens)


def sequence_log_prob(logits: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
    """log π of whole answers: the sum over the tokens that are theirs.

        log π(y|x) = Σ_t mask_t log π(y_t | x, y_{<t})

    Args:
        logits: (B, L, V); logits[:, t] predicts tokens[:, t]. Receives the gradient.
        tokens: (B, L) int64.
        mask: (B, L) bool, True for the answer's tokens, False for prompt and padding.

    Returns:
        (B,) log-probabilities.

    Raises:
        ValueError: shapes do not fit, or the mask is not bool.

    Source: Rafailov et al. (2023), arXiv:2305.18290.
    """
    require_bool("mask", mask)
    require_same_shape(tokens=tokens, mask=mask)
    return token_log_prob(logits, tokens).masked_fill(~mask, 0).sum(-1)


def group_advantage(reward: Tensor, eps: float) -> Tensor:
    """An advantage without a critic: better or worse than the other answers to the same prompt.

        A_{p,g} = (r_{p,g} − mean_g r) / (std_g r + ε),   population standard deviation

    A group whose answers all earn the same teaches nothing.

    Args:
        reward: (P, G) rewards of G answers to each of P prompts.
        eps: ε ≥ 0.

    Returns:
        (P, G) advantages.

    Raises:
        ValueError: `reward` is not a matrix, or ε is negative.

    Source: Shao et al. (2024), "DeepSeekMath", arXiv:2402.03300, section 4.1.2.
    """
    require_dimensions("reward", reward, 2)
    require_not_negative("eps", eps)
    centred = reward - reward.mean(-1, keepdim=True)
    return centred / (reward.std(-1, correction=0, keepdim=True) + eps)


def kl_to_reference(log_prob: Tensor, ref_log_prob: Tensor) -> Tensor:
    """How far the policy has left the reference model, estimated token by token.

        exp(d) − d − 1,   d = log π_ref − log π_θ

    For tokens sampled from π_θ its mean estimates KL(π_θ‖π_ref), and no summand is negative.

    Args:
        log_prob: (B, L) log π_θ of the tokens; receives a gradient.
        ref_log_prob: (B, L) log π_ref of the same tokens.

    Returns:
        (B, L) estimates of at least 0.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: Schulman (2020), "Approximating KL Divergence", k3; Shao et al. (2024), eq. 4.
    """
    require_same_shape(log_prob=log_prob, ref_log_prob=ref_log_prob)
    difference = ref_log_prob.detach() - log_prob
    return difference.expm1() - difference


def grpo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    ref_log_prob: Tensor,
    advantage: Tensor,
    mask: Tensor,
    clip_epsilon: float,
    kl_coef: float,
) -> Tensor:
    """Group relative policy optimisation: PPO's clip on every token, one advantage an answer.

        ℓ_t = min(ρ_t A, clip(ρ_t, 1−ε, 1+ε) A) − β (exp(d_t) − d_t − 1)
        L(θ) = −mean over answers of (mean over the answer's tokens of ℓ_t)

    The mean within the answer comes first, so a long answer weighs as much as a short one. Answers
    without a token are left out.

    Args:
        log_prob: (B, L) log π_θ of the tokens; the only input that receives a gradient.
        old_log_prob: (B, L) of the policy that wrote the answers.
        ref_log_prob: (B, L) of the reference model.
        advantage: (B,) of each answer, for instance `group_advantage` flattened.
        mask: (B, L) bool, True for the answer's tokens.
        clip_epsilon: ε ≥ 0.
        kl_coef: β ≥ 0.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes do not fit, the mask is not bool or all False, ε or β is negative.

    Source: Shao et al. (2024), eq. 3.
    """
    require_same_shape(
        log_prob=log_prob, old_log_prob=old_log_prob, ref_log_prob=ref_log_prob, mask=mask
    )
    require_shape("advantage", advantage, (len(log_prob),))
    require_bool("mask", mask)
    require_not_negative("clip_epsilon", clip_epsilon)
    require_not_negative("kl_coef", kl_coef)
    count = mask.sum(-1)
    if not bool(count.any()):
        raise ValueError(f"mask: expected a token in at least one of {len(mask)} sequences, got 0")
    # Padding is silenced before any exponential: exp(∞) · 0 has no gradient.
    ratio = (log_prob - old_log_prob.detach()).masked_fill(~mask, 0).exp()
    weight = advantage.detach().unsqueeze(-1)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    penalty = kl_to_reference(log_prob.masked_fill(~mask, 0), ref_log_prob.masked_fill(~mask, 0))
    term = torch.minimum(ratio * weight, clipped * weight) - kl_coef * penalty
    by_sequence = term.masked_fill(~mask, 0).sum(-1) / count.clamp(min=1)
    return -by_sequence[count > 0].mean()


def dpo_loss(
    chosen_log_prob: Tensor,
    rejected_log_prob: Tensor,
    ref_chosen_log_prob: Tensor,
    ref_rejected_log_prob: Tensor,
    beta: float,
) -> Tensor:
    """Direct preference optimisation: reinforcement learning without a reward or a rollout.

        L(θ) = −mean log sigmoid(β (h(chosen) − h(rejected))),   h = log π_θ − log π_ref

    The best policy of KL-regularised reward maximisation is π ∝ π_ref exp(r/β); solved for r, the
    policy is its own reward model, and preferences can be fitted by classification.

    Args:
        chosen_log_prob: (B,) log π_θ(y_w|x); receives a gradient.
        rejected_log_prob: (B,) log π_θ(y_l|x); receives a gradient.
        ref_chosen_log_prob: (B,) log π_ref(y_w|x).
        ref_rejected_log_prob: (B,) log π_ref(y_l|x).
        beta: β ≥ 0, the price of leaving the reference.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes differ, or β is negative.

    Source: Rafailov et al. (2023), eq. 7.
    """
    require_same_shape(
        chosen_log_prob=chosen_log_prob,
        rejected_log_prob=rejected_log_prob,
        ref_chosen_log_prob=ref_chosen_log_prob,
        ref_rejected_log_prob=ref_rejected_log_prob,
    )
    require_not_negative("beta", beta)
    chosen = chosen_log_prob - ref_chosen_log_prob.detach()
    rejected = rejected_log_prob - ref_rejected_log_prob.detach()
    return -logsigmoid(beta * (chosen - rejected)).mean()
