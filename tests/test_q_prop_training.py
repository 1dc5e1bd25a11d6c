"""The training loop of Q-Prop: what its critic explains, and the functions given to it."""

import dataclasses
from itertools import islice

import pytest
import torch

from course_lib.algorithms import QPropConfig, q_prop
from course_lib.reference import (
    critic_loss,
    ddpg_target,
    generalized_advantage,
    qprop_baseline,
    qprop_loss,
    update_target,
)

SMALL = QPropConfig(num_envs=4, num_steps=8, num_updates=2, batch_size=8, hidden=(8,))


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(updates=3, environment_id="Pendulum-v1", config=SMALL, seed=0, **functions):
    *_, last = islice(q_prop(environment_id, config, seed, **functions), updates)
    return last


def test_a_critic_without_a_slope_foresees_nothing():
    def flat(q_function, obs, action, mean_action):
        with torch.no_grad():
            return q_function(obs, mean_action)

    assert trained(baseline=flat).metrics["left_to_explain"] == pytest.approx(1.0, abs=1e-6)
    assert abs(trained().metrics["left_to_explain"] - 1) > 1e-6


def test_what_is_foreseen_is_the_slope_times_the_deviation():
    seen = []

    def remembered(log_prob, advantage, baseline_advantage, obs, policy, q_function):
        with torch.no_grad():
            mean_action = policy(obs)
        foreseen = qprop_baseline(q_function, obs, actions[-1], mean_action)
        foreseen -= q_function(obs, mean_action)
        seen.append((baseline_advantage, foreseen))
        return qprop_loss(log_prob, advantage, baseline_advantage, obs, policy, q_function)

    actions = []

    def noted(q_function, obs, action, mean_action):
        actions.append(action)
        return qprop_baseline(q_function, obs, action, mean_action)

    trained(2, policy_loss=remembered, baseline=noted)
    for got, wanted in seen:
        torch.testing.assert_close(got, wanted)
        assert got.abs().max() > 0


def test_q_gets_no_gradient_from_the_policys_loss():
    seen = []

    def watched(log_prob, advantage, baseline_advantage, obs, policy, q_function):
        seen.append([parameter.requires_grad for parameter in q_function.parameters()])
        return qprop_loss(log_prob, advantage, baseline_advantage, obs, policy, q_function)

    trained(2, policy_loss=watched)
    assert not any(flag for flags in seen for flag in flags)


def test_a_seed_gives_the_same_training_and_another_seed_another_one():
    assert torch.equal(weights(trained(seed=1)), weights(trained(seed=1)))
    assert not torch.equal(weights(trained(seed=1)), weights(trained(seed=2)))


def test_training_neither_uses_nor_changes_the_global_random_numbers():
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained()), first)


def doubled(function):
    """The same function with another answer."""
    return lambda *arguments, **settings: 2 * function(*arguments, **settings)


def standing_still(target, online, target_rate):
    """A target network that never follows."""


OTHER = {
    "advantage": (generalized_advantage, doubled(generalized_advantage)),
    "target": (ddpg_target, doubled(ddpg_target)),
    "loss": (critic_loss, lambda q_value, target: -critic_loss(q_value, target)),
    "baseline": (qprop_baseline, doubled(qprop_baseline)),
    "policy_loss": (qprop_loss, lambda *arguments: -qprop_loss(*arguments)),
    "follow": (update_target, standing_still),
}


@pytest.mark.parametrize("plug", OTHER)
def test_each_given_function_is_really_used(plug):
    same, other = OTHER[plug]
    reference = weights(trained())
    assert torch.equal(weights(trained(**{plug: same})), reference)
    assert not torch.equal(weights(trained(**{plug: other})), reference)


@pytest.mark.parametrize(
    ("plug", "function", "term"),
    [("target", ddpg_target, "td_target"), ("advantage", generalized_advantage, "advantage")],
)
def test_what_is_no_number_is_named_with_its_update(plug, function, term):
    def broken(*arguments, **settings):
        return function(*arguments, **settings) * float("nan")

    with pytest.raises(ValueError, match=f"update 1: the loss is nan; {term} already"):
        trained(**{plug: broken})


def test_discrete_actions_are_refused():
    with pytest.raises(ValueError, match="CartPole has discrete actions"):
        trained(environment_id="CartPole-v1")


def test_the_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.gamma = 0.5
