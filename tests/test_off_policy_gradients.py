"""Off-policy gradients: the oracle is autograd, the approximation is not, and both can agree."""

import pytest
import torch

from course_lib.reference import (
    off_policy_gradient,
    off_policy_gradient_oracle,
    policy_evaluation,
    policy_gradient_theorem,
    state_visitation,
)
from tests.properties import given, settings, st
from tests.tabular_problems import random_mdp

MDPS = st.builds(random_mdp, st.integers(0, 2**20), st.integers(2, 5), st.integers(2, 4))


def off_policy_inputs(mdp, gamma):
    """The same MDP with visits of a uniform behaviour policy in place of p0."""
    uniform = torch.full_like(mdp["R"], 1 / mdp["R"].shape[1])
    visits = state_visitation(mdp["P"], uniform, mdp["p0"], gamma)
    return {
        **{name: mdp[name] for name in ("P", "R", "logits")},
        "behavior_visitation": visits,
        "gamma": gamma,
    }


def gradient_by_autograd(P, R, logits, behavior_visitation, gamma):
    """∇ Σ_s d^b(s) V^π(s)."""
    logits = logits.clone().requires_grad_()
    value = policy_evaluation(P, R, logits.softmax(-1), gamma)
    return torch.autograd.grad(behavior_visitation @ value, logits)[0]


@given(MDPS, st.floats(0, 0.97))
@settings(max_examples=30)
def test_the_oracle_is_autograd_through_the_linear_solve(mdp, gamma):
    inputs = off_policy_inputs(mdp, gamma)
    torch.testing.assert_close(off_policy_gradient_oracle(**inputs), gradient_by_autograd(**inputs))


def test_the_approximation_leaves_something_out():
    inputs = off_policy_inputs(random_mdp(0), 0.9)
    missing = off_policy_gradient_oracle(**inputs) - off_policy_gradient(**inputs)
    assert float(missing.abs().max()) > 0.1


def test_without_a_future_nothing_is_left_out():
    inputs = off_policy_inputs(random_mdp(0), 0.0)
    torch.testing.assert_close(off_policy_gradient(**inputs), off_policy_gradient_oracle(**inputs))


@given(MDPS, st.floats(0, 0.97))
@settings(max_examples=20)
def test_with_the_policys_own_visits_the_approximation_is_the_theorem(mdp, gamma):
    visits = state_visitation(mdp["P"], mdp["logits"].softmax(-1), mdp["p0"], gamma)
    got = off_policy_gradient(mdp["P"], mdp["R"], mdp["logits"], visits, gamma)
    torch.testing.assert_close(got, policy_gradient_theorem(**mdp, gamma=gamma))


@pytest.mark.parametrize("function", [off_policy_gradient, off_policy_gradient_oracle])
def test_bad_input_is_named(function):
    inputs = off_policy_inputs(random_mdp(0), 0.9)
    with pytest.raises(ValueError, match=r"behavior_visitation: expected shape \(4,\), got \(3,\)"):
        function(**{**inputs, "behavior_visitation": inputs["behavior_visitation"][:3]})
    with pytest.raises(ValueError, match=r"gamma: expected a number in \[0, 1\)"):
        function(**{**inputs, "gamma": 1.0})
