"""REINFORCE losses: by hand, gradients by formula, unbiased by enumeration of trajectories."""

import itertools

import pytest
import torch

from course_lib.reference import (
    categorical_log_prob,
    cross_entropy_policy_gradient,
    max_likelihood_loss,
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
)
from tests.helpers import double, leaf

LOSSES = [reinforce_loss, reinforce_to_go_loss, reinforce_practical_loss]
LOG_PROB = [[-0.1, -1.0], [-0.2, -2.0]]
REWARD = double([[1.0, 3.0], [2.0, 4.0]])


def test_the_total_return_form_by_hand():
    first, second = 1 + 0.5 * 2, 3 + 0.5 * 4
    expected = -(first * (-0.1 - 0.2) + second * (-1.0 - 2.0)) / 2
    torch.testing.assert_close(reinforce_loss(double(LOG_PROB), REWARD, 0.5), double(expected))


def test_the_reward_to_go_form_by_hand():
    first = (1 + 0.5 * 2) * -0.1 + 0.5 * 2 * -0.2
    second = (3 + 0.5 * 4) * -1.0 + 0.5 * 4 * -2.0
    loss = reinforce_to_go_loss(double(LOG_PROB), REWARD, 0.5)
    torch.testing.assert_close(loss, double(-(first + second) / 2))


def test_the_practical_form_leaves_the_discount_of_time_out():
    first = (1 + 0.5 * 2) * -0.1 + 2 * -0.2
    second = (3 + 0.5 * 4) * -1.0 + 4 * -2.0
    loss = reinforce_practical_loss(double(LOG_PROB), REWARD, 0.5)
    torch.testing.assert_close(loss, double(-(first + second) / 2))


def test_the_gradient_is_minus_the_weight_over_the_number_of_episodes():
    log_prob = leaf(LOG_PROB)
    reinforce_to_go_loss(log_prob, REWARD, 0.5).backward()
    weight = double([[2.0, 5.0], [0.5 * 2, 0.5 * 4]])
    torch.testing.assert_close(log_prob.grad, -weight / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_padding_after_the_end_changes_nothing(loss):
    log_prob, reward = double([[-0.3], [-0.7]]), double([[1.0], [2.0]])
    zero = double([[0.0]])
    padded = loss(torch.cat([log_prob, zero]), torch.cat([reward, zero]), 0.9)
    torch.testing.assert_close(padded, loss(log_prob, reward, 0.9))


def trajectory_gradients(loss, gamma: float, horizon: int = 3):
    """E[∇loss] over all trajectories of a random MDP, and ∇J by autograd through the same sum."""
    generator = torch.Generator().manual_seed(0)
    transition = torch.rand(2, 2, 2, generator=generator, dtype=torch.float64)
    transition /= transition.sum(-1, keepdim=True)
    reward_table = torch.randn(2, 2, generator=generator, dtype=torch.float64)
    logits = torch.randn(2, 2, generator=generator, dtype=torch.float64).requires_grad_()
    expected_loss, objective = 0.0, 0.0
    for path in itertools.product(range(2), repeat=2 * horizon):
        states, chosen = torch.tensor(path[:horizon]), torch.tensor(path[horizon:])
        if states[0] != 0:
            continue
        moves = transition[states[:-1], chosen[:-1], states[1:]].prod()
        log_prob = categorical_log_prob(logits[states], chosen)
        probability = moves * log_prob.sum().exp()
        reward = reward_table[states, chosen]
        discount = gamma ** torch.arange(horizon, dtype=torch.float64)
        objective = objective + probability * (discount * reward).sum()
        expected_loss = expected_loss + probability.detach() * loss(log_prob, reward, gamma)
    (wanted,) = torch.autograd.grad(objective, logits, retain_graph=True)
    (got,) = torch.autograd.grad(expected_loss, logits)
    return got, wanted


@pytest.mark.parametrize("loss", [reinforce_loss, reinforce_to_go_loss])
def test_the_expected_gradient_is_exactly_minus_the_gradient_of_the_objective(loss):
    got, wanted = trajectory_gradients(loss, gamma=0.8)
    torch.testing.assert_close(got, -wanted)


def test_without_the_discount_of_time_the_gradient_is_biased_unless_gamma_is_one():
    got, wanted = trajectory_gradients(reinforce_practical_loss, gamma=0.8)
    assert float((got + wanted).abs().max()) > 0.01
    got, wanted = trajectory_gradients(reinforce_practical_loss, gamma=1.0)
    torch.testing.assert_close(got, -wanted)


def test_max_likelihood_is_reinforce_with_all_weights_one():
    log_prob = double(LOG_PROB)
    torch.testing.assert_close(max_likelihood_loss(log_prob), -log_prob.mean())


def test_a_weighted_cross_entropy_is_a_policy_gradient():
    logits, action = leaf([[0.2, -0.4, 1.0], [0.0, 0.5, -1.0]]), torch.tensor([2, 0])
    weight = leaf([1.5, -2.0])
    loss = cross_entropy_policy_gradient(logits, action, weight)
    loss.backward()
    one_hot = torch.nn.functional.one_hot(action, 3)
    score = one_hot - logits.detach().softmax(-1)
    torch.testing.assert_close(logits.grad, -weight.detach().unsqueeze(1) * score / 2)
    assert weight.grad is None


def test_cross_entropy_is_stable_at_logits_of_a_thousand():
    loss = cross_entropy_policy_gradient(
        double([[1000.0, -1000.0]]), torch.tensor([1]), double([0.5])
    )
    torch.testing.assert_close(loss, double(0.5 * 2000.0))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_column_against_a_row_is_refused(loss):
    with pytest.raises(
        ValueError, match=r"reward: expected shape \(4,\) like log_prob, got \(4, 1\)"
    ):
        loss(torch.zeros(4), torch.zeros(4, 1), 0.9)


@pytest.mark.parametrize("loss", LOSSES)
def test_no_gradient_reaches_the_reward(loss):
    reward = REWARD.clone().requires_grad_()
    loss(leaf(LOG_PROB), reward, 0.9).backward()
    assert reward.grad is None
