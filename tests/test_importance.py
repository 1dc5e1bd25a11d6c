"""Importance sampling: expectations by enumerating every trajectory, gradients by formula."""

import itertools

import pytest
import torch

from course_lib.reference import (
    discounted_return,
    effective_sample_size,
    first_order_loss,
    importance_ratio,
    importance_sampling_return,
    off_policy_reinforce_loss,
    reinforce_to_go_loss,
    surrogate_objective,
)
from tests.helpers import double, leaf
from tests.properties import given, st

KINDS = ["ordinary", "weighted", "per_decision"]


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_ratios_by_hand():
    log_prob, behavior = double([0.5, 0.2, 0.9]).log(), double([0.25, 0.4, 0.3]).log()
    got = importance_ratio(log_prob.unsqueeze(1), behavior.unsqueeze(1))
    torch.testing.assert_close(got, double([[2.0], [2.0 * 0.5], [2.0 * 0.5 * 3]]))


def test_ratios_of_very_unlikely_actions_do_not_underflow():
    log_prob = torch.full((50, 1), -40.0, dtype=torch.float64)
    torch.testing.assert_close(
        importance_ratio(log_prob, log_prob + 0.01),
        (-0.01 * torch.arange(1.0, 51)).exp().double()[:, None],
    )
    assert float(log_prob.exp().prod()) == 0.0


def two_step_problem():
    """Every trajectory of two binary choices: probabilities of two policies, and rewards."""
    action = torch.tensor(list(itertools.product(range(2), repeat=2))).T
    pi, behavior = double([[0.7, 0.3], [0.2, 0.8]]), double([[0.4, 0.6], [0.5, 0.5]])
    step = torch.arange(2).unsqueeze(1)
    reward = double([[1.0, 1.0, -2.0, -2.0], [3.0, -1.0, 0.5, 4.0]])
    return pi[step, action].log(), behavior[step, action].log(), reward


def expectation(estimator):
    """E over behaviour trajectories of an estimator of one trajectory."""
    log_prob, behavior, reward = two_step_problem()
    probability = behavior.sum(0).exp()
    return sum(
        probability[i]
        * estimator(log_prob[:, i : i + 1], behavior[:, i : i + 1], reward[:, i : i + 1])
        for i in range(4)
    )


@pytest.mark.parametrize("kind", ["ordinary", "per_decision"])
def test_the_unbiased_estimates_have_the_right_expectation(kind):
    log_prob, _, reward = two_step_problem()
    exact = log_prob.sum(0).exp() @ discounted_return(reward, 0.9)
    got = expectation(
        lambda target, behavior, r: importance_sampling_return(target, behavior, r, 0.9, kind)
    )
    torch.testing.assert_close(got, exact)


def test_the_weighted_estimate_of_one_trajectory_is_its_return_and_so_biased():
    log_prob, behavior, reward = two_step_problem()
    exact = log_prob.sum(0).exp() @ discounted_return(reward, 0.9)
    on_behavior = behavior.sum(0).exp() @ discounted_return(reward, 0.9)
    got = expectation(
        lambda target, b, r: importance_sampling_return(target, b, r, 0.9, "weighted")
    )
    torch.testing.assert_close(got, on_behavior)
    assert abs(float(exact - on_behavior)) > 0.05


def test_the_three_estimates_by_hand():
    ratio = double([[2.0, 0.5], [3.0, 1.0]])
    reward = double([[1.0, 2.0], [4.0, 8.0]])
    inputs = (ratio.log(), torch.zeros_like(ratio), reward, 0.5)
    first, second = 1 + 0.5 * 4, 2 + 0.5 * 8
    expected = {
        "ordinary": (6 * first + 0.5 * second) / 2,
        "weighted": (6 * first + 0.5 * second) / 6.5,
        "per_decision": (2 * 1 + 6 * 0.5 * 4 + 0.5 * 2 + 0.5 * 0.5 * 8) / 2,
    }
    for kind in KINDS:
        torch.testing.assert_close(
            importance_sampling_return(*inputs, kind), double(expected[kind])
        )


@given(st.integers(0, 2**20), st.floats(0, 1), st.sampled_from(KINDS))
def test_on_policy_all_of_them_are_the_mean_return(seed, gamma, kind):
    log_prob, reward = draws(seed, 4, 3), draws(seed + 1, 4, 3)
    got = importance_sampling_return(log_prob, log_prob, reward, gamma, kind)
    torch.testing.assert_close(got, discounted_return(reward, gamma).mean())


@given(st.integers(0, 2**20), st.sampled_from(KINDS))
def test_padding_with_equal_log_probabilities_and_no_reward_changes_nothing(seed, kind):
    inputs = [draws(seed + i, 4, 3) for i in range(3)]
    padding = [torch.full((2, 3), -0.7).double()] * 2 + [torch.zeros(2, 3).double()]
    padded = [torch.cat(pair) for pair in zip(inputs, padding, strict=True)]
    torch.testing.assert_close(
        importance_sampling_return(*padded, 0.9, kind),
        importance_sampling_return(*inputs, 0.9, kind),
    )


def test_the_weighted_estimate_survives_ratios_that_overflow():
    log_prob = double([[900.0, 899.0]])
    got = importance_sampling_return(
        log_prob, torch.zeros_like(log_prob), double([[1.0, 2.0]]), 1.0, "weighted"
    )
    share = 1 / (1 + double(-1.0).exp())
    torch.testing.assert_close(got, share * 1 + (1 - share) * 2)


def test_the_gradient_of_the_ordinary_estimate_is_the_off_policy_policy_gradient():
    log_prob, behavior, reward = two_step_problem()
    log_prob.requires_grad_()
    importance_sampling_return(log_prob, behavior, reward, 0.9, "ordinary").backward()
    ratio = (log_prob.detach() - behavior).sum(0).exp()
    expected = ratio * discounted_return(reward, 0.9) / 4
    torch.testing.assert_close(log_prob.grad, expected.expand(2, 4))


def test_the_effective_sample_size_by_hand_and_at_its_limits():
    got = effective_sample_size(double([1.0, 2.0, 3.0]))
    torch.testing.assert_close(got, double((1 + 2 + 3) ** 2 / (1 + 4 + 9)))
    torch.testing.assert_close(effective_sample_size(double([0.3] * 7)), double(7.0))
    torch.testing.assert_close(effective_sample_size(double([0.0, 5.0, 0.0])), double(1.0))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=9), st.floats(0.01, 100))
def test_the_effective_sample_size_lies_between_one_and_n_and_has_no_scale(numbers, scale):
    weight = double(numbers)
    got = effective_sample_size(weight)
    assert 1 - 1e-9 <= float(got) <= len(numbers) + 1e-9
    torch.testing.assert_close(effective_sample_size(scale * weight), got)


def test_the_off_policy_loss_by_hand_and_its_gradient():
    log_prob, behavior = leaf([[-0.5], [-1.0]]), leaf([[-1.0], [-0.7]])
    reward, gamma = double([[2.0], [3.0]]), 0.5
    first = double(-0.5 + 1.0).exp()
    both = double(-0.5 + 1.0 - 1.0 + 0.7).exp()
    loss = off_policy_reinforce_loss(log_prob, behavior, reward, gamma)
    weight = torch.stack([first * (2 + gamma * 3), both * gamma * 3]).unsqueeze(1)
    torch.testing.assert_close(loss, -(weight * log_prob.detach()).sum())
    loss.backward()
    torch.testing.assert_close(log_prob.grad, -weight)
    assert behavior.grad is None


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_on_policy_the_off_policy_loss_is_reinforce(seed, gamma):
    log_prob, reward = draws(seed, 4, 3), draws(seed + 1, 4, 3)
    torch.testing.assert_close(
        off_policy_reinforce_loss(log_prob, log_prob, reward, gamma),
        reinforce_to_go_loss(log_prob, reward, gamma),
    )


def test_at_the_last_step_nothing_was_dropped():
    # With a reward at the last step alone and an action that matters only there, it is exact.
    log_prob, behavior, reward = two_step_problem()
    reward = torch.cat([torch.zeros_like(reward[:1]), reward[1:]])
    theta = leaf([0.1, -0.3])
    last = theta.log_softmax(0)[torch.tensor([0, 1, 0, 1])]
    target = torch.stack([log_prob[0], last])
    exact = -(target.sum(0).exp() @ discounted_return(reward, 0.9))
    probability = behavior.sum(0).exp()
    estimate = sum(
        probability[i]
        * off_policy_reinforce_loss(
            target[:, i : i + 1], behavior[:, i : i + 1], reward[:, i : i + 1], 0.9
        )
        for i in range(4)
    )
    torch.testing.assert_close(
        torch.autograd.grad(estimate, theta, retain_graph=True)[0],
        torch.autograd.grad(exact, theta)[0],
    )


def test_the_first_order_loss_by_hand_and_its_gradient():
    log_prob, behavior = leaf([[-0.5, -1.0]]), leaf([[-1.0, -0.7]])
    q_value = leaf([[2.0, -3.0]])
    ratio = double([[0.5, -0.3]]).exp()
    loss = first_order_loss(log_prob, behavior, q_value)
    torch.testing.assert_close(loss, -(ratio * double([[2.0, -3.0]])).sum() / 2)
    loss.backward()
    torch.testing.assert_close(log_prob.grad, -ratio * double([[2.0, -3.0]]) / 2)
    assert behavior.grad is None
    assert q_value.grad is None


def test_the_first_order_loss_is_what_trust_regions_maximise():
    inputs = [draws(i, 8) for i in range(3)]
    torch.testing.assert_close(first_order_loss(*inputs), -surrogate_objective(*inputs))


def test_bad_input_is_named():
    zeros = torch.zeros(4, 2)
    with pytest.raises(ValueError, match=r"behavior_log_prob: expected shape \(4, 2\) like"):
        importance_ratio(zeros, zeros[:3])
    with pytest.raises(ValueError, match="kind: expected ordinary, weighted or per_decision"):
        importance_sampling_return(zeros, zeros, zeros, 0.9, "clipped")
    with pytest.raises(ValueError, match="weight: expected an entry above 0"):
        effective_sample_size(torch.zeros(3))
    with pytest.raises(ValueError, match="gamma: expected a number in"):
        off_policy_reinforce_loss(zeros, zeros, zeros, 1.1)
    with pytest.raises(ValueError, match="q_value: expected shape"):
        first_order_loss(zeros, zeros, torch.zeros(4, 1))
