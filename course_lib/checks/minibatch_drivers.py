"""How the minibatches of an epoch are made and looked at. Part of `drivers.py`."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


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
