"""Tests of course_lib.algorithms.batch and .optimising: what PPO and trust regions learn from."""

import pytest
import torch

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.batch import Batch, judged
from course_lib.algorithms.optimising import clip_gradients, decay, descend
from course_lib.environments import make_vector
from course_lib.networks import mlp
from course_lib.reference import generalized_advantage, normalize_advantage
from course_lib.rollout import Collector

GAMMA, GAE_LAMBDA, REWARD_SCALE = 0.9, 0.8, 0.5


@pytest.fixture
def parts():
    """A rollout of 40 steps in 3 environments, with ends in it, and a critic."""
    generator = torch.Generator().manual_seed(0)
    environment = make_vector("CartPole-v1", 3, seed=0)
    policy = make_policy(environment, (8,), generator)
    critic = make_critic(environment, (8,), generator)
    rollout = Collector(environment, generator).collect(policy, 40)
    assert rollout.terminated.any()
    return rollout, critic


def judge(rollout, critic, normalize=None):
    return judged(
        rollout, critic, generalized_advantage, normalize, GAMMA, GAE_LAMBDA, REWARD_SCALE
    )


def test_advantages_are_of_scaled_rewards_and_targets_are_advantage_plus_value(parts):
    rollout, critic = parts
    batch = judge(rollout, critic)
    expected = generalized_advantage(
        REWARD_SCALE * rollout.reward, critic(rollout.obs), critic(rollout.next_obs),
        rollout.terminated, rollout.truncated, GAMMA, GAE_LAMBDA,
    )  # fmt: skip
    assert torch.allclose(batch.advantage.view(40, 3), expected)
    assert torch.allclose(batch.value_target.view(40, 3), expected + critic(rollout.obs))
    assert not any(column.requires_grad for column in batch)


def test_targets_are_of_the_advantage_before_it_is_normalised(parts):
    raw, normalized = judge(*parts), judge(*parts, normalize=normalize_advantage)
    assert torch.equal(normalized.value_target, raw.value_target)
    assert torch.equal(normalized.advantage, normalize_advantage(raw.advantage, 1e-8))
    assert not torch.allclose(normalized.advantage, raw.advantage)


def test_rows_of_all_columns_stay_together(parts):
    rollout, critic = parts
    batch = judge(rollout, critic)
    t, n = 7, 2
    row = batch.rows(torch.tensor([3 * t + n]))
    assert torch.equal(row.obs[0], rollout.obs[t, n])
    assert row.action[0] == rollout.action[t, n]
    assert row.old_log_prob[0] == rollout.log_prob[t, n]
    assert isinstance(row, Batch)


def test_the_step_size_falls_in_a_straight_line_and_not_below_zero():
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.5)
    rates = []
    for env_steps in (0, 25, 75, 100, 200):
        decay(optimizer, 0.5, env_steps, decay_steps=100)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [0.5, 0.375, 0.125, 0.0, 0.0]


def test_without_decay_the_step_size_is_left_alone():
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.25)
    decay(optimizer, 0.5, 1_000, decay_steps=None)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_each_networks_gradient_is_clipped_by_itself():
    long, short = torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(2, 1, bias=False)
    long.weight.grad, short.weight.grad = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.3, 0.4]])
    clip_gradients(1.0, [long.weight], [short.weight])
    # (3, 4) has length 5 and is scaled to 1; (0.3, 0.4) has length ½ and stays.
    assert long.weight.grad[0].tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    assert short.weight.grad[0].tolist() == pytest.approx([0.3, 0.4])


def gradients_of(network, inputs):
    """Those of the summed squares of a network's outputs, as a list of new tensors."""
    network.zero_grad()
    network(inputs).square().sum().backward()
    return [weight.grad for weight in network.parameters()]


@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clipping_gives_torchs_own_numbers_to_the_last_bit(max_norm):
    generator = torch.Generator().manual_seed(0)
    network = mlp([4, 16, 2], generator)
    inputs = torch.randn(8, 4, generator=generator)
    ours = gradients_of(network, inputs)
    clip_gradients(max_norm, network.parameters())
    theirs = gradients_of(network, inputs)
    torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm)
    assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))
    length = torch.cat([gradient.flatten() for gradient in ours]).norm()
    assert (length < 0.51) == (max_norm == 0.5)


def test_weights_without_a_gradient_are_left_out():
    network = torch.nn.Linear(2, 1)
    network.weight.grad = torch.tensor([[3.0, 4.0]])
    clip_gradients(1.0, network.parameters())
    assert network.weight.grad[0].tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    assert network.bias.grad is None
    left_out = torch.nn.Linear(2, 1).parameters()  # a whole network that the loss left out
    clip_gradients(1.0, left_out)


def test_a_descent_leaves_the_gradients_of_others_alone():
    network, other = torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    inputs = torch.tensor([3.0, 4.0])
    descend((network(inputs) + other(inputs)).sum(), optimizer, 1.0, network.parameters())
    assert network.weight.grad is not None
    assert other.weight.grad is None


def test_a_descent_takes_one_clipped_step_and_forgets_the_gradient_before():
    network = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        network.weight.zero_()
    network.weight.grad = torch.tensor([[100.0, 100.0]])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    descend(network(torch.tensor([3.0, 4.0])).sum(), optimizer, 1.0, network.parameters())
    # The gradient (3, 4) is scaled to (0.6, 0.8); half of it is taken off 0.
    assert network.weight[0].tolist() == pytest.approx([-0.3, -0.4], rel=1e-5)
