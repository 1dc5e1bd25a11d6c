"""Tests of course_lib.agents: what is made fits the environment."""

import pytest
import torch

from course_lib.agents import make_critic, make_policy
from course_lib.environments import make_vector
from course_lib.policies import BetaPolicy, CategoricalPolicy, GaussianPolicy


def test_make_policy_fits_the_environments_actions():
    discrete, continuous = make_vector("CartPole-v1", 2), make_vector("ContinuousCartPole-v0", 2)
    assert isinstance(make_policy(discrete), CategoricalPolicy)
    assert isinstance(make_policy(continuous), GaussianPolicy)
    beta = make_policy(continuous, distribution="beta")
    assert isinstance(beta, BetaPolicy)
    assert (beta.low, beta.high) == (-1.0, 1.0)
    with pytest.raises(ValueError, match="'gauss'"):
        make_policy(continuous, distribution="gauss")


def test_a_gaussian_policy_acts_in_units_of_half_the_range_of_actions():
    # Torques of Pendulum lie within ±2, forces of CartPole within ±1.
    for environment_id, half_range in (("Pendulum-v1", 2.0), ("ContinuousCartPole-v0", 1.0)):
        policy = make_policy(make_vector(environment_id, 2))
        assert policy.log_std.exp().item() == pytest.approx(half_range)


def test_observations_are_divided_by_the_environments_typical_sizes():
    environment = make_vector("CartPole-v1", 2)
    policy = make_policy(environment, (), torch.Generator().manual_seed(0))
    # Without hidden layers the logits are linear in the observation divided by its scale.
    weight = policy.logits[-1].weight
    angle = torch.tensor([0.0, 0.0, 0.05, 0.0])
    assert torch.allclose(policy.logits(angle), 0.5 * weight[:, 2])
    assert make_critic(environment)(torch.zeros(3, 4)).shape == (3,)
    assert make_critic(make_vector("Probe1-v0", 2))(torch.zeros(3, 1)).shape == (3,)
