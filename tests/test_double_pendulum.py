"""Tests of course_lib.environments.double_pendulum and drawing: mechanics, reward, pictures."""

import gymnasium
import numpy as np
import pytest
import torch

from course_lib.algorithms import PPOConfig, ppo
from course_lib.environments import make_vector
from course_lib.environments.cartpole import cartpole_dynamics
from course_lib.environments.double_pendulum import (
    CART_MASS,
    FORCE,
    GRAVITY,
    LENGTH,
    POLE_MASSES,
    DoublePendulum,
    double_pendulum_dynamics,
    double_pendulum_rate,
    joints,
)
from course_lib.evaluation import evaluate, evaluate_agent
from course_lib.figures.video import record

ID = "DoublePendulum-v0"


def states(count, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(0.0, spread, (count, 6))


def energies(q, velocity, masses):
    """Kinetic and potential energy, rod by rod, of q = (x, θ₁, θ₂) in torch."""
    sine, cosine = torch.sin(q[1:]), torch.cos(q[1:])
    speed_x, speed_y = velocity[0], torch.zeros((), dtype=q.dtype)
    height = torch.zeros((), dtype=q.dtype)
    kinetic, potential = 0.5 * CART_MASS * speed_x**2, torch.zeros((), dtype=q.dtype)
    for pole, mass in enumerate(masses):
        turn = velocity[1 + pole]
        # To the middle of the rod, whose moment of inertia around it is m L²/12.
        middle_x = speed_x + LENGTH / 2 * cosine[pole] * turn
        middle_y = speed_y - LENGTH / 2 * sine[pole] * turn
        kinetic = kinetic + 0.5 * mass * (middle_x**2 + middle_y**2)
        kinetic = kinetic + 0.5 * mass * LENGTH**2 / 12 * turn**2
        potential = potential + mass * GRAVITY * (height + LENGTH / 2 * cosine[pole])
        # To its end, where the next one begins.
        speed_x = speed_x + LENGTH * cosine[pole] * turn
        speed_y = speed_y - LENGTH * sine[pole] * turn
        height = height + LENGTH * cosine[pole]
    return kinetic, potential


def acceleration_by_lagrange(state, force, masses):
    """From the energies by automatic differentiation: M(q) q̈ = force + ∂(T−V)/∂q − Ṁ q̇."""
    q, velocity = torch.tensor(state[:3]), torch.tensor(state[3:])

    def lagrangian(q, velocity):
        kinetic, potential = energies(q, velocity, masses)
        return kinetic - potential

    def momentum(q):
        return torch.autograd.functional.jacobian(
            lambda v: lagrangian(q, v), velocity, create_graph=True
        )

    mass_matrix = torch.autograd.functional.hessian(lambda v: lagrangian(q, v), velocity)
    slope = torch.autograd.functional.jacobian(lambda q: lagrangian(q, velocity), q)
    drift = torch.autograd.functional.jacobian(momentum, q) @ velocity
    pushes = torch.tensor([force, 0.0, 0.0], dtype=q.dtype)
    return torch.linalg.solve(mass_matrix, pushes + slope - drift).numpy()


def energy(state):
    parts = [energies(torch.tensor(one[:3]), torch.tensor(one[3:]), POLE_MASSES) for one in state]
    return np.array([float(kinetic + potential) for kinetic, potential in parts])


@pytest.mark.parametrize("masses", [POLE_MASSES, (0.3, 0.7)])
def test_the_accelerations_follow_from_the_energies_of_the_rods(masses):
    state, force = states(20), np.random.default_rng(1).uniform(-FORCE, FORCE, 20)
    rate = double_pendulum_rate(state, force, masses)
    assert np.array_equal(rate[:, :3], state[:, 3:])
    expected = [acceleration_by_lagrange(*one, masses) for one in zip(state, force, strict=True)]
    assert rate[:, 3:] == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)


def drift_of_energy(seconds):
    state, force = states(8, 0.5), np.zeros(8)
    before = energy(state)
    for _ in range(round(1.0 / seconds)):
        state = double_pendulum_dynamics(state, force, seconds)
    return np.abs(energy(state) - before).max()


def test_without_a_force_energy_is_kept_and_half_the_step_errs_sixteen_times_less():
    coarse, fine = drift_of_energy(0.004), drift_of_energy(0.002)
    # Fourth order promises 2⁴; energy often gains one order more, 2⁵.
    assert coarse < 1e-5
    assert 12 < coarse / fine < 50


def test_an_upper_pole_without_mass_leaves_cartpole():
    state, force = states(20), np.random.default_rng(1).uniform(-FORCE, FORCE, 20)
    rate = double_pendulum_rate(state, force, (0.1, 0.0))
    # CartPole's Euler step divided by its time: position, velocity, angle, angular velocity.
    single = state[:, [0, 3, 1, 4]]
    expected = (cartpole_dynamics(single, force) - single) / 0.02
    assert rate[:, [0, 3, 1, 4]] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_near_upright_it_moves_as_the_linearised_equations_say():
    lower, upper = POLE_MASSES
    total = CART_MASS + lower + upper
    # For small angles cosines are 1, sines the angles, and squares of speeds vanish.
    mass_matrix = np.array((
        (total, lower / 2 + upper, upper / 2),
        (lower / 2 + upper, lower / 3 + upper, upper / 2),
        (upper / 2, upper / 2, upper / 3),
    ))  # fmt: skip
    stiffness = GRAVITY * np.diag((0.0, lower / 2 + upper, upper / 2))
    state, force = states(20, 1e-4), np.random.default_rng(1).normal(0.0, 1e-3, 20)
    pushes = np.array((force, 0 * force, 0 * force)) + stiffness @ state[:, :3].T
    expected = np.linalg.solve(mass_matrix, pushes).T
    assert double_pendulum_rate(state, force)[:, 3:] == pytest.approx(expected, abs=1e-8)


def test_left_and_right_are_mirror_images():
    state, force = states(10), np.full(10, 3.0)
    assert np.array_equal(
        double_pendulum_dynamics(-state, -force), -double_pendulum_dynamics(state, force)
    )


def test_the_joints_are_a_pole_apart():
    standing = joints(np.array([[0.5, 0.0, 0.0, 0, 0, 0]]))
    assert standing.tolist() == [[[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]]]
    # To the right with the lower pole, straight down with the upper one.
    bent = joints(np.array([[0.0, np.pi / 2, np.pi, 0, 0, 0]]))
    assert bent[0] == pytest.approx(np.array([[0, 0], [1, 0], [1, -1]]), abs=1e-12)


def after_a_step(state, action=0.0):
    environment = make_vector(ID, 1, seed=0)
    environment.reset()
    environment.state[:] = state
    return environment.step(np.array([[action]]))


def test_standing_still_pays_ten_and_5000_is_the_most():
    environment = make_vector(ID, 2, seed=0)
    environment.reset()
    total = 0.0
    for step_number in range(1, 501):
        environment.state[:] = 0.0
        step = environment.step(np.zeros((2, 1)))
        total += step.reward
        assert step.truncated.all() == (step_number == 500)
        assert not step.terminated.any()
    assert total.tolist() == [5000.0, 5000.0]


def test_distance_and_speed_of_the_tip_are_paid_for():
    step = after_a_step((1.0, 0.1, -0.2, 0.3, 0.5, -0.4), 0.7)
    x, sine1, sine2, cosine1, cosine2, _, speed1, speed2 = step.next_obs[0].astype(np.float64)
    tip = x + sine1 + sine2, cosine1 + cosine2
    expected = 10 - 0.01 * tip[0] ** 2 - (tip[1] - 2) ** 2 - 0.001 * speed1**2 - 0.005 * speed2**2
    assert step.reward[0] == pytest.approx(expected, rel=1e-6)
    assert step.reward.dtype == np.float32


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ((2.3, 0, 0, 0, 0, 0), False),
        ((2.39, 0, 0, 1, 0, 0), True),
        ((-2.39, 0, 0, -1, 0, 0), True),
        ((0, 1.0, 1.0, 0, 0, 0), False),  # the tip is at 2 · cos 1 = 1.08, and falls to 1.05
        ((0, 1.06, 1.06, 0, 0.0, 0), True),  # 2 · cos 1.06 = 0.98
        ((0, 1.6, 0.0, 0, 0, 0), True),  # the upper pole upright on a lower one that lies
    ],
)
def test_it_ends_where_the_tip_is_below_a_metre_or_the_track_ends(state, ended):
    assert bool(after_a_step(state).terminated[0]) == ended


def test_a_random_policy_falls_within_a_second():
    environment = make_vector(ID, 200, seed=0)
    environment.reset()
    rng, running, length = np.random.default_rng(0), np.ones(200, dtype=bool), np.zeros(200)
    while running.any():
        length += running
        running &= ~environment.step(rng.uniform(-1, 1, (200, 1))).terminated
    assert 12 < length.mean() < 18
    assert length.max() < 40


def linear_rule(cost_of_force):
    """The gain of the linear-quadratic regulator of the environment's own step."""
    width = 1e-6
    steps = width * np.eye(6)
    plus, minus = (double_pendulum_dynamics(sign * steps, np.zeros(6)) for sign in (1, -1))
    a = (plus - minus).T / (2 * width)
    b = double_pendulum_dynamics(np.zeros((1, 6)), np.array([width])).T / width
    value = np.eye(6)
    for _ in range(1_000):
        gain = np.linalg.solve(cost_of_force + b.T @ value @ b, b.T @ value @ a)
        value = np.eye(6) + a.T @ value @ (a - b @ gain)
    return gain


def agent_of(gain):
    def agent(obs):
        position, sine1, sine2, _, _, velocity, speed1, speed2 = obs.T.astype(np.float64)
        state = np.array((position, sine1, sine2, velocity, speed1, speed2))
        return (-(gain @ state).T / FORCE).astype(np.float32)

    return agent


def test_a_linear_rule_that_pushes_gently_balances_and_one_that_pushes_hard_often_falls():
    gentle = evaluate_agent(agent_of(linear_rule(10.0)), ID, 200, seed=1)
    hard = evaluate_agent(agent_of(linear_rule(0.001)), ID, 200, seed=1)
    assert (gentle > 4_900).mean() > 0.95
    assert 0.5 < (hard > 4_900).mean() < 0.9


def test_the_observation_says_all_there_is_to_know():
    environment = make_vector(ID, 50, seed=0)
    obs = environment.reset()
    assert obs.shape == (50, 8)
    angles = np.arctan2(obs[:, 1:3], obs[:, 3:5])
    seen = np.concatenate((obs[:, :1], angles, obs[:, 5:]), axis=1)
    assert seen == pytest.approx(environment.state, abs=1e-6)
    assert np.abs(environment.state).max() <= 0.1


def test_the_batched_one_equals_the_single_one_bit_for_bit():
    rng, ends = np.random.default_rng(0), 0
    batch = DoublePendulum(4, seed=1)
    batch.reset()
    singles = [gymnasium.make(ID).unwrapped for _ in range(4)]
    for single, state in zip(singles, batch.state, strict=True):
        single.reset(seed=0)
        single.state = state.copy()
    for _ in range(200):
        action = rng.uniform(-1.5, 1.5, (4, 1)).astype(np.float32)
        step = batch.step(action)
        for i, single in enumerate(singles):
            obs, reward, terminated, truncated, _ = single.step(action[i])
            assert np.array_equal(obs, step.next_obs[i])
            assert (reward, terminated, truncated) == (step.reward[i], step.terminated[i], False)
            if terminated:
                ends += 1
                single.state = batch.state[i].copy()
            assert np.array_equal(single.state, batch.state[i])
    assert ends > 10


def test_the_single_one_refuses_what_is_no_action():
    environment = gymnasium.make(ID).unwrapped
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        environment.step(np.zeros(1))
    environment.reset(seed=0)
    for action in (np.zeros(2), 0.0, np.array([np.nan])):
        with pytest.raises(ValueError, match="one number in an array of shape"):
            environment.step(action)


def test_it_is_drawn_where_it_stands():
    environment = gymnasium.make(ID, render_mode="rgb_array").unwrapped
    assert environment.render() is None
    environment.reset(seed=0)
    environment.state = np.array([1.0, 0.0, 0.0, 0, 0, 0])
    picture = environment.render()
    assert (picture.shape, picture.dtype) == ((400, 600, 3), np.uint8)
    wood = np.argwhere((picture == (202, 152, 101)).all(-1))
    # 1 m right of the middle, 300, are 425 pixels; the poles are 10 wide and 250 high.
    assert wood[:, 1].mean() == pytest.approx(425, abs=1.5)
    assert np.ptp(wood[:, 1]) == pytest.approx(10, abs=2)
    assert wood[:, 0].min() == pytest.approx(320 - 250, abs=2)
    assert gymnasium.make(ID).unwrapped.render() is None


@pytest.mark.slow
def test_ppo_learns_to_balance_and_not_at_once():
    returns = []
    for progress in ppo(ID, PPOConfig(), seed=100):
        if progress.env_steps >= 40_000 or not returns:
            returns.append(evaluate(progress.policy, ID, 50, seed=1).mean())
        if progress.env_steps >= 40_000:
            break
    assert returns[0] < 200
    assert returns[1] > 2_000


class Gentle:
    """The linear rule as a policy."""

    def __init__(self):
        self.agent = agent_of(linear_rule(10.0))

    def sample(self, obs, generator=None):
        return torch.from_numpy(self.agent(obs.numpy()))


def test_an_episode_can_be_watched_at_its_own_speed():
    video = record(Gentle(), ID, seed=1, every=50, max_frames=100, scale=0.25)
    assert video.alt == "Animation: one episode of DoublePendulum-v0, 500 steps long."
    assert gymnasium.make(ID).metadata["render_fps"] == 20
    assert video.png[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_wide_one_differs_in_its_first_states_alone():
    wide, narrow = make_vector("WideDoublePendulum-v0", 500, 3), make_vector(ID, 500, 3)
    wide.reset(), narrow.reset()
    assert np.allclose(wide.state, 2 * narrow.state)  # ±0.2 for ±0.1, by the same dice
    assert 0.199 < np.abs(wide.state).max() <= 0.2
    wide.state = narrow.state.copy()
    action = np.linspace(-2, 2, 500)[:, None]
    for mine, theirs in zip(wide.step(action)[1:4], narrow.step(action)[1:4], strict=True):
        assert np.array_equal(mine, theirs)
