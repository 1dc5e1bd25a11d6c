"""Tests of course_lib.sequence_replay: what followed what, in a ring that is written over."""

import pytest
import torch

from course_lib.environments import make_vector
from course_lib.exploring import Explorer
from course_lib.sequence_replay import SequenceReplay

NUM_ENVS = 3


def counting(steps, capacity=1_000, episode=None):
    """A buffer of environments that count: environment n is at 100·n + t after t steps, and starts
    again from 100·n whenever an episode is over."""
    buffer = SequenceReplay(capacity, (1,), (1,), seed=0, num_envs=NUM_ENVS)
    start = 100.0 * torch.arange(NUM_ENVS).unsqueeze(-1)
    for t in range(steps):
        obs = start + (t if episode is None else t % episode)
        buffer.add(obs, -obs, obs[:, 0] / 2, obs + 1, torch.zeros(NUM_ENVS, dtype=torch.bool))
    return buffer


@pytest.mark.parametrize("steps", [10, 333, 400, 1_000])
def test_a_sequence_is_what_one_environment_did_step_by_step(steps):
    buffer = counting(steps)
    batch = buffer.sample_sequences(200, 4)
    assert batch.obs.shape == (4, 200, 1)
    assert batch.reward.shape == (4, 200)
    expected = batch.obs[0] + torch.arange(4).view(-1, 1, 1)
    assert torch.equal(batch.obs, expected)
    assert torch.equal(batch.next_obs, expected + 1)
    assert torch.equal(batch.action, -expected)
    assert torch.equal(batch.reward, expected[..., 0] / 2)


def test_every_start_is_drawn_about_equally_often_also_across_the_seam_of_the_ring():
    # 30 transitions are 10 steps of 3 environments: of steps 0 … 13 the last ten, 4 … 13, are kept,
    # and the newest lie before the oldest in memory. Sequences of 4 begin at 7 · 3 places.
    buffer = counting(14, capacity=30)
    start, count = buffer.sample_sequences(21_000, 4).obs[0, :, 0].unique(return_counts=True)
    expected = [100.0 * n + t for n in range(NUM_ENVS) for t in range(4, 11)]
    assert start.tolist() == expected
    # Binomial: 1,000 each, standard deviation 31.
    assert (count - 1_000).abs().max() < 160


def test_no_sequence_crosses_the_end_of_an_episode():
    # Episodes of 5 steps: a sequence of 4 begins at their first or second step.
    batch = counting(100, episode=5).sample_sequences(300, 4)
    assert torch.equal(batch.next_obs[:-1], batch.obs[1:])
    assert set((batch.obs[0] % 100).flatten().tolist()) == {0.0, 1.0}


def test_what_an_explorer_stores_comes_back_as_sequences_within_the_time_limit():
    environment = make_vector("Pendulum-v1", 2, seed=0)
    explorer = Explorer(environment, 1_000, seed=0)
    explorer.buffer = SequenceReplay(1_000, (3,), (1,), 0, num_envs=2)
    explorer.warm_up(2 * 250, torch.Generator().manual_seed(0))
    batch = explorer.buffer.sample_sequences(100, 150)
    assert torch.equal(batch.next_obs[:-1], batch.obs[1:])


@pytest.mark.parametrize(
    ("steps", "episode", "length", "message"),
    [
        (3, None, 4, "holds 3 steps in a row, 4 are asked for"),
        (100, 5, 6, "no episode in the buffer has 6 steps"),
    ],
)
def test_a_sequence_that_is_not_there_is_refused(steps, episode, length, message):
    with pytest.raises(ValueError, match=message):
        counting(steps, episode=episode).sample_sequences(8, length)


def test_a_buffer_that_cannot_hold_one_step_of_all_environments_is_refused():
    with pytest.raises(ValueError, match="capacity: expected at least 3, got 2"):
        SequenceReplay(2, (1,), (1,), 0, num_envs=3)
