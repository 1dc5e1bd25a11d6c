"""The replay buffer: what is kept, what is copied, what is drawn, and what is refused."""

import numpy as np
import pytest
import torch

from course_lib.reference import ReplayBuffer
from course_lib.replay import TransitionBatch


def batch(*numbers):
    """Transitions that carry their number in every field."""
    number = torch.tensor(numbers, dtype=torch.float32)
    return {
        "obs": number.unsqueeze(-1).repeat(1, 2),
        "action": number.unsqueeze(-1),
        "reward": number,
        "next_obs": number.unsqueeze(-1).repeat(1, 2) + 0.5,
        "terminated": number % 2 == 1,
    }


def numbers_in(buffer, draws=2000):
    return sorted({int(number) for number in buffer.sample(draws).reward})


def test_rows_stay_together_in_the_order_of_add():
    buffer = ReplayBuffer(10, (2,), (1,), seed=0)
    buffer.add(**batch(1, 2, 3))
    sample = buffer.sample(50)
    assert TransitionBatch._fields == ("obs", "action", "reward", "next_obs", "terminated")
    for name, field in batch(*sample.reward.tolist()).items():
        assert torch.equal(getattr(sample, name), field)


@pytest.mark.parametrize(
    ("additions", "kept"),
    [
        ([(1,)], [1]),
        ([(1, 2), (3, 4)], [1, 2, 3, 4]),
        ([(1, 2, 3), (4, 5)], [2, 3, 4, 5]),
        ([(1, 2, 3), (4, 5, 6, 7)], [4, 5, 6, 7]),
        ([(1, 2, 3), (4, 5, 6, 7, 8, 9)], [6, 7, 8, 9]),
        ([(1, 2, 3, 4, 5, 6), (7,), (8, 9)], [6, 7, 8, 9]),
        ([(n,) for n in range(1, 12)], [8, 9, 10, 11]),
    ],
)
def test_the_last_rows_are_kept(additions, kept):
    buffer = ReplayBuffer(4, (2,), (1,), seed=0)
    for numbers in additions:
        buffer.add(**batch(*numbers))
    assert numbers_in(buffer) == kept
    assert len(buffer) == len(kept)


def test_a_ring_of_one_place_keeps_the_last_row():
    buffer = ReplayBuffer(1, (2,), (1,), seed=0)
    buffer.add(**batch(1))
    buffer.add(**batch(2, 3))
    assert numbers_in(buffer) == [3]


def test_the_buffer_holds_copies_and_gives_copies():
    buffer = ReplayBuffer(4, (2,), (1,), seed=0)
    given = batch(1, 2)
    buffer.add(**given)
    given["reward"] += 100
    drawn = buffer.sample(3)
    drawn.obs.zero_()
    assert numbers_in(buffer) == [1, 2]
    assert float(buffer.sample(20).obs.min()) == 1.0


def test_numpy_arrays_are_copied_too_and_graphs_are_not_kept():
    buffer = ReplayBuffer(4, (2,), (1,), seed=0)
    arrays = {name: field.numpy() for name, field in batch(1, 2).items()}
    buffer.add(**arrays)
    arrays["obs"] += 100
    assert float(buffer.sample(20).obs.max()) == 2.0
    buffer.add(**{**batch(3), "action": torch.ones(1, 1, requires_grad=True) * 3})
    assert not buffer.sample(20).action.requires_grad


def test_draws_are_uniform_and_with_replacement():
    buffer = ReplayBuffer(8, (2,), (1,), seed=0)
    buffer.add(**batch(*range(5)))
    frequency = buffer.sample(50_000).reward.long().bincount(minlength=5) / 50_000
    assert float((frequency - 0.2).abs().max()) < 5 * (0.16 / 50_000) ** 0.5


def test_draws_depend_on_the_seed_alone():
    def draws(seed):
        buffer = ReplayBuffer(8, (2,), (1,), seed=seed)
        buffer.add(**batch(*range(8)))
        return buffer.sample(20).reward

    first = draws(3)
    torch.manual_seed(99)
    assert torch.equal(first, draws(3))
    assert not torch.equal(first, draws(4))


def test_dtypes_are_those_of_the_first_batch():
    buffer = ReplayBuffer(8, (2,), (), seed=0)
    first = {**batch(1, 2), "action": torch.tensor([0, 1])}
    buffer.add(**{name: f.double() if f.is_floating_point() else f for name, f in first.items()})
    sample = buffer.sample(3)
    assert [field.dtype for field in sample] == [
        torch.float64,
        torch.int64,
        torch.float64,
        torch.float64,
        torch.bool,
    ]
    assert sample.action.shape == (3,)
    assert sample.obs.shape == (3, 2)


def test_an_empty_buffer_and_a_buffer_without_room_are_refused():
    with pytest.raises(ValueError, match="the buffer is empty"):
        ReplayBuffer(4, (2,), (1,), seed=0).sample(1)
    with pytest.raises(ValueError, match="capacity: expected at least 1, got 0"):
        ReplayBuffer(0, (2,), (1,), seed=0)


def test_what_does_not_fit_is_named_and_not_stored():
    buffer = ReplayBuffer(4, (2,), (1,), seed=0)
    with pytest.raises(ValueError, match=r"action: expected shape \(2, 1\), got \(2,\)"):
        buffer.add(**{**batch(1, 2), "action": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"obs: expected shape \(3, 2\), got \(2, 2\)"):
        buffer.add(**{**batch(1, 2), "reward": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"terminated: expected dtype torch\.bool"):
        buffer.add(**{**batch(1, 2), "terminated": torch.zeros(2)})
    assert len(buffer) == 0
    buffer.add(**{**batch(1, 2), "action": torch.tensor([[0], [1]])})
    with pytest.raises(
        ValueError, match=r"action: expected dtype torch\.int64, got torch\.float32"
    ):
        buffer.add(**batch(3))
    assert numbers_in(buffer) == [1, 2]


def test_python_numbers_will_do():
    buffer = ReplayBuffer(4, (), (), seed=0)
    buffer.add([1.0, 2.0], np.array([0, 1]), [0.5, 0.5], [2.0, 3.0], [False, True])
    assert len(buffer) == 2
