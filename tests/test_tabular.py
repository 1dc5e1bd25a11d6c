"""Exact values and visits: by hand, by their equations, by power series and by enumeration."""

import pytest
import torch

from course_lib.reference import (
    action_value,
    expected_return,
    policy_evaluation,
    state_visitation,
)
from tests.helpers import double
from tests.properties import given, settings, st
from tests.tabular_problems import mdp_and_policy, random_mdp, return_by_enumeration

MDPS = st.builds(mdp_and_policy, st.integers(0, 2**20), st.integers(1, 5), st.integers(1, 4))


def chain():
    """State 0 always leads to state 1, which stays; rewards 1 and 2; one action."""
    P = double([[[0.0, 1.0]], [[0.0, 1.0]]])
    return P, double([[1.0], [2.0]]), double([[1.0], [1.0]]), double([1.0, 0.0])


def test_values_and_visits_of_a_chain_by_hand():
    P, R, pi, p0 = chain()
    last = 2 / (1 - 0.5)
    value = policy_evaluation(P, R, pi, 0.5)
    torch.testing.assert_close(value, double([1 + 0.5 * last, last]))
    torch.testing.assert_close(action_value(P, R, value, 0.5), value.unsqueeze(-1))
    torch.testing.assert_close(state_visitation(P, pi, p0, 0.5), double([1.0, 0.5 / (1 - 0.5)]))
    torch.testing.assert_close(expected_return(P, R, pi, p0, 0.5), double(1 + 0.5 * last))


@given(MDPS, st.floats(0, 0.99))
@settings(max_examples=30)
def test_values_solve_the_bellman_equation(mdp, gamma):
    value = policy_evaluation(mdp["P"], mdp["R"], mdp["pi"], gamma)
    q_value = action_value(mdp["P"], mdp["R"], value, gamma)
    torch.testing.assert_close((mdp["pi"] * q_value).sum(-1), value)


@given(MDPS, st.floats(0, 0.8))
@settings(max_examples=30)
def test_visits_are_the_sum_over_time(mdp, gamma):
    chain = torch.einsum("sk,skt->st", mdp["pi"], mdp["P"])
    probability, total = mdp["p0"], torch.zeros_like(mdp["p0"])
    for k in range(200):
        total = total + gamma**k * probability
        probability = probability @ chain
    got = state_visitation(mdp["P"], mdp["pi"], mdp["p0"], gamma)
    torch.testing.assert_close(got, total)
    torch.testing.assert_close(got.sum(), double(1 / (1 - gamma)))


@given(MDPS, st.floats(0, 0.99))
@settings(max_examples=30)
def test_the_return_is_what_is_earned_where_one_is(mdp, gamma):
    earned = (mdp["pi"] * mdp["R"]).sum(-1)
    visits = state_visitation(mdp["P"], mdp["pi"], mdp["p0"], gamma)
    torch.testing.assert_close(expected_return(**mdp, gamma=gamma), visits @ earned)


def test_the_return_is_the_sum_over_all_trajectories():
    mdp, gamma, horizon = random_mdp(3, states=2, actions=2), 0.1, 5
    exact = expected_return(mdp["P"], mdp["R"], mdp["logits"].softmax(-1), mdp["p0"], gamma)
    enumerated = return_by_enumeration(**mdp, gamma=gamma, horizon=horizon)
    bound = gamma**horizon * float(mdp["R"].abs().max()) / (1 - gamma)
    assert abs(float(exact - enumerated)) <= bound
    assert bound < 1e-4


def test_the_transposed_chain_would_give_other_visits():
    mdp = mdp_and_policy(0)
    chain = torch.einsum("sk,skt->st", mdp["pi"], mdp["P"])
    wrong = torch.linalg.solve(torch.eye(4, dtype=torch.float64) - 0.9 * chain, mdp["p0"])
    right = state_visitation(mdp["P"], mdp["pi"], mdp["p0"], 0.9)
    assert float((wrong - right).abs().max()) > 0.1


def test_the_gradient_through_the_solve_is_that_of_finite_differences():
    mdp = mdp_and_policy(1, states=3, actions=2)
    for name in ("P", "R", "pi", "p0"):
        others = {key: value for key, value in mdp.items() if key != name}
        assert torch.autograd.gradcheck(
            lambda tensor, name=name, others=others: expected_return(
                **others, **{name: tensor}, gamma=0.9
            ),
            mdp[name].clone().requires_grad_(),
        )


def test_an_infinite_horizon_without_a_discount_is_refused():
    mdp = mdp_and_policy(0)
    for gamma in (1.0, -0.1, 1.5):
        with pytest.raises(ValueError, match=r"gamma: expected a number in \[0, 1\)"):
            policy_evaluation(mdp["P"], mdp["R"], mdp["pi"], gamma)
        with pytest.raises(ValueError, match=r"gamma: expected a number in \[0, 1\)"):
            state_visitation(mdp["P"], mdp["pi"], mdp["p0"], gamma)


def test_shapes_that_do_not_fit_are_named():
    mdp = mdp_and_policy(0)
    with pytest.raises(ValueError, match=r"R: expected shape \(4, 3\), got \(3, 4\)"):
        policy_evaluation(mdp["P"], mdp["R"].mT, mdp["pi"], 0.9)
    with pytest.raises(ValueError, match=r"p0: expected shape \(4,\), got \(4, 1\)"):
        state_visitation(mdp["P"], mdp["pi"], mdp["p0"].unsqueeze(-1), 0.9)
    with pytest.raises(ValueError, match=r"P: expected shape \(4, 3, 4\), got \(4, 3, 3\)"):
        action_value(mdp["P"][:, :, :3], mdp["R"], mdp["p0"], 0.9)
    with pytest.raises(ValueError, match=r"value: expected shape \(4,\), got \(3,\)"):
        action_value(mdp["P"], mdp["R"], mdp["p0"][:3], 0.9)
