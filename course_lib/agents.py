"""The policy and the critic that fit an environment: widths, bounds and scales are read off it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.environments import BatchedEnvironment
from course_lib.policies import HIDDEN, BetaPolicy, CategoricalPolicy, Critic, GaussianPolicy


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
        return GaussianPolicy(size, environment.action_size, *network, **functions)
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
