"""Tests of course_lib.critics, .exploring and the makers of off-policy agents."""

import numpy as np
import pytest
import torch

from course_lib.agents import (
    make_deterministic_policy,
    make_discrete_q_function,
    make_q_function,
    make_squashed_policy,
)
from course_lib.critics import SquashedGaussianPolicy
from course_lib.environments import make_vector
from course_lib.exploring import Explorer


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pendulum(num_envs=3):
    return make_vector("Pendulum-v1", num_envs, seed=0)


def test_values_have_no_trailing_axis():
    obs, action = torch.zeros(5, 3), torch.zeros(5, 1)
    assert make_q_function(pendulum())(obs, action).shape == (5,)
    assert make_discrete_q_function(make_vector("CartPole-v1", 2))(torch.zeros(5, 4)).shape == (
        5,
        2,
    )


def test_inputs_of_q_are_divided_by_their_typical_sizes():
    q_function = make_q_function(pendulum(), (), generator())
    weight = q_function.value[-1].weight[0]
    # Without hidden layers Q is linear: a speed of 4 and a torque of 2 count as 1 each.
    speed = q_function(torch.tensor([[0.0, 0.0, 4.0]]), torch.zeros(1, 1))
    torque = q_function(torch.zeros(1, 3), torch.full((1, 1), 2.0))
    assert torch.allclose(torch.cat((speed, torque)), weight[2:])


@pytest.mark.parametrize("make", [make_deterministic_policy, make_squashed_policy])
def test_actions_fill_the_bounds_and_stay_inside(make):
    policy = make(pendulum(), (8,), generator())
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(100)
    action = policy.sample(torch.randn(1_000, 3, generator=generator()), generator())
    assert action.shape == (1_000, 1)
    assert not action.requires_grad
    assert -2 <= action.min() < -1.99 < 1.99 < action.max() <= 2


def test_a_deterministic_policy_is_used_without_noise():
    policy = make_deterministic_policy(pendulum(), (8,), generator())
    obs = torch.randn(4, 3, generator=generator())
    assert torch.equal(policy.sample(obs, generator(1)), policy(obs))


def test_the_greedy_policy_takes_the_largest_value():
    q_function = make_discrete_q_function(make_vector("CartPole-v1", 2), (8,), generator())
    obs = torch.randn(50, 4, generator=generator())
    assert torch.equal(q_function.sample(obs, generator()), q_function(obs).max(-1).indices)


def test_the_squashed_log_prob_is_the_density_of_the_action():
    policy = SquashedGaussianPolicy(1, 1, -1.0, 1.0, (8,), generator())
    obs = torch.full((100_000, 1), 0.5)
    with torch.no_grad():
        action, log_prob = policy.act(obs, generator(1))
    # ∫ p da over a bin is about p at its middle times its width: compare with how often it is hit.
    low, high = 0.1, 0.2
    inside = (action[:, 0] > low) & (action[:, 0] < high)
    expected = log_prob[inside].exp().mean().item() * (high - low)
    assert inside.float().mean().item() == pytest.approx(expected, rel=0.05)


def test_an_action_of_the_squashed_policy_carries_a_gradient():
    policy = make_squashed_policy(pendulum(), (8,), generator())
    action, log_prob = policy.act(torch.randn(4, 3, generator=generator()), generator())
    for output in (action, log_prob):
        gradient = torch.autograd.grad(output.sum(), list(policy.parameters()), retain_graph=True)
        assert max(part.abs().max() for part in gradient) > 0


@pytest.mark.parametrize("make", [make_q_function, make_deterministic_policy, make_squashed_policy])
def test_continuous_agents_refuse_discrete_actions(make):
    with pytest.raises(ValueError, match="CartPole has discrete actions"):
        make(make_vector("CartPole-v1", 1))


def test_a_discrete_agent_refuses_continuous_actions():
    with pytest.raises(ValueError, match="Pendulum has continuous actions"):
        make_discrete_q_function(pendulum())


def everything(explorer):
    """Each stored transition, by drawing far more often than there are any."""
    batch = explorer.buffer.sample(60 * len(explorer.buffer))
    return {tuple(row.tolist()): i for i, row in enumerate(batch.obs)}, batch


def test_what_is_stored_is_what_happened_with_the_final_observation_at_an_end():
    environment, twin = (make_vector("CartPole-v1", 2, seed=3) for _ in range(2))
    explorer = Explorer(environment, 1_000, seed=0, reward_scale=0.5)
    obs = twin.reset()
    happened = []
    for _ in range(60):
        explorer.step(lambda seen: torch.ones(len(seen), dtype=torch.int64))
        step = twin.step(np.ones(2, dtype=np.int64))
        happened += zip(obs, step.next_obs, step.terminated, strict=True)
        obs = step.obs
    index, batch = everything(explorer)
    assert len(explorer.buffer) == len(happened) == explorer.env_steps == 120
    assert sum(ended for *_, ended in happened) > 4
    for seen, next_obs, terminated in happened:
        row = index[tuple(seen.tolist())]
        assert np.array_equal(batch.next_obs[row].numpy(), next_obs)
        assert batch.terminated[row] == terminated
    assert set(batch.reward.tolist()) == {0.5}


def test_a_time_limit_is_not_stored_as_a_termination():
    explorer = Explorer(pendulum(), 1_000, seed=0)
    explorer.warm_up(3 * 200, generator())
    assert len(explorer.take_finished_returns()) == 3
    assert not explorer.buffer.sample(5_000).terminated.any()


def test_finished_returns_are_whole_unscaled_and_told_once():
    explorer = Explorer(make_vector("CartPole-v1", 2, seed=3), 1_000, seed=0, reward_scale=0.1)
    explorer.warm_up(200, generator())
    finished = explorer.take_finished_returns()
    # All but the two episodes that still run have been told.
    assert 200 - 2 * 120 < sum(finished) <= 200
    assert min(finished) >= 8
    assert explorer.take_finished_returns() == []


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_random_actions_are_spread_over_all_there_are(name):
    environment = make_vector(name, 2_000, seed=0)
    action = Explorer(environment, 10, seed=0).random_action(generator()).double()
    if name == "CartPole-v1":
        assert action.mean().item() == pytest.approx(0.5, abs=0.04)
    else:
        # Uniform on [−2, 2]: variance 4²/12.
        assert action.var().item() == pytest.approx(16 / 12, rel=0.1)
        assert action.abs().max() <= 2
