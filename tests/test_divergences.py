"""Divergences: against torch.distributions, by hand, at the limits, and Pinsker's inequality."""

import math

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from course_lib.reference import (
    categorical_kl,
    fisher_matrix,
    gaussian_kl,
    gaussian_log_prob,
    total_variation,
)
from tests.helpers import double, leaf
from tests.properties import given, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_categorical_kl_agrees_with_torch():
    logits_p, logits_q = 3 * draws(0, 40, 5), 3 * draws(1, 40, 5)
    expected = kl_divergence(Categorical(logits=logits_p), Categorical(logits=logits_q))
    torch.testing.assert_close(categorical_kl(logits_p, logits_q), expected)
    # A planted bug: the other way round.
    assert float((categorical_kl(logits_q, logits_p) - expected).abs().max()) > 0.1


@pytest.mark.parametrize("shared", [True, False])
def test_gaussian_kl_agrees_with_torch(shared):
    mean_p, mean_q = draws(0, 40, 3), draws(1, 40, 3)
    log_std_p, log_std_q = (draws(seed, *((3,) if shared else (40, 3))) for seed in (2, 3))
    expected = kl_divergence(Normal(mean_p, log_std_p.exp()), Normal(mean_q, log_std_q.exp()))
    got = gaussian_kl(mean_p, log_std_p, mean_q, log_std_q)
    torch.testing.assert_close(got, expected.sum(-1))
    swapped = gaussian_kl(mean_q, log_std_q, mean_p, log_std_p)
    assert float((swapped - got).abs().max()) > 0.1


def test_action_dimensions_are_summed_where_sb3_contribs_trpo_takes_their_mean():
    # The log-probabilities of independent dimensions add up, so their divergences do. The peer's
    # mean over everything makes its trust region D times as wide as the same limit is here.
    distributions = pytest.importorskip("stable_baselines3.common.distributions")
    inputs = [draws(0, 40, 3), draws(1, 3), draws(2, 40, 3), draws(3, 3)]
    p, q = (
        distributions.DiagGaussianDistribution(3).proba_distribution(mean, log_std)
        for mean, log_std in (inputs[:2], inputs[2:])
    )
    theirs = distributions.kl_divergence(p, q).mean()
    torch.testing.assert_close(gaussian_kl(*inputs).mean(), 3 * theirs)


def test_gaussian_kl_by_hand():
    zero, log_two = double([0.0]), double([math.log(2)])
    got = gaussian_kl(double([[1.0]]), log_two, double([[4.0]]), zero)
    torch.testing.assert_close(got, double([math.log(1 / 2) + (4 + 9) / 2 - 0.5]))


@given(st.integers(0, 2**20))
def test_divergences_are_not_negative_and_zero_between_equals(seed):
    p, q, spread_p, spread_q = (draws(seed + i, 6, 4) for i in range(4))
    assert bool((categorical_kl(p, q) >= 0).all())
    assert bool((gaussian_kl(p, spread_p, q, spread_q) >= 0).all())
    assert torch.equal(gaussian_kl(p, spread_p, p, spread_p), torch.zeros(6).double())
    assert torch.equal(categorical_kl(p, p), torch.zeros(6).double())


@given(st.integers(0, 2**20))
def test_pinskers_inequality(seed):
    p, q = 3 * draws(seed, 6, 4), 3 * draws(seed + 1, 6, 4)
    distance = total_variation(p.softmax(-1), q.softmax(-1))
    assert bool((distance <= (0.5 * categorical_kl(p, q)).sqrt() + 1e-12).all())


def test_total_variation_by_hand_and_at_its_limits():
    p, q = double([[0.5, 0.3, 0.2]]), double([[0.1, 0.4, 0.5]])
    torch.testing.assert_close(total_variation(p, q), double([0.4]))
    sure = torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(total_variation(sure, sure.flip(0)), double([1.0, 1.0]))


@given(st.integers(0, 2**20))
def test_the_hessian_of_the_kl_of_logits_is_the_fisher_matrix(seed):
    logits = draws(seed, 4)
    pi = logits.softmax(-1)
    score = torch.eye(4, dtype=torch.float64) - pi
    # Σ_a π_a g_a g_aᵀ: rows scaled so that their plain mean has these weights.
    fisher = fisher_matrix((4 * pi).sqrt().unsqueeze(-1) * score)
    for order in (
        lambda theta: categorical_kl(logits[None], theta[None])[0],
        lambda theta: categorical_kl(theta[None], logits[None])[0],
    ):
        hessian = torch.autograd.functional.hessian(order, logits)
        torch.testing.assert_close(hessian, fisher, rtol=1e-6, atol=1e-9)


def test_the_hessian_of_the_kl_of_a_gaussian_is_its_fisher_matrix():
    mean, log_std = double([0.3]), double([-0.4])

    def kl(theta):
        return gaussian_kl(mean[None], log_std, theta[:1][None], theta[1:])[0]

    hessian = torch.autograd.functional.hessian(kl, torch.cat([mean, log_std]))
    expected = double([[math.exp(0.8), 0.0], [0.0, 2.0]])
    torch.testing.assert_close(hessian, expected)
    # The same matrix as the mean outer product of sampled scores.
    noise = draws(0, 100_000)
    theta = torch.cat([mean, log_std])
    score = torch.func.vmap(
        torch.func.grad(lambda t, a: gaussian_log_prob(t[:1][None], t[1:], a[None, None])[0]),
        in_dims=(None, 0),
    )(theta, mean + log_std.exp() * noise)
    assert float((fisher_matrix(score) - expected).abs().max()) < 0.1


def test_extreme_logits_give_finite_divergences_and_gradients():
    logits_p, logits_q = leaf([[1000.0, -1000.0]]), leaf([[-1000.0, 1000.0]])
    got = categorical_kl(logits_p, logits_q)
    torch.testing.assert_close(got.detach(), double([2000.0]))
    got.sum().backward()
    assert bool(logits_p.grad.isfinite().all())
    assert bool(logits_q.grad.isfinite().all())


def test_a_tiny_step_has_half_its_squared_length_over_the_spread():
    mean, log_std = double([[0.0]]), double([0.0])
    step = 1e-8
    got = gaussian_kl(mean, log_std, mean + step, log_std)
    torch.testing.assert_close(got, double([step**2 / 2]), rtol=1e-9, atol=0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"logits_q: expected shape \(4, 2\) like logits_p"):
        categorical_kl(torch.zeros(4, 2), torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"log_std_q: expected shape \(4, 2\), got \(3,\)"):
        gaussian_kl(*(torch.zeros(4, 2),) * 3, torch.zeros(3))
    with pytest.raises(ValueError, match="q: expected shape"):
        total_variation(torch.zeros(4, 2), torch.zeros(2))
