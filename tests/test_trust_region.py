"""Trust regions: the identity behind them, the line search, and a whole step of sb3-contrib."""

import copy

import pytest
import torch
from gymnasium import spaces
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_lib.reference import (
    action_value,
    categorical_kl,
    conjugate_gradient,
    fisher_vector_product,
    line_search,
    natural_step,
    performance_difference,
    policy_evaluation,
    state_visitation,
    surrogate_objective,
    trpo_multiplier,
)
from tests.helpers import double, leaf
from tests.peers import feed_rollout, largest_error, peer_model, peer_step, random_rollout_for
from tests.properties import given, settings, st
from tests.tabular_problems import mdp_and_policy, random_mdp

MDPS = st.builds(mdp_and_policy, st.integers(0, 2**20), st.integers(1, 5), st.integers(1, 4))


def other_policy(mdp, seed):
    return random_mdp(seed, *mdp["R"].shape)["logits"].softmax(-1)


@given(MDPS, st.integers(0, 2**20), st.floats(0, 0.97))
@settings(max_examples=40)
def test_the_difference_in_performance_is_the_old_advantage_under_the_new_policy(mdp, seed, gamma):
    pi_old = mdp.pop("pi")
    difference, by_advantage = performance_difference(
        **mdp, pi_new=other_policy(mdp, seed), pi_old=pi_old, gamma=gamma
    )
    torch.testing.assert_close(difference, by_advantage, rtol=1e-6, atol=1e-9)


def test_the_old_policys_states_would_give_another_difference():
    mdp = mdp_and_policy(0)
    pi_old, pi_new = mdp.pop("pi"), other_policy(mdp, 1)
    difference, _ = performance_difference(**mdp, pi_new=pi_new, pi_old=pi_old, gamma=0.9)
    value = policy_evaluation(mdp["P"], mdp["R"], pi_old, 0.9)
    advantage = action_value(mdp["P"], mdp["R"], value, 0.9) - value.unsqueeze(-1)
    visits = state_visitation(mdp["P"], pi_old, mdp["p0"], 0.9)
    wrong = visits @ (pi_new * advantage).sum(-1)
    assert abs(float(wrong - difference)) > 0.1


def test_a_policy_is_no_better_than_itself():
    mdp = mdp_and_policy(0)
    pi = mdp.pop("pi")
    difference, by_advantage = performance_difference(**mdp, pi_new=pi, pi_old=pi, gamma=0.9)
    assert float(difference) == 0.0
    assert abs(float(by_advantage)) < 1e-12


def test_the_surrogate_by_hand_and_its_gradient():
    log_prob, old = leaf([-0.5, -1.0]), leaf([-1.0, -0.7])
    advantage = leaf([2.0, -3.0])
    ratio = double([0.5, -0.3]).exp()
    objective = surrogate_objective(log_prob, old, advantage)
    torch.testing.assert_close(objective, (2 * ratio[0] - 3 * ratio[1]) / 2)
    objective.backward()
    torch.testing.assert_close(log_prob.grad, ratio * double([2.0, -3.0]) / 2)
    assert old.grad is None
    assert advantage.grad is None


@given(st.integers(0, 2**20))
def test_at_the_old_policy_its_gradient_is_the_policy_gradient(seed):
    generator = torch.Generator().manual_seed(seed)
    log_prob, advantage = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    theta = log_prob.clone().requires_grad_()
    (slope,) = torch.autograd.grad(surrogate_objective(theta, log_prob, advantage), theta)
    torch.testing.assert_close(slope, advantage / 7)


def quadratic(theta):
    """Highest at 1."""
    return -(theta - 1).square().sum()


def distance(theta):
    return theta.square().sum()


def search(step, max_kl=10.0, ratio=0.5, backtracks=5, objective=quadratic, kl=distance):
    return line_search(objective, kl, double([0.0]), double([step]), max_kl, ratio, backtracks)


@pytest.mark.parametrize(
    ("step", "max_kl", "expected"),
    [
        (1.0, 10.0, 1.0),  # at once
        (1.9, 10.0, 1.9),  # just better than 0
        (2.0, 10.0, 1.0),  # no better than before is not enough
        (6.0, 10.0, 1.5),  # twice halved
        (1.0, 0.25, 0.5),  # KL exactly at the limit is within it
        (1.0, 0.24, 0.25),
    ],
)
def test_the_first_step_that_gains_within_the_limit_is_taken(step, max_kl, expected):
    parameters, accepted = search(step, max_kl)
    assert accepted is True
    torch.testing.assert_close(parameters, double([expected]))


@pytest.mark.parametrize("step", [-1.0, 100.0])
def test_if_no_length_passes_everything_stays(step):
    parameters, accepted = search(step, backtracks=3)
    assert accepted is False
    assert torch.equal(parameters, double([0.0]))


def test_as_many_lengths_are_tried_as_asked_for():
    tried = []

    def kl(theta):
        tried.append(float(theta))
        return double(1.0)

    search(1.0, max_kl=0.5, backtracks=3, kl=kl)
    assert tried == [1.0, 0.5, 0.25]


def test_a_nan_is_never_accepted():
    def broken(theta):
        return quadratic(theta) if float(theta) == 0 else double(float("nan"))

    assert search(1.0, objective=broken)[1] is False
    assert search(1.0, kl=lambda theta: double(float("nan")))[1] is False


@given(st.integers(0, 2**20), st.floats(1e-3, 1.0))
@settings(max_examples=30)
def test_an_accepted_step_never_breaks_the_promise(seed, max_kl):
    generator = torch.Generator().manual_seed(seed)
    start, step, peak = torch.randn(3, 4, generator=generator, dtype=torch.float64)

    def objective(theta):
        return -(theta - peak).abs().sum()

    def kl(theta):
        return (theta - start).square().sum()

    got, accepted = line_search(objective, kl, start, step, max_kl, 0.7, 8)
    if accepted:
        assert float(kl(got)) <= max_kl
        assert float(objective(got)) > float(objective(start))
    else:
        assert torch.equal(got, start)


@pytest.mark.parametrize(
    ("multiplier", "kl", "expected"),
    [(1.0, 0.03, 1 + 5 * 0.02), (1.0, 0.0, 1 - 5 * 0.01), (0.02, 0.0, 0.0), (0.0, 0.01, 0.0)],
)
def test_the_multiplier_is_a_price_that_never_falls_below_nothing(multiplier, kl, expected):
    got = trpo_multiplier(multiplier, kl, 0.01, 5.0)
    assert type(got) is float
    assert got == pytest.approx(expected, abs=1e-12)
    assert trpo_multiplier(multiplier, leaf(kl), 0.01, 5.0) == got


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="old_log_prob: expected shape"):
        surrogate_objective(torch.zeros(3), torch.zeros(3, 1), torch.zeros(3))
    with pytest.raises(ValueError, match=r"backtrack_ratio: expected a number in \(0, 1\)"):
        search(1.0, ratio=1.0)
    with pytest.raises(ValueError, match="max_backtracks: expected at least 1, got 0"):
        search(1.0, backtracks=0)
    with pytest.raises(ValueError, match=r"step: expected shape \(1,\) like parameters"):
        line_search(quadratic, distance, double([0.0]), double([0.0, 0.0]), 0.1, 0.5, 3)
    with pytest.raises(ValueError, match="multiplier: expected a number of at least 0"):
        trpo_multiplier(-1.0, 0.0, 0.01, 1.0)
    mdp = mdp_and_policy(0)
    with pytest.raises(ValueError, match=r"pi_new: expected shape \(4, 3\)"):
        performance_difference(mdp["P"], mdp["R"], mdp["pi"][:2], mdp["pi"], mdp["p0"], gamma=0.9)


@pytest.fixture(scope="module")
def trpo():
    """sb3-contrib's TRPO before and after a step, and the data it saw."""
    sb3_contrib = pytest.importorskip("sb3_contrib")
    model = peer_model(
        sb3_contrib.TRPO,
        spaces.Discrete(4),
        n_steps=64,
        batch_size=64,
        cg_max_steps=200,
        cg_damping=0.2,
        target_kl=0.02,
        normalize_advantage=False,
        n_critic_updates=1,
    )
    data = random_rollout_for(model)
    with torch.no_grad():
        data["old_log_prob"] = model.policy.evaluate_actions(data["obs"], data["action"])[1]
    feed_rollout(model, data)
    before, after = peer_step(model, model.train)
    return before, after, data


def actor_parameters(policy):
    return [p for name, p in policy.named_parameters() if "value" not in name]


def our_trpo_step(before, data, max_kl=0.02, damping=0.2):
    """The whole step, made of the functions of this lesson."""
    policy = copy.deepcopy(before)
    parameters = actor_parameters(policy)
    old_logits = policy.get_distribution(data["obs"]).distribution.logits.detach()

    def kl_tensor():
        # KL(new‖old) as the peer has it; its Hessian at the old policy is that of KL(old‖new).
        new_logits = policy.get_distribution(data["obs"]).distribution.logits
        return categorical_kl(new_logits, old_logits).mean()

    def objective_tensor():
        log_prob = policy.evaluate_actions(data["obs"], data["action"])[1]
        return surrogate_objective(log_prob, data["old_log_prob"], data["advantage"])

    def at(function):
        def evaluate(theta):
            vector_to_parameters(theta, parameters)
            return function()

        return evaluate

    start = parameters_to_vector(parameters).detach()
    gradient = torch.autograd.grad(objective_tensor(), parameters)
    gradient = torch.cat([part.flatten() for part in gradient])
    kl = kl_tensor()
    direction = conjugate_gradient(
        lambda v: fisher_vector_product(kl, parameters, v, damping), gradient, 200, 1e-10
    )
    step = natural_step(gradient, direction, max_kl)
    return start, *line_search(at(objective_tensor), at(kl_tensor), start, step, max_kl, 0.8, 10)


def test_a_whole_step_agrees_with_sb3_contrib(trpo):
    before, after, data = trpo
    start, ours, accepted = our_trpo_step(before, data)
    theirs = parameters_to_vector(actor_parameters(after)).detach()
    assert accepted
    assert largest_error(ours - start, theirs - start) < 1e-4
    # A planted bug: the damping is counted twice.
    _, wrong, _ = our_trpo_step(before, data, damping=0.4)
    assert largest_error(wrong - start, theirs - start) > 1e-2
