"""Tests of course_lib.environments.gymnasium_vector: any gymnasium environment as a batch."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from course_lib.agents import make_policy
from course_lib.environments import make_vector
from course_lib.environments.gymnasium_vector import GymnasiumVector
from course_lib.evaluation import evaluate
from course_lib.rollout import Collector


class Echo(gymnasium.Env):
    """Shows the last action as it arrived; terminates at step 3, where the limit may be as well."""

    def __init__(self, low, high, observation_space=None):
        shape = np.shape(low)
        self.action_space = spaces.Box(np.float32(low), np.float32(high), dtype=np.float32)
        self.observation_space = observation_space or spaces.Box(-np.inf, np.inf, shape, np.float32)
        self.count = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.full(self.observation_space.shape, 0.125, dtype=np.float32), {}

    def step(self, action):
        assert action.dtype == np.float32
        self.count += 1
        return action.copy(), 1.0, self.count == 3, False, {}


class Stepper(gymnasium.Env):
    """Actions 5, 6 and 7; a picture of two by two pixels."""

    observation_space = spaces.Box(0, 255, (2, 2), dtype=np.uint8)
    action_space = spaces.Discrete(3, start=5)

    def reset(self, *, seed=None, options=None):
        return np.zeros((2, 2), dtype=np.uint8), {}

    def step(self, action):
        return np.full((2, 2), action, dtype=np.uint8), float(action), False, False, {}


@pytest.fixture
def registered(monkeypatch):
    """Register environments for one test."""

    def register(name, entry_point, **kwargs):
        spec = gymnasium.envs.registration.EnvSpec(name, entry_point, **kwargs)
        monkeypatch.setitem(gymnasium.registry, name, spec)

    return register


def echo(registered, low, high, limit=10):
    registered("Echo-v0", Echo, max_episode_steps=limit, kwargs={"low": low, "high": high})
    environment = GymnasiumVector("Echo-v0", 2, seed=0)
    environment.reset()
    return environment


def random_actions(environment, rng):
    if environment.num_actions is not None:
        return rng.integers(environment.num_actions, size=environment.num_envs)
    bounds = environment.action_low, environment.action_high
    shape = environment.num_envs, environment.action_size
    return rng.uniform(*bounds, shape).astype(np.float32)


@pytest.mark.parametrize("environment_id", ["CartPole-v1", "MountainCarContinuous-v0"])
def test_each_environment_is_gymnasiums_own_number_by_number(environment_id):
    rng = np.random.default_rng(0)
    environment = GymnasiumVector(environment_id, 3, seed=4)
    singles = [gymnasium.make(environment_id) for _ in range(3)]
    seeds = np.random.default_rng(4).integers(2**31, size=3)
    first = environment.reset()
    for i, single in enumerate(singles):
        assert np.array_equal(single.reset(seed=int(seeds[i]))[0], first[i])
    ends = 0
    for _ in range(1_100):
        action = random_actions(environment, rng)
        step = environment.step(action)
        for i, single in enumerate(singles):
            obs, reward, terminated, truncated, _ = single.step(action[i])
            assert np.array_equal(obs, step.next_obs[i])
            assert step.reward[i] == np.float32(reward)
            assert (terminated, truncated) == (step.terminated[i], step.truncated[i])
            if terminated or truncated:
                ends += 1
                obs = single.reset()[0]
            assert np.array_equal(obs, step.obs[i])
    assert ends >= 3


def test_the_final_observation_is_the_old_episodes_and_the_next_one_the_new_ones(registered):
    environment = echo(registered, [-1.0], [1.0])
    for _ in range(3):
        step = environment.step(np.array([[0.5], [-0.5]]))
        assert step.next_obs.ravel().tolist() == [0.5, -0.5]
    assert step.terminated.all()
    assert step.obs.ravel().tolist() == [0.125, 0.125]
    assert (step.obs.dtype, step.next_obs.dtype, step.reward.dtype) == (np.float32,) * 3


def test_a_step_is_never_both_terminated_and_truncated(registered):
    environment = echo(registered, [-1.0], [1.0], limit=3)
    for _ in range(3):
        step = environment.step(np.zeros((2, 1)))
    assert step.terminated.all() and not step.truncated.any()
    environment = echo(registered, [-1.0], [1.0], limit=2)
    for _ in range(2):
        step = environment.step(np.zeros((2, 1)))
    assert step.truncated.all() and not step.terminated.any()


@pytest.mark.parametrize(
    ("low", "high", "bounds", "action", "arrives"),
    [
        # One range for all: its own units, clipped outside.
        ([-2.0, -2.0], [2.0, 2.0], (-2.0, 2.0), [1.5, -9.0], [1.5, -2.0]),
        # A range each: [−1, 1] is stretched to it, and clipped outside.
        ([0.0, -1.0], [4.0, 9.0], (-1.0, 1.0), [0.5, -1.0], [3.0, -1.0]),
        ([0.0, -1.0], [4.0, 9.0], (-1.0, 1.0), [-7.0, 7.0], [0.0, 9.0]),
        # No bounds, or one only: passed on, and clipped where there is one.
        ([-np.inf, 0.0], [np.inf, 2.0], (-1.0, 1.0), [-7.0, 0.5], [-7.0, 1.5]),
        ([-np.inf, 0.0], [np.inf, np.inf], (-1.0, 1.0), [7.0, -0.5], [7.0, 0.0]),
    ],
)
def test_actions_arrive_within_the_bounds_of_each_dimension(
    registered, low, high, bounds, action, arrives
):
    environment = echo(registered, low, high)
    assert (environment.action_low, environment.action_high) == bounds
    given = np.array([action, action], dtype=np.float32)
    step = environment.step(given)
    assert step.next_obs.tolist() == [arrives, arrives]
    assert given.tolist() == [action, action]


def test_actions_may_start_at_any_number_and_pictures_become_vectors(registered):
    registered("Stepper-v0", Stepper)
    environment = GymnasiumVector("Stepper-v0", 3, seed=0)
    assert environment.reset().shape == (3, 4)
    assert (environment.num_actions, environment.observation_size) == (3, 4)
    assert environment.observation_scale == (127.5,) * 4
    step = environment.step(np.array([0, 1, 2]))
    assert step.next_obs.tolist() == [[5.0] * 4, [6.0] * 4, [7.0] * 4]
    assert step.reward.tolist() == [5.0, 6.0, 7.0]
    with pytest.raises(ValueError, match="integers from 0 to 2"):
        environment.step(np.array([0, 1, 3]))


def test_wide_bounds_say_nothing_about_the_size_of_observations(registered):
    space = spaces.Box(np.float32([-3, -1e30, -np.inf]), np.float32([1, 1e30, np.inf]))
    bounds = {"low": [-1.0] * 3, "high": [1.0] * 3}
    registered("Wide-v0", Echo, kwargs={**bounds, "observation_space": space})
    assert GymnasiumVector("Wide-v0", 1).observation_scale == (2.0, 1.0, 1.0)
    registered("Endless-v0", Echo, kwargs=bounds)
    assert GymnasiumVector("Endless-v0", 1).observation_scale is None


def test_seeds_share_no_first_states_and_a_reset_goes_on():
    def first(seed):
        return GymnasiumVector("CartPole-v1", 8, seed).reset()

    assert np.array_equal(first(0), first(0))
    both = np.concatenate([first(0), first(1)])
    assert len(np.unique(both, axis=0)) == 16
    environment = GymnasiumVector("CartPole-v1", 8, seed=0)
    assert not np.array_equal(environment.reset(), environment.reset())
    assert np.array_equal(environment.reset(seed=5), environment.reset(seed=5))


def test_what_a_step_returned_is_not_changed_by_later_steps():
    environment = GymnasiumVector("CartPole-v1", 2, seed=0)
    environment.reset()
    step = environment.step(np.array([0, 1]))
    kept = [array.copy() for array in step]
    environment.step(np.array([0, 1]))
    assert all(np.array_equal(a, b) for a, b in zip(step, kept, strict=True))


def test_policies_are_evaluated_and_rollouts_collected(registered):
    generator = torch.Generator().manual_seed(0)
    environment = GymnasiumVector("CartPole-v1", 3, seed=0)
    policy = make_policy(environment, (8,), generator)
    rollout = Collector(environment, generator).collect(policy, 60)
    assert rollout.obs.shape == (60, 3, 4)
    assert len(rollout.finished_returns) == int((rollout.terminated | rollout.truncated).sum()) > 2
    ended = rollout.terminated[:-1]
    assert torch.equal(rollout.next_obs[:-1][~ended], rollout.obs[1:][~ended])
    assert not torch.equal(rollout.next_obs[:-1][ended], rollout.obs[1:][ended])
    bounds = {"low": [-1.0, 0.0], "high": [1.0, 5.0]}
    registered("Echo-v0", Echo, max_episode_steps=10, kwargs=bounds)
    policy = make_policy(make_vector("Echo-v0", 1), (8,), generator)
    # Three steps of reward 1, played to the end by name.
    assert evaluate(policy, "Echo-v0", episodes=4).tolist() == [3.0] * 4


@pytest.mark.parametrize(
    ("environment_id", "message"),
    [
        ("Taxi-v4", r"has observations Discrete\(500\); a Box is needed"),
        ("Blackjack-v1", r"has observations Tuple\(.*\); a Box is needed"),
    ],
)
def test_other_spaces_are_refused_by_name(environment_id, message):
    with pytest.raises(ValueError, match=f"{environment_id} {message}"):
        make_vector(environment_id, 1)


def test_actions_of_another_kind_are_refused(registered):
    class Odd(Stepper):
        action_space = spaces.MultiDiscrete([2, 3])

    registered("Odd-v0", Odd)
    with pytest.raises(ValueError, match=r"Odd-v0 has actions MultiDiscrete.*; a Box or a Discr"):
        GymnasiumVector("Odd-v0", 1)


@pytest.mark.parametrize(
    ("environment_id", "extra"), [("Hopper-v5", "mujoco"), ("LunarLander-v3", "box2d")]
)
def test_a_missing_package_is_answered_with_the_extra_to_install(
    monkeypatch, environment_id, extra
):
    def make(name, **kwargs):
        raise gymnasium.error.DependencyNotInstalled("install something")

    monkeypatch.setattr(gymnasium, "make", make)
    with pytest.raises(ValueError, match=rf"{environment_id} needs the extra '{extra}'.*{extra}\]"):
        make_vector(environment_id, 1)
    with pytest.raises(ValueError, match="Blackjack-v1 cannot be made: install something"):
        make_vector("Blackjack-v1", 1)


def test_a_step_before_the_first_reset_is_refused():
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        GymnasiumVector("CartPole-v1", 1).step(np.array([0]))


@pytest.mark.parametrize(
    ("environment_id", "sizes"),
    [
        ("InvertedDoublePendulum-v5", (9, 1)),
        ("Swimmer-v5", (8, 2)),
        ("Hopper-v5", (11, 3)),
        ("HalfCheetah-v5", (17, 6)),
    ],
)
def test_mujocos_environments_are_stepped_where_they_are_installed(environment_id, sizes):
    pytest.importorskip("mujoco")
    environment = make_vector(environment_id, 2, seed=0)
    assert (environment.observation_size, environment.action_size) == sizes
    environment.reset()
    rng = np.random.default_rng(0)
    for _ in range(50):
        step = environment.step(random_actions(environment, rng))
        assert np.isfinite(step.next_obs).all()
    environment.close()
