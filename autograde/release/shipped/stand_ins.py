"""What the course's networks and loops need of formulas that students write themselves.

Distributions are torch's own, library code that every student may use anyway; they draw exactly
the numbers that the course's reference draws. What follows them is for training loops that need a
function of another lesson, in forms that show no exercise's answer; an edition has it only if a
released lesson cannot do without, and the grader's edition never.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributions import Beta, Categorical, Normal, TanhTransform, kl_divergence
from torch.nn.functional import hardshrink, huber_loss, layer_norm, nll_loss, poisson_nll_loss
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import BatchSampler, RandomSampler, default_collate

from course_lib.replay import TransitionBatch


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


def token_log_prob(logits: Tensor, tokens: Tensor) -> Tensor:
    """(B, L) of (B, L, K) and (B, L)."""
    return categorical(logits).log_prob(tokens)


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
    same = episode.unsqueeze(0) == episode.unsqueeze(1)
    weights = later_weights(reward, gamma * gae_lambda).unsqueeze(-1)
    return torch.einsum("tsn,sn->tn", same * weights, surprise)


def reward_to_go(reward: Tensor, gamma: float) -> Tensor:
    """(T, N) or (T,), by the same kind of table."""
    return later_weights(reward, gamma) @ reward


def later_weights(like: Tensor, factor: float) -> Tensor:
    """(T, T) factor^(s − t) in row t for every later column s, and 0 for earlier ones."""
    step = torch.arange(len(like))
    distance = (step - step.unsqueeze(1)).clamp(min=0)
    return (factor ** distance.to(like.dtype)).triu()


def normalize_advantage(advantage: Tensor, eps: float = 1e-8) -> Tensor:
    """The same shape, by torch's layer normalisation over all elements."""
    return layer_norm(advantage, advantage.shape, eps=eps**2)


def critic_loss(q_value: Tensor, td_target: Tensor) -> Tensor:
    """(), by Huber's loss, which never leaves its quadratic part here."""
    return huber_loss(q_value, td_target.detach(), delta=float("inf"))


def value_loss_monte_carlo(value: Tensor, reward_to_go: Tensor) -> Tensor:
    """(), the same of returns."""
    return huber_loss(value, reward_to_go.detach(), delta=float("inf"))


def max_likelihood_loss(log_prob: Tensor) -> Tensor:
    """(), as a classifier's loss with a single class."""
    column = log_prob.reshape(-1, 1)
    return nll_loss(column, torch.zeros(len(column), dtype=torch.int64))


def approximate_kl(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """(), as a Poisson likelihood: it has the same terms."""
    moved = log_prob - old_log_prob
    return poisson_nll_loss(moved, torch.ones_like(moved)) - 1


def clip_fraction(log_prob: Tensor, old_log_prob: Tensor, clip_epsilon: float) -> Tensor:
    """(), by what a shrinkage of the ratios leaves."""
    left = hardshrink((log_prob - old_log_prob).expm1(), clip_epsilon)
    return left.count_nonzero().to(left.dtype) / left.numel()


def minibatch_indices(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    """Index tensors, by torch's samplers of data."""
    order = RandomSampler(range(size), generator=generator)
    return [torch.tensor(rows) for rows in BatchSampler(order, minibatch_size, drop_last=False)]


class ReplayBuffer:
    """The last transitions, each a tuple in a queue, drawn and put together by torch's tools for
    data."""

    def __init__(
        self, capacity: int, obs_shape: tuple[int, ...], action_shape: tuple[int, ...], seed: int
    ) -> None:
        self.queue: deque[TransitionBatch] = deque(maxlen=capacity)
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.queue)

    def add(self, *fields: Tensor) -> None:
        """Append each row."""
        columns = [torch.as_tensor(one).detach().clone().unbind() for one in fields]
        self.queue.extend(map(TransitionBatch._make, zip(*columns, strict=True)))

    def sample(self, batch_size: int) -> TransitionBatch:
        """Rows with replacement."""
        drawn = RandomSampler(
            self.queue, replacement=True, num_samples=batch_size, generator=self.generator
        )
        return default_collate([self.queue[row] for row in drawn])


def update_target(target: nn.Module, online: nn.Module, target_rate: float) -> None:
    """In place, by torch's exponential moving averages of weights."""
    average = get_ema_multi_avg_fn(1 - target_rate)
    average(list(target.parameters()), [one.detach() for one in online.parameters()], None)
    for kept, new in zip(target.buffers(), online.buffers(), strict=True):
        kept.copy_(new)
