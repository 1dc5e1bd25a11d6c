"""Off-policy targets: against the sums as the papers write them, and by enumeration."""

import itertools

import pytest
import torch

from course_lib.reference import (
    expected_sarsa_target,
    generalized_advantage,
    n_step_importance_target,
    n_step_return,
    vtrace_target,
)
from tests.helpers import double, leaf, random_rollout
from tests.properties import given, settings, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_expected_sarsa_by_hand_without_a_gradient():
    q_value, pi = leaf([[1.0, 3.0], [5.0, 7.0]]), leaf([[0.25, 0.75], [0.5, 0.5]])
    got = expected_sarsa_target(double([1.0, 2.0]), q_value, pi, torch.tensor([False, True]), 0.5)
    torch.testing.assert_close(got, double([1 + 0.5 * (0.25 * 1 + 0.75 * 3), 2.0]))
    assert not got.requires_grad


def test_the_n_step_target_by_hand():
    # Ratios 7 (not used), 2, 3; the bootstrap is weighed by 2 · 3.
    ratio = double([[7.0], [2.0], [3.0]])
    got = n_step_importance_target(
        double([[1.0], [10.0], [100.0]]),
        ratio.log(),
        torch.zeros_like(ratio),
        double([1000.0]),
        torch.zeros(3, 1, dtype=torch.bool),
        0.5,
    )
    expected = 1 + 0.5 * 2 * 10 + 0.25 * 2 * 3 * 100 + 0.125 * 2 * 3 * 1000
    torch.testing.assert_close(got, double([expected]))


def n_step_as_written(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma):
    """The sum, one environment and one step after the other."""
    steps, envs = reward.shape
    target = torch.zeros(envs, dtype=reward.dtype)
    for n in range(envs):
        weight = 1.0
        for t in range(steps):
            if t:
                weight *= float((log_prob[t, n] - behavior_log_prob[t, n]).exp())
            target[n] += gamma**t * weight * reward[t, n]
            if terminated[t, n]:
                break
        else:
            target[n] += gamma**steps * weight * next_q_value[n]
    return target


def off_policy_rollout(seed, steps, envs):
    rollout = random_rollout(seed, steps, envs, end_rate=0.4)
    return rollout, {
        "log_prob": -draws(seed + 1, steps, envs).abs(),
        "behavior_log_prob": -draws(seed + 2, steps, envs).abs(),
    }


SIZES = (st.integers(0, 2**20), st.integers(1, 6), st.integers(1, 4))


@given(*SIZES, st.floats(0, 1))
def test_the_n_step_target_is_the_sum_as_written(seed, steps, envs, gamma):
    rollout, policies = off_policy_rollout(seed, steps, envs)
    inputs = {
        "reward": rollout["reward"],
        **policies,
        "next_q_value": rollout["next_value"][-1],
        "terminated": rollout["terminated"],
        "gamma": gamma,
    }
    got = n_step_importance_target(**inputs)
    torch.testing.assert_close(got, n_step_as_written(**inputs))


def test_the_n_step_target_has_the_expectation_of_the_target_policy():
    # One state, two actions: over all sequences of the behaviour's actions after a_0 the target
    # must average to what π would have earned.
    pi, behavior = double([0.7, 0.3]), double([0.4, 0.6])
    pay, gamma, first = double([1.0, 5.0]), 0.9, 1
    total = double(0.0)
    for rest in itertools.product(range(2), repeat=2):
        action = torch.tensor([first, *rest]).unsqueeze(1)
        target = n_step_importance_target(
            pay[action],
            pi[action].log(),
            behavior[action].log(),
            double([11.0]),
            torch.zeros(3, 1, dtype=torch.bool),
            gamma,
        )
        total = total + behavior[list(rest)].prod() * target[0]
    mean = pi @ pay
    torch.testing.assert_close(total, pay[first] + gamma * mean + gamma**2 * mean + gamma**3 * 11.0)


def vtrace_as_written(
    reward,
    value,
    next_value,
    terminated,
    truncated,
    log_prob,
    behavior_log_prob,
    gamma,
    rho_bar,
    c_bar,
):
    """Espeholt et al. (2018), eq. 1: a sum over products, stopped where the episode stops."""
    steps, envs = reward.shape
    ratio = (log_prob - behavior_log_prob).exp()
    target = value.clone()
    for n, start in itertools.product(range(envs), range(steps)):
        weight = 1.0
        for t in range(start, steps):
            future = 0.0 if terminated[t, n] else gamma * next_value[t, n]
            delta = min(rho_bar, ratio[t, n]) * (reward[t, n] + future - value[t, n])
            target[start, n] += weight * delta
            if terminated[t, n] or truncated[t, n]:
                break
            weight *= gamma * min(c_bar, float(ratio[t, n]))
    return target


@given(*SIZES, st.floats(0, 1), st.floats(0.1, 3), st.floats(0, 3))
@settings(max_examples=50)
def test_vtrace_is_the_sum_as_written(seed, steps, envs, gamma, rho_bar, c_bar):
    rollout, policies = off_policy_rollout(seed, steps, envs)
    clips = {"gamma": gamma, "rho_bar": rho_bar, "c_bar": c_bar}
    got = vtrace_target(**rollout, **policies, **clips)
    torch.testing.assert_close(got, vtrace_as_written(**rollout, **policies, **clips))


@given(*SIZES, st.floats(0, 1))
def test_on_policy_vtrace_is_the_longest_n_step_return(seed, steps, envs, gamma):
    rollout, policies = off_policy_rollout(seed, steps, envs)
    got = vtrace_target(
        **rollout, log_prob=policies["log_prob"], behavior_log_prob=policies["log_prob"],
        gamma=gamma, rho_bar=1.0, c_bar=1.0,
    )  # fmt: skip
    without_value = {name: tensor for name, tensor in rollout.items() if name != "value"}
    torch.testing.assert_close(got, n_step_return(**without_value, gamma=gamma, num_steps=steps))


@given(*SIZES, st.floats(0, 1), st.floats(0, 1))
def test_on_policy_vtrace_with_a_small_c_is_a_lambda_return(seed, steps, envs, gamma, gae_lambda):
    rollout, policies = off_policy_rollout(seed, steps, envs)
    got = vtrace_target(
        **rollout, log_prob=policies["log_prob"], behavior_log_prob=policies["log_prob"],
        gamma=gamma, rho_bar=1.0, c_bar=gae_lambda,
    )  # fmt: skip
    advantage = generalized_advantage(**rollout, gamma=gamma, gae_lambda=gae_lambda)
    torch.testing.assert_close(got, rollout["value"] + advantage)


def test_swapping_the_two_clips_would_give_another_target():
    rollout, policies = off_policy_rollout(0, 8, 3)
    right = vtrace_target(**rollout, **policies, gamma=0.9, rho_bar=2.0, c_bar=0.5)
    wrong = vtrace_target(**rollout, **policies, gamma=0.9, rho_bar=0.5, c_bar=2.0)
    assert float((right - wrong).abs().max()) > 0.1


def test_targets_carry_no_gradient():
    rollout, policies = off_policy_rollout(0, 4, 2)
    for tensor in (*rollout.values(), *policies.values()):
        if tensor.is_floating_point():
            tensor.requires_grad_()
    assert not vtrace_target(**rollout, **policies, gamma=0.9, rho_bar=1.0, c_bar=1.0).requires_grad
    assert not n_step_importance_target(
        rollout["reward"], **policies, next_q_value=rollout["value"][0],
        terminated=rollout["terminated"], gamma=0.9,
    ).requires_grad  # fmt: skip


def test_bad_input_is_named():
    rollout, policies = off_policy_rollout(0, 4, 2)
    with pytest.raises(ValueError, match="rho_bar: expected a number above 0"):
        vtrace_target(**rollout, **policies, gamma=0.9, rho_bar=0.0, c_bar=1.0)
    with pytest.raises(ValueError, match="c_bar: expected a number of at least 0"):
        vtrace_target(**rollout, **policies, gamma=0.9, rho_bar=1.0, c_bar=-1.0)
    with pytest.raises(ValueError, match="log_prob: expected shape"):
        vtrace_target(
            **rollout, **{**policies, "log_prob": torch.zeros(4)}, gamma=0.9, rho_bar=1.0, c_bar=1.0
        )
    with pytest.raises(ValueError, match=r"next_pi: expected shape \(4, 2\) like next_q_value"):
        expected_sarsa_target(
            torch.zeros(4), torch.zeros(4, 2), torch.zeros(4, 3), torch.zeros(4).bool(), 0.9
        )
    with pytest.raises(ValueError, match=r"reward: expected shape \(4,\), got \(4, 1\)"):
        expected_sarsa_target(
            torch.zeros(4, 1), torch.zeros(4, 2), torch.zeros(4, 2), torch.zeros(4, 1).bool(), 0.9
        )
    with pytest.raises(ValueError, match=r"next_q_value: expected shape \(2,\), got \(3,\)"):
        n_step_importance_target(
            rollout["reward"], **policies, next_q_value=torch.zeros(3),
            terminated=rollout["terminated"], gamma=0.9,
        )  # fmt: skip
