"""Tests of DQN, DDPG, TD3 and both forms of SAC: the loops, and the functions given to them."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import (
    DDPGConfig,
    DQNConfig,
    SACConfig,
    SACVConfig,
    TD3Config,
    ddpg,
    dqn,
    sac,
    sac_v,
    td3,
)
from course_lib.environments import PROBES, make_vector
from course_lib.reference import (
    ReplayBuffer,
    critic_loss,
    ddpg_target,
    double_dqn_target,
    dpg_loss,
    gaussian_exploration,
    sac_policy_loss,
    sac_target,
    sac_value_loss,
    squashed_gaussian_log_prob,
    td3_target,
    temperature_loss,
    update_target,
)

GAMMA = 0.7
SIZES = {"num_envs": 2, "num_steps": 2, "num_updates": 4, "batch_size": 8, "hidden": (8,)}
SIZES |= {"random_steps": 40}
LOOPS = {
    "dqn": (dqn, DQNConfig, "CartPole-v1"),
    "ddpg": (ddpg, DDPGConfig, "Pendulum-v1"),
    "td3": (td3, TD3Config, "Pendulum-v1"),
    "sac": (sac, SACConfig, "Pendulum-v1"),
    "sac_v": (sac_v, SACVConfig, "Pendulum-v1"),
}
all_loops = pytest.mark.parametrize("name", LOOPS)
continuous_loops = pytest.mark.parametrize("name", ["ddpg", "td3", "sac", "sac_v"])


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(name, updates=3, seed=0, environment_id=None, settings=SIZES, **functions):
    loop, config, usual = LOOPS[name]
    steps = loop(environment_id or usual, config(**settings), seed, **functions)
    *_, last = islice(steps, updates)
    return last


def visited(environment_id):
    """Observations that acting well leads to."""
    environment = make_vector(environment_id, 16, seed=9)
    observations = [environment.reset()]
    for _ in range(3):
        observations.append(environment.step(environment.exact_action(observations[-1])).obs)
    return np.concatenate(observations)


PROBE = SIZES | {
    "num_envs": 8,
    "num_updates": 8,
    "batch_size": 64,
    "hidden": (16,),
    "random_steps": 200,
    "learning_rate": 0.01,
    "target_rate": 0.1,
    "gamma": GAMMA,
    "reward_scale": 1.0,
}
ONE_STEP = {"return_steps": 1, "initial_value": 0.0, "decay_steps": None, "explore_steps": 1}


@pytest.mark.parametrize("probe", PROBES)
def test_dqn_learns_a_probe_exactly(probe):
    q_function = trained("dqn", 150, 0, probe, PROBE | ONE_STEP).policy
    obs = visited(probe)
    with torch.no_grad():
        q_value = q_function(torch.from_numpy(obs)).numpy()
    assert q_value.max(-1) == pytest.approx(PROBES[probe].exact_value(obs, GAMMA), abs=0.05)
    assert np.array_equal(q_value.argmax(-1), PROBES[probe].exact_action(obs))


@pytest.mark.parametrize("probe", ["Probe1-v0", "Probe3-v0"])
def test_a_target_that_forgets_the_end_is_revealed_by_a_probe(probe):
    def never_ending(reward, next_q_value, next_target_q_value, terminated, gamma):
        nowhere = torch.zeros_like(terminated)
        return double_dqn_target(reward, next_q_value, next_target_q_value, nowhere, gamma)

    q_function = trained("dqn", 60, 0, probe, PROBE | ONE_STEP, target=never_ending).policy
    obs = visited(probe)
    with torch.no_grad():
        value = q_function(torch.from_numpy(obs)).amax(-1).numpy()
    assert np.abs(value - PROBES[probe].exact_value(obs, GAMMA)).max() > 0.3


@continuous_loops
@pytest.mark.slow
def test_the_actor_climbs_what_its_critic_was_taught(name, monkeypatch):
    settings = SIZES | {
        "num_updates": 16, "batch_size": 64, "hidden": (64,), "learning_rate": 0.005,
        "random_steps": 400,
    }  # fmt: skip
    if name == "sac":
        settings |= {"temperature": 0.01, "target_entropy": -4.0}
    if name == "sac_v":
        settings |= {"temperature": 0.01}
    batches = []
    draw = ReplayBuffer.sample

    def remembered(buffer, batch_size):
        batches.append(draw(buffer, batch_size))
        return batches[-1]

    def taught(q_value, td_target):
        # −(a − 1)² and nothing else, whatever the state: the best torque is 1 everywhere.
        return critic_loss(q_value, -(batches[-1].action[:, 0] - 1).square())

    monkeypatch.setattr(ReplayBuffer, "sample", remembered)
    policy = trained(name, 100, settings=settings, loss=taught).policy
    obs = torch.from_numpy(make_vector("Pendulum-v1", 200, seed=5).reset())
    action = policy.sample(obs, torch.Generator().manual_seed(0))
    assert action.mean().item() == pytest.approx(1.0, abs=0.15)
    assert action.std() < 0.3


@all_loops
def test_a_seed_gives_the_same_training_and_another_seed_another_one(name):
    first, again, other = (weights(trained(name, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@all_loops
def test_training_neither_uses_nor_changes_the_global_random_numbers(name):
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained(name))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained(name)), first)


def doubled(function):
    """The same function with another answer."""
    return lambda *arguments: 2 * function(*arguments)


def standing_still(target, online, target_rate):
    """A target network that never follows."""


def as_it_is(action, noise_std, low, high, generator):
    return action


SHARED = {"loss": (critic_loss, lambda q, y: -critic_loss(q, y))}
SHARED |= {"follow": (update_target, standing_still)}
ACTOR = {
    "policy_loss": (dpg_loss, lambda obs, policy, q: -dpg_loss(obs, policy, q)),
    "explore": (gaussian_exploration, as_it_is),
}
OWN = {
    "dqn": {"target": (double_dqn_target, doubled(double_dqn_target))},
    "ddpg": ACTOR | {"target": (ddpg_target, doubled(ddpg_target))},
    "td3": ACTOR | {"target": (td3_target, doubled(td3_target))},
    "sac": {
        "target": (sac_target, doubled(sac_target)),
        "policy_loss": (sac_policy_loss, lambda *arguments: -sac_policy_loss(*arguments)),
        "price": (temperature_loss, lambda *arguments: -temperature_loss(*arguments)),
        "squashed_log_prob": (squashed_gaussian_log_prob, doubled(squashed_gaussian_log_prob)),
    },
    "sac_v": {
        "value_loss": (sac_value_loss, lambda *arguments: -sac_value_loss(*arguments)),
        "policy_loss": (sac_policy_loss, lambda *arguments: -sac_policy_loss(*arguments)),
        "squashed_log_prob": (squashed_gaussian_log_prob, doubled(squashed_gaussian_log_prob)),
    },
}
PLUGS = [(name, plug) for name in LOOPS for plug in SHARED | OWN[name]]


@pytest.mark.parametrize(("name", "plug"), PLUGS)
def test_each_given_function_is_really_used(name, plug):
    same, other = (SHARED | OWN[name])[plug]
    reference = weights(trained(name))
    assert torch.equal(weights(trained(name, **{plug: same})), reference)
    assert not torch.equal(weights(trained(name, **{plug: other})), reference)


@all_loops
def test_steps_are_counted_with_those_of_the_warm_up(name):
    loop, config, environment_id = LOOPS[name]
    steps = [step.env_steps for step in islice(loop(environment_id, config(**SIZES), 0), 3)]
    # 40 random ones, then 2 environments · 2 steps a round.
    assert steps == [44, 48, 52]


def test_dqn_acts_more_and_more_greedily():
    def actions(explore_steps):
        """Whether the values decide what is done: here they favour the second action."""
        settings = SIZES | {"explore_steps": explore_steps, "random_share": 0.0, "num_steps": 100}
        steps = dqn("CartPole-v1", DQNConfig(**settings | {"learning_rate": 0.0}), 0)
        bias = next(steps).policy.value[-1].bias
        bias.data.copy_(torch.tensor([0.0, 1e6]))
        return np.median(next(steps).finished_returns)

    # Pushed to one side only, a pole falls within 8 to 11 steps; by random pushes later.
    assert actions(1) <= 11
    assert actions(10**9) > 13


@pytest.mark.parametrize("name", ["ddpg", "td3"])
def test_the_noise_falls_to_what_is_left_of_it(name):
    stds = []

    def watched(action, noise_std, low, high, generator):
        stds.append(noise_std)
        return gaussian_exploration(action, noise_std, low, high, generator)

    settings = SIZES | {"first_noise_std": 1.0, "noise_std": 0.5, "explore_steps": 88}
    trained(name, 2, settings=settings, explore=watched)
    # After 40, 42, 44 and 46 environment steps, in units of half the range, which is 2.
    assert stds == pytest.approx([2 * 48 / 88, 2 * 46 / 88, 2 * 44 / 88, 1.0])


@pytest.mark.parametrize("name", ["dqn", "ddpg", "td3", "sac"])
def test_the_step_size_runs_out(name):
    settings = SIZES | {"decay_steps": 48}
    snapshots = [weights(trained(name, updates, settings=settings)) for updates in (1, 2, 3)]
    # After 44, 48 and 52 environment steps.
    assert torch.equal(snapshots[1], snapshots[2])
    free = weights(trained(name, 1, settings=settings | {"decay_steps": None}))
    assert not torch.equal(snapshots[0], free)


@pytest.mark.parametrize("name", ["dqn", "ddpg", "td3", "sac"])
def test_targets_of_several_steps_bootstrap_with_the_power_of_the_discount(name):
    seen = []
    reference = OWN[name]["target"][0]

    def remembered(*arguments):
        seen.append(arguments)
        return reference(*arguments)

    settings = SIZES | {"return_steps": 3, "gamma": 0.5, "reward_scale": 1.0}
    trained(name, 1, settings=settings, target=remembered, environment_id=None)
    numbers = [argument for argument in seen[0] if isinstance(argument, float)]
    assert numbers[0] == 0.5**3
    if name == "dqn":
        # +1 a step: 1 + 0.5 + 0.25, less where the pole fell.
        assert set(seen[0][0].tolist()) <= {1.75, 1.5, 1.0}


@pytest.mark.parametrize("name", ["dqn", "ddpg", "td3", "sac"])
def test_the_initial_value_is_in_units_of_the_unscaled_reward(name):
    settings = SIZES | {"initial_value": 1_000.0, "reward_scale": 0.5, "learning_rate": 0.0}
    settings |= {"decay_steps": None}
    q_value = trained(name, 1, settings=settings).metrics["q_value"]
    assert q_value == pytest.approx(1_000.0, rel=0.05)


@pytest.mark.parametrize("name", ["ddpg", "td3"])
def test_a_critic_holds_still_while_it_is_climbed_and_learns_otherwise(name):
    flags = []

    def watched(obs, policy, q_function):
        flags.extend(parameter.requires_grad for parameter in q_function.parameters())
        return dpg_loss(obs, policy, q_function)

    def also_watched(q_value, td_target):
        assert q_value.requires_grad
        return critic_loss(q_value, td_target)

    trained(name, policy_loss=watched, loss=also_watched)
    assert flags
    assert not any(flags)


def test_td3s_actor_waits_for_its_critics():
    patient = SIZES | {"num_updates": 1, "policy_delay": 3}
    snapshots = [weights(trained("td3", updates, settings=patient)) for updates in (1, 2, 3)]
    assert torch.equal(snapshots[0], snapshots[1])
    assert not torch.equal(snapshots[1], snapshots[2])


def test_sacs_temperature_falls_while_there_is_too_much_entropy_and_rises_with_too_little():
    little = trained("sac", 20, settings=SIZES | {"target_entropy": -50.0}).metrics["temperature"]
    much = trained("sac", 20, settings=SIZES | {"target_entropy": 50.0}).metrics["temperature"]
    assert little < 0.9 < 1.1 < much


@pytest.mark.parametrize("name", ["dqn", "ddpg", "td3", "sac"])
def test_a_target_that_is_no_number_is_named_with_its_update(name):
    calls = []
    reference = OWN[name]["target"][0]

    def broken_later(*arguments):
        calls.append(1)
        return reference(*arguments) * (float("nan") if len(calls) == 3 else 1.0)

    with pytest.raises(ValueError, match=r"update 3: the loss is nan; td_target already"):
        trained(name, target=broken_later)


def test_a_log_prob_that_is_no_number_is_named_with_its_update():
    def broken(mean, log_std, pre_tanh):
        return squashed_gaussian_log_prob(mean, log_std, pre_tanh) / 0

    with pytest.raises(ValueError, match=r"update 1: the loss is .*log_prob already"):
        trained("sac_v", squashed_log_prob=broken)


@all_loops
def test_the_wrong_kind_of_action_is_refused(name):
    other = "Pendulum-v1" if name == "dqn" else "CartPole-v1"
    with pytest.raises(ValueError, match="this algorithm needs"):
        trained(name, environment_id=other)


@all_loops
def test_the_settings_cannot_be_changed(name):
    config = LOOPS[name][1]()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.gamma = 0.5
