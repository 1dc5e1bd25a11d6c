"""What the course's networks and loops need of formulas that students write themselves.

Distributions are torch's own, library code that every student may use anyway; they draw exactly
the numbers that the course's reference draws. The two functions at the end are for training loops
of *later* lessons, in forms that show no exercise's answer; an edition has them only if a released
lesson needs them of another one, and the grader's edition never.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.distributions import Beta, Categorical, Normal, TanhTransform, kl_divergence
from torch.nn.functional import layer_norm


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let torch's global random numbers, which distributions use, be those of a generator."""
    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(torch.get_rng_state())
        torch.set_rng_state(before)


def categorical(logits: Tensor) -> Categorical:
    """Discrete actions, given logits (…, K)."""
    return Categorical(logits=logits, validate_args=False)


def gaussian(mean: Tensor, log_std: Tensor) -> Normal:
    """Independent Gaussians (…, D)."""
    return Normal(mean, log_std.exp(), validate_args=False)


@torch.no_grad()
def sample_categorical(logits: Tensor, generator: torch.Generator) -> Tensor:
    """(B,) one action a row of (B, K)."""
    with drawing_from(generator):
        return categorical(logits).sample()


@torch.no_grad()
def sample_gaussian(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    """(B, D) one action a row of `mean` (B, D)."""
    with drawing_from(generator):
        return gaussian(mean, log_std).sample()


def categorical_log_prob(logits: Tensor, action: Tensor) -> Tensor:
    """(…,) of (…, K) and (…,)."""
    return categorical(logits).log_prob(action)


def gaussian_log_prob(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """(…,) of (…, D), summed over action dimensions."""
    return gaussian(mean, log_std).log_prob(action).sum(-1)


def beta_log_prob(
    concentration1: Tensor, concentration0: Tensor, action: Tensor, low: float, high: float
) -> Tensor:
    """(…,) of (…, D), of a Beta distribution stretched to [low, high]."""
    unit = Beta(concentration1, concentration0, validate_args=False)
    stretch = torch.tensor(high - low, dtype=action.dtype)
    return (unit.log_prob((action - low) / stretch) - stretch.log()).sum(-1)


def squashed_gaussian_log_prob(mean: Tensor, log_std: Tensor, pre_tanh: Tensor) -> Tensor:
    """(…,) of a = tanh(u), given u (…, D)."""
    squash = TanhTransform()
    stretch = squash.log_abs_det_jacobian(pre_tanh, squash(pre_tanh))
    return (gaussian(mean, log_std).log_prob(pre_tanh) - stretch).sum(-1)


def categorical_entropy(logits: Tensor) -> Tensor:
    """(…,) of (…, K), in nats."""
    return categorical(logits).entropy()


def gaussian_entropy(log_std: Tensor) -> Tensor:
    """(…,) of (…, D), in nats."""
    return gaussian(torch.zeros_like(log_std), log_std).entropy().sum(-1)


def categorical_kl(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """(…,) KL(p‖q) of (…, K), in nats."""
    return kl_divergence(categorical(logits_p), categorical(logits_q))


def gaussian_kl(mean_p: Tensor, log_std_p: Tensor, mean_q: Tensor, log_std_q: Tensor) -> Tensor:
    """(…,) KL(p‖q) of (…, D), in nats."""
    return kl_divergence(gaussian(mean_p, log_std_p), gaussian(mean_q, log_std_q)).sum(-1)


def generalized_advantage(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """(T, N), as one product with a table of weights (T, T, N) instead of a pass backwards."""
    surprise = torch.where(terminated, reward, torch.add(reward, next_value, alpha=gamma)) - value
    ends = (terminated | truncated).long()
    episode = ends.cumsum(0) - ends
    distance = torch.arange(len(reward)) - torch.arange(len(reward)).unsqueeze(1)
    fading = (gamma * gae_lambda) ** distance.clamp(min=0).to(reward.dtype)
    same = (episode.unsqueeze(0) == episode.unsqueeze(1)) & (distance >= 0).unsqueeze(-1)
    return torch.einsum("tsn,sn->tn", same * fading.unsqueeze(-1), surprise)


def normalize_advantage(advantage: Tensor, eps: float = 1e-8) -> Tensor:
    """The same shape, by torch's layer normalisation over all elements."""
    return layer_norm(advantage, advantage.shape, eps=eps**2)
