"""Tests of course_lib.algorithms.soft_q_learning: the exact optimum, and both ways of the maze."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import SoftQLearningConfig, soft_q_learning
from course_lib.environments import grid_world, two_way_maze
from course_lib.evaluation import evaluate
from course_lib.reference import (
    boltzmann_policy,
    critic_loss,
    expected_return,
    soft_policy_iteration,
    soft_value,
    state_visitation,
    update_target,
)
from course_lib.runs import RUNS

CONFIG = SoftQLearningConfig()
SMALL = SoftQLearningConfig(num_envs=4, batch_size=16, random_steps=16)
NEARLY_ONE = 1 - 1e-9  # exact sums need a discount; nobody walks a million steps


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(updates=5, environment_id="GridWorld-v0", config=SMALL, seed=0, **functions):
    *_, last = islice(soft_q_learning(environment_id, config, seed, **functions), updates)
    return last


def learned_q_value(progress, mdp):
    """(S, K) float64: one-hot observations ask for every state."""
    with torch.no_grad():
        return progress.policy.q_function(torch.eye(mdp.num_states)).double()


def exact(mdp, config=CONFIG):
    return soft_policy_iteration(mdp.P, mdp.R, config.gamma, config.temperature, 300)


def test_the_runs_threshold_is_the_exact_optimum_less_half_a_step_or_more():
    mdp = grid_world()
    run = RUNS["soft-q-grid-world"]
    pi, _ = exact(mdp, run.config)
    best = float(expected_return(mdp.P, mdp.R, pi, mdp.p0, NEARLY_ONE))
    assert best - 1 < run.threshold < best - 0.5
    uniform = torch.full_like(mdp.R, 0.25)
    random = float(expected_return(mdp.P, mdp.R, uniform, mdp.p0, NEARLY_ONE))
    assert random < 5 * run.threshold


@pytest.mark.slow
def test_the_values_along_the_way_become_the_exact_soft_values():
    mdp = grid_world()
    pi, q_value = exact(mdp)
    progress = trained(1_500, config=dataclasses.replace(CONFIG, learning_rate=0.05))
    visited = state_visitation(mdp.P, pi, mdp.p0, CONFIG.gamma) > 0.3
    learned = soft_value(learned_q_value(progress, mdp), CONFIG.temperature)
    expected = soft_value(q_value, CONFIG.temperature)
    assert visited.sum() >= 6
    torch.testing.assert_close(learned[visited], expected[visited], rtol=0, atol=0.3)


@pytest.mark.slow
def test_both_ways_of_the_maze_are_learned_and_one_is_left_when_the_other_is_shut():
    mdp, shut = two_way_maze(), two_way_maze("upper")
    start, up, down = int(mdp.p0.argmax()), 0, 2
    progress = trained(1_000, "TwoWayMaze-v0", CONFIG)
    pi = boltzmann_policy(learned_q_value(progress, mdp), CONFIG.temperature)
    assert pi[start, up] > 0.1 and pi[start, down] > 0.1
    assert float(expected_return(shut.P, shut.R, pi, shut.p0, 0.99)) > -25
    assert evaluate(progress.policy, "TwoWayMaze-v0").mean() > -12


def test_a_seed_gives_the_same_training_and_another_seed_another_one():
    assert torch.equal(weights(trained(seed=1)), weights(trained(seed=1)))
    assert not torch.equal(weights(trained(seed=1)), weights(trained(seed=2)))


def test_training_neither_uses_nor_changes_the_global_random_numbers():
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained()), first)


OTHER = {
    "value": (soft_value, lambda q_value, temperature: q_value.amax(-1)),
    "policy": (boltzmann_policy, lambda q, temperature: torch.eye(4)[torch.zeros(len(q)).long()]),
    "loss": (critic_loss, lambda q_value, td_target: q_value.sum()),
    "follow": (update_target, lambda target, online, rate: update_target(target, online, 1.0)),
}


@pytest.mark.parametrize("name", OTHER)
def test_each_given_function_is_really_used(name):
    same, other = OTHER[name]
    reference = weights(trained(60))
    assert torch.equal(weights(trained(60, **{name: same})), reference)
    assert not torch.equal(weights(trained(60, **{name: other})), reference)


def test_nothing_is_added_behind_an_end():
    # Probe 1 ends after one step with reward 1: Q is 1, whatever a next state would be worth.
    config = dataclasses.replace(SMALL, temperature=5.0, learning_rate=0.05)
    q_function = trained(300, "Probe1-v0", config).policy.q_function
    assert q_function(torch.zeros(1, 1)).item() == pytest.approx(1.0, abs=0.02)


def test_a_truncated_step_keeps_the_future():
    # Probe 6 pays 1 for ever and is cut after 8 steps; it has one action, so no entropy.
    config = dataclasses.replace(SMALL, gamma=0.7, learning_rate=0.05)
    q_function = trained(400, "Probe6-v0", config).policy.q_function
    assert q_function(torch.zeros(1, 1)).item() == pytest.approx(1 / (1 - 0.7), abs=0.05)


def test_a_target_that_is_no_number_is_named():
    with pytest.raises(ValueError, match=r"update 1: the loss is nan; td_target already"):
        trained(1, value=lambda q_value, temperature: q_value[:, 0] * float("nan"))


def test_continuous_actions_are_refused():
    with pytest.raises(ValueError, match="continuous actions"):
        trained(1, "Pendulum-v1")


def test_the_policy_draws_with_the_boltzmann_probabilities():
    progress = trained(3)
    obs = torch.eye(28)[:1].expand(20_000, 28)
    action = progress.policy.sample(obs, torch.Generator().manual_seed(0))
    expected = boltzmann_policy(progress.policy.q_function(obs[:1]), SMALL.temperature)[0]
    share = np.bincount(action.numpy(), minlength=4) / 20_000
    assert share == pytest.approx(expected.detach().numpy(), abs=5 * 0.5 / np.sqrt(20_000))
