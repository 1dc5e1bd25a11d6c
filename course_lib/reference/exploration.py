"""Noise that makes a deterministic policy try something else."""

import math

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_bounds,
    require_not_negative,
    require_positive,
)


def gaussian_exploration(
    action: Tensor, noise_std: float, low: float, high: float, generator: torch.Generator
) -> Tensor:
    """An action with fresh Gaussian noise, kept inside the bounds.

        a = clip(μ(s) + σ ε, low, high),   ε ~ N(0, I)

    Args:
        action: (B, D) μ(s).
        noise_std: σ ≥ 0, in the action's units.
        low, high: the action's bounds.
        generator: the source of randomness; the same state gives the same actions.

    Returns:
        (B, D) actions, without a gradient: here an action is data.

    Raises:
        ValueError: σ < 0, or `high` is below `low`.

    Source: Fujimoto, van Hoof and Meger (2018), algorithm 1; lecture 000, "Needs exploration".
    """
    require_not_negative("noise_std", noise_std)
    require_bounds(low, high)
    noise = torch.empty_like(action, requires_grad=False).normal_(generator=generator)
    return (action.detach() + noise_std * noise).clamp(low, high)


class OrnsteinUhlenbeck:
    """Noise that remembers: a random walk on a spring, so that exploration lasts several steps.

        x ← x − θ x dt + σ √dt ε,   ε ~ N(0, I),   from x = 0

    In the long run its variance is σ²/(2θ − θ² dt), and its correlation fades by 1 − θ dt a step.

    Args:
        shape: the shape of a sample, one entry an action dimension.
        theta: θ ≥ 0, the pull of the spring.
        sigma: σ ≥ 0.
        dt: the length of a step, above 0.
        generator: the source of randomness.

    Raises:
        ValueError: a number outside these bounds.

    Source: Uhlenbeck and Ornstein (1930); Lillicrap et al. (2016), section 3; lecture 000,
    algorithm 1 ("a random process for action exploration").
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        theta: float,
        sigma: float,
        dt: float,
        generator: torch.Generator,
    ) -> None:
        require_not_negative("theta", theta)
        require_not_negative("sigma", sigma)
        require_positive("dt", dt)
        self.shape, self.theta, self.sigma, self.dt = shape, theta, sigma, dt
        self.generator = generator
        self.reset()

    def reset(self) -> None:
        """Go back to 0, as at the start of an episode."""
        self.state = torch.zeros(self.shape)

    def sample(self) -> Tensor:
        """Take one step and return the state after it."""
        noise = torch.randn(self.shape, generator=self.generator)
        pull = self.theta * self.dt * self.state
        self.state = self.state - pull + self.sigma * math.sqrt(self.dt) * noise
        return self.state.clone()
