"""Returns: by hand, at their limits, and refused for bad input."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.reference import discounted_return, reward_to_go
from tests.helpers import double


def test_a_discounted_return_by_hand():
    reward = double([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])
    expected = double([1 + 0.5 * 2 + 0.25 * 3, 4 + 0.5 * 5 + 0.25 * 6])
    torch.testing.assert_close(discounted_return(reward, 0.5), expected)


def test_reward_to_go_by_hand():
    reward = double([[1.0], [2.0], [3.0]])
    expected = double([[1 + 0.5 * (2 + 0.5 * 3)], [2 + 0.5 * 3], [3.0]])
    torch.testing.assert_close(reward_to_go(reward, 0.5), expected)


@given(st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**31))
def test_the_first_reward_to_go_is_the_discounted_return(steps, gamma, seed):
    reward = torch.randn(
        steps, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    torch.testing.assert_close(reward_to_go(reward, gamma)[0], discounted_return(reward, gamma))


def test_with_gamma_zero_only_the_next_reward_counts():
    reward = double([[1.0, 2.0], [3.0, 4.0]])
    torch.testing.assert_close(reward_to_go(reward, 0.0), reward)


def test_a_single_trajectory_needs_no_environment_axis():
    reward = double([1.0, 2.0, 3.0])
    assert reward_to_go(reward, 0.9).shape == (3,)
    assert discounted_return(reward, 0.9).shape == ()


@pytest.mark.parametrize("function", [discounted_return, reward_to_go])
def test_dtype_is_kept(function):
    assert function(torch.ones(3, 2), 0.9).dtype == torch.float32
    assert function(torch.ones(3, 2, dtype=torch.float64), 0.9).dtype == torch.float64


@pytest.mark.parametrize("function", [discounted_return, reward_to_go])
def test_bad_input_is_named(function):
    with pytest.raises(ValueError, match="reward: expected 1 or 2 dimension"):
        function(torch.tensor(1.0), 0.9)
    with pytest.raises(ValueError, match=r"gamma: expected a number in .* got 1\.5"):
        function(torch.ones(2, 2), 1.5)
