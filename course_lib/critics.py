"""Action-value functions as torch modules, and the policies that live from them.

Stochastic policies that are judged by V alone are in policies.py."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.networks import mlp
from course_lib.policies import HIDDEN
from course_lib.reference import squashed_gaussian_log_prob

LOG_STD_RANGE = (-5.0, 2.0)


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Hold networks still: what is computed inside sends no gradient to their parameters.

    Their inputs still get one. An actor that climbs its critic needs the critic's slope in the
    action alone; that in its parameters would cost as much again and be thrown away.
    """
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)


class QFunction(nn.Module):
    """Q(s, a) of continuous actions: (B, S), (B, D) → (B,), without a trailing axis of one.

    Args:
        observation_size, action_size: widths of what comes in.
        hidden: widths of the hidden layers.
        generator: the source of the initial weights.
        input_scale: typical sizes of observations and actions, one after the other; `None` for 1.
        initial_value: what every action is worth before anything is learned.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        input_scale: Sequence[float] | None = None,
        initial_value: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = [observation_size + action_size, *hidden, 1]
        self.value = mlp(sizes, generator, input_scale=input_scale, activation=nn.ReLU)
        nn.init.constant_(self.value[-1].bias, initial_value)

    def forward(self, obs: Tensor, action: Tensor) -> Tensor:
        return self.value(torch.cat((obs, action), -1)).squeeze(-1)


class DiscreteQFunction(nn.Module):
    """Q(s, ·) of K discrete actions, (B, S) → (B, K), and the policy that takes the best one."""

    def __init__(
        self,
        observation_size: int,
        num_actions: int,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        input_scale: Sequence[float] | None = None,
        initial_value: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, num_actions]
        self.value = mlp(sizes, generator, input_scale=input_scale, activation=nn.ReLU)
        nn.init.constant_(self.value[-1].bias, initial_value)

    def forward(self, obs: Tensor) -> Tensor:
        return self.value(obs)

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """The best action a row, without any chance: as the policy is used."""
        return self.value(obs).argmax(-1)


class DeterministicPolicy(nn.Module):
    """μ(s) = centre + half the range · tanh(network(s)): (B, S) → (B, D), inside the bounds."""

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        low: float,
        high: float,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        input_scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, action_size]
        self.net = mlp(sizes, generator, 0.1, input_scale, activation=nn.ReLU)
        self.centre, self.half_range = (high + low) / 2, (high - low) / 2

    def forward(self, obs: Tensor) -> Tensor:
        return self.centre + self.half_range * torch.tanh(self.net(obs))

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """μ(s), without any chance: as the policy is used."""
        return self(obs)


class SquashedGaussianPolicy(nn.Module):
    """a = centre + half the range · tanh(u), u ~ N(μ(s), σ(s)²): SAC's policy.

    `log_prob` is that of tanh(u) in (−1, 1): the stretch to the bounds is a constant of the
    environment, and leaving it out makes entropies comparable between them.

    Args:
        squashed_log_prob: `squashed_gaussian_log_prob`, or a reader's own.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        low: float,
        high: float,
        hidden: Sequence[int] = HIDDEN,
        generator: torch.Generator | None = None,
        input_scale: Sequence[float] | None = None,
        squashed_log_prob: Callable[[Tensor, Tensor, Tensor], Tensor] = squashed_gaussian_log_prob,
    ) -> None:
        super().__init__()
        sizes = [observation_size, *hidden, 2 * action_size]
        self.net = mlp(sizes, generator, 0.1, input_scale, activation=nn.ReLU)
        self.centre, self.half_range = (high + low) / 2, (high - low) / 2
        self.squashed_log_prob = squashed_log_prob

    def act(self, obs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """An action (B, D) and its log-probability (B,), both with a gradient: a is a function of
        the parameters and of noise."""
        mean, log_std = self.net(obs).chunk(2, dim=-1)
        log_std = log_std.clamp(*LOG_STD_RANGE)
        noise = torch.empty_like(mean, requires_grad=False).normal_(generator=generator)
        pre_tanh = mean + log_std.exp() * noise
        log_prob = self.squashed_log_prob(mean, log_std, pre_tanh)
        return self.centre + self.half_range * torch.tanh(pre_tanh), log_prob

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        return self.act(obs, generator)[0]
