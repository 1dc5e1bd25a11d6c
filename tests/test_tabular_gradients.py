"""The policy gradient theorem: many ways to one number on random MDPs, and ways that miss it."""

import math

import pytest
import torch

from course_lib.reference import (
    action_value,
    likelihood_ratio_gradient,
    policy_evaluation,
    policy_gradient_theorem,
    state_visitation,
    undiscounted_gradient,
    unrolled_gradient,
    value_gradient_recursion,
)
from tests.properties import given, settings, st
from tests.tabular_problems import random_mdp, return_by_enumeration, return_of_logits

MDPS = st.builds(random_mdp, st.integers(0, 2**20), st.integers(1, 5), st.integers(1, 4))


def exact_gradient(mdp, gamma):
    """∇J by autograd through the linear solve."""
    logits = mdp["logits"].clone().requires_grad_()
    return torch.autograd.grad(return_of_logits(**{**mdp, "logits": logits}, gamma=gamma), logits)[
        0
    ]


def values(mdp, gamma):
    pi = mdp["logits"].softmax(-1)
    value = policy_evaluation(mdp["P"], mdp["R"], pi, gamma)
    return pi, value, action_value(mdp["P"], mdp["R"], value, gamma)


@given(MDPS, st.floats(0, 0.97))
@settings(max_examples=40)
def test_the_theorem_is_autograd_through_the_linear_solve(mdp, gamma):
    torch.testing.assert_close(
        policy_gradient_theorem(**mdp, gamma=gamma), exact_gradient(mdp, gamma)
    )


def test_the_theorem_is_the_slope_of_finite_differences():
    mdp, gamma, h = random_mdp(0), 0.9, 1e-5
    slope = torch.zeros_like(mdp["logits"])
    for s, k in torch.cartesian_prod(torch.arange(4), torch.arange(3)).tolist():
        shift = torch.zeros_like(slope)
        shift[s, k] = h
        up, down = (
            return_of_logits(**{**mdp, "logits": mdp["logits"] + sign * shift}, gamma=gamma)
            for sign in (1, -1)
        )
        slope[s, k] = (up - down) / (2 * h)
    torch.testing.assert_close(
        policy_gradient_theorem(**mdp, gamma=gamma), slope, rtol=1e-6, atol=1e-8
    )


def test_the_theorem_is_the_gradient_of_the_sum_over_all_trajectories():
    mdp, gamma, horizon = random_mdp(5, states=2, actions=2), 0.02, 5
    logits = mdp["logits"].clone().requires_grad_()
    enumerated = return_by_enumeration(**{**mdp, "logits": logits}, gamma=gamma, horizon=horizon)
    (slope,) = torch.autograd.grad(enumerated, logits)
    # What lies beyond the horizon is of the order of γ⁵ = 3e-9.
    torch.testing.assert_close(
        policy_gradient_theorem(**mdp, gamma=gamma), slope, rtol=1e-6, atol=1e-7
    )


@given(MDPS, st.floats(0, 0.8))
@settings(max_examples=20)
def test_the_unrolled_sum_tends_to_the_theorem(mdp, gamma):
    exact = policy_gradient_theorem(**mdp, gamma=gamma)
    torch.testing.assert_close(unrolled_gradient(**mdp, gamma=gamma, steps=150), exact)


def test_the_error_of_the_unrolled_sum_shrinks_by_gamma_a_step():
    mdp, gamma = random_mdp(2), 0.7
    exact = policy_gradient_theorem(**mdp, gamma=gamma)
    error = [
        float((unrolled_gradient(**mdp, gamma=gamma, steps=steps) - exact).norm())
        for steps in (10, 11, 30)
    ]
    assert error[1] / error[0] == pytest.approx(gamma, rel=1e-2)
    assert error[2] < 1.1 * gamma**20 * error[0]


def test_the_sum_over_no_further_steps_is_the_first_state_alone():
    mdp = random_mdp(2)
    pi, value, q_value = values(mdp, 0.9)
    by_hand = mdp["p0"].unsqueeze(-1) * pi * (q_value - value.unsqueeze(-1))
    torch.testing.assert_close(unrolled_gradient(**mdp, gamma=0.9, steps=0), by_hand)


@given(MDPS, st.floats(0, 0.95))
@settings(max_examples=20)
def test_the_true_gradient_of_the_values_is_the_recursions_fixed_point(mdp, gamma):
    def all_values(logits):
        return policy_evaluation(mdp["P"], mdp["R"], logits.softmax(-1), gamma)

    pi, _, q_value = values(mdp, gamma)
    true = torch.autograd.functional.jacobian(all_values, mdp["logits"])
    got = value_gradient_recursion(mdp["P"], pi, q_value, true, gamma)
    torch.testing.assert_close(got, true)
    other = value_gradient_recursion(mdp["P"], pi, q_value, true + 1.0, gamma)
    torch.testing.assert_close(other, true + gamma)


def test_repeating_the_recursion_from_zero_unrolls_the_proof():
    mdp, gamma = random_mdp(4), 0.8
    pi, _, q_value = values(mdp, gamma)
    gradient = torch.zeros(4, 4, 3, dtype=torch.float64)
    for _ in range(6):
        gradient = value_gradient_recursion(mdp["P"], pi, q_value, gradient, gamma)
    unrolled = unrolled_gradient(**mdp, gamma=gamma, steps=5)
    torch.testing.assert_close(torch.einsum("s,suk->uk", mdp["p0"], gradient), unrolled)


def every_pair(mdp):
    """All states and actions once, and the probability of each pair under d^π (1 − γ) and π."""
    states, actions = mdp["R"].shape
    pairs = torch.cartesian_prod(torch.arange(states), torch.arange(actions))
    return pairs[:, 0], pairs[:, 1]


@given(MDPS.filter(lambda mdp: mdp["R"].shape[1] > 1), st.floats(0, 0.95))
@settings(max_examples=20)
def test_the_likelihood_ratio_form_has_the_right_expectation(mdp, gamma):
    pi, _, q_value = values(mdp, gamma)
    state, action = every_pair(mdp)
    visits = state_visitation(mdp["P"], pi, mdp["p0"], gamma)
    probability = visits[state] * pi[state, action]
    got = likelihood_ratio_gradient(
        mdp["logits"], state, action, q_value[state, action], probability * len(state)
    )
    torch.testing.assert_close(got, policy_gradient_theorem(**mdp, gamma=gamma))


def test_the_likelihood_ratio_form_is_autograd_of_the_weighted_log_probability():
    mdp = random_mdp(6)
    generator = torch.Generator().manual_seed(0)
    state = torch.randint(4, (50,), generator=generator)
    action = torch.randint(3, (50,), generator=generator)
    q_value, weight = torch.randn(2, 50, generator=generator, dtype=torch.float64)
    logits = mdp["logits"].clone().requires_grad_()
    log_prob = logits.log_softmax(-1)[state, action]
    (expected,) = torch.autograd.grad((weight * q_value * log_prob).mean(), logits)
    got = likelihood_ratio_gradient(mdp["logits"], state, action, q_value, weight)
    torch.testing.assert_close(got, expected)


def test_three_steps_of_the_undiscounted_direction_by_hand():
    mdp = random_mdp(7)
    pi, value, q_value = values(mdp, 0.9)
    chain = torch.einsum("sk,skt->st", pi, mdp["P"])
    visits = mdp["p0"] + mdp["p0"] @ chain + mdp["p0"] @ chain @ chain
    by_hand = visits.unsqueeze(-1) * pi * (q_value - value.unsqueeze(-1))
    got = undiscounted_gradient(**mdp, gamma=0.9, horizon=3)
    torch.testing.assert_close(got, by_hand)


def test_the_undiscounted_direction_can_be_far_off():
    cosine = []
    for seed in range(40):
        mdp = random_mdp(seed, states=3, actions=2)
        exact = policy_gradient_theorem(**mdp, gamma=0.3)
        got = undiscounted_gradient(**mdp, gamma=0.3, horizon=200)
        cosine.append(float(torch.cosine_similarity(got.flatten(), exact.flatten(), dim=0)))
        # Each state's own part is only stretched, so a tabular policy never goes downhill.
        assert bool(((got * exact).sum(-1) >= 0).all())
    assert min(cosine) < 0.8
    assert max(cosine) > 0.99


@pytest.mark.parametrize(
    "wrong",
    [
        lambda pi, value, q, visits, R: visits * pi * (R - (pi * R).sum(-1, keepdim=True)),
        lambda pi, value, q, visits, R: 0.1 * visits * pi * (q - value),
        lambda pi, value, q, visits, R: visits * (q - value),
        lambda pi, value, q, visits, R: visits * pi * q,
    ],
    ids=["reward for Q", "normalised visits", "without π", "∇π without the softmax's sum"],
)
def test_known_mistakes_give_another_gradient(wrong):
    mdp = random_mdp(8)
    pi, value, q_value = values(mdp, 0.9)
    visits = state_visitation(mdp["P"], pi, mdp["p0"], 0.9).unsqueeze(-1)
    got = wrong(pi, value.unsqueeze(-1), q_value, visits, mdp["R"])
    assert float((got - exact_gradient(mdp, 0.9)).abs().max()) > 0.01


def test_a_gradient_of_logits_sums_to_zero_in_every_state():
    mdp = random_mdp(9)
    total = policy_gradient_theorem(**mdp, gamma=0.9).sum(-1)
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=1e-12)


def test_bad_input_is_named():
    mdp = random_mdp(0)
    with pytest.raises(ValueError, match=r"logits: expected shape \(4, 3\), got \(3, 3\)"):
        policy_gradient_theorem(**{**mdp, "logits": mdp["logits"][:3]}, gamma=0.9)
    with pytest.raises(ValueError, match=r"gamma: expected a number in \[0, 1\)"):
        policy_gradient_theorem(**mdp, gamma=1.0)
    with pytest.raises(ValueError, match="steps: expected at least 0, got -1"):
        unrolled_gradient(**mdp, gamma=0.9, steps=-1)
    with pytest.raises(ValueError, match="horizon: expected at least 1, got 0"):
        undiscounted_gradient(**mdp, gamma=0.9, horizon=0)
    with pytest.raises(ValueError, match=r"value_gradient: expected shape \(4, 4, 3\)"):
        value_gradient_recursion(mdp["P"], mdp["R"], mdp["R"], mdp["R"], 0.9)
    two, three = torch.zeros(2, dtype=torch.int64), torch.zeros(3)
    with pytest.raises(ValueError, match=r"q_value: expected shape \(2,\) like state, got \(3,\)"):
        likelihood_ratio_gradient(mdp["logits"], two, two, three, three)


def test_the_sampled_gradient_is_within_its_standard_errors():
    mdp, gamma, n = random_mdp(10), 0.8, 20_000
    pi, _, q_value = values(mdp, gamma)
    generator = torch.Generator().manual_seed(0)
    visits = state_visitation(mdp["P"], pi, mdp["p0"], gamma)
    state = torch.multinomial(visits, n, replacement=True, generator=generator)
    action = torch.multinomial(pi[state], 1, generator=generator).squeeze(-1)
    weight = torch.full((n,), 1 / (1 - gamma), dtype=torch.float64)
    got = likelihood_ratio_gradient(mdp["logits"], state, action, q_value[state, action], weight)
    largest = float(q_value.abs().max()) / (1 - gamma)
    exact = policy_gradient_theorem(**mdp, gamma=gamma)
    assert float((got - exact).abs().max()) < 5 * largest / math.sqrt(n)
