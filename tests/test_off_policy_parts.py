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
from course_lib.critics import SquashedGaussianPolicy, frozen
from course_lib.environments import make_vector
from course_lib.exploring import Explorer, RolloutReplay, Step, falling, noise_shares, spanned
from course_lib.reference import critic_loss, double_dqn_target, dpg_loss
from course_lib.rollout import Rollout


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


def test_a_value_that_starts_at_never_falling_errs_at_falls_alone():
    gamma, never = 0.9, 1 / (1 - 0.9)
    q_function = make_discrete_q_function(make_vector("CartPole-v1", 2), (8,), generator(), never)
    with torch.no_grad():
        q_function.value[-1].weight.zero_()
        q_value = q_function(torch.randn(3, 4, generator=generator()))
    assert torch.allclose(q_value, torch.full((3, 2), never))
    fell = torch.tensor([False, True, False])
    error = double_dqn_target(torch.ones(3), q_value, q_value, fell, gamma) - q_value[:, 0]
    # 1 + γ/(1 − γ) = 1/(1 − γ); at a fall the target is 1.
    assert torch.allclose(error, torch.tensor([0.0, 1 - never, 0.0]), atol=1e-5)


def test_a_frozen_critic_gives_the_actor_the_same_slope_and_gets_none_itself():
    policy, q_function = (
        make(pendulum(), (8,), generator()) for make in (make_deterministic_policy, make_q_function)
    )
    obs = torch.randn(4, 3, generator=generator())
    free = torch.autograd.grad(dpg_loss(obs, policy, q_function), list(policy.parameters()))
    with frozen(q_function):
        loss = dpg_loss(obs, policy, q_function)
    loss.backward()
    for parameter, gradient in zip(policy.parameters(), free, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert all(parameter.grad is None for parameter in q_function.parameters())
    q_value = q_function(obs, torch.zeros(4, 1))
    critic_loss(q_value, torch.ones(4)).backward()
    assert all(parameter.grad is not None for parameter in q_function.parameters())


def test_a_critic_thaws_when_something_breaks():
    q_function = make_q_function(pendulum(), (8,), generator())
    with pytest.raises(ZeroDivisionError), frozen(q_function):
        raise ZeroDivisionError
    assert all(parameter.requires_grad for parameter in q_function.parameters())


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


def step(number, reward, terminated=(), truncated=()):
    """A step of four environments; the numbers name those whose episode it ended."""
    ends = [np.isin(np.arange(4), ended) for ended in (terminated, truncated)]
    here, there = (np.full((4, 1), n, dtype=np.float32) for n in (number, number + 1))
    reward = np.full(4, reward, dtype=np.float32)
    return Step(torch.from_numpy(here), torch.full((4,), number), reward, there, *ends)


def test_a_transition_of_three_steps_by_hand():
    # The first goes on; the second falls at the middle step; the third is cut there; the fourth is
    # cut at the last step.
    steps = [step(0, 1.0), step(1, 10.0, [1], [2]), step(2, 100.0, [], [3])]
    obs, action, reward, next_obs, terminated = spanned(steps, 0.5)
    assert obs[:, 0].tolist() == action.tolist() == [0, 0, 0]
    assert reward.tolist() == [1 + 5 + 25, 1 + 5, 1 + 5 + 25]
    assert next_obs[:, 0].tolist() == [3, 3, 3]
    assert terminated.tolist() == [False, True, False]


def test_a_fall_at_the_last_step_ends_the_transition():
    reward, _, terminated = spanned([step(0, 1.0), step(1, 10.0, [2])], 0.5)[2:]
    assert reward.tolist() == [6.0] * 4
    assert terminated.tolist() == [False, False, True, False]


def test_transitions_of_several_steps_are_stored_from_every_step_that_has_them():
    explorer = Explorer(pendulum(1), 1_000, seed=0, return_steps=5, gamma=0.5)
    explorer.warm_up(2 * 200, generator())
    # An episode of 200 steps has 196 of which five steps are seen.
    assert len(explorer.buffer) == 2 * (200 - 4)
    single = Explorer(pendulum(1), 1_000, seed=0)
    single.warm_up(5, generator())
    index, batch = everything(single)
    reward = batch.reward[[index[tuple(row)] for row in single_path(5)]]
    expected = sum(0.5**k * reward[k].item() for k in range(5))
    index, batch = everything(explorer)
    assert batch.reward[index[tuple(single_path(1)[0])]].item() == pytest.approx(expected, abs=1e-5)


def single_path(length):
    """The first observations of `pendulum(1)` under the random actions of `generator()`."""
    environment, source = pendulum(1), generator()
    observations = [environment.reset()]
    for _ in range(length - 1):
        action = -2 + 4 * torch.rand(1, 1, generator=source)
        observations.append(environment.step(action.numpy()).obs)
    return [tuple(obs[0].tolist()) for obs in observations]


def test_exploration_falls_in_a_straight_line_to_what_is_left_of_it():
    # From 0.8 to 0 within 100 steps, but not below 0.2, which is met after 75.
    levels = [falling(0.8, 0.2, env_steps, 100) for env_steps in (0, 50, 70, 75, 1_000)]
    assert levels == pytest.approx([0.8, 0.4, 0.24, 0.2, 0.2])


def rollout(number):
    """A rollout of three steps in two environments that carries its number everywhere."""
    column = torch.full((3, 2), float(number))
    flag = torch.full((3, 2), False)
    wide = column.unsqueeze(-1)
    return Rollout(wide, column.long(), column, flag, flag, wide, column, [float(number)])


def test_rollouts_are_drawn_side_by_side_with_the_newest_first():
    replay = RolloutReplay(3, seed=0)
    for number in range(5):
        replay.add(rollout(number))
    drawn = replay.sample(400)
    assert len(replay) == 3
    assert drawn.obs.shape == (3, 800, 1)
    assert drawn.reward.shape == drawn.log_prob.shape == drawn.terminated.shape == (3, 800)
    assert drawn.finished_returns == [4.0]
    number = drawn.reward[0, ::2]
    assert number[0] == 4
    assert torch.equal(drawn.action[0, ::2], number.long())
    share = number[1:].long().bincount(minlength=5) / 399
    # The last three, a third each: five standard errors of √(2/9/399) = 0.024.
    assert share[:2].tolist() == [0, 0]
    assert (share[2:] - 1 / 3).abs().max() < 0.12


def test_draws_of_rollouts_depend_on_the_seed_alone():
    replays = [RolloutReplay(8, seed) for seed in (1, 1, 2)]
    for replay in replays:
        for number in range(8):
            replay.add(rollout(number))
    first, again, other = (replay.sample(20).reward for replay in replays)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_replay_without_rollouts_or_without_room_is_refused():
    with pytest.raises(ValueError, match="capacity: expected at least 1, got 0"):
        RolloutReplay(0, seed=0)
    with pytest.raises(ValueError, match="cannot draw 2 of 0 rollouts"):
        RolloutReplay(2, seed=0).sample(2)


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


def test_environments_explore_alike_or_by_shares_from_none_to_all():
    assert noise_shares(3, all_explore=True).tolist() == [[1.0], [1.0], [1.0]]
    assert noise_shares(3, all_explore=False).tolist() == [[0.0], [0.5], [1.0]]
