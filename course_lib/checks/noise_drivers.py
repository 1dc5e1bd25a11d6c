"""How exploration noise is called and looked at: by the statistics of many draws. Part of
`drivers.py`."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.random import fork_rng

from course_lib.checks.outcome import again, stretched
from course_lib.checks.settling import settle

EXPLORING_DRAWS = 4000


def exploring(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, n, D) draws around every row of `action`."""
    with fork_rng(devices=[]):
        noisy = torch.as_tensor(stretched(function, EXPLORING_DRAWS, **inputs))
    return noisy.detach().double().reshape(len(inputs["action"]), EXPLORING_DRAWS, -1)


def exploring_mean(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) means of the noisy actions, far from the bounds; the action itself where that fits."""
    error = torch.tensor(inputs["noise_std"] / EXPLORING_DRAWS**0.5, dtype=torch.float64)
    return settle(exploring(function, inputs).mean(1), inputs["action"].double(), error)


def exploring_std(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) their standard deviations; `noise_std` where that fits."""
    std = exploring(function, inputs).std(1)
    exact = torch.full_like(std, inputs["noise_std"])
    return settle(std, exact, exact / (2 * EXPLORING_DRAWS) ** 0.5)


def shares_at_bounds(function: Callable, inputs: Mapping[str, Any]) -> list[Tensor]:
    """(R, D) how many noisy actions are the lower bound, the upper one, or outside of both."""
    noisy, low, high = exploring(function, inputs), inputs["low"], inputs["high"]
    distance = [(bound - inputs["action"].double()) / inputs["noise_std"] for bound in (low, high)]
    exact = torch.special.ndtr(distance[0]), torch.special.ndtr(-distance[1])
    shares = [((noisy - bound).abs() < 1e-6).double().mean(1) for bound in (low, high)]
    outside = ((noisy < low - 1e-6) | (noisy > high + 1e-6)).double().mean(1)
    pairs = zip(shares, exact, strict=True)
    settled = [settle(one, p, (p * (1 - p) / EXPLORING_DRAWS).sqrt()) for one, p in pairs]
    return [*settled, outside]


def walked(function: Callable, inputs: Mapping[str, Any], steps: int) -> tuple[Any, Tensor]:
    """An object with `sample`, and its first samples as rows: (steps, elements)."""
    noise = function(**inputs)
    taken = [torch.as_tensor(one).double().reshape(-1) for one in again(noise.sample, steps)]
    return noise, torch.stack(taken)


@fork_rng(devices=[])
def sample_shapes(function: Callable, inputs: Mapping[str, Any]) -> str:
    """The shapes of two samples in a row, in words."""
    noise = function(**inputs)
    shapes = [tuple(torch.as_tensor(one).shape) for one in again(noise.sample, 2)]
    return f"samples of shapes {shapes[0]} and {shapes[1]}"


@fork_rng(devices=[])
def kept_sample(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether a sample that somebody keeps is left alone by the next one."""
    noise = function(**inputs)
    first = noise.sample()
    before = first.clone()
    noise.sample()
    return "an old sample is left alone" if torch.equal(first, before) else "an old sample changed"


@fork_rng(devices=[])
def spread_of_walk(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(3,) standard deviations over the elements after 1, 2 and 15 steps; the exact ones where
    that fits."""
    _, path = walked(function, inputs, 15)
    std = path[[0, 1, 14]].std(1)
    keep, kick = 1 - inputs["theta"] * inputs["dt"], inputs["sigma"] * inputs["dt"] ** 0.5
    variance = [kick**2 * sum(keep ** (2 * k) for k in range(steps)) for steps in (1, 2, 15)]
    exact = torch.tensor(variance, dtype=torch.float64).sqrt()
    return settle(std, exact, exact / (2 * path.shape[1]) ** 0.5)


@fork_rng(devices=[])
def pull_of_walk(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """() how much of a state is left in the next one; the exact share where that fits."""
    _, path = walked(function, inputs, 12)
    slope = (path[10] * path[11]).sum() / path[10].square().sum().clamp(min=1e-12)
    keep, kick = 1 - inputs["theta"] * inputs["dt"], inputs["sigma"] * inputs["dt"] ** 0.5
    error = kick / path[10].std().clamp(min=1e-12) / path.shape[1] ** 0.5
    return settle(slope, torch.tensor(keep, dtype=torch.float64), error)


@fork_rng(devices=[])
def walk_after_reset(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """() how much of the state is left after a `reset` and one more step; 0 where that fits."""
    noise, path = walked(function, inputs, 12)
    noise.reset()
    fresh = torch.as_tensor(noise.sample()).double().reshape(-1)
    slope = (path[-1] * fresh).sum() / path[-1].square().sum().clamp(min=1e-12)
    error = fresh.std() / path[-1].std().clamp(min=1e-12) / path.shape[1] ** 0.5
    return settle(slope, torch.zeros((), dtype=torch.float64), error)


def repeat_walk(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether two generators with one seed give the same walk, whatever torch's global state."""
    paths = []
    for global_seed in (1, 2):
        generator = torch.Generator().manual_seed(inputs["generator"].initial_seed())
        with fork_rng(devices=[]):
            torch.default_generator.manual_seed(global_seed)
            noise = function(**{**inputs, "generator": generator})
            paths.append(torch.stack([torch.as_tensor(one) for one in again(noise.sample, 3)]))
    return "the same walk twice" if torch.equal(*paths) else "two different walks"
