"""World models: fit a model of the environment, dream with it, and learn through the dream."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.reference.distributions import gaussian_log_prob, require_entropy
from course_lib.reference.divergences import gaussian_kl
from course_lib.reference.score_functions import gumbel_softmax
from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_log_std,
    require_not_negative,
    require_range,
    require_same_shape,
    require_scalar_or_shape,
    require_shape,
)


def gaussian_nll(mean: Tensor, log_std: Tensor, target: Tensor) -> Tensor:
    """The negative log-likelihood of what happened, under a Gaussian prediction.

        L = −mean_i Σ_d log N(x_d; μ_d, σ_d²)

    The constant ½ log 2π is part of it, so the number can be compared with an entropy.

    Args:
        mean: (B, D) μ; receives a gradient.
        log_std: (B, D) or (D,) log σ; receives a gradient.
        target: (B, D) x.

    Returns:
        () the loss: summed over dimensions, mean over the batch.

    Raises:
        ValueError: shapes do not fit.

    Source: lecture 004, "World model components".
    """
    require_same_shape(mean=mean, target=target)
    return -gaussian_log_prob(mean, log_std, target).mean()


def latent_kl(
    posterior_mean: Tensor,
    posterior_log_std: Tensor,
    prior_mean: Tensor,
    prior_log_std: Tensor,
    free_nats: float,
) -> Tensor:
    """How much the encoder's answer surprises the transition model, beyond what is free.

        L = mean_i max( KL(q(z|s)‖p(z|z_prev, a)), free_nats )

    Below `free_nats` nothing is gained by carrying less information, so the latent state is not
    emptied in the first minutes of training.

    Args:
        posterior_mean: (B, D) of q; receives a gradient, as the other three do.
        posterior_log_std: (B, D) or (D,) of q.
        prior_mean: (B, D) of p.
        prior_log_std: (B, D) or (D,) of p.
        free_nats: at least 0, in nats for all dimensions together.

    Returns:
        () the loss.

    Raises:
        ValueError: shapes do not fit, or `free_nats` is negative.

    Source: Hafner et al. (2019), "Learning Latent Dynamics for Planning from Pixels",
    arXiv:1811.04551; lecture 004, "World model components".
    """
    require_same_shape(posterior_mean=posterior_mean, prior_mean=prior_mean)
    require_log_std("posterior_log_std", posterior_log_std, posterior_mean)
    require_log_std("prior_log_std", prior_log_std, prior_mean)
    require_not_negative("free_nats", free_nats)
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return divergence.clamp(min=free_nats).mean()


def imagine(
    transition: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    reward_model: Callable[[Tensor], Tensor],
    policy: Callable[[Tensor], Tensor],
    start_obs: Tensor,
    horizon: int,
    noise: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Dream trajectories in a learned model, differentiable from end to end.

        a_t = policy(s_t),   (μ, log σ) = transition(s_t, a_t)
        s_{t+1} = μ + exp(log σ) ε_t,   r_t = reward_model(s_{t+1})

    The noise comes from outside, so a reward at the end of the dream has a slope with respect to
    every action before it.

    Args:
        transition: (B, S), (B, D) → mean and log_std, each (B, S).
        reward_model: (B, S) → (B,).
        policy: (B, S) → (B, D).
        start_obs: (B, S).
        horizon: H ≥ 1, the number of steps.
        noise: (H, B, S) draws of a standard Gaussian.

    Returns:
        obs (H + 1, B, S), action (H, B, D), reward (H, B).

    Raises:
        ValueError: shapes do not fit, those that the models return included, or H < 1.

    Source: Hafner et al. (2020), "Dream to Control", arXiv:1912.01603; lecture 004, "Training by
    backpropagating through dream".
    """
    require_dimensions("start_obs", start_obs, 2)
    require_at_least("horizon", horizon, 1)
    require_shape("noise", noise, (horizon, *start_obs.shape))
    obs, action, reward = [start_obs], [], []
    for step_noise in noise:
        action.append(policy(obs[-1]))
        mean, log_std = transition(obs[-1], action[-1])
        require_shape("the transition's mean", mean, tuple(start_obs.shape))
        require_log_std("the transition's log_std", log_std, mean)
        obs.append(mean + log_std.exp() * step_noise)
        reward.append(reward_model(obs[-1]))
        require_shape("reward_model(obs)", reward[-1], tuple(start_obs.shape[:1]))
    return torch.stack(obs), torch.stack(action), torch.stack(reward)


def lambda_return(
    reward: Tensor, next_value: Tensor, discount: Tensor | float, gae_lambda: float
) -> Tensor:
    """Returns of a dream: the average of all n-step returns, with weights that fade.

        R_t = r_t + d_t ((1 − λ) v_{t+1} + λ R_{t+1}),   R_H = v_H

    d is γ times the predicted probability of going on, so a dream may end before its horizon.

    Args:
        reward: (H, B) r_t; receives a gradient.
        next_value: (H, B) v_{t+1} of the state that step t led to; receives a gradient.
        discount: (H, B) d_t, or one number for all of them.
        gae_lambda: λ in [0, 1].

    Returns:
        (H, B) returns.

    Raises:
        ValueError: shapes do not fit, or λ lies outside [0, 1].

    Source: Hafner et al. (2020), eq. 6; Hafner et al. (2021), arXiv:2010.02193, eq. 4.
    """
    require_dimensions("reward", reward, 2)
    require_same_shape(reward=reward, next_value=next_value)
    require_range("gae_lambda", gae_lambda, 0.0, 1.0)
    discount = torch.as_tensor(discount, dtype=reward.dtype, device=reward.device)
    require_scalar_or_shape("discount", discount, tuple(reward.shape))
    discount = discount.expand_as(reward)
    returns = [next_value[-1]]
    for t in reversed(range(len(reward))):
        future = (1 - gae_lambda) * next_value[t] + gae_lambda * returns[-1]
        returns.append(reward[t] + discount[t] * future)
    return torch.stack(returns[:0:-1])


def dream_policy_loss(lambda_return: Tensor, entropy: Tensor, entropy_coef: float) -> Tensor:
    """Make the dream come out better: the returns themselves are differentiated.

        L(θ) = −mean R − c_e · mean H

    No log-probability and no baseline: the model says how the return changes with every action.

    Args:
        lambda_return: (H, B) R; receives a gradient, through the whole dream.
        entropy: (H, B) or a scalar; receives a gradient that raises it.
        entropy_coef: c_e.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes do not fit.

    Source: Hafner et al. (2020), eq. 7; lecture 004, "Training by backpropagating through dream".
    """
    require_entropy(entropy, lambda_return)
    return -lambda_return.mean() - entropy_coef * entropy.mean()


def straight_through_categorical(logits: Tensor, gumbel_noise: Tensor) -> Tensor:
    """A discrete latent state that gradients pass through.

        onehot(argmax(logits + g)) forward,   the gradient of softmax(logits + g) backward

    Args:
        logits: (B, K) unnormalised log-probabilities; receives the gradient.
        gumbel_noise: (B, K) draws −log(−log u), u ~ U(0, 1).

    Returns:
        (B, K) one-hot rows.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: Bengio, Léonard and Courville (2013), arXiv:1308.3432; Hafner et al. (2021),
    arXiv:2010.02193, algorithm 1; lecture 004, "Gumbel softmax".
    """
    return gumbel_softmax(logits, gumbel_noise, temperature=1.0, straight_through=True)
