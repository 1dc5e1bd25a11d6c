"""Tests of algorithms.world_model: the loop, and the functions given to it."""

import dataclasses
import functools
from itertools import islice

import pytest
import torch

from course_lib.algorithms import WorldModelConfig, world_model
from course_lib.reference import (
    critic_loss,
    dream_policy_loss,
    gaussian_nll,
    imagine,
    lambda_return,
    latent_kl,
    update_target,
)

SIZES = {
    "num_envs": 2, "num_steps": 2, "random_steps": 20, "first_model_updates": 2,
    "model_updates": 2, "model_batch_size": 8, "actor_updates": 2, "dreams": 4, "horizon": 3,
    "hidden": (8,),
}  # fmt: skip


def trained(rounds=2, seed=0, environment_id="Pendulum-v1", **functions):
    steps = world_model(environment_id, WorldModelConfig(**SIZES), seed, **functions)
    *_, last = islice(steps, rounds)
    return last


def weights(progress):
    """Of the encoder and its world, and of the actor."""
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def test_a_seed_gives_the_same_training_and_another_seed_another_one():
    first, again, other = (weights(trained(seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_neither_uses_nor_changes_the_global_random_numbers():
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained()), first)


def test_steps_are_counted_with_those_of_the_warm_up():
    steps = world_model("Pendulum-v1", WorldModelConfig(**SIZES), 0)
    # 20 random ones before anything is learned, then 2 environments · 2 steps a round.
    assert [step.env_steps for step in islice(steps, 3)] == [20, 24, 28]


def test_dreaming_takes_no_step_and_says_how_it_went():
    progress = trained()
    assert set(progress.metrics) == {
        "observation_nll", "reward_nll", "kl", "dreamed_return", "entropy",
    }  # fmt: skip
    # 3 steps and a bootstrap of rewards that were between −16.3 and 0.
    assert -100 < progress.metrics["dreamed_return"] < 10
    assert progress.critic is None


@functools.cache
def by_the_reference():
    """What two rounds with nobody's functions lead to."""
    return weights(trained())


def louder(transition, reward_model, policy, start_obs, horizon, noise):
    return imagine(transition, reward_model, policy, start_obs, horizon, 3 * noise)


def standing_still(target, online, target_rate):
    """A target critic that never follows."""


PLUGS = {
    "likelihood": (gaussian_nll, lambda *arguments: 2 * gaussian_nll(*arguments)),
    "divergence": (latent_kl, lambda *arguments: 2 * latent_kl(*arguments)),
    "dream": (imagine, louder),
    "returns": (lambda_return, lambda *arguments: -lambda_return(*arguments)),
    "loss": (dream_policy_loss, lambda *arguments: -dream_policy_loss(*arguments)),
    "value_loss": (critic_loss, lambda *arguments: -critic_loss(*arguments)),
    "follow": (update_target, standing_still),
}


@pytest.mark.parametrize("plug", PLUGS)
def test_each_given_function_is_really_used(plug):
    same, other = PLUGS[plug]
    reference = by_the_reference()
    assert torch.equal(weights(trained(**{plug: same})), reference)
    assert not torch.equal(weights(trained(**{plug: other})), reference)


def test_the_model_does_not_learn_from_the_actors_dreams():
    def model_weights(**functions):
        model = trained(1, **functions).policy.model
        return torch.nn.utils.parameters_to_vector(model.parameters()).detach()

    backwards = PLUGS["loss"][1]
    assert torch.equal(model_weights(), model_weights(loss=backwards))


def broken_at(call, function):
    calls = []

    def broken(*arguments):
        calls.append(1)
        return function(*arguments) * (float("nan") if len(calls) == call else 1.0)

    return broken


def test_numbers_that_are_none_stop_the_training_with_the_term_and_the_update():
    # 4 model updates in the first round: the fifth divergence is of the second round.
    with pytest.raises(ValueError, match=r"update 2: the loss is nan; kl already"):
        trained(divergence=broken_at(5, latent_kl))
    with pytest.raises(ValueError, match=r"update 2: the loss is nan; target already"):
        trained(returns=broken_at(3, lambda_return))


@pytest.mark.parametrize(
    ("environment_id", "message"),
    [
        ("CartPole-v1", "discrete actions"),
        ("ContinuousCartPole-v0", "dreams do not end"),
    ],
)
def test_environments_that_it_cannot_dream_of_are_refused(environment_id, message):
    with pytest.raises(ValueError, match=message):
        trained(60, environment_id=environment_id)


def test_the_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WorldModelConfig().gamma = 0.5
