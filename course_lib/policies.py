"""Policies and critics as torch modules around the reference distributions.

The formulas live in course_lib.reference; a policy only feeds them with a network's outputs.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_lib.networks import mlp
from course_lib.reference import (
    beta_log_prob,
    categorical_entropy,
    categorical_kl,
    categorical_log_prob,
    gaussian_entropy,
    gaussian_kl,
    gaussian_log_prob,
    sample_categorical,
    sample_gaussian,
)

HIDDEN = (64, 64)
POLICY_OUTPUT_GAIN = 0.01


class Policy(Protocol):
    """What every loop asks of a stochastic policy. Leading axes are free: (…, S) → (…,)."""

    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one action a row of `obs` (N, S), without a gradient."""
        ...

    def log_prob(self, obs: Tensor, action: Tensor) -> Tensor:
        """log π(a|s) of each action, with a gradient."""
        ...

    def entropy(self, obs: Tensor) -> Tensor:
        """The entropy of π(·|s) in nats, with a gradient."""
        ...

    def log_prob_and_entropy(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Both of them from one pass through the network, which costs half of two."""
        ...

    def distribution(self, obs: Tensor) -> tuple[Tensor, ...]:
        """What π(·|s) is given by: logits, or mean and log σ, or two concentrations."""
        ...

    def kl(self, old: tuple[Tensor, ...], obs: Tensor) -> Tensor:
        """KL(π_old(·|s)‖π(·|s)), where `old` is what `distribution(obs)` was; with a gradient."""
        ...


class CategoricalPolicy(nn.Module):
    """A softmax over discrete actions.

    Args:
        observation_size, num_actions: widths of the network's ends.
        hidden: widths between them.
        generator: the source of the initial weights.
        observation_scale: typical sizes of the observation's parts; `None` for 1.
        sample, entropy, kl: functions of the logits, to be replaced by a reader's own.
    """

    def __init__(
        self,
        observation_size: int,
        num_actions: int,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        observation_scale: Sequence[float] | None = None,
        sample: Callable[[Tensor, torch.Generator], Tensor] = sample_categorical,
        entropy: Callable[[Tensor], Tensor] = categorical_entropy,
        kl: Callable[[Tensor, Tensor], Tensor] = categorical_kl,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, num_actions]
        self.logits = mlp(sizes, generator, POLICY_OUTPUT_GAIN, observation_scale)
        self.sample_function, self.entropy_function, self.kl_function = sample, entropy, kl

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        return self.sample_function(self.logits(obs), generator)

    def log_prob(self, obs: Tensor, action: Tensor) -> Tensor:
        return categorical_log_prob(self.logits(obs), action)

    def entropy(self, obs: Tensor) -> Tensor:
        return self.entropy_function(self.logits(obs))

    def log_prob_and_entropy(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.logits(obs)
        return categorical_log_prob(logits, action), self.entropy_function(logits)

    def distribution(self, obs: Tensor) -> tuple[Tensor]:
        return (self.logits(obs),)

    def kl(self, old: tuple[Tensor, ...], obs: Tensor) -> Tensor:
        return self.kl_function(*old, self.logits(obs))


class GaussianPolicy(nn.Module):
    """A Gaussian whose mean depends on the observation and whose spread does not.

    Args:
        observation_size, action_size: widths of the network's ends.
        hidden: widths between them.
        generator: the source of the initial weights.
        observation_scale: typical sizes of the observation's parts; `None` for 1.
        action_scale: half the range of the actions: means are in its units, and the spread
            starts with it, so that both ends are tried.
        sample: a function of mean and log_std, to be replaced by a reader's own.
        entropy: a function of log_std, likewise.
        kl: a function of the old mean and log_std and the new ones, likewise.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        observation_scale: Sequence[float] | None = None,
        action_scale: float = 1.0,
        sample: Callable[[Tensor, Tensor, torch.Generator], Tensor] = sample_gaussian,
        entropy: Callable[[Tensor], Tensor] = gaussian_entropy,
        kl: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = gaussian_kl,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, action_size]
        units = None if action_scale == 1 else [action_scale] * action_size
        self.mean = mlp(sizes, generator, POLICY_OUTPUT_GAIN, observation_scale, units)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(action_scale)))
        self.sample_function, self.entropy_function, self.kl_function = sample, entropy, kl

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        return self.sample_function(self.mean(obs), self.log_std, generator)

    def log_prob(self, obs: Tensor, action: Tensor) -> Tensor:
        return gaussian_log_prob(self.mean(obs), self.log_std, action)

    def entropy(self, obs: Tensor) -> Tensor:
        return self.entropy_function(self.log_std).expand(obs.shape[:-1])

    def log_prob_and_entropy(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        return self.log_prob(obs, action), self.entropy(obs)

    def distribution(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean(obs), self.log_std

    def kl(self, old: tuple[Tensor, ...], obs: Tensor) -> Tensor:
        return self.kl_function(*old, *self.distribution(obs))


class BetaPolicy(nn.Module):
    """A Beta distribution stretched to [low, high]: no action ever has to be clipped.

    Both concentrations are 1 + softplus(·) > 1, so that the density has one peak and is zero at the
    bounds.

    Args:
        observation_size, action_size: widths of the network's ends.
        low, high: the bounds of every action dimension.
        hidden: widths between the ends.
        generator: the source of the initial weights.
        observation_scale: typical sizes of the observation's parts; `None` for 1.

    Source: Chou et al. (2017), "Improving Stochastic Policy Gradients in Continuous Control with
    Deep Reinforcement Learning using the Beta Distribution".
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        low: float = -1.0,
        high: float = 1.0,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        observation_scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, 2 * action_size]
        self.net = mlp(sizes, generator, POLICY_OUTPUT_GAIN, observation_scale)
        self.low, self.high = low, high

    def concentrations(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """α and β of the Beta distribution, each (…, D) and above 1."""
        concentration1, concentration0 = (1 + softplus(self.net(obs))).chunk(2, dim=-1)
        return concentration1, concentration0

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        # Two Gamma draws make a Beta draw: x/(x + y). torch.distributions takes no generator.
        gamma1, gamma0 = (
            torch._standard_gamma(concentration, generator=generator)
            for concentration in self.concentrations(obs)
        )
        # A fraction that rounds to 0 or 1 would have log-density −∞.
        fraction = (gamma1 / (gamma1 + gamma0)).clamp(1e-6, 1 - 1e-6)
        return self.low + (self.high - self.low) * fraction

    def log_prob(self, obs: Tensor, action: Tensor) -> Tensor:
        return beta_log_prob(*self.concentrations(obs), action, self.low, self.high)

    def entropy(self, obs: Tensor) -> Tensor:
        return self._entropy(*self.concentrations(obs))

    def log_prob_and_entropy(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        concentrations = self.concentrations(obs)
        log_prob = beta_log_prob(*concentrations, action, self.low, self.high)
        return log_prob, self._entropy(*concentrations)

    def _entropy(self, concentration1: Tensor, concentration0: Tensor) -> Tensor:
        unit = torch.distributions.Beta(concentration1, concentration0, validate_args=False)
        return (unit.entropy() + math.log(self.high - self.low)).sum(-1)

    def distribution(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        return self.concentrations(obs)

    def kl(self, old: tuple[Tensor, ...], obs: Tensor) -> Tensor:
        # Stretching both densities alike leaves their divergence as it is.
        before, now = (
            torch.distributions.Beta(*concentrations, validate_args=False)
            for concentrations in (old, self.concentrations(obs))
        )
        return torch.distributions.kl_divergence(before, now).sum(-1)


class Critic(nn.Module):
    """A state-value function V(s): (…, S) → (…,), without a trailing axis of one."""

    def __init__(
        self,
        observation_size: int,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        observation_scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, 1]
        self.value = mlp(sizes, generator, input_scale=observation_scale)

    def forward(self, obs: Tensor) -> Tensor:
        return self.value(obs).squeeze(-1)
