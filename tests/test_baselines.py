"""Baselines: unbiased by enumeration, least variance at the optimum, and bias where it is."""

import pytest
import torch

from course_lib.reference import (
    action_baseline_bias,
    baseline_loss,
    gradient_variance,
    gradient_weight,
    mean_baseline,
    optimal_baseline,
    reward_to_go,
    td_error,
    value_loss_monte_carlo,
    value_loss_td,
)
from tests.helpers import double, leaf
from tests.properties import given, st

LOGITS, RETURN = double([0.3, -0.5, 0.9]), double([2.0, 5.0, 11.0])
PI = LOGITS.softmax(0)
SCORE = torch.eye(3, dtype=torch.float64) - PI
KINDS = ["total", "to_go", "to_go_baseline", "q", "advantage", "td"]


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact_moments(baseline):
    """Mean and total variance of (R − b) ∇log π over the three actions; b (3,) or a number."""
    gradient = (RETURN - baseline).unsqueeze(-1) * SCORE
    mean = PI @ gradient
    return mean, (PI @ (gradient - mean).square()).sum()


def test_a_gradients_variance_by_hand():
    got = gradient_variance(double([[1.0, 10.0], [3.0, 10.0], [5.0, 16.0]]))
    torch.testing.assert_close(got, double((4 + 0 + 4) / 2 + (4 + 4 + 16) / 2))


def test_the_mean_baseline_is_the_mean():
    torch.testing.assert_close(mean_baseline(double([1.0, 2.0, 6.0])), double(3.0))


def test_the_optimal_baseline_by_hand():
    got = optimal_baseline(double([[1.0, 0.0], [2.0, 3.0]]), double([10.0, 20.0]))
    torch.testing.assert_close(got, double([(1 * 10 + 4 * 20) / (1 + 4), 20.0]))


@given(st.integers(0, 2**20))
def test_no_other_constant_leaves_less_second_moment(seed):
    score, episode_return = draws(seed, 9, 4), draws(seed + 1, 9)
    best = optimal_baseline(score, episode_return)

    def second_moment(baseline):
        return ((episode_return.unsqueeze(-1) - baseline) * score).square().mean(0)

    for shift in (-0.1, 0.1):
        assert bool((second_moment(best + shift) > second_moment(best)).all())


def test_a_parameter_that_no_episode_moves_does_not_become_nan():
    got = optimal_baseline(double([[1.0, 0.0], [2.0, 0.0]]), double([10.0, 20.0]))
    torch.testing.assert_close(got, double([18.0, 0.0]))


def test_a_constant_changes_the_variance_and_not_the_gradient():
    plain, plain_variance = exact_moments(0.0)
    shifted, shifted_variance = exact_moments(float(PI @ RETURN))
    torch.testing.assert_close(plain, shifted)
    assert float(shifted_variance) < 0.5 * float(plain_variance)


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=3))
def test_the_bias_of_an_action_dependent_baseline_is_exact(numbers):
    baseline = double(numbers)
    expected = exact_moments(baseline)[0] - exact_moments(0.0)[0]
    torch.testing.assert_close(action_baseline_bias(PI, baseline), expected, rtol=1e-6, atol=1e-9)


def test_a_baseline_that_ignores_the_action_has_no_bias():
    got = action_baseline_bias(PI, double([7.0, 7.0, 7.0]))
    torch.testing.assert_close(got, torch.zeros_like(got), rtol=0, atol=1e-12)


def test_subtracting_q_itself_removes_the_gradient():
    torch.testing.assert_close(action_baseline_bias(PI, RETURN), -exact_moments(0.0)[0])


@pytest.mark.parametrize("scalar", [False, True])
def test_the_baseline_loss_by_hand_and_its_gradient(scalar):
    log_prob, to_go = leaf([[-0.1, -0.2], [-0.3, -0.4]]), double([[1.0, 2.0], [3.0, 4.0]])
    baseline = leaf(0.5) if scalar else leaf([[0.5, 1.0], [1.5, 2.0]])
    loss = baseline_loss(log_prob, to_go, baseline)
    weight = to_go - baseline.detach()
    torch.testing.assert_close(loss, -(weight * log_prob.detach()).sum() / 4)
    loss.backward()
    torch.testing.assert_close(log_prob.grad, -weight / 4)
    assert baseline.grad is None


def test_the_monte_carlo_value_loss_by_hand_and_its_gradient():
    value, to_go = leaf([[1.0, 2.0]]), leaf([[4.0, 0.0]])
    loss = value_loss_monte_carlo(value, to_go)
    torch.testing.assert_close(loss, double(0.5 * (9 + 4) / 2))
    loss.backward()
    torch.testing.assert_close(value.grad, double([[1.0 - 4.0, 2.0 - 0.0]]) / 2)
    assert to_go.grad is None


def test_the_td_value_loss_by_hand_and_its_semi_gradient():
    value, next_value = leaf([[1.0, 2.0]]), leaf([[4.0, 8.0]])
    reward, terminated = double([[3.0, 5.0]]), torch.tensor([[False, True]])
    loss = value_loss_td(value, reward, next_value, terminated, 0.5)
    error = double([[3 + 0.5 * 4 - 1, 5 - 2]])
    torch.testing.assert_close(loss, 0.5 * error.square().sum() / 2)
    loss.backward()
    torch.testing.assert_close(value.grad, -error / 2)
    assert next_value.grad is None


def episode(seed=0, steps=5, ends=True):
    terminated = torch.zeros(steps, dtype=torch.bool)
    terminated[-1] = ends
    return {
        "reward": draws(seed, steps),
        "value": draws(seed + 1, steps),
        "next_value": draws(seed + 2, steps),
        "terminated": terminated,
    }


def test_the_six_weights_by_hand():
    inputs = {
        "reward": double([1.0, 2.0, 4.0]),
        "value": double([0.5, 0.6, 0.7]),
        "next_value": double([10.0, 20.0, 30.0]),
        "terminated": torch.tensor([False, False, True]),
    }
    to_go, discounted = double([7.0, 6.0, 4.0]), double([1 + 0.5 * 4, 2 + 0.5 * 4, 4.0])
    expected = {
        "total": double([7.0, 7.0, 7.0]),
        "to_go": to_go,
        "to_go_baseline": to_go - inputs["value"],
        "q": discounted,
        "advantage": discounted - inputs["value"],
        "td": double([1 + 0.5 * 10 - 0.5, 2 + 0.5 * 20 - 0.6, 4 - 0.7]),
    }
    for kind in KINDS:
        got = gradient_weight(kind, **inputs, gamma=0.5)
        torch.testing.assert_close(got, expected[kind])


def test_only_the_td_error_asks_whether_the_last_step_terminated():
    ended, cut = episode(ends=True), episode(ends=False)
    for kind in KINDS:
        same = torch.equal(
            gradient_weight(kind, **ended, gamma=0.9), gradient_weight(kind, **cut, gamma=0.9)
        )
        assert same == (kind != "td")


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_the_weights_are_made_of_functions_that_are_known(seed, gamma):
    inputs = episode(seed)
    got = {kind: gradient_weight(kind, **inputs, gamma=gamma) for kind in KINDS}
    torch.testing.assert_close(got["q"], reward_to_go(inputs["reward"], gamma))
    torch.testing.assert_close(got["td"], td_error(**inputs, gamma=gamma))
    torch.testing.assert_close(got["total"][0], got["to_go"][0])


def test_bad_input_is_named():
    inputs = episode()
    with pytest.raises(ValueError, match=r"kind: expected one of total, .*, td, got 'gae'"):
        gradient_weight("gae", **inputs, gamma=0.9)
    with pytest.raises(ValueError, match="gamma: expected a number in"):
        gradient_weight("total", **inputs, gamma=1.5)
    with pytest.raises(ValueError, match=r"value: expected shape \(5,\) like reward"):
        gradient_weight("td", **{**inputs, "value": torch.zeros(4)}, gamma=0.9)
    with pytest.raises(ValueError, match="the number of gradients: expected at least 2, got 1"):
        gradient_variance(torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"episode_return: expected shape \(4,\), got \(3,\)"):
        optimal_baseline(torch.zeros(4, 2), torch.zeros(3))
    with pytest.raises(ValueError, match=r"baseline: expected a scalar or shape \(4, 2\)"):
        baseline_loss(torch.zeros(4, 2), torch.zeros(4, 2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"reward_to_go: expected shape \(4, 2\) like value"):
        value_loss_monte_carlo(torch.zeros(4, 2), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="next_value: expected shape"):
        value_loss_td(*(torch.zeros(4),) * 2, torch.zeros(4, 1), torch.zeros(4).bool(), 0.9)
    with pytest.raises(ValueError, match=r"baseline: expected shape \(3,\) like pi"):
        action_baseline_bias(PI, torch.zeros(2))
