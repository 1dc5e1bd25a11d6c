"""Random inputs for the cases: float64, uneven sizes, both kinds of ends.

And the two formulas that known mistakes of several exercises are made of.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.callables import QuadraticCritic, TanhPolicy


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Uniform numbers in [low, high)."""
    unit = torch.rand(*shape, generator=generator, dtype=torch.float64)
    return low + (high - low) * unit


def log_probs(generator: torch.Generator, *shape: int) -> Tensor:
    """Log-probabilities of actions that were neither certain nor absurd."""
    return -uniform(generator, 0.1, 3.0, *shape)


def actions(generator: torch.Generator, num_actions: int, *shape: int) -> Tensor:
    """Discrete actions."""
    return torch.randint(num_actions, shape, generator=generator)


def flags(shape: tuple[int, ...], *places: tuple[int, ...]) -> Tensor:
    """A boolean tensor that is true in the given places."""
    marked = torch.zeros(shape, dtype=torch.bool)
    for place in places:
        marked[place] = True
    return marked


def episodes(generator: torch.Generator, steps: int, envs: int) -> dict[str, Tensor]:
    """Log-probabilities and rewards of whole episodes, one a column."""
    return {
        "log_prob": log_probs(generator, steps, envs),
        "reward": normal(generator, steps, envs) + 0.5,
    }


def ended_early(whole: dict[str, Tensor], length: int, env: int) -> dict[str, Tensor]:
    """The same episodes, of which one is padded with zeros after `length` steps."""
    padded = {name: value.clone() for name, value in whole.items()}
    for value in padded.values():
        value[length:, env] = 0.0
    return padded


def rewards(
    generator: torch.Generator, steps: int, number: int, gamma: float
) -> dict[str, Tensor | float]:
    """Rewards (T, N) of whole episodes, one a column, and their discount."""
    return {"reward": normal(generator, steps, number) + 0.5, "gamma": gamma}


def rollout(
    generator: torch.Generator,
    shape: tuple[int, int],
    terminated: tuple[tuple[int, int], ...] = (),
    truncated: tuple[tuple[int, int], ...] = (),
) -> dict[str, Any]:
    """Rewards, values and ends of a rollout that could have happened.

    Inside an episode `next_value[t]` is `value[t + 1]`; at an end it is the value of the final
    observation, which belongs to no other step.
    """
    reward, value, next_value = (normal(generator, *shape) for _ in range(3))
    ended, cut = flags(shape, *terminated), flags(shape, *truncated)
    inside = ~(ended | cut)[:-1]
    next_value[:-1] = torch.where(inside, value[1:], next_value[:-1])
    return {
        "reward": reward,
        "value": value,
        "next_value": next_value,
        "terminated": ended,
        "truncated": cut,
    }


def tabular(generator: torch.Generator, states: int, actions: int) -> dict[str, Tensor]:
    """P, R, pi and p0 of a random MDP: every probability positive, none of them even."""
    return {
        "P": (1.5 * normal(generator, states, actions, states)).softmax(-1),
        "R": normal(generator, states, actions) + 0.5,
        "pi": normal(generator, states, actions).softmax(-1),
        "p0": normal(generator, states).softmax(-1),
    }


def off_policy(generator: torch.Generator, *shape: int) -> dict[str, Tensor]:
    """Log-probabilities of the same actions under two policies: ratios from about 1/20 to 4."""
    behavior = log_probs(generator, *shape)
    other = behavior * uniform(generator, -0.7, 0.7, *shape).exp()
    return {"log_prob": other, "behavior_log_prob": behavior}


def world(
    generator: torch.Generator, states: int, actions: int, gamma: float, inputs: Sequence[str]
) -> dict[str, Tensor | float]:
    """A random MDP as an exercise takes it: these of its tensors, in this order, then `gamma`.

    Besides what `tabular` draws there are logits, values and gradients that belong to no policy.
    """
    sizes = {
        "logits": (states, actions),
        "value": (states,),
        "q_value": (states, actions),
        "value_gradient": (states, states, actions),
    }
    drawn = tabular(generator, states, actions)
    more = {name: 1.5 * normal(generator, *sizes[name]) for name in inputs if name in sizes}
    return {**{name: (drawn | more)[name] for name in inputs}, "gamma": gamma}


def never_hesitating(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same world under a policy without chance: action s in state s, then again from 0."""
    states, actions = inputs["pi"].shape
    return inputs | {"pi": torch.eye(actions, dtype=torch.float64)[torch.arange(states) % actions]}


def last_state_unreached(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same world, but no way leads to its last state, and no episode starts there."""
    P, p0 = inputs["P"].clone(), inputs["p0"].clone()
    P[..., -1], p0[-1] = 0, 0
    return inputs | {"P": P / P.sum(-1, keepdim=True), "p0": p0 / p0.sum()}


def powers(reward: Tensor, gamma: float) -> Tensor:
    """(T, 1) γ^t."""
    return (gamma ** torch.arange(len(reward), dtype=reward.dtype)).unsqueeze(1)


def solve(matrix: Tensor, right: Tensor, gamma: float) -> Tensor:
    """The x with x = right + γ matrix x."""
    return torch.linalg.solve(torch.eye(len(right), dtype=right.dtype) - gamma * matrix, right)


def transitions(generator: torch.Generator, rows: int, obs_size: int, *ends: int) -> dict[str, Any]:
    """Rewards, next observations and ends of a minibatch; the rows in `ends` terminated."""
    return {
        "reward": normal(generator, rows) + 0.5,
        "next_obs": normal(generator, rows, obs_size),
        "terminated": flags((rows,), *((row,) for row in ends)),
    }


def tanh_policy(generator: torch.Generator, obs_size: int, action_size: int) -> TanhPolicy:
    """A policy with weights that matter in every dimension."""
    return TanhPolicy(normal(generator, action_size, obs_size), normal(generator, action_size))


def quadratic_critic(
    generator: torch.Generator, obs_size: int, action_size: int
) -> QuadraticCritic:
    """A critic that likes another action in every state."""
    return QuadraticCritic(normal(generator, obs_size), normal(generator, obs_size, action_size))
