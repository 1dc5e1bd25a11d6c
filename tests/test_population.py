"""Tests of course_lib.population: many policies at once do what each would do alone."""

import numpy as np
import pytest
import torch

from course_lib.environments import make_vector
from course_lib.evaluation import evaluate
from course_lib.population import Population, SearchedPolicy
from course_lib.rollout import collect_episodes

ENVIRONMENTS = ["CartPole-v1", "ContinuousCartPole-v0"]


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
@pytest.mark.parametrize("environment_id", ENVIRONMENTS)
def test_the_members_together_are_each_member_alone(environment_id, hidden):
    population = Population(environment_id, size=3, episodes=2, hidden=hidden, seed=0)
    parameters = draws(0, 3, population.num_parameters)
    obs = draws(1, 3, 2, 4)
    together = population.outputs(parameters, obs)
    for i in range(3):
        alone = population.member(parameters[i]).net(obs[i])
        torch.testing.assert_close(together[i], alone)
    assert not torch.allclose(together[0], population.outputs(parameters, obs[[1, 0, 2]])[0])


def test_a_linear_policy_by_hand():
    population = Population("CartPole-v1", size=1, episodes=1, hidden=(), seed=0)
    # Two rows of four weights, then two biases; the angle is divided by 0.1.
    parameters = torch.tensor([0.0, 0, 0, 0, 1, 2, 3, 4, 0.5, 0.0])
    member = population.member(parameters)
    obs = torch.tensor([[0.1, 0.0, 0.01, 0.0], [0.0, 0.1, 0.01, 0.0], [0.0, 0.0, 0.0, 0.01]])
    # 0.1 + 0.3 and 0.2 + 0.3 and 0.04 against 0.5: only a tie or more makes action 1.
    assert member.net(obs)[:, 1].tolist() == pytest.approx([0.4, 0.5, 0.04])
    assert member.sample(obs + 1e-3, torch.Generator()).tolist() == [0, 1, 0]


def test_continuous_actions_stay_within_their_bounds():
    environment = make_vector("Pendulum-v1", 1)
    policy = SearchedPolicy(environment)
    output = torch.tensor([[-1e6], [0.0], [0.5], [1e6]])
    expected = [-2.0, 0.0, 2 * float(np.tanh(0.5)), 2.0]
    assert policy.action(output).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("environment_id", ENVIRONMENTS)
def test_the_returns_are_those_of_the_members_episodes(environment_id):
    population = Population(environment_id, size=3, episodes=2, hidden=(), seed=5)
    parameters = draws(2, 3, population.num_parameters)
    returns = population.play(parameters)
    for i in range(3):
        # The same six first states; the pair of columns that belongs to this member.
        environment = make_vector(environment_id, 6, seed=5)
        member = population.member(parameters[i])
        alone = collect_episodes(member, environment, torch.Generator()).episode_return
        assert returns[i].tolist() == alone[2 * i : 2 * i + 2].tolist()
    assert population.env_steps == int(returns.sum())  # reward 1 a step
    assert (returns.shape, returns.dtype) == ((3, 2), torch.float64)


def test_a_member_is_a_copy_that_can_be_evaluated():
    population = Population("CartPole-v1", size=2, episodes=1, hidden=(), seed=0)
    first = population.member(torch.ones(population.num_parameters))
    population.member(torch.zeros(population.num_parameters))
    assert all((parameter == 1).all() for parameter in first.parameters())
    assert evaluate(first, "CartPole-v1", episodes=2).shape == (2,)
    assert not any(parameter.requires_grad for parameter in first.parameters())


def test_making_a_population_leaves_the_global_random_numbers_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    Population("CartPole-v1", size=2, episodes=1, hidden=(4,), seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_parameters_and_returns_that_are_no_numbers_are_counted():
    population = Population("ContinuousCartPole-v0", size=3, episodes=1, hidden=(), seed=0)
    parameters = torch.zeros(3, population.num_parameters)
    parameters[1, 0], parameters[2, 1] = float("nan"), float("inf")
    with pytest.raises(ValueError, match="the parameters of 2 of 3 members are not finite"):
        population.play(parameters)
