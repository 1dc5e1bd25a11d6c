"""Tests of tabular MDPs, grid worlds and the scalar LQR: exact numbers against sampled ones."""

import gymnasium
import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from course_lib.environments import (
    Layout,
    ScalarLQR,
    TabularEnvironment,
    TabularMDP,
    grid_world,
    make_vector,
    random_mdp,
    two_way_maze,
)
from course_lib.reference import (
    action_value,
    dpg_loss,
    expected_return,
    lqr_gradient,
    policy_evaluation,
    soft_policy_iteration,
    state_visitation,
)
from tests.helpers import double, leaf
from tests.properties import given, settings, st

UP, RIGHT, DOWN, LEFT = range(4)
CORRIDOR = "S . G"


def optimal_values(mdp, gamma, sweeps=300):
    """Q by value iteration."""
    q_value = torch.zeros_like(mdp.R)
    for _ in range(sweeps):
        q_value = action_value(mdp.P, mdp.R, q_value.amax(-1), gamma)
    return q_value


def greedy(q_value):
    return one_hot(q_value.argmax(-1), q_value.shape[-1]).double()


def always(action, mdp):
    return one_hot(torch.full((mdp.num_states,), action), mdp.num_actions).double()


def test_a_corridor_by_hand():
    mdp = grid_world(CORRIDOR, step_reward=-1.0, goal_reward=5.0)
    assert mdp.P[:, RIGHT].tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert mdp.P[:, LEFT].tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert mdp.P[:, UP].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert mdp.R.tolist() == [[-1.0] * 4, [-1.0] * 4, [5.0] * 4]
    assert mdp.p0.tolist() == [1, 0, 0]
    assert mdp.end.tolist() == [[0] * 4, [0] * 4, [1] * 4]


def test_nothing_follows_the_goal():
    mdp, gamma = grid_world(CORRIDOR, goal_reward=5.0), 0.9
    right = always(RIGHT, mdp)
    value = policy_evaluation(mdp.P, mdp.R, right, gamma)
    torch.testing.assert_close(value, double([-1 - 0.9 * 1 + 0.81 * 5, -1 + 0.9 * 5, 5]))
    torch.testing.assert_close(
        state_visitation(mdp.P, right, mdp.p0, gamma), double([1, 0.9, 0.81])
    )


def test_a_slip_goes_to_either_side():
    mdp = grid_world("S . G\n. . .", slip=0.2)
    # Right from the top left corner: 0.8 right, 0.1 up into the wall, 0.1 down.
    torch.testing.assert_close(mdp.P[0, RIGHT], double([0.1, 0.8, 0, 0.1, 0, 0]))
    torch.testing.assert_close(mdp.P[1, DOWN], double([0.1, 0, 0.1, 0, 0.8, 0]))
    torch.testing.assert_close(mdp.end[2], torch.ones(4).double())


def test_every_letter_means_what_the_docstring_says():
    mdp = grid_world("S~X\nS#|\n..G", pit_reward=-7.0, rough_reward=-3.0, goal_reward=2.0)
    layout = mdp.layout
    assert (layout.rows, layout.columns) == (3, 3)
    assert layout.cells == ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2))
    assert mdp.p0.tolist() == [0.5, 0, 0, 0.5, 0, 0, 0, 0]
    assert mdp.R[:, 0].tolist() == [-1, -3, -7, -1, -1, -1, -1, 2]
    assert (layout.goals, layout.pits) == ((7,), (2,))
    closed = 4
    assert mdp.P[[0, 1, 2, 3, 5, 6, 7]][..., closed].sum() == 0
    assert mdp.P[3, RIGHT, 3] == 1  # into the wall
    assert mdp.end[:, 0].nonzero().flatten().tolist() == [2, 7]


def test_a_picture_lies_as_the_grid_does():
    layout = grid_world("S # .\n. . G").layout
    picture = layout.picture(torch.arange(5))
    np.testing.assert_array_equal(picture, [[0, np.nan, 1], [2, 3, 4]])
    np.testing.assert_array_equal(layout.walls, [[False, True, False], [False] * 3])
    assert layout.picture(np.ones((5, 4))).shape == (2, 3, 4)
    with pytest.raises(ValueError, match="expected 5 states, got 4"):
        layout.picture(torch.zeros(4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drawing": "S.\n..."}, r"rows of one length, got \[2, 3\]"),
        ({"drawing": "S.?"}, r"unknown letters \['\?'\]"),
        ({"drawing": "..G"}, "expected a first state, S"),
        ({"drawing": ""}, "rows of one length"),
        ({"slip": 1.5}, "slip: expected a number in"),
    ],
)
def test_a_grid_that_is_none_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        grid_world(**arguments)


GOOD = {"P": torch.ones(1, 2, 1).double(), "R": torch.zeros(1, 2).double(), "p0": double([1.0])}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"R": torch.zeros(1, 3).double()},
            r"P: expected \(1, 3, 1\) .* got \(1, 2, 1\)",
        ),
        (
            {"P": torch.ones(1, 2, 1)},
            "P: expected .* torch.float64, got .* torch.float32",
        ),
        ({"P": double([[[1.5], [1.0]]])}, "sum to at most 1, got 1.5"),
        ({"P": double([[[-0.5], [1.0]]])}, "no negative probabilities"),
        ({"p0": double([0.5])}, "p0: expected a sum of 1, got 0.5"),
        ({"R": double([[0.0, float("nan")]])}, "R: expected finite numbers"),
    ],
)
def test_an_mdp_that_is_none_is_refused(changed, message):
    TabularMDP(**GOOD)
    with pytest.raises(ValueError, match=message):
        TabularMDP(**{**GOOD, **changed})


def test_a_random_mdp_depends_on_its_seed_alone():
    first, again, other = random_mdp(4, 3, 7), random_mdp(4, 3, 7), random_mdp(4, 3, 8)
    assert torch.equal(first.P, again.P) and torch.equal(first.R, again.R)
    assert not torch.equal(first.P, other.P)
    assert first.P.shape == (4, 3, 4)
    assert not first.end.any()
    torch.testing.assert_close(
        random_mdp(4, 3, 7, spread=0.0).P, torch.full((4, 3, 4), 0.25).double()
    )
    with pytest.raises(ValueError, match="at least 1 state and action, got 0 and 2"):
        random_mdp(0, 2, 0)


@given(st.integers(0, 2**20))
@settings(max_examples=10)
def test_the_sampled_environment_has_the_probabilities_of_the_arrays(seed):
    mdp = random_mdp(3, 2, seed)
    ending = TabularMDP(0.7 * mdp.P, mdp.R, mdp.p0)
    count = 20_000
    environment = TabularEnvironment(ending, count, seed)
    environment.reset()
    first, action = environment.state.copy(), np.arange(count) % 2
    step = environment.step(action)
    # The largest of 18 frequencies of n draws lies within 5 of its standard deviations.
    for state in range(3):
        chosen = (first == state) & (action == 1)
        share = (step.next_obs[chosen] * ~step.terminated[chosen][:, None]).mean(0)
        error = 5 * 0.5 / np.sqrt(chosen.sum())
        np.testing.assert_allclose(share, ending.P[state, 1], atol=error)
    assert step.terminated.mean() == pytest.approx(0.3, abs=5 * 0.5 / np.sqrt(count))
    assert np.bincount(first, minlength=3) / count == pytest.approx(mdp.p0.numpy(), abs=0.02)
    assert np.array_equal(step.reward, mdp.R[first, action].float().numpy())


def test_the_sampled_discounted_return_is_the_exact_one():
    mdp, gamma, count = random_mdp(4, 3, 0), 0.8, 4_000
    pi = torch.full((4, 3), 1 / 3).double()
    environment = TabularEnvironment(mdp, count, seed=0, max_steps=60)
    environment.reset()
    rng, total = np.random.default_rng(1), np.zeros(count)
    for t in range(60):
        total += gamma**t * environment.step(rng.integers(3, size=count)).reward
    exact = float(expected_return(mdp.P, mdp.R, pi, mdp.p0, gamma))
    assert abs(total.mean() - exact) < 4 * total.std() / np.sqrt(count)
    assert 4 * total.std() / np.sqrt(count) < 0.2


def test_the_goal_terminates_with_its_own_observation_as_the_last_one():
    environment = make_vector("GridWorld-v0", 2, seed=0)
    environment.reset()
    (goal,) = environment.mdp.layout.goals
    environment.state[0] = goal
    step = environment.step(np.array([UP, UP]))
    assert step.terminated.tolist() == [True, False]
    assert step.reward.tolist() == [0.0, -1.0]
    assert step.next_obs[0].nonzero()[0].tolist() == [goal]
    assert step.obs[0].nonzero()[0].tolist() == [0]


def test_no_draw_however_close_to_one_ends_an_episode_that_cannot_end():
    class AlmostOne:
        def random(self, shape):
            return np.full(shape, np.nextafter(1.0, 0.0))

    environment = TabularEnvironment(random_mdp(7, 2, 0), 5)
    environment.reset()
    environment.random = AlmostOne()
    step = environment.step(np.zeros(5, dtype=np.int64))
    assert not step.terminated.any()


def test_greedy_takes_the_upper_way_and_entropy_keeps_both():
    maze, gamma, temperature = two_way_maze(), 0.99, 0.2
    start = int(maze.p0.argmax())
    q_value = optimal_values(maze, gamma)
    assert q_value[start].argmax() == UP
    # The lower way costs 0.2 more, on one step.
    assert 0 < float(q_value[start, UP] - q_value[start, DOWN]) < 0.2
    pi, _ = soft_policy_iteration(maze.P, maze.R, gamma, temperature, 200)
    assert 0.6 < float(pi[start, UP]) < 0.8
    assert 0.15 < float(pi[start, DOWN]) < 0.35


def test_when_its_way_is_shut_greedy_stands_still_and_entropy_finds_through():
    gamma, temperature = 0.99, 0.2
    open_maze, shut = two_way_maze(), two_way_maze("upper")
    assert shut.layout == open_maze.layout
    best = greedy(optimal_values(open_maze, gamma))
    soft, _ = soft_policy_iteration(open_maze.P, open_maze.R, gamma, temperature, 200)

    def value(pi, mdp):
        return float(expected_return(mdp.P, mdp.R, pi, mdp.p0, gamma))

    # Ten steps of −1; without a way, −1 for ever.
    assert value(best, open_maze) == pytest.approx(-(1 - gamma**10) / (1 - gamma))
    assert value(best, shut) == pytest.approx(-1 / (1 - gamma))
    assert value(soft, open_maze) > -11
    assert value(soft, shut) > -16
    assert value(soft, two_way_maze("lower")) > -16
    with pytest.raises(ValueError, match="'left'"):
        two_way_maze("left")


def costs_per_square(lqr, gain, gamma):
    """p of V(s) = −p s², as the docstring of `lqr_gradient` has it."""
    return (lqr.q + lqr.r * gain**2) / (1 - gamma * (lqr.a - lqr.b * gain) ** 2)


def play(gain, gamma, count=500):
    """First states, and the sampled discounted returns of u = −gain s, (count,) each."""
    lqr = ScalarLQR(count, seed=0, max_steps=200)
    obs = lqr.reset().astype(np.float64)
    first, total = obs[:, 0].copy(), np.zeros(count)
    for t in range(199):
        step = lqr.step(-gain * obs)
        total += gamma**t * step.reward.astype(np.float64)
        obs = lqr.state  # in float64, so that differences of returns can be taken
    return lqr, first, total


def test_the_sampled_return_of_a_gain_is_the_exact_value():
    gain, gamma = 0.9, 0.95
    lqr, first, total = play(gain, gamma)
    assert total == pytest.approx(-costs_per_square(lqr, gain, gamma) * first**2, rel=1e-4)
    # First states are uniform in [−2, 2], with mean square 4/3.
    assert np.square(first).mean() == pytest.approx(4 / 3, abs=0.2)


def test_the_slope_of_the_sampled_return_is_the_lqr_gradient():
    gain, gamma, width = 0.9, 0.95, 0.01
    lqr, first, above = play(gain + width, gamma)
    below = play(gain - width, gamma)[2]
    exact = float(lqr_gradient(lqr.a, lqr.b, lqr.q, lqr.r, gain, gamma, s0=1.0)) * first**2
    assert (above - below) / (2 * width) == pytest.approx(exact, rel=1e-2, abs=1e-4)


def test_dpg_on_sampled_states_with_the_true_critic_is_the_lqr_gradient():
    gain, gamma = 0.9, 0.95
    lqr = ScalarLQR(1, seed=0, max_steps=300)
    obs, first = lqr.reset(), lqr.state[0, 0]
    p, theta = costs_per_square(lqr, gain, gamma), leaf(gain)

    def q_function(obs, action):
        next_obs = lqr.a * obs + lqr.b * action
        cost = lqr.q * obs**2 + lqr.r * action**2 + gamma * p * next_obs**2
        return -cost.squeeze(-1)

    total = 0.0
    for t in range(200):
        state = torch.from_numpy(lqr.state.copy())
        loss = dpg_loss(state, lambda obs: -theta * obs, q_function)
        total = total - gamma**t * torch.autograd.grad(loss, theta)[0]
        obs = lqr.step(-gain * lqr.state).obs
    expected = lqr_gradient(lqr.a, lqr.b, lqr.q, lqr.r, gain, gamma, s0=float(first))
    torch.testing.assert_close(total, expected, rtol=1e-9, atol=0)
    assert np.abs(obs).max() < 1e-3


def test_the_single_grid_world_can_be_made_and_reset_with_a_seed():
    single = gymnasium.make("GridWorld-v0")
    obs, _ = single.reset(seed=0)
    assert obs.tolist() == make_vector("GridWorld-v0", 1).reset()[0].tolist()
    assert Layout(1, 1, ((0, 0),)).walls.tolist() == [[False]]
