"""Maximum entropy: closed forms, Bellman equations, the improvement theorem, and both limits."""

import pytest
import torch

from course_lib.reference import (
    action_value,
    boltzmann_policy,
    categorical_entropy,
    categorical_kl,
    kl_policy_loss,
    policy_evaluation,
    soft_policy_evaluation,
    soft_policy_iteration,
    soft_value,
)
from tests.helpers import double, leaf
from tests.properties import given, settings, st
from tests.tabular_problems import mdp_and_policy

MDPS = st.builds(mdp_and_policy, st.integers(0, 2**20), st.integers(1, 5), st.integers(1, 4))
TEMPERATURE = st.floats(0.05, 5)


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_boltzmann_policy_and_its_value_by_hand():
    q_value = double([[0.0, 2 * double(3.0).log()]])
    torch.testing.assert_close(boltzmann_policy(q_value, 2.0), double([[0.25, 0.75]]))
    torch.testing.assert_close(soft_value(q_value, 2.0), 2 * double([4.0]).log())


@given(st.integers(0, 2**20), TEMPERATURE)
def test_no_policy_does_better_than_boltzmann(seed, temperature):
    q_value = draws(seed, 6, 4)

    def objective(log_pi):
        return (log_pi.exp() * (q_value - temperature * log_pi)).sum(-1)

    best = soft_value(q_value, temperature)
    torch.testing.assert_close(objective(boltzmann_policy(q_value, temperature).log()), best)
    other = objective(draws(seed + 1, 6, 4).log_softmax(-1))
    assert bool((other <= best + 1e-12).all())


@given(st.integers(0, 2**20), TEMPERATURE)
def test_the_soft_value_lies_between_the_maximum_and_log_k_above_it(seed, temperature):
    q_value = draws(seed, 6, 4)
    got, largest = soft_value(q_value, temperature), q_value.amax(-1)
    assert bool((got >= largest - 1e-12).all())
    assert bool((got <= largest + temperature * double(4.0).log() + 1e-12).all())


def test_a_low_temperature_is_greedy_and_a_high_one_uniform():
    q_value = draws(0, 6, 4)
    torch.testing.assert_close(soft_value(q_value, 1e-4), q_value.amax(-1), rtol=0, atol=2e-4)
    greedy = torch.nn.functional.one_hot(q_value.argmax(-1), 4).double()
    torch.testing.assert_close(boltzmann_policy(q_value, 1e-4), greedy, rtol=0, atol=1e-6)
    uniform = torch.full_like(q_value, 0.25)
    torch.testing.assert_close(boltzmann_policy(q_value, 1e6), uniform, rtol=1e-5, atol=0)


def test_extreme_values_stay_exact():
    q_value = leaf([[1e4, -1e4], [-1e4, -1e4]])
    got = soft_value(q_value, 0.5)
    torch.testing.assert_close(got.detach(), double([1e4, -1e4 + 0.5 * double(2.0).log()]))
    got.sum().backward()
    torch.testing.assert_close(q_value.grad, double([[1.0, 0.0], [0.5, 0.5]]))
    policy = boltzmann_policy(double([[1000.0, -1000.0]]), 0.1)
    assert torch.equal(policy, double([[1.0, 0.0]]))


def test_the_slopes_of_the_soft_value_are_policy_and_entropy():
    q_value, temperature = draws(0, 1, 4).requires_grad_(), leaf(0.7)
    soft_value(q_value, temperature).sum().backward()
    pi = boltzmann_policy(q_value, 0.7).detach()
    torch.testing.assert_close(q_value.grad, pi)
    torch.testing.assert_close(temperature.grad, categorical_entropy(pi.log()).sum())


@given(MDPS, st.floats(0, 0.97), st.floats(0, 5))
@settings(max_examples=30)
def test_soft_q_solves_the_soft_bellman_equation(mdp, gamma, temperature):
    P, R, pi = mdp["P"], mdp["R"], mdp["pi"]
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    value = (pi * (q_value - temperature * pi.log())).sum(-1)
    torch.testing.assert_close(q_value, action_value(P, R, value, gamma))


def test_at_temperature_zero_it_is_ordinary_policy_evaluation():
    mdp = mdp_and_policy(0)
    P, R, pi = mdp["P"], mdp["R"], mdp["pi"]
    expected = action_value(P, R, policy_evaluation(P, R, pi, 0.9), 0.9)
    torch.testing.assert_close(soft_policy_evaluation(P, R, pi, 0.9, 0.0), expected)


def test_the_entropy_of_the_state_itself_is_not_in_q():
    mdp = mdp_and_policy(0)
    got = soft_policy_evaluation(mdp["P"], mdp["R"], mdp["pi"], 0.0, 3.0)
    torch.testing.assert_close(got, mdp["R"])


def test_a_policy_that_never_takes_an_action_has_finite_values():
    mdp = mdp_and_policy(0, states=2, actions=2)
    sure = double([[1.0, 0.0], [0.0, 1.0]])
    got = soft_policy_evaluation(mdp["P"], mdp["R"], sure, 0.9, 2.0)
    plain = soft_policy_evaluation(mdp["P"], mdp["R"], sure, 0.9, 0.0)
    torch.testing.assert_close(got, plain)


@given(MDPS, st.floats(0, 0.95), TEMPERATURE)
@settings(max_examples=30)
def test_every_iteration_improves_every_soft_value(mdp, gamma, temperature):
    P, R = mdp["P"], mdp["R"]
    before = soft_policy_iteration(P, R, gamma, temperature, 0)[1]
    for iterations in range(1, 4):
        pi, after = soft_policy_iteration(P, R, gamma, temperature, iterations)
        assert bool((after >= before - 1e-9).all())
        torch.testing.assert_close(after, soft_policy_evaluation(P, R, pi, gamma, temperature))
        before = after


@given(MDPS, st.floats(0, 0.9), st.floats(0.2, 5))
@settings(max_examples=20)
def test_it_ends_at_the_fixed_point_of_soft_value_iteration(mdp, gamma, temperature):
    P, R = mdp["P"], mdp["R"]
    pi, q_value = soft_policy_iteration(P, R, gamma, temperature, 60)
    torch.testing.assert_close(
        q_value, action_value(P, R, soft_value(q_value, temperature), gamma), rtol=1e-6, atol=1e-7
    )
    torch.testing.assert_close(pi, boltzmann_policy(q_value, temperature), rtol=1e-6, atol=1e-7)


def test_the_iteration_starts_uniform():
    mdp = mdp_and_policy(0)
    pi, q_value = soft_policy_iteration(mdp["P"], mdp["R"], 0.9, 0.5, 0)
    assert torch.equal(pi, torch.full((4, 3), 1 / 3, dtype=torch.float64))
    torch.testing.assert_close(q_value, soft_policy_evaluation(mdp["P"], mdp["R"], pi, 0.9, 0.5))


@given(st.integers(0, 2**20), TEMPERATURE)
def test_the_kl_loss_is_a_kl_without_its_log_z(seed, temperature):
    logits, q_value = draws(seed, 6, 4), draws(seed + 1, 6, 4)
    got = kl_policy_loss(logits, q_value, temperature)
    divergence = categorical_kl(logits, q_value / temperature)
    log_z = soft_value(q_value, temperature) / temperature
    torch.testing.assert_close(got, (divergence - log_z).mean())


def test_the_kl_loss_has_the_gradient_of_a_soft_policy_gradient():
    logits, q_value, temperature = (
        draws(0, 3, 4).requires_grad_(),
        leaf([[1.0, 2, 3, 4]] * 3),
        leaf(0.5),
    )
    kl_policy_loss(logits, q_value, temperature).backward()
    pi = logits.detach().softmax(-1)
    weight = q_value.detach() / 0.5 - pi.log()
    expected = -pi * (weight - (pi * weight).sum(-1, keepdim=True)) / 3
    torch.testing.assert_close(logits.grad, expected)
    assert q_value.grad is None
    assert temperature.grad is None


def test_the_kl_loss_is_least_at_the_boltzmann_policy():
    q_value = draws(0, 3, 4)
    best = (q_value / 0.5).requires_grad_()
    loss = kl_policy_loss(best, q_value, 0.5)
    (slope,) = torch.autograd.grad(loss, best)
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-12)
    assert float(kl_policy_loss(q_value / 0.6, q_value, 0.5)) > float(loss.detach())


def test_the_kl_loss_is_finite_at_extreme_logits():
    logits = leaf([[1000.0, -1000.0], [-1000.0, 1000.0]])
    loss = kl_policy_loss(logits, double([[1.0, 2.0], [3.0, 4.0]]), 0.5)
    torch.testing.assert_close(loss.detach(), double(-(1 / 0.5 + 4 / 0.5) / 2))
    loss.backward()
    assert bool(logits.grad.isfinite().all())


def test_bad_input_is_named():
    mdp = mdp_and_policy(0)
    for function in (boltzmann_policy, soft_value):
        with pytest.raises(ValueError, match="temperature: expected a number above 0, got 0"):
            function(torch.zeros(2, 3), 0.0)
    with pytest.raises(ValueError, match=r"q_value: expected shape \(2, 3\) like logits"):
        kl_policy_loss(torch.zeros(2, 3), torch.zeros(2, 2), 1.0)
    with pytest.raises(ValueError, match=r"gamma: expected a number in \[0, 1\)"):
        soft_policy_evaluation(mdp["P"], mdp["R"], mdp["pi"], 1.0, 1.0)
    with pytest.raises(ValueError, match="temperature: expected a number of at least 0"):
        soft_policy_evaluation(mdp["P"], mdp["R"], mdp["pi"], 0.9, -1.0)
    with pytest.raises(ValueError, match="iterations: expected at least 0"):
        soft_policy_iteration(mdp["P"], mdp["R"], 0.9, 1.0, -1)
