"""Gradients of expectations: against exact enumeration, by formula, and at extreme inputs."""

import itertools

import pytest
import torch
from torch.nn import functional

from course_lib.reference import (
    gaussian_log_prob,
    gaussian_score,
    gumbel_softmax,
    leave_one_out_surrogate,
    pathwise_estimate,
    score_function_surrogate,
)
from tests.helpers import double, leaf
from tests.properties import given, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_gaussian_score_by_hand():
    got = gaussian_score(double([[1.0, 2.0]]), double([0.5, 0.25]), 0.5, double([2.0]))
    surprise = 2.0 - (0.5 * 1.0 + 0.25 * 2.0)
    torch.testing.assert_close(got, double([[surprise * 1.0 / 0.25, surprise * 2.0 / 0.25]]))


def test_the_gaussian_score_is_the_gradient_of_the_log_probability():
    features, action = draws(0, 5, 3), draws(1, 5)
    weights = draws(2, 3).requires_grad_()
    log_prob = gaussian_log_prob(
        (features @ weights).unsqueeze(-1), double([0.7]).log(), action.unsqueeze(-1)
    )
    expected = torch.stack(
        [torch.autograd.grad(one, weights, retain_graph=True)[0] for one in log_prob]
    )
    torch.testing.assert_close(gaussian_score(features, weights.detach(), 0.7, action), expected)


def expectation_over_samples(surrogate, logits, f, count):
    """E[∇surrogate] over every possible batch of `count` samples, weighted by its probability."""
    probability = logits.softmax(0)
    total = torch.zeros_like(logits)
    for batch in itertools.product(range(len(logits)), repeat=count):
        batch = torch.tensor(batch)
        theta = logits.clone().requires_grad_()
        loss = surrogate(theta.log_softmax(0)[batch], f[batch])
        total += probability[batch].prod() * torch.autograd.grad(loss, theta)[0]
    return total


LOGITS, F = double([0.3, -0.5, 0.9]), double([1.0, -2.0, 4.0])


@pytest.mark.parametrize("surrogate", [score_function_surrogate, leave_one_out_surrogate])
def test_the_expected_gradient_is_the_gradient_of_the_expectation(surrogate):
    theta = LOGITS.clone().requires_grad_()
    (exact,) = torch.autograd.grad(theta.softmax(0) @ F, theta)
    torch.testing.assert_close(expectation_over_samples(surrogate, LOGITS, F, 3), exact)


def test_a_baseline_that_contains_the_sample_itself_shrinks_the_gradient():
    def mean_of_all(log_prob, value):
        return score_function_surrogate(log_prob, value - value.mean())

    theta = LOGITS.clone().requires_grad_()
    (exact,) = torch.autograd.grad(theta.softmax(0) @ F, theta)
    biased = expectation_over_samples(mean_of_all, LOGITS, F, 3)
    torch.testing.assert_close(biased, (1 - 1 / 3) * exact)


def test_the_surrogates_by_hand():
    log_prob, value = leaf([-0.1, -0.2, -0.4]), leaf([1.0, 2.0, 6.0])
    plain = score_function_surrogate(log_prob, value)
    torch.testing.assert_close(plain, double((-0.1 * 1 - 0.2 * 2 - 0.4 * 6) / 3))
    weight = double([1 - (2 + 6) / 2, 2 - (1 + 6) / 2, 6 - (1 + 2) / 2])
    left_out = leave_one_out_surrogate(log_prob, value)
    torch.testing.assert_close(left_out, (weight * double([-0.1, -0.2, -0.4])).mean())
    left_out.backward()
    torch.testing.assert_close(log_prob.grad, weight / 3)
    assert value.grad is None


@given(st.integers(0, 2**20), st.floats(-1e3, 1e3))
def test_leaving_one_out_forgets_any_constant(seed, shift):
    log_prob, value = draws(seed, 6), draws(seed + 1, 6)
    torch.testing.assert_close(
        leave_one_out_surrogate(log_prob, value + shift),
        leave_one_out_surrogate(log_prob, value),
        rtol=1e-6,
        atol=1e-9,
    )


def test_the_pathwise_gradient_of_a_quadratic_is_known():
    mean, log_std, noise = leaf([0.5, -1.0]), leaf([0.1, -0.3]), draws(0, 7, 2)
    estimate = pathwise_estimate(lambda x: x.square().sum(-1), mean, log_std, noise)
    sampled = double([0.5, -1.0]) + double([0.1, -0.3]).exp() * noise
    torch.testing.assert_close(estimate, sampled.square().sum(-1).mean())
    estimate.backward()
    torch.testing.assert_close(mean.grad, (2 * sampled).mean(0))
    spread = double([0.1, -0.3]).exp() * noise
    torch.testing.assert_close(log_std.grad, (2 * sampled * spread).mean(0))


def test_pathwise_and_score_function_agree_on_the_gradient_they_estimate():
    mean, log_std = double([0.5]), double([-0.5])
    noise = draws(3, 200_000, 1)
    theta = mean.clone().requires_grad_()
    pathwise = pathwise_estimate(lambda x: x.square().sum(-1), theta, log_std, noise)
    (by_path,) = torch.autograd.grad(pathwise, theta)
    action = mean + log_std.exp() * noise
    log_prob = gaussian_log_prob(theta.expand_as(action), log_std, action)
    surrogate = score_function_surrogate(log_prob, action.square().sum(-1))
    (by_score,) = torch.autograd.grad(surrogate, theta)
    assert float(by_path) == pytest.approx(1.0, abs=0.02)
    assert float(by_score) == pytest.approx(1.0, abs=0.05)


def gumbel(seed, *shape):
    uniform = torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return -(-uniform.log()).log()


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax_agrees_with_torch(hard):
    logits = draws(0, 50, 4)
    torch.manual_seed(7)
    noise = -torch.empty_like(logits).exponential_().log()
    torch.manual_seed(7)
    theirs, ours = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    expected = functional.gumbel_softmax(theirs, tau=0.7, hard=hard)
    got = gumbel_softmax(ours, noise, 0.7, straight_through=hard)
    torch.testing.assert_close(got, expected)
    weight = draws(1, 50, 4)
    (weight * expected).sum().backward()
    (weight * got).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    # A planted bug: the temperature on the noise alone.
    assert (
        float((gumbel_softmax(logits, noise / 0.7, 1.0, hard) - expected).detach().abs().max())
        > 0.1
    )


def test_straight_through_is_exactly_one_hot_and_argmax_of_the_perturbed_logits():
    logits, noise = draws(0, 200, 5), gumbel(1, 200, 5)
    got = gumbel_softmax(logits, noise, 0.3, straight_through=True)
    assert torch.equal(got.unique(), double([0.0, 1.0]))
    assert torch.equal(got.argmax(-1), (logits + noise).argmax(-1))
    assert torch.equal(got.sum(-1), torch.ones(200, dtype=torch.float64))


def test_the_frequencies_of_straight_through_are_the_softmax():
    logits = double([0.5, -0.5, 1.0])
    noise = gumbel(0, 40_000, 3)
    got = gumbel_softmax(logits.expand_as(noise), noise, 0.5, straight_through=True)
    five_standard_errors = 5 * (0.25 / 40_000) ** 0.5
    assert float((got.mean(0) - logits.softmax(0)).abs().max()) < five_standard_errors


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax_is_finite_at_extreme_logits(hard):
    logits = leaf([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -999.0]])
    got = gumbel_softmax(logits, torch.zeros_like(logits), 0.1, hard)
    (got * double([1.0, 2.0, 3.0])).sum().backward()
    expected = double([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(got.detach(), expected, rtol=0, atol=1e-4)
    assert bool(logits.grad.isfinite().all())


def test_the_temperature_may_be_a_tensor():
    logits, noise = draws(0, 4, 3), gumbel(0, 4, 3)
    torch.testing.assert_close(
        gumbel_softmax(logits, noise, double(0.6), False), gumbel_softmax(logits, noise, 0.6, False)
    )


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"weights: expected shape \(2,\), got \(3,\)"):
        gaussian_score(torch.zeros(4, 2), torch.zeros(3), 1.0, torch.zeros(4))
    with pytest.raises(ValueError, match=r"std: expected a number above 0, got 0"):
        gaussian_score(torch.zeros(4, 2), torch.zeros(2), 0.0, torch.zeros(4))
    with pytest.raises(ValueError, match=r"value: expected shape \(4,\) like log_prob"):
        score_function_surrogate(torch.zeros(4), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="the number of samples: expected at least 2, got 1"):
        leave_one_out_surrogate(torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match=r"f\(sample\): expected shape \(4,\), got \(4, 2\)"):
        pathwise_estimate(torch.square, torch.zeros(2), torch.zeros(2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="temperature: expected a number above 0"):
        gumbel_softmax(torch.zeros(4, 2), torch.zeros(4, 2), 0.0, False)
