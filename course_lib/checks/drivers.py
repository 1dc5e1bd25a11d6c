"""How a function is called where `function(**inputs)` is not enough, and how it is looked at then.

A case names one of these functions as its `call`, an exercise as its `observe`. They belong to the
student edition, so none of them may show an answer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks.buffer_drivers import (
    draws_of_buffers,
    empty_buffer,
    kept_rows,
    own_copies,
    rows_together,
    sample_in_words,
    shares_of_rows,
)
from course_lib.checks.noise_drivers import (
    exploring_mean,
    exploring_std,
    kept_sample,
    pull_of_walk,
    repeat_walk,
    sample_shapes,
    shares_at_bounds,
    spread_of_walk,
    walk_after_reset,
)
from course_lib.checks.settling import settle

__all__ = [
    "draw_again",
    "draws_of_buffers",
    "empty_buffer",
    "exploring_mean",
    "exploring_std",
    "followed",
    "frequencies",
    "kept_rows",
    "kept_sample",
    "kind",
    "own_copies",
    "policy_gradient",
    "pull_of_walk",
    "repeat_draw",
    "repeat_walk",
    "rows_differ",
    "rows_together",
    "sample_in_words",
    "sample_mean",
    "sample_shapes",
    "sample_std",
    "settle",
    "share_within_one_std",
    "shares_at_bounds",
    "shares_of_rows",
    "spread_of_walk",
    "std_of_the_sum",
    "walk_after_reset",
    "wants_gradient",
    "without_gradients",
]

CATEGORICAL_DRAWS, GAUSSIAN_DRAWS = 6000, 8000


def kind(function: Callable, inputs: Mapping[str, Any]) -> str:
    """What comes out, in words: its dtype and shape."""
    with torch.random.fork_rng(devices=[]):
        action = function(**inputs)
    if not isinstance(action, Tensor):
        return f"a {type(action).__name__}"
    return f"{str(action.dtype).removeprefix('torch.')} of shape {tuple(action.shape)}"


def rows_differ(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether equal rows get draws of their own."""
    with torch.random.fork_rng(devices=[]):
        action = torch.as_tensor(function(**inputs))
    return "one action for all rows" if bool((action == action[0]).all()) else "several actions"


def repeat_draw(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether two generators with one seed draw the same, whatever torch's global state."""
    draws = []
    with torch.random.fork_rng(devices=[]):
        for global_seed in (1, 2):
            torch.manual_seed(global_seed)
            generator = torch.Generator().manual_seed(inputs["generator"].initial_seed())
            draws.append(torch.as_tensor(function(**{**inputs, "generator": generator})))
    return "the same draw twice" if torch.equal(*draws) else "two different draws"


def draw_again(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether a generator that is used twice moves on."""
    with torch.random.fork_rng(devices=[]):
        draws = [torch.as_tensor(function(**inputs)) for _ in range(2)]
    return "the same draw twice" if torch.equal(*draws) else "two different draws"


def frequencies(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, K) how often each action was drawn in each row; the exact π where that fits."""
    logits = inputs["logits"]
    rows, num_actions = logits.shape
    with torch.random.fork_rng(devices=[]):
        action = function(logits.repeat_interleave(CATEGORICAL_DRAWS, 0), inputs["generator"])
    taken = torch.as_tensor(action).reshape(rows, CATEGORICAL_DRAWS).long()
    frequency = one_hot(taken, num_actions).double().mean(1)
    probability = logits.double().softmax(-1)
    standard_error = (probability * (1 - probability) / CATEGORICAL_DRAWS).sqrt()
    return settle(frequency, probability, standard_error)


def gaussian_draws(function: Callable, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """(R, n, D) draws of every row, with the exact mean and standard deviation, each (R, D)."""
    mean, log_std = inputs["mean"], inputs["log_std"]
    per_row = log_std if log_std.ndim == 1 else log_std.repeat_interleave(GAUSSIAN_DRAWS, 0)
    with torch.random.fork_rng(devices=[]):
        repeated = mean.repeat_interleave(GAUSSIAN_DRAWS, 0)
        action = function(repeated, per_row, inputs["generator"])
    action = torch.as_tensor(action).detach().double().reshape(len(mean), GAUSSIAN_DRAWS, -1)
    return action, mean.double(), log_std.double().exp().expand_as(mean)


def sample_mean(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) means; the exact one where that fits."""
    action, mean, std = gaussian_draws(function, inputs)
    return settle(action.mean(1), mean, std / GAUSSIAN_DRAWS**0.5)


def sample_std(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(R, D) standard deviations; the exact one where that fits."""
    action, _, std = gaussian_draws(function, inputs)
    return settle(action.std(1), std, std / (2 * GAUSSIAN_DRAWS) ** 0.5)


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
    return settle(action[..., :2].sum(-1).std(1), exact, exact / (2 * GAUSSIAN_DRAWS) ** 0.5)


def wants_gradient(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether what comes out is a constant to autograd, though the networks inside are not."""
    value = function(**inputs)
    attached = isinstance(value, Tensor) and value.requires_grad
    return "a result with a gradient" if attached else "a result without a gradient"


def without_gradients(function: Callable, inputs: Mapping[str, Any]) -> Any:
    """What comes out where gradients are switched off, as they are around targets."""
    with torch.no_grad():
        return function(**inputs)


def policy_gradient(function: Callable, inputs: Mapping[str, Any]) -> list[Tensor]:
    """A loss's gradient in the policy's parameters; zeros where none arrives."""
    loss, parameters = function(**inputs), list(inputs["policy"].parameters())
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return [torch.zeros_like(one) for one in parameters]
    found = torch.autograd.grad(loss.sum(), parameters, allow_unused=True)
    pairs = zip(found, parameters, strict=True)
    return [torch.zeros_like(one) if slope is None else slope for slope, one in pairs]


def followed(
    function: Callable, inputs: Mapping[str, Any]
) -> tuple[str, list[Tensor], list[Tensor]]:
    """What a call that works in place returns, and the tensors of both networks afterwards.

    The tensors are those that the networks had before: somebody else may hold them.
    """
    held = [[*inputs[name].parameters(), *inputs[name].buffers()] for name in ("target", "online")]
    value = function(**inputs)
    returned = "nothing was returned" if value is None else "something was returned"
    return returned, *([one.detach().clone() for one in tensors] for tensors in held)
