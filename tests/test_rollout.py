"""Tests of course_lib.rollout: padding, ends and counting."""

import numpy as np
import torch

from course_lib.agents import make_policy
from course_lib.environments import make_vector
from course_lib.policies import CategoricalPolicy
from course_lib.rollout import Collector, collect_episodes


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class AlwaysRight:
    """A policy that pushes right, so that an episode of CartPole lasts about ten steps."""

    def sample(self, obs, generator):
        return torch.ones(len(obs), dtype=torch.int64)

    def log_prob(self, obs, action):
        return -obs[..., 0].abs() - 1

    def entropy(self, obs):
        return torch.zeros(obs.shape[:-1])


def test_episodes_are_whole_and_padded_with_nothing():
    environment = make_vector("CartPole-v1", 8, seed=0)
    episodes = collect_episodes(
        make_policy(environment, generator=generator()), environment, generator()
    )
    length = episodes.mask.sum(0)
    assert len(set(length.tolist())) > 2
    assert length.max() == len(episodes.mask)
    steps = torch.arange(len(episodes.mask))[:, None]
    assert torch.equal(episodes.mask, steps < length)
    assert torch.equal(episodes.reward, episodes.mask.float())
    assert torch.equal(episodes.episode_return, length.float())
    assert episodes.env_steps == length.sum()


def test_each_column_is_one_episode_replayed_by_its_actions():
    environment = make_vector("CartPole-v1", 3, seed=2)
    episodes = collect_episodes(
        make_policy(environment, generator=generator()), environment, generator()
    )
    replay = make_vector("CartPole-v1", 3, seed=2)
    obs = replay.reset()
    for t in range(int(episodes.mask.sum(0).min())):
        assert np.array_equal(episodes.obs[t].numpy(), obs)
        obs = replay.step(episodes.action[t].numpy()).obs


def test_the_log_prob_of_padding_is_zero_and_has_no_gradient():
    environment = make_vector("CartPole-v1", 6, seed=0)
    policy = make_policy(environment, generator=generator())
    episodes = collect_episodes(policy, environment, generator())
    log_prob = episodes.log_prob(policy)
    assert not log_prob[~episodes.mask].any()
    assert torch.allclose(log_prob[episodes.mask].exp(), torch.tensor(0.5), atol=0.02)
    log_prob[~episodes.mask].sum().backward()
    assert all(not parameter.grad.any() for parameter in policy.parameters())


def test_what_stands_in_the_padding_does_not_reach_the_policy():
    environment = make_vector("CartPole-v1", 6, seed=0)
    policy = make_policy(environment, generator=generator())
    episodes = collect_episodes(policy, environment, generator())
    spoiled = episodes._replace(
        obs=torch.where(episodes.mask[..., None], episodes.obs, torch.nan),
    )
    assert torch.equal(spoiled.log_prob(policy), episodes.log_prob(policy))
    spoiled.log_prob(policy).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in policy.parameters())


def test_next_obs_is_the_final_observation_at_an_end_and_the_next_obs_elsewhere():
    collector = Collector(make_vector("CartPole-v1", 4, seed=0), generator())
    rollout = collector.collect(AlwaysRight(), 30)
    ended = (rollout.terminated | rollout.truncated)[:-1]
    follows = (rollout.next_obs[:-1] == rollout.obs[1:]).all(-1)
    assert ended.any()
    assert torch.equal(follows, ~ended)
    # A fall leaves the angle beyond 12 degrees (0.2094 rad); an episode begins within 0.05.
    assert (rollout.next_obs[:-1][ended][:, 2].abs() > 0.2094).all()
    assert (rollout.obs[1:][ended].abs() <= 0.05).all()


def test_a_truncated_episode_is_cut_and_not_ended():
    collector = Collector(make_vector("Probe6-v0", 2, seed=0), generator())
    rollout = collector.collect(CategoricalPolicy(1, 1), 20)
    assert rollout.truncated[:, 0].nonzero().flatten().tolist() == [7, 15]
    assert not rollout.terminated.any()
    assert rollout.finished_returns == [8.0] * 4


def test_rollouts_follow_each_other_without_a_seam():
    long = Collector(make_vector("CartPole-v1", 3, seed=1), generator()).collect(AlwaysRight(), 40)
    collector = Collector(make_vector("CartPole-v1", 3, seed=1), generator())
    parts = [collector.collect(AlwaysRight(), 10) for _ in range(4)]
    assert collector.env_steps == 120
    for name in ("obs", "action", "reward", "terminated", "truncated", "next_obs", "log_prob"):
        joined = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(joined, getattr(long, name))
    finished = [episode_return for part in parts for episode_return in part.finished_returns]
    assert finished == long.finished_returns


def test_finished_returns_add_up_to_the_rewards_of_finished_episodes():
    collector = Collector(make_vector("CartPole-v1", 1, seed=0), generator())
    rollout = collector.collect(AlwaysRight(), 60)
    ends = rollout.terminated[:, 0].nonzero().flatten() + 1
    lengths = torch.diff(ends, prepend=torch.zeros(1, dtype=torch.int64))
    assert len(rollout.finished_returns) == len(ends) > 3
    assert rollout.finished_returns == lengths.float().tolist()


def test_the_log_prob_of_a_rollout_is_that_of_the_policy_that_acted():
    environment = make_vector("ContinuousCartPole-v0", 4, seed=0)
    policy = make_policy(environment, generator=generator())
    rollout = Collector(environment, generator()).collect(policy, 8)
    assert rollout.action.shape == (8, 4, 1)
    assert torch.equal(rollout.log_prob, policy.log_prob(rollout.obs, rollout.action).detach())
    assert not rollout.log_prob.requires_grad
    without = Collector(make_vector("ContinuousCartPole-v0", 4, seed=0), generator()).collect(
        policy, 8, with_log_prob=False
    )
    assert without.log_prob is None
    assert torch.equal(without.action, rollout.action)
