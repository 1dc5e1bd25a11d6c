"""How a replay buffer is filled, asked and looked at. Part of `drivers.py`."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.outcome import again
from course_lib.checks.settling import settle

FIELDS = ("obs", "action", "reward", "next_obs", "terminated")
DRAWS = 1500


def numbered(first: int, last: int, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """Transitions that carry their number in every field, of the shapes that a buffer was made for.
    Without action dimensions the actions are integers."""
    number = torch.arange(first, last, dtype=torch.float32)

    def filled(shape: tuple[int, ...], offset: float) -> Tensor:
        column = (number + offset).reshape(-1, *(1 for _ in shape))
        return column.repeat(1, *shape)

    action = filled(inputs["action_shape"], 0.25) if inputs["action_shape"] else number.long()
    return {
        "obs": filled(inputs["obs_shape"], 0.0),
        "action": action,
        "reward": number + 0.75,
        "next_obs": filled(inputs["obs_shape"], 0.5),
        "terminated": number.long() % 3 == 0,
    }


def filled_buffer(function: Callable, inputs: Mapping[str, Any]) -> Any:
    """A buffer to which numbered transitions were added, in batches of `sizes`."""
    inputs = dict(inputs)
    sizes, first = inputs.pop("sizes"), 1
    buffer = function(**inputs)
    for size in sizes:
        buffer.add(**numbered(first, first + size, inputs))
        first += size
    return buffer


def kept_rows(function: Callable, inputs: Mapping[str, Any]) -> tuple[int, Tensor]:
    """The buffer's length, and the numbers of the transitions that can be drawn."""
    buffer = filled_buffer(function, inputs)
    return len(buffer), buffer.sample(300)[2].double().unique()


def shares_of_rows(function: Callable, inputs: Mapping[str, Any]) -> Tensor:
    """(rows,) how often each transition is drawn; equally often where that fits."""
    buffer = filled_buffer(function, inputs)
    _, count = buffer.sample(DRAWS)[2].unique(return_counts=True)
    share = count.double() / DRAWS
    exact = torch.full_like(share, 1 / len(share))
    return settle(share, exact, (exact * (1 - exact) / DRAWS).sqrt())


def sample_in_words(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Names, dtypes and shapes of a sample's fields."""
    sample = filled_buffer(function, inputs).sample(5)
    names = getattr(sample, "_fields", None) or getattr(sample, "fields", None)
    names = names or ["without a name"] * len(sample)
    return ", ".join(
        f"{name}: {str(one.dtype).removeprefix('torch.')} {tuple(one.shape)}"
        for name, one in zip(names, sample, strict=False)
    )


def rows_together(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether the fields of a row were added together; which of them were not, if some were."""
    sample = filled_buffer(function, inputs).sample(200)
    last = sum(inputs["sizes"])
    place = (sample[2].double() - 1.75).round().long().reshape(-1).clamp(0, last - 1)
    wrong = []
    for name, got in zip(FIELDS, sample, strict=True):
        wanted, got = numbered(1, last + 1, inputs)[name][place].double(), got.double()
        if got.shape != wanted.shape or not torch.allclose(got, wanted):
            wrong.append(name)
    return f"{' and '.join(wrong)} of another row" if wrong else "every row as it was added"


def own_copies(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether what is kept stays as it was when what was put in, or what came out, is changed."""
    batch = numbered(1, 5, inputs)
    buffer = function(**{name: one for name, one in inputs.items() if name != "sizes"})
    buffer.add(**batch)
    batch["reward"].fill_(-1.0)
    changed = ["what was added"] if (buffer.sample(100)[2] < 0).any() else []
    buffer.sample(100)[2].fill_(-2.0)
    changed += ["what was drawn"] if (buffer.sample(100)[2] == -2).any() else []
    return f"the buffer changes with {' and with '.join(changed)}" if changed else "copies"


def draws_of_buffers(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether draws follow the seed alone, and go on."""
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for global_seed, seed in ((1, 0), (2, 0), (3, 1)):
            torch.default_generator.manual_seed(global_seed)
            buffer = filled_buffer(function, {**inputs, "seed": seed})
            drawn.append([one[2] for one in again(buffer.sample, 2, 40)])
    first, second, other = drawn
    same = "the same" if torch.equal(first[0], second[0]) else "other"
    differs = "the same" if torch.equal(first[0], other[0]) else "other"
    later = "the same" if torch.equal(first[0], first[1]) else "other"
    return f"same seed: {same} draws; another seed: {differs} draws; the next draw: {later} rows"


def empty_buffer(function: Callable, inputs: Mapping[str, Any]) -> str:
    """What happens when an empty buffer is asked for a minibatch."""
    buffer = function(**{name: one for name, one in inputs.items() if name != "sizes"})
    if len(buffer) != 0:
        return f"an empty buffer has length {len(buffer)}"
    try:
        buffer.sample(3)
    except NotImplementedError:
        raise
    except Exception as error:
        return f"it raises {type(error).__name__}"
    return "it returns something"
