"""Q-learning targets and the regression of a critic: by hand, and the bias they are about."""

import pytest
import torch

from course_lib.reference import (
    critic_loss,
    double_dqn_target,
    dqn_target,
    expected_sarsa_target,
)
from tests.helpers import double, leaf
from tests.properties import given, st

REWARD, TERMINATED = double([1.0, 2.0, 3.0]), torch.tensor([False, True, False])
ONLINE = [[1.0, 5.0], [9.0, 9.5], [-1.0, -2.0]]
TARGET = [[4.0, 3.0], [7.0, 8.0], [-6.0, 2.0]]


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_target_of_dqn_by_hand():
    got = dqn_target(REWARD, leaf(TARGET), TERMINATED, 0.5)
    torch.testing.assert_close(got, double([1 + 0.5 * 4, 2.0, 3 + 0.5 * 2]))
    assert not got.requires_grad


def test_in_double_dqn_one_network_chooses_and_the_other_judges():
    got = double_dqn_target(REWARD, leaf(ONLINE), leaf(TARGET), TERMINATED, 0.5)
    torch.testing.assert_close(got, double([1 + 0.5 * 3, 2.0, 3 + 0.5 * -6]))
    assert not got.requires_grad
    swapped = double_dqn_target(REWARD, double(TARGET), double(ONLINE), TERMINATED, 0.5)
    assert not torch.allclose(got, swapped)


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_double_dqn_never_asks_for_more_than_dqn(seed, gamma):
    online, target, reward = draws(seed, 6, 4), draws(seed + 1, 6, 4), draws(seed + 2, 6)
    never = torch.zeros(6, dtype=torch.bool)
    double_target = double_dqn_target(reward, online, target, never, gamma)
    single = dqn_target(reward, target, never, gamma)
    assert bool((double_target <= single).all())
    same = double_dqn_target(reward, target, target, never, gamma)
    torch.testing.assert_close(same, single)


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_dqn_is_expected_sarsa_of_the_greedy_policy(seed, gamma):
    q_value, reward = draws(seed, 6, 4), draws(seed + 1, 6)
    terminated = draws(seed + 2, 6) > 0
    greedy = torch.nn.functional.one_hot(q_value.argmax(-1), 4).double()
    torch.testing.assert_close(
        dqn_target(reward, q_value, terminated, gamma),
        expected_sarsa_target(reward, q_value, greedy, terminated, gamma),
    )


def test_the_maximum_of_noise_is_biased_and_an_independent_judge_is_not():
    online, target = draws(0, 20_000, 5), draws(1, 20_000, 5)
    zero, never = torch.zeros(20_000).double(), torch.zeros(20_000, dtype=torch.bool)
    biased = dqn_target(zero, target, never, 1.0).mean()
    judged = double_dqn_target(zero, online, target, never, 1.0).mean()
    assert float(biased) > 1.0
    assert abs(float(judged)) < 5 / 20_000**0.5


def test_the_critic_loss_by_hand_and_its_gradient():
    q_value, target = leaf([1.0, 5.0]), leaf([2.0, 3.0])
    loss = critic_loss(q_value, target)
    torch.testing.assert_close(loss, double(0.5 * (1 + 4) / 2))
    loss.backward()
    torch.testing.assert_close(q_value.grad, double([1.0 - 2.0, 5.0 - 3.0]) / 2)
    assert target.grad is None


def test_a_column_against_a_row_is_refused():
    column = torch.zeros(3, 1)
    with pytest.raises(ValueError, match=r"td_target: expected shape \(3, 1\) like q_value"):
        critic_loss(column, torch.zeros(3))
    with pytest.raises(ValueError, match=r"reward: expected shape \(3,\), got \(3, 1\)"):
        dqn_target(column, torch.zeros(3, 2), TERMINATED, 0.9)
    with pytest.raises(ValueError, match=r"terminated: expected shape \(3,\) like reward"):
        dqn_target(torch.zeros(3), torch.zeros(3, 2), TERMINATED[:2], 0.9)
    with pytest.raises(ValueError, match="next_target_q_value: expected shape"):
        double_dqn_target(torch.zeros(3), torch.zeros(3, 2), torch.zeros(3, 4), TERMINATED, 0.9)
    with pytest.raises(ValueError, match="gamma: expected a number in"):
        dqn_target(torch.zeros(3), torch.zeros(3, 2), TERMINATED, 1.1)
