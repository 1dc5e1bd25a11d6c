"""Distributions: against torch.distributions, by hand, at extreme inputs, and by statistics."""

import math

import pytest
import torch
from torch.distributions import Beta, Categorical, Normal

from course_lib.reference import (
    beta_log_prob,
    categorical_entropy,
    categorical_log_prob,
    gaussian_entropy,
    gaussian_log_prob,
    sample_categorical,
    sample_gaussian,
)
from tests.helpers import double, leaf


def test_categorical_log_prob_agrees_with_torch():
    logits = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    action = torch.randint(4, (50,), generator=torch.Generator().manual_seed(1))
    expected = Categorical(logits=logits).log_prob(action)
    torch.testing.assert_close(categorical_log_prob(logits, action), expected)


def test_categorical_log_prob_is_exact_at_extreme_logits():
    logits = double([[1e4, -1e4], [-1e4, 1e4]])
    expected = double([0.0, -2e4])
    torch.testing.assert_close(categorical_log_prob(logits, torch.tensor([0, 0])), expected)


def test_the_gradient_of_categorical_log_prob_is_one_hot_minus_probabilities():
    logits = leaf([[0.3, -1.2, 0.8]])
    categorical_log_prob(logits, torch.tensor([2])).sum().backward()
    expected = double([[0.0, 0.0, 1.0]]) - logits.detach().softmax(-1)
    torch.testing.assert_close(logits.grad, expected)


@pytest.mark.parametrize("shared", [True, False])
def test_gaussian_log_prob_agrees_with_torch(shared):
    generator = torch.Generator().manual_seed(0)
    mean, action = (torch.randn(9, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    log_std = torch.randn(*((3,) if shared else (9, 3)), dtype=torch.float64, generator=generator)
    expected = Normal(mean, log_std.exp()).log_prob(action).sum(-1)
    torch.testing.assert_close(gaussian_log_prob(mean, log_std, action), expected)


def test_gaussian_log_prob_at_the_mean_by_hand():
    log_prob = gaussian_log_prob(double([[0.0, 0.0]]), double([0.0, math.log(2)]), double([[0, 0]]))
    expected = -math.log(2 * math.pi) - math.log(2)
    torch.testing.assert_close(log_prob, double([expected]))


def test_beta_log_prob_agrees_with_torch_and_counts_the_stretching():
    generator = torch.Generator().manual_seed(0)
    concentration1, concentration0 = (
        1 + 3 * torch.rand(9, 2, dtype=torch.float64, generator=generator) for _ in range(2)
    )
    fraction = 0.05 + 0.9 * torch.rand(9, 2, dtype=torch.float64, generator=generator)
    expected = Beta(concentration1, concentration0).log_prob(fraction).sum(-1) - 2 * math.log(3.0)
    got = beta_log_prob(concentration1, concentration0, -1 + 3 * fraction, low=-1.0, high=2.0)
    torch.testing.assert_close(got, expected)


def test_a_stretched_beta_density_integrates_to_one():
    action = torch.linspace(-1, 2, 20_001, dtype=torch.float64)[1:-1].unsqueeze(1)
    ones = torch.ones_like(action)
    density = beta_log_prob(2.5 * ones, 4.0 * ones, action, low=-1.0, high=2.0).exp()
    assert torch.trapezoid(density, action[:, 0]).item() == pytest.approx(1.0, abs=1e-6)


def test_entropies_agree_with_torch():
    logits = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(categorical_entropy(logits), Categorical(logits=logits).entropy())
    log_std = double([[0.3, -2.0], [1.0, 0.0]])
    expected = Normal(torch.zeros_like(log_std), log_std.exp()).entropy().sum(-1)
    torch.testing.assert_close(gaussian_entropy(log_std), expected)
    torch.testing.assert_close(gaussian_entropy(log_std[0]), expected[0])


def test_the_entropy_of_a_certain_choice_is_zero_and_finite():
    logits = leaf([[1000.0, -1000.0, 0.0]])
    entropy = categorical_entropy(logits)
    entropy.sum().backward()
    assert entropy.item() == 0.0
    assert bool(logits.grad.isfinite().all())


def test_the_entropy_of_a_uniform_choice_is_log_k():
    torch.testing.assert_close(categorical_entropy(double([[5.0] * 6])), double([math.log(6)]))


def test_categorical_samples_have_the_right_frequencies():
    logits = double([0.0, 1.0, 2.0])
    samples = sample_categorical(logits.repeat(40_000, 1), torch.Generator().manual_seed(0))
    frequency = samples.bincount(minlength=3) / len(samples)
    five_standard_errors = 5 * math.sqrt(0.25 / 40_000)
    assert samples.dtype == torch.int64
    assert float((frequency - logits.softmax(0)).abs().max()) < five_standard_errors


def test_gaussian_samples_have_the_right_mean_and_spread():
    mean, log_std = double([1.0, -2.0]), double([0.0, math.log(0.5)])
    samples = sample_gaussian(mean.repeat(40_000, 1), log_std, torch.Generator().manual_seed(0))
    assert float((samples.mean(0) - mean).abs().max()) < 5 / math.sqrt(40_000)
    assert float((samples.std(0) - log_std.exp()).abs().max()) < 5 / math.sqrt(2 * 40_000)


@pytest.mark.parametrize(
    "draw",
    [
        lambda generator: sample_categorical(torch.zeros(64, 5), generator),
        lambda generator: sample_gaussian(torch.zeros(64, 2), torch.zeros(2), generator),
    ],
)
def test_samples_depend_on_the_generator_alone(draw):
    first = draw(torch.Generator().manual_seed(3))
    torch.manual_seed(99)
    again = draw(torch.Generator().manual_seed(3))
    other = draw(torch.Generator().manual_seed(4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_sample_carries_no_gradient():
    mean = torch.zeros(4, 2, requires_grad=True)
    assert not sample_gaussian(mean, torch.zeros(2), torch.Generator()).requires_grad


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"action: expected shape \(4,\), got \(4, 1\)"):
        categorical_log_prob(torch.zeros(4, 3), torch.zeros(4, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"action: expected shape \(4, 2\) like mean, got \(4,\)"):
        gaussian_log_prob(torch.zeros(4, 2), torch.zeros(2), torch.zeros(4))
    with pytest.raises(ValueError, match=r"log_std: expected shape \(4, 2\), got \(3,\)"):
        sample_gaussian(torch.zeros(4, 2), torch.zeros(3), torch.Generator())
    with pytest.raises(ValueError, match="high: expected a bound above low"):
        beta_log_prob(*(torch.ones(2, 1),) * 2, torch.zeros(2, 1), low=1.0, high=-1.0)
