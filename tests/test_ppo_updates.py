"""PPO's dials: by hand at their thresholds, the KL estimate by enumeration, minibatches counted."""

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from course_lib.reference import (
    adapt_kl_coef,
    approximate_kl,
    clip_fraction,
    minibatch_indices,
)
from tests.helpers import double, leaf
from tests.properties import given, st


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (0.0, 1.0),
        (0.0199, 1.0),
        (0.02, 2.0),  # exactly target/1.5: strict, so nothing happens
        (0.03, 2.0),
        (0.045, 2.0),  # exactly 1.5 · target
        (0.0451, 4.0),
        (9.0, 4.0),
    ],
)
def test_the_coefficient_is_halved_doubled_or_kept(kl, expected):
    got = adapt_kl_coef(2.0, kl, 0.03)
    assert type(got) is float
    assert got == expected
    assert adapt_kl_coef(2.0, leaf(kl), 0.03) == expected


def test_the_clip_fraction_counts_both_sides():
    ratio = double([1.1, 1.3, 0.7, 0.9, 5.0])
    got = clip_fraction(ratio.log().requires_grad_(), torch.zeros(5).double(), 0.2)
    torch.testing.assert_close(got, double(3 / 5))
    assert not got.requires_grad
    assert clip_fraction(ratio.float().log(), torch.zeros(5), 0.2).dtype == torch.float32


def test_the_kl_estimate_by_hand():
    ratio = double([2.0, 0.5])
    got = approximate_kl(ratio.log(), double([0.0, 0.0]))
    log_two = double(2.0).log()
    torch.testing.assert_close(got, ((2 - 1 - log_two) + (0.5 - 1 + log_two)) / 2)


@given(st.integers(0, 2**20))
def test_the_expected_estimate_is_the_kl_of_the_old_policy_from_the_new(seed):
    new, old = torch.randn(2, 5, generator=torch.Generator().manual_seed(seed)).double()
    new, old = new.log_softmax(-1), old.log_softmax(-1)
    estimate = torch.stack([approximate_kl(new[k : k + 1], old[k : k + 1]) for k in range(5)])
    exact = kl_divergence(Categorical(logits=old), Categorical(logits=new))
    torch.testing.assert_close(old.exp() @ estimate, exact)
    swapped = torch.stack([approximate_kl(old[k : k + 1], new[k : k + 1]) for k in range(5)])
    assert not torch.allclose(old.exp() @ swapped, exact)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_the_estimate_is_never_negative(numbers):
    log_prob = double(numbers)
    assert float(approximate_kl(log_prob, torch.zeros_like(log_prob))) >= 0


def test_the_estimate_of_a_tiny_change_does_not_drown_in_rounding():
    log_ratio = torch.full((3,), 1e-4)
    got = approximate_kl(log_ratio, torch.zeros(3))
    torch.testing.assert_close(got, torch.tensor(0.5e-8), rtol=1e-2, atol=0)
    naive = (log_ratio.exp() - 1 - log_ratio).mean()
    assert abs(float(naive) - 0.5e-8) > 1e-9


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**20))
def test_minibatches_hold_every_index_once_and_only_the_last_is_smaller(size, minibatch_size, seed):
    pieces = minibatch_indices(size, minibatch_size, torch.Generator().manual_seed(seed))
    assert isinstance(pieces, list)
    assert torch.cat(pieces).sort().values.tolist() == list(range(size))
    assert all(len(piece) == minibatch_size for piece in pieces[:-1])
    assert 0 < len(pieces[-1]) <= minibatch_size
    assert all(piece.dtype == torch.int64 for piece in pieces)


def test_minibatches_are_shuffled_by_the_generator_alone():
    def order(generator):
        return torch.cat(minibatch_indices(100, 30, generator)).tolist()

    generator = torch.Generator().manual_seed(3)
    first, second = order(generator), order(generator)
    torch.manual_seed(99)
    assert first == order(torch.Generator().manual_seed(3))
    assert first != second
    assert first != list(range(100))


def test_every_place_of_the_epoch_is_equally_likely():
    generator = torch.Generator().manual_seed(0)
    first = torch.stack([minibatch_indices(5, 2, generator)[0][0] for _ in range(10_000)])
    frequency = first.bincount(minlength=5) / 10_000
    assert float((frequency - 0.2).abs().max()) < 5 * (0.16 / 10_000) ** 0.5


def test_bad_input_is_named():
    generator = torch.Generator()
    with pytest.raises(ValueError, match="size: expected at least 1, got 0"):
        minibatch_indices(0, 4, generator)
    with pytest.raises(ValueError, match="minibatch_size: expected at least 1, got 0"):
        minibatch_indices(4, 0, generator)
    with pytest.raises(ValueError, match="target_kl: expected a number above 0"):
        adapt_kl_coef(1.0, 0.1, 0.0)
    with pytest.raises(ValueError, match=r"old_log_prob: expected shape \(3,\) like log_prob"):
        approximate_kl(torch.zeros(3), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="clip_epsilon: expected a number of at least 0"):
        clip_fraction(torch.zeros(3), torch.zeros(3), -0.2)
