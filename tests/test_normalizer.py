"""Running statistics: those of all rows at once, in any portions, and Stable-Baselines3's."""

import pytest
import torch

from course_lib.reference import RunningNormalizer
from tests.helpers import double
from tests.properties import given, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_before_the_first_update_nothing_is_shifted_or_scaled():
    normalizer = RunningNormalizer((2,))
    assert torch.equal(normalizer.mean, double([0.0, 0.0]))
    assert torch.equal(normalizer.var, double([1.0, 1.0]))
    torch.testing.assert_close(normalizer.normalize(double([[3.0, -4.0]])), double([[3.0, -4.0]]))


def test_two_updates_by_hand():
    normalizer = RunningNormalizer(())
    normalizer.update(double([1.0, 3.0]))
    normalizer.update(double([8.0]))
    torch.testing.assert_close(normalizer.mean, double(4.0))
    torch.testing.assert_close(normalizer.var, double((9 + 1 + 16) / 3))
    expected = (10.0 - 4.0) / (26 / 3 + 1e-8) ** 0.5
    torch.testing.assert_close(normalizer.normalize(double(10.0)), double(expected))


@given(st.integers(0, 2**20), st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_portions_give_the_statistics_of_all_rows(seed, portions):
    rows = 5 + 3 * draws(seed, sum(portions), 2)
    normalizer = RunningNormalizer((2,))
    for portion in rows.split(portions):
        normalizer.update(portion)
    torch.testing.assert_close(normalizer.mean, rows.mean(0))
    torch.testing.assert_close(normalizer.var, rows.var(0, correction=0))


def test_a_large_offset_does_not_swallow_the_variance():
    rows = 1e6 + draws(0, 1000, 1)
    normalizer = RunningNormalizer((1,))
    for portion in rows.split(10):
        normalizer.update(portion)
    torch.testing.assert_close(normalizer.var, rows.var(0, correction=0), rtol=1e-6, atol=0)


def test_it_agrees_with_stable_baselines3():
    running = pytest.importorskip("stable_baselines3.common.running_mean_std")
    # Theirs starts with a small count of its own; with none at all the two are the same.
    theirs, ours = running.RunningMeanStd(epsilon=0, shape=(3,)), RunningNormalizer((3,))
    for seed in range(5):
        portion = seed + draws(seed, 4 + seed, 3)
        theirs.update(portion.numpy())
        ours.update(portion)
    torch.testing.assert_close(ours.mean, torch.as_tensor(theirs.mean))
    torch.testing.assert_close(ours.var, torch.as_tensor(theirs.var))
    # A planted bug: the variance between the portions is left out.
    within = sum((4 + seed) * draws(seed, 4 + seed, 3).var(0, correction=0) for seed in range(5))
    assert float((within / 30 - ours.var).abs().max()) > 0.1


def test_a_dimension_that_never_changes_stays_finite():
    normalizer = RunningNormalizer((1,))
    normalizer.update(torch.full((5, 1), 7.0))
    assert float(normalizer.normalize(torch.full((1, 1), 7.0))) == 0.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_kept_and_leading_axes_are_free(dtype):
    normalizer = RunningNormalizer((2,))
    normalizer.update(torch.ones(3, 2, dtype=dtype))
    got = normalizer.normalize(torch.ones(4, 5, 2, dtype=dtype))
    assert (got.dtype, got.shape) == (dtype, (4, 5, 2))


def test_the_input_is_left_alone_and_receives_a_gradient():
    normalizer = RunningNormalizer((1,))
    rows = double([[1.0], [3.0]]).requires_grad_()
    before = rows.detach().clone()
    normalizer.update(rows)
    assert not normalizer.mean.requires_grad
    normalizer.normalize(rows).sum().backward()
    torch.testing.assert_close(rows.grad, torch.full_like(rows, 1 / (1 + 1e-8) ** 0.5))
    assert torch.equal(rows.detach(), before)


def test_bad_input_is_named():
    normalizer = RunningNormalizer((2,))
    with pytest.raises(ValueError, match=r"batch: expected shape \(2, 2\), got \(2,\)"):
        normalizer.update(torch.zeros(2))
    with pytest.raises(ValueError, match="the number of rows: expected at least 1, got 0"):
        normalizer.update(torch.zeros(0, 2))
    with pytest.raises(ValueError, match=r"x: expected shape \(4, 2\), got \(4, 3\)"):
        normalizer.normalize(torch.zeros(4, 3))
