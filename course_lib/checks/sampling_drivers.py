"""How samplers of actions are driven: what they draw, how often, and from whose dice."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks.outcome import again, stretched
from course_lib.checks.settling import settle, within

CATEGORICAL_DRAWS, GAUSSIAN_DRAWS, AGAIN = 6000, 10_000, 12


@contextmanager
def same_global_dice(inputs: Mapping[str, Any]) -> Iterator[None]:
    """Let who draws from torch's global random numbers draw the same in every check."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(inputs["generator"].initial_seed())
        yield


def kind(function: Callable, inputs: Mapping[str, Any]) -> str:
    """What comes out, in words: its dtype and shape."""
    with same_global_dice(inputs):
        action = function(**inputs)
    if not isinstance(action, Tensor):
        return f"a {type(action).__name__}"
    return f"{str(action.dtype).removeprefix('torch.')} of shape {tuple(action.shape)}"


def rows_differ(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether equal rows get draws of their own."""
    with same_global_dice(inputs):
        action = torch.as_tensor(function(**inputs))
    return "one action for all rows" if bool((action == action[0]).all()) else "several actions"


def repeat_draw(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether two generators with one seed draw the same, whatever torch's global state."""
    draws = []
    with torch.random.fork_rng(devices=[]):
        for global_seed in (1, 2):
            torch.default_generator.manual_seed(global_seed)
            generator = torch.Generator().manual_seed(inputs["generator"].initial_seed())
            draws.append(torch.as_tensor(function(**{**inputs, "generator": generator})))
    return "the same draw twice" if torch.equal(*draws) else "two different draws"


def draw_again(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether a generator that is used again and again moves on."""
    with same_global_dice(inputs):
        draws = [torch.as_tensor(one) for one in again(function, AGAIN, **inputs)]
    moved = any(not torch.equal(draws[0], other) for other in draws[1:])
    return "different draws" if moved else "the same draw every time"


def frequencies(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, K) how often each action was drawn in each row; the exact π in rows where that fits.

    One action in all draws of all rows counts as action 0: which one it is was luck.
    """
    logits = inputs["logits"]
    rows, num_actions = logits.shape
    with same_global_dice(inputs):
        action = stretched(function, CATEGORICAL_DRAWS, logits, inputs["generator"])
    taken = torch.as_tensor(action).reshape(rows, CATEGORICAL_DRAWS).long()
    taken = taken - taken.max() if bool((taken == taken[0, 0]).all()) else taken
    frequency = one_hot(taken, num_actions).double().mean(1)
    probability = logits.double().softmax(-1)
    standard_error = (probability * (1 - probability) / CATEGORICAL_DRAWS).sqrt()
    fits = within(frequency, probability, standard_error).all(-1, keepdim=True)
    return torch.where(fits, probability, frequency)


def gaussian_draws(function: Callable, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """(R, n, D) draws of every row, with the exact mean and standard deviation, each (R, D).

    One noise in all draws counts as a noise of 1: which one it is was luck.
    """
    mean, log_std = inputs["mean"].double(), inputs["log_std"].double()
    std, given = log_std.exp().expand_as(mean), (inputs["mean"], inputs["log_std"])
    with same_global_dice(inputs):
        action = stretched(function, GAUSSIAN_DRAWS, *given, inputs["generator"])
    action = torch.as_tensor(action).detach().double().reshape(len(mean), GAUSSIAN_DRAWS, -1)
    constant = action.shape[-1] == mean.shape[-1] and bool((action == action[:, :1]).all())
    if constant and not torch.allclose(action[:, 0], mean):
        action = (mean + std).unsqueeze(1).expand_as(action)
    return action, mean, std


def sample_mean(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) means; the exact one where that fits."""
    action, mean, _ = gaussian_draws(function, inputs)
    return settle(action.mean(1), mean, action.std(1) / GAUSSIAN_DRAWS**0.5)


def sample_std(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) standard deviations; the exact one where that fits."""
    action, _, std = gaussian_draws(function, inputs)
    spread = action.std(1)
    return settle(spread, std, spread / (2 * GAUSSIAN_DRAWS) ** 0.5)


def share_within_one_std(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) how many draws are closer to the mean than σ: 68 % for a Gaussian."""
    action, mean, std = gaussian_draws(function, inputs)
    share = ((action - mean[:, None]).abs() < std[:, None]).double().mean(1)
    exact = torch.full_like(share, 0.6826894921370859)
    return settle(share, exact, (exact * (1 - exact) / GAUSSIAN_DRAWS).sqrt())


def std_of_the_sum(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R,) standard deviations of a₁ + a₂: √(σ₁² + σ₂²) if the two are independent."""
    action, _, std = gaussian_draws(function, inputs)
    exact = std[:, :2].square().sum(-1).sqrt()
    spread = action[..., :2].sum(-1).std(1)
    return settle(spread, exact, spread / (2 * GAUSSIAN_DRAWS) ** 0.5)
