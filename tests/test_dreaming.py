"""Tests of course_lib.dreaming: dreams held against the world, with a model that knows it."""

import numpy as np
import pytest
import torch

from course_lib.agents import make_squashed_policy
from course_lib.dreaming import (
    Comparison,
    DreamingPolicy,
    compare_with_dream,
    dream_start,
)
from course_lib.environments import make_vector
from course_lib.environments.pendulum import pendulum_cost, pendulum_dynamics
from course_lib.world_models import WorldModel

SCALE = torch.tensor([1.0, 1.0, 4.0])


class KnowsThePendulum:
    """A world model whose latent state is (θ, θ̇), with the true dynamics; `pull` is a mistake."""

    def __init__(self, pull=0.0):
        self.pull = pull

    def encode(self, obs):
        state = torch.stack((torch.atan2(obs[:, 1], obs[:, 0]), obs[:, 2]), -1)
        return state, torch.zeros_like(state)

    def follow(self, latent, action, noise):
        states = []
        for torque, silence in zip(action[..., 0], noise, strict=True):
            moved = pendulum_dynamics(latent.double().numpy(), torque.double().numpy() + self.pull)
            latent = torch.from_numpy(moved) + silence
            states.append(latent)
        return torch.stack(states), torch.zeros(len(states), *latent.shape)

    def decode(self, latent):
        angle, speed = latent.unbind(-1)
        return torch.stack((angle.cos(), angle.sin(), speed), -1)

    def reward_model(self, latent):
        return -torch.from_numpy(pendulum_cost(latent.numpy(), np.zeros(latent.shape[:-1]).T).T)


class Swinging:
    """A policy that pushes at random, with a model of its own."""

    def __init__(self, model):
        self.model = model

    def sample(self, obs, generator):
        return 4 * torch.rand(len(obs), 1, generator=generator) - 2


def test_a_dream_of_a_model_that_knows_the_world_is_the_world():
    comparison = compare_with_dream(Swinging(KnowsThePendulum()), "Pendulum-v1", 30, episodes=8)
    assert comparison.real.shape == comparison.dreamed.shape == (31, 8, 3)
    assert comparison.real_reward.shape == comparison.dreamed_reward.shape == (30, 8)
    assert comparison.error(SCALE).shape == (31,)
    assert comparison.error(SCALE).max() < 1e-4


def test_a_wrong_model_drifts_off_with_the_horizon():
    error = compare_with_dream(Swinging(KnowsThePendulum(0.3)), "Pendulum-v1", 20).error(SCALE)
    assert error[0] < 1e-6
    assert 0.001 < error[1] < error[5] < error[10] < error[20]


def test_the_real_half_is_what_the_environment_did():
    policy = Swinging(KnowsThePendulum())
    comparison = compare_with_dream(policy, "Pendulum-v1", 5, episodes=4, seed=3)
    environment, generator = make_vector("Pendulum-v1", 4, 3), torch.Generator().manual_seed(3)
    obs = environment.reset()
    for t in range(5):
        assert np.array_equal(comparison.real[t].numpy(), obs)
        step = environment.step(policy.sample(torch.from_numpy(obs), generator).numpy())
        assert np.array_equal(comparison.real_reward[t].numpy(), step.reward)
        obs = step.obs


def test_the_error_by_hand():
    real, rewards = torch.zeros(2, 2, 3), torch.zeros(1, 2)
    dreamed = real.clone()
    dreamed[1, 0] = torch.tensor([3.0, 0.0, 16.0])
    # Of two episodes one is off by (3, 0, 16/4), a distance of 5: the root of 25/2.
    error = Comparison(real, dreamed, rewards, rewards).error(SCALE)
    assert error.tolist() == pytest.approx([0.0, np.sqrt(25 / 2)])


def test_the_policy_acts_on_what_the_encoder_says():
    environment, generator = make_vector("Pendulum-v1", 6, seed=0), torch.Generator().manual_seed(0)
    model = WorldModel(environment, 3, (8,), generator)
    actor = make_squashed_policy(environment, (8,), generator)
    obs = torch.from_numpy(environment.reset())
    action = DreamingPolicy(model, actor).sample(obs, torch.Generator().manual_seed(1))
    expected = actor.sample(model.encode(obs)[0], torch.Generator().manual_seed(1))
    assert action.shape == (6, 1)
    assert torch.equal(action, expected)
    assert not torch.equal(action, actor.sample(obs, torch.Generator().manual_seed(1)))


def test_dreams_begin_where_the_encoder_is_unsure_by_its_own_spread():
    generator = torch.Generator().manual_seed(0)
    model = WorldModel(make_vector("Pendulum-v1", 1), 3, (8,), generator)
    obs = torch.tensor([[1.0, 0.0, 0.0]]).expand(20_000, 3)
    start, noise = dream_start(model, obs, 2, generator)
    mean, log_std = model.encode(obs[:1])
    assert noise.shape == (2, 20_000, 3)
    assert not start.requires_grad
    torch.testing.assert_close(start.mean(0), mean[0].detach(), atol=0.01, rtol=0)
    torch.testing.assert_close(start.std(0), log_std[0].detach().exp(), rtol=0.03, atol=0)
    # The start's noise is not the first step's again.
    unit = (start - start.mean(0)) / start.std(0)
    assert (unit * noise[0]).mean().abs() < 0.02
