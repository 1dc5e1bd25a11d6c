"""Actor-critic losses: by hand, gradients by formula, dead gradients."""

import pytest
import torch

from course_lib.reference import a2c_loss, actor_critic_losses
from tests.helpers import double, leaf


def test_the_online_losses_by_hand_and_their_gradients():
    log_prob, value, next_value = leaf([-0.5, -1.0]), leaf([2.0, 3.0]), leaf([4.0, 5.0])
    reward, terminated = double([1.0, 2.0]), torch.tensor([False, True])
    actor_loss, critic_loss = actor_critic_losses(
        log_prob, reward, value, next_value, terminated, 0.5
    )
    error = double([1 + 0.5 * 4 - 2, 2 - 3])
    torch.testing.assert_close(actor_loss, -(error * double([-0.5, -1.0])).mean())
    torch.testing.assert_close(critic_loss, (0.5 * error.square()).mean())
    (actor_loss + critic_loss).backward()
    torch.testing.assert_close(log_prob.grad, -error / 2)
    torch.testing.assert_close(value.grad, -error / 2)
    assert next_value.grad is None


def a2c_inputs():
    return {
        "log_prob": leaf([-0.5, -1.0]),
        "advantage": leaf([2.0, -1.0]),
        "value": leaf([0.5, 1.5]),
        "value_target": leaf([1.0, 3.0]),
        "entropy": leaf([0.6, 0.4]),
    }


def test_a2c_loss_by_hand():
    policy = -(2.0 * -0.5 + -1.0 * -1.0) / 2
    value = 0.5 * (0.5**2 + 1.5**2) / 2
    expected = policy + 0.25 * value - 0.1 * (0.6 + 0.4) / 2
    got = a2c_loss(**a2c_inputs(), value_coef=0.25, entropy_coef=0.1)
    torch.testing.assert_close(got, double(expected))


def test_each_term_of_a2c_trains_its_own_part():
    inputs = a2c_inputs()
    a2c_loss(**inputs, value_coef=0.25, entropy_coef=0.1).backward()
    torch.testing.assert_close(inputs["log_prob"].grad, double([-2.0 / 2, 1.0 / 2]))
    torch.testing.assert_close(inputs["value"].grad, 0.25 * double([0.5 - 1.0, 1.5 - 3.0]) / 2)
    torch.testing.assert_close(inputs["entropy"].grad, double([-0.1 / 2] * 2))
    assert inputs["advantage"].grad is None
    assert inputs["value_target"].grad is None


def test_the_entropy_may_be_a_scalar():
    inputs = a2c_inputs()
    scalar = {**inputs, "entropy": inputs["entropy"].mean()}
    torch.testing.assert_close(
        a2c_loss(**scalar, value_coef=0.5, entropy_coef=0.1),
        a2c_loss(**inputs, value_coef=0.5, entropy_coef=0.1),
    )


def test_a_column_against_a_row_is_refused():
    inputs = {**a2c_inputs(), "value": torch.zeros(2, 1)}
    with pytest.raises(
        ValueError, match=r"value: expected shape \(2,\) like log_prob, got \(2, 1\)"
    ):
        a2c_loss(**inputs, value_coef=0.5, entropy_coef=0.0)
    inputs = {**a2c_inputs(), "entropy": torch.zeros(3)}
    with pytest.raises(ValueError, match=r"entropy: expected a scalar or shape \(2,\), got \(3,\)"):
        a2c_loss(**inputs, value_coef=0.5, entropy_coef=0.0)
