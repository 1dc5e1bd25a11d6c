"""CEM, RWR and REPS: by hand, at the limits of their temperatures, and the dual's promise."""

import math

import pytest
import torch

from course_lib.reference import cem_update, reps_dual, reps_weight, rwr_weight
from tests.helpers import double, leaf
from tests.properties import given, settings, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_elite_is_fitted_by_hand():
    sample = double([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [6.0, 30.0]])
    mean, std = cem_update(sample, double([5.0, -1.0, 2.0, 9.0]), 0.5, 0.1)
    torch.testing.assert_close(mean, double([(1 + 6) / 2, (10 + 30) / 2]))
    torch.testing.assert_close(std, double([2.5, 10.0]))


@pytest.mark.parametrize(
    ("fraction", "elite"), [(0.01, 1), (0.25, 1), (0.49, 1), (0.5, 2), (0.99, 3), (1.0, 4)]
)
def test_the_elites_size_is_rounded_down_and_at_least_one(fraction, elite):
    sample, score = double([[0.0], [1.0], [2.0], [3.0]]), double([0.0, 1.0, 2.0, 3.0])
    mean, std = cem_update(sample, score, fraction, 0.0)
    best = double([3.0, 2.0, 1.0, 0.0][:elite])
    torch.testing.assert_close(mean, best.mean().unsqueeze(0))
    torch.testing.assert_close(std, best.std(correction=0).unsqueeze(0))


def test_the_spread_never_falls_below_its_floor():
    sample = double([[1.0, 0.0], [1.0, 5.0]])
    _, std = cem_update(sample, double([1.0, 2.0]), 1.0, 0.3)
    torch.testing.assert_close(std, double([0.3, 2.5]))


def test_cem_finds_the_top_of_a_hill():
    generator = torch.Generator().manual_seed(0)
    mean, std = torch.zeros(3).double(), 3 * torch.ones(3).double()
    top = double([1.0, -2.0, 3.0])
    for _ in range(40):
        noise = torch.randn(60, 3, generator=generator, dtype=torch.float64)
        sample = mean + std * noise
        mean, std = cem_update(sample, -(sample - top).square().sum(-1), 0.2, 1e-3)
    assert float((mean - top).abs().max()) < 0.01


@pytest.mark.parametrize("weight", [rwr_weight, reps_weight])
def test_the_weights_by_hand(weight):
    got = weight(2 * double([1.0, 3.0]).log(), 2.0)
    torch.testing.assert_close(got, double([0.25, 0.75]))


@pytest.mark.parametrize("weight", [rwr_weight, reps_weight])
@given(seed=st.integers(0, 2**20), temperature=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_weights_sum_to_one_and_forget_any_constant(weight, seed, temperature, shift):
    number = draws(seed, 7)
    got = weight(number, temperature)
    torch.testing.assert_close(got.sum(), double(1.0))
    torch.testing.assert_close(weight(number + shift, temperature), got, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weight", [rwr_weight, reps_weight])
def test_a_cold_weight_keeps_the_best_and_a_hot_one_keeps_all(weight):
    number = double([1000.0, -1000.0, 999.0])
    torch.testing.assert_close(weight(number, 0.01), double([1.0, 0.0, 0.0]))
    torch.testing.assert_close(weight(number, 1e9), double([1 / 3] * 3), rtol=1e-5, atol=0)


def test_the_dual_by_hand():
    got = reps_dual(2 * double([1.0, 3.0]).log(), 2.0, 0.1)
    torch.testing.assert_close(got, double(2 * 0.1 + 2 * math.log((1 + 3) / 2)))


@pytest.mark.parametrize("number", [1000.0, -1000.0])
def test_the_dual_is_stable_at_extreme_advantages(number):
    eta = leaf(0.5)
    got = reps_dual(double([number, number, number]), eta, 0.1)
    torch.testing.assert_close(got.detach(), double(0.5 * 0.1 + number))
    got.backward()
    torch.testing.assert_close(eta.grad, double(0.1))


def minimiser(advantage, epsilon):
    """η by bisection on the dual's slope, which rises with η."""
    low, high = 1e-3, 1e3
    for _ in range(100):
        eta = leaf(math.sqrt(low * high))
        (slope,) = torch.autograd.grad(reps_dual(advantage, eta, epsilon), eta)
        low, high = (low, float(eta.detach())) if slope > 0 else (float(eta.detach()), high)
    return math.sqrt(low * high)


@given(st.integers(0, 2**20), st.floats(0.05, 0.8))
@settings(max_examples=15)
def test_at_the_duals_minimum_the_weights_are_as_greedy_as_allowed(seed, epsilon):
    advantage = draws(seed, 20)
    weight = reps_weight(advantage, minimiser(advantage, epsilon))
    divergence = (weight * (weight * 20).log()).sum()
    torch.testing.assert_close(divergence, double(epsilon), rtol=1e-4, atol=1e-6)


@given(st.integers(0, 2**20), st.floats(0.1, 5), st.floats(0.1, 5))
def test_the_dual_is_convex_in_eta(seed, first, second):
    advantage = draws(seed, 9)
    middle = reps_dual(advantage, (first + second) / 2, 0.2)
    ends = (reps_dual(advantage, first, 0.2) + reps_dual(advantage, second, 0.2)) / 2
    assert float(middle) <= float(ends) + 1e-9


def test_a_tensor_as_temperature_is_the_same_number():
    number = draws(0, 5)
    torch.testing.assert_close(rwr_weight(number, double(0.7)), rwr_weight(number, 0.7))
    torch.testing.assert_close(reps_weight(number, double(0.7)), reps_weight(number, 0.7))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"score: expected shape \(4,\), got \(4, 1\)"):
        cem_update(torch.zeros(4, 2), torch.zeros(4, 1), 0.5, 0.1)
    for fraction in (0.0, 1.5):
        with pytest.raises(ValueError, match=r"elite_fraction: expected a number in \(0, 1\]"):
            cem_update(torch.zeros(4, 2), torch.zeros(4), fraction, 0.1)
    with pytest.raises(ValueError, match="min_std: expected a number of at least 0"):
        cem_update(torch.zeros(4, 2), torch.zeros(4), 0.5, -0.1)
    with pytest.raises(ValueError, match="temperature: expected a number above 0"):
        rwr_weight(torch.zeros(4), 0.0)
    with pytest.raises(ValueError, match="eta: expected a number above 0"):
        reps_weight(torch.zeros(4), -1.0)
    with pytest.raises(ValueError, match="epsilon: expected a number of at least 0"):
        reps_dual(torch.zeros(4), 1.0, -0.1)
    with pytest.raises(ValueError, match="the number of samples: expected at least 1, got 0"):
        reps_dual(torch.zeros(0), 1.0, 0.1)
    with pytest.raises(ValueError, match="advantage: expected 1 dimension"):
        reps_weight(torch.zeros(4, 2), 1.0)
