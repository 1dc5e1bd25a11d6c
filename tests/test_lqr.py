"""The scalar LQR: the theorem against the sum over time, autograd, and the optimum of Riccati."""

import math

import pytest
import torch

from course_lib.reference import lqr_gradient
from tests.helpers import double, leaf
from tests.properties import assume, given, settings, st

PROBLEM = {"a": 1.1, "b": 0.5, "q": 1.0, "r": 0.2, "gamma": 0.95, "s0": 2.0}


def return_by_rollout(a, b, q, r, gain, gamma, s0, steps=3000):
    state, weight, total = s0, 1.0, 0.0
    for _ in range(steps):
        action = -gain * state
        total = total - weight * (q * state**2 + r * action**2)
        state, weight = a * state + b * action, weight * gamma
    return total


@given(st.floats(-1.5, 1.5), st.floats(-1, 1), st.floats(-2, 2), st.floats(0, 0.99))
@settings(max_examples=20)
def test_the_theorem_is_autograd_through_the_rollout(a, b, gain, gamma):
    assume(gamma * (a - b * gain) ** 2 < 0.9)
    inputs = {**PROBLEM, "a": a, "b": b, "gamma": gamma}
    theta = leaf(gain)
    total = return_by_rollout(**inputs, gain=theta, steps=200)
    (expected,) = torch.autograd.grad(total, theta)
    torch.testing.assert_close(lqr_gradient(**inputs, gain=gain), expected, rtol=1e-6, atol=1e-6)


def test_the_gradient_vanishes_at_the_optimal_gain():
    a, b, q, r, gamma = (PROBLEM[name] for name in ("a", "b", "q", "r", "gamma"))
    p = q
    for _ in range(2000):
        p = q + gamma * a**2 * p - (gamma * a * b * p) ** 2 / (r + gamma * b**2 * p)
    best = gamma * a * b * p / (r + gamma * b**2 * p)
    assert abs(float(lqr_gradient(**PROBLEM, gain=best))) < 1e-9
    assert float(lqr_gradient(**PROBLEM, gain=best - 0.1)) > 0
    assert float(lqr_gradient(**PROBLEM, gain=best + 0.1)) < 0


def test_without_a_future_only_the_actions_cost_counts():
    got = lqr_gradient(a=1.0, b=1.0, q=5.0, r=0.5, gain=0.8, gamma=0.0, s0=3.0)
    torch.testing.assert_close(got, double(-(3.0**2) * 2 * 0.5 * 0.8))


def test_the_theorem_through_a_critic_that_is_known():
    # Σ γ^t s_t² · ∂/∂gain Q(s, −gain s) at s = 1 with V held still: DPG, not the full derivative.
    a, b, q, r, gamma, s0 = (PROBLEM[name] for name in ("a", "b", "q", "r", "gamma", "s0"))
    gain = 0.9
    c = a - b * gain
    p = (q + r * gain**2) / (1 - gamma * c**2)
    theta = leaf(gain)
    q_of_policy = -(q + r * theta**2) - gamma * p * (a - b * theta) ** 2
    (slope,) = torch.autograd.grad(q_of_policy, theta)
    visits = s0**2 / (1 - gamma * c**2)
    torch.testing.assert_close(lqr_gradient(**PROBLEM, gain=gain), visits * slope)


def test_the_result_is_a_scalar_tensor_of_the_gains_dtype():
    assert lqr_gradient(**PROBLEM, gain=0.9).dtype == torch.float64
    got = lqr_gradient(**PROBLEM, gain=torch.tensor(0.9))
    assert (got.shape, got.dtype) == ((), torch.float32)


def test_an_unstable_loop_is_refused():
    with pytest.raises(ValueError, match=r"gain: expected γ \(a − b gain\)² below 1, got"):
        lqr_gradient(a=1.5, b=0.1, q=1.0, r=1.0, gain=0.0, gamma=0.95, s0=1.0)
    with pytest.raises(ValueError, match="gain: expected"):
        lqr_gradient(a=math.sqrt(2), b=0.0, q=1.0, r=1.0, gain=leaf(0.0), gamma=1.0, s0=1.0)
    with pytest.raises(ValueError, match="gain: expected"):
        lqr_gradient(a=1.0, b=0.0, q=1.0, r=1.0, gain=0.0, gamma=1.0, s0=1.0)
    with pytest.raises(ValueError, match="gamma: expected a number in"):
        lqr_gradient(**{**PROBLEM, "gamma": 1.2}, gain=0.5)
