"""Policies and critics that fit an environment: widths, bounds and scales are read off it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.critics import (
    DeterministicPolicy,
    DiscreteQFunction,
    QFunction,
    SquashedGaussianPolicy,
)
from course_lib.environments import BatchedEnvironment
from course_lib.policies import HIDDEN, BetaPolicy, CategoricalPolicy, Critic, GaussianPolicy
from course_lib.reference import squashed_gaussian_log_prob


def make_policy(
    environment: BatchedEnvironment,
    hidden: Sequence[int] = HIDDEN,
    generator: torch.Generator | None = None,
    distribution: str = "gaussian",
    **functions: Callable[..., Tensor] | None,
) -> CategoricalPolicy | GaussianPolicy | BetaPolicy:
    """The policy that fits an environment's actions.

    Args:
        environment: says how many actions or action dimensions there are, and their bounds.
        hidden: widths of the hidden layers.
        generator: the source of the initial weights.
        distribution: "gaussian" or "beta", for continuous actions.
        functions: `sample` and `entropy` in place of the reference's; `None` keeps those.

    Raises:
        ValueError: an unknown distribution.
    """
    functions = {name: function for name, function in functions.items() if function is not None}
    size, actions = environment.observation_size, environment.num_actions
    network = (hidden, generator, environment.observation_scale)
    if actions is not None:
        return CategoricalPolicy(size, actions, *network, **functions)
    if distribution == "gaussian":
        action_scale = (environment.action_high - environment.action_low) / 2
        return GaussianPolicy(size, environment.action_size, *network, action_scale, **functions)
    if distribution != "beta":
        raise ValueError(f"distribution must be 'gaussian' or 'beta', got {distribution!r}")
    bounds = environment.action_low, environment.action_high
    return BetaPolicy(size, environment.action_size, *bounds, *network, **functions)


def make_critic(
    environment: BatchedEnvironment,
    hidden: Sequence[int] = HIDDEN,
    generator: torch.Generator | None = None,
) -> Critic:
    """The critic that fits an environment's observations."""
    size, scale = environment.observation_size, environment.observation_scale
    return Critic(size, hidden, generator, scale)


def make_q_function(
    environment: BatchedEnvironment,
    hidden: Sequence[int] = HIDDEN,
    generator: torch.Generator | None = None,
    initial_value: float = 0.0,
) -> QFunction:
    """The action-value function that fits an environment's observations and continuous actions."""
    require_continuous(environment)
    size, actions = environment.observation_size, environment.action_size
    scale = environment.observation_scale or (1.0,) * size
    action_scale = (environment.action_high - environment.action_low) / 2
    scales = (*scale, *(action_scale,) * actions)
    return QFunction(size, actions, hidden, generator, scales, initial_value)


def make_discrete_q_function(
    environment: BatchedEnvironment,
    hidden: Sequence[int] = HIDDEN,
    generator: torch.Generator | None = None,
    initial_value: float = 0.0,
) -> DiscreteQFunction:
    """The action values, and with them the greedy policy, that fit discrete actions.

    Raises:
        ValueError: the environment's actions are continuous.
    """
    if environment.num_actions is None:
        name = type(environment).__name__
        raise ValueError(f"{name} has continuous actions; this algorithm needs discrete ones")
    size, scale = environment.observation_size, environment.observation_scale
    actions = environment.num_actions
    return DiscreteQFunction(size, actions, hidden, generator, scale, initial_value)


def make_deterministic_policy(
    environment: BatchedEnvironment,
    hidden: Sequence[int] = HIDDEN,
    generator: torch.Generator | None = None,
) -> DeterministicPolicy:
    """The deterministic policy that fits an environment's continuous actions and their bounds."""
    return DeterministicPolicy(*bounded_ends(environment), hidden, generator,
        environment.observation_scale)  # fmt: skip


def make_squashed_policy(
    environment: BatchedEnvironment,
    hidden: Sequence[int] = HIDDEN,
    generator: torch.Generator | None = None,
    squashed_log_prob: Callable[..., Tensor] = squashed_gaussian_log_prob,
) -> SquashedGaussianPolicy:
    """The squashed Gaussian that fits an environment's continuous actions and their bounds."""
    return SquashedGaussianPolicy(*bounded_ends(environment), hidden, generator,
        environment.observation_scale, squashed_log_prob)  # fmt: skip


def bounded_ends(environment: BatchedEnvironment) -> tuple[int, int, float, float]:
    """Widths of a network's ends, and the bounds of the actions."""
    require_continuous(environment)
    bounds = environment.action_low, environment.action_high
    return environment.observation_size, environment.action_size, *bounds


def require_continuous(environment: BatchedEnvironment) -> None:
    """Raise `ValueError` if the environment's actions are discrete."""
    if environment.action_size is None:
        name = type(environment).__name__
        raise ValueError(f"{name} has discrete actions; this algorithm needs continuous ones")
