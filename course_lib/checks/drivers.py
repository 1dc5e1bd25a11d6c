"""How a function is called where `function(**inputs)` is not enough, and how it is looked at then.

A case names one of these functions as its `call`, an exercise as its `observe`. They belong to the
student edition, so none of them may show an answer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

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


def settle(estimate: Tensor, exact: Tensor, standard_error: Tensor) -> Tensor:
    """The exact number wherever an estimate is within five standard errors of it.

    A right sampler, whatever random numbers it draws, comes out exact; a wrong one shows what it
    really does.
    """
    return torch.where((estimate - exact).abs() <= 5 * standard_error, exact, estimate)


def minibatch_sizes(function: Callable, inputs: Mapping[str, Any]) -> list[int]:
    """How many indices each minibatch holds."""
    with torch.random.fork_rng(devices=[]):
        return [len(one) for one in function(**inputs)]


def kind_of_minibatches(function: Callable, inputs: Mapping[str, Any]) -> str:
    """What the minibatches are, in words."""
    with torch.random.fork_rng(devices=[]):
        found = list(function(**inputs))
    if not all(isinstance(one, Tensor) for one in found):
        return f"{len(found)} times a {type(found[0]).__name__}"
    kinds = {f"{str(one.dtype).removeprefix('torch.')} with {one.ndim} axis" for one in found}
    return f"{len(found)} tensors, {' and '.join(sorted(kinds))}"


def joined(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """All indices of one epoch, one minibatch after the other."""
    found = [torch.as_tensor(one).flatten() for one in function(**inputs)]
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.int64)


def indices_in_order(function: Callable, inputs: Mapping[str, Any]) -> list[int]:
    """The indices of an epoch, sorted."""
    with torch.random.fork_rng(devices=[]):
        return joined(function, inputs).long().sort().values.tolist()


def order_of_minibatches(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether chance has mixed the indices of an epoch, or what is still in order."""
    with torch.random.fork_rng(devices=[]):
        found = [torch.as_tensor(one).long().flatten() for one in function(**inputs)]
    order = torch.cat(found)
    if torch.equal(order, torch.arange(len(order))):
        return "in order"
    if all(int(one.max() - one.min()) < len(one) for one in found if len(one)):
        runs = all(torch.equal(one, one.sort().values) for one in found)
        return "each minibatch is a run" if runs else "each minibatch holds neighbours only"
    return "mixed"


def repeated_epoch(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether two generators with one seed mix alike, whatever torch's global state, and two
    generators with different seeds do not."""
    first = inputs["generator"].initial_seed()
    epochs = []
    with torch.random.fork_rng(devices=[]):
        for global_seed, seed in ((1, first), (2, first), (2, first + 1)):
            torch.manual_seed(global_seed)
            generator = torch.Generator().manual_seed(seed)
            epochs.append(joined(function, {**inputs, "generator": generator}))
    if not torch.equal(epochs[0], epochs[1]):
        return "one seed, two different orders"
    same = torch.equal(epochs[1], epochs[2])
    return "one order for all seeds" if same else "one order for each seed"


def two_epochs(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether a generator that is used twice moves on."""
    with torch.random.fork_rng(devices=[]):
        epochs = [joined(function, inputs) for _ in range(2)]
    return "the same order twice" if torch.equal(*epochs) else "two different orders"


def normalizer_after_updates(function: Callable, inputs: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """What x becomes after all portions of rows, and mean and variance after that."""
    normalizer, start = function(inputs["shape"]), 0
    for portion in inputs["portions"]:
        normalizer.update(inputs["rows"][start : start + portion])
        start += portion
    normalized = normalizer.normalize(inputs["x"])
    kept = (normalizer.mean, normalizer.var)
    return normalized, *(torch.as_tensor(one).detach().double() for one in kept)
