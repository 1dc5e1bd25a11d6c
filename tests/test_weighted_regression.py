"""Tests of course_lib.algorithms.rwr and reps: a hill with a known top, probes, and η."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import REPSConfig, RWRConfig, reps, rwr
from course_lib.algorithms.reps import minimising_eta
from course_lib.environments import BATCHED, BatchedEnvironment
from course_lib.reference import generalized_advantage, reps_dual, reps_weight, rwr_weight
from tests.helpers import double
from tests.properties import given, settings, st

SMALL_RWR = RWRConfig(episodes_per_update=4, num_epochs=2, hidden=(8,))
SMALL_REPS = REPSConfig(num_envs=4, num_steps=8, num_epochs=2, hidden=(8,))
LOOPS = {"rwr": (rwr, SMALL_RWR), "reps": (reps, SMALL_REPS)}
TOP = 0.6


class Hill(BatchedEnvironment):
    """One step; the reward is −(a − 0.6)²."""

    observation_size = 1
    action_size = 1
    max_steps = 5

    def first_state(self, count):
        return np.zeros((count, 1), dtype=np.float32)

    def dynamics(self, state, action):
        reward = -np.square(action[:, 0] - TOP).astype(np.float32)
        return state.copy(), reward, np.ones(len(state), dtype=bool)

    def observe(self, state):
        return state.copy()


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(name, updates=3, environment_id="CartPole-v1", config=None, seed=0, **functions):
    loop, small = LOOPS[name]
    *_, last = islice(loop(environment_id, config or small, seed, **functions), updates)
    return last


LEARNING = {
    "rwr": RWRConfig(64, temperature=0.5, num_epochs=5, learning_rate=0.02, hidden=()),
    "reps": REPSConfig(
        num_envs=64, num_steps=1, num_epochs=5, learning_rate=0.02, hidden=(), reward_scale=1.0
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_the_top_of_a_hill_is_found(name, monkeypatch):
    monkeypatch.setitem(BATCHED, "Hill-v0", Hill)
    policy = trained(name, 60, "Hill-v0", LEARNING[name]).policy
    mean, log_std = policy.distribution(torch.zeros(1, 1))
    assert mean.item() == pytest.approx(TOP, abs=0.05)
    assert log_std.exp().item() < 0.3  # it began at 1


@pytest.mark.parametrize("probe", ["Probe4-v0", "Probe5-v0"])
@pytest.mark.parametrize("name", LOOPS)
def test_a_probe_is_learned(name, probe):
    config = dataclasses.replace(LEARNING[name], hidden=(16,))
    policy = trained(name, 40, probe, config).policy
    obs = np.array([[-1.0], [1.0]], dtype=np.float32)
    probability = policy.logits(torch.from_numpy(obs)).softmax(-1)
    best = probability[np.arange(2), BATCHED[probe].exact_action(obs)]
    # Of whole episodes of one step the return is the reward, so RWR learns these, too.
    assert best.min() > 0.9


@pytest.mark.parametrize("name", LOOPS)
def test_imitating_the_worst_unlearns(name):
    def worst(number, temperature):
        return rwr_weight(-number, temperature)

    policy = trained(name, 40, "Probe4-v0", LEARNING[name], weight=worst).policy
    assert policy.logits(torch.zeros(1, 1)).softmax(-1)[0, 1] < 0.1


@pytest.mark.parametrize("name", LOOPS)
def test_a_seed_gives_the_same_training_and_another_seed_another_one(name):
    assert torch.equal(weights(trained(name, seed=1)), weights(trained(name, seed=1)))
    assert not torch.equal(weights(trained(name, seed=1)), weights(trained(name, seed=2)))


@pytest.mark.parametrize("name", LOOPS)
def test_training_neither_uses_nor_changes_the_global_random_numbers(name):
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained(name))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained(name)), first)


OTHER = {
    ("rwr", "weight"): (rwr_weight, lambda returns, temperature: returns),
    ("reps", "weight"): (reps_weight, lambda advantage, eta: advantage),
    ("reps", "dual"): (reps_dual, lambda advantage, eta, epsilon: (eta - 7.0).square()),
    ("reps", "advantage"): (generalized_advantage, lambda reward, *rest: reward),
}


@pytest.mark.parametrize(("name", "function"), OTHER)
def test_each_given_function_is_really_used(name, function):
    reference = weights(trained(name))
    same, other = OTHER[name, function]
    assert torch.equal(weights(trained(name, **{function: same})), reference)
    assert not torch.equal(weights(trained(name, **{function: other})), reference)


def test_rwr_measures_its_temperature_in_spreads_of_the_returns():
    seen = []

    def spy(episode_return, temperature):
        seen.append((episode_return, temperature))
        return rwr_weight(episode_return, temperature)

    config = dataclasses.replace(SMALL_RWR, temperature=0.25)
    progress = trained("rwr", 1, config=config, weight=spy)
    ((episode_return, temperature),) = seen
    assert episode_return.tolist() == progress.finished_returns
    assert temperature == pytest.approx(0.25 * np.std(progress.finished_returns))


def test_rwr_counts_all_alike_when_all_returns_are_the_same():
    progress = trained("rwr", 2, "Probe1-v0")
    assert torch.isfinite(weights(progress)).all()
    assert progress.metrics["temperature"] > 0


@pytest.mark.parametrize("name", LOOPS)
def test_weights_that_are_no_numbers_are_named(name):
    with pytest.raises(ValueError, match=r"update 1: the loss is nan; weight.* already not finite"):
        trained(name, 1, weight=lambda number, temperature: number * float("nan"))


def test_advantages_that_are_no_numbers_are_named():
    def broken(reward, *rest):
        return reward * float("nan")

    with pytest.raises(ValueError, match=r"update 1: .* nan; advantage already not finite"):
        trained("reps", 1, advantage=broken)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("distribution", ["gaussian", "beta"])
def test_continuous_actions_train_with_both_distributions(name, distribution):
    config = dataclasses.replace(LOOPS[name][1], distribution=distribution)
    assert torch.isfinite(weights(trained(name, 2, "ContinuousCartPole-v0", config))).all()


def test_steps_are_counted():
    progress = list(islice(reps("CartPole-v1", SMALL_REPS, 0), 4))
    assert [step.env_steps for step in progress] == [32, 64, 96, 128]
    progress = list(islice(rwr("CartPole-v1", SMALL_RWR, 0), 3))
    total = np.cumsum([sum(step.finished_returns) for step in progress])  # reward 1 a step
    assert [step.env_steps for step in progress] == total.tolist()


def draws(seed, count):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, generator=generator, dtype=torch.float64)


@given(st.integers(0, 2**20), st.floats(0.05, 1.5), st.floats(1e-3, 1e3))
@settings(max_examples=15)
def test_at_eta_the_weights_use_up_epsilon(seed, epsilon, scale):
    advantage = scale * draws(seed, 50)
    weight = reps_weight(advantage, minimising_eta(advantage, epsilon))
    divergence = (weight * (weight * 50).log()).sum()
    torch.testing.assert_close(divergence, double(epsilon), rtol=1e-5, atol=1e-7)


def test_eta_is_measured_in_the_unit_of_the_advantages():
    advantage = draws(0, 30)
    eta = minimising_eta(advantage, 0.3)
    torch.testing.assert_close(minimising_eta(1e6 * advantage + 7.0, 0.3), 1e6 * eta)


def test_eta_is_positive_where_epsilon_cannot_be_used_up():
    # Four samples reach a divergence of log 4 at most.
    eta = minimising_eta(double([1.0, 2.0, 3.0, 4.0]), 5.0)
    assert 0 < eta < 1e-2
    same = minimising_eta(torch.ones(4).double(), 0.5)
    assert 0 < same < float("inf")
    torch.testing.assert_close(
        reps_weight(torch.ones(4).double(), same), torch.full((4,), 0.25).double()
    )
