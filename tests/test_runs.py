"""Tests of course_lib.runs: the experiments by name, their thresholds and their bands."""

from itertools import islice

import numpy as np
import pytest

from course_lib.bands.record import grid
from course_lib.evaluation import evaluate
from course_lib.reference import reinforce_practical_loss
from course_lib.runs import RUNS, reference_band

WITH_THRESHOLD = [run.name for run in RUNS.values() if run.threshold is not None]


def test_the_runs_of_the_lessons_are_there_and_carry_their_own_names():
    assert set(RUNS) == {
        "reinforce-cartpole",
        "reinforce-continuous-cartpole",
        "reinforce-beta-continuous-cartpole",
        "reinforce-hidden-velocity",
        "reinforce-baseline-cartpole",
        "a2c-cartpole",
        "a2c-continuous-cartpole",
        "ddpg-pendulum",
        "td3-pendulum",
        "ddpg-continuous-cartpole",
        "td3-continuous-cartpole",
        "sac-continuous-cartpole",
        "npg-cartpole",
        "tnpg-cartpole",
        "trpo-cartpole",
        "trpo-continuous-cartpole",
        "trpo-pendulum",
        "trpo-lagrangian-cartpole",
        "ppo-cartpole",
        "ppo-continuous-cartpole",
        "ppo-pendulum",
        "ppo-kl-cartpole",
        "sac-pendulum",
        "soft-q-grid-world",
        "cem-cartpole",
        "cma-es-cartpole",
        "reps-cartpole",
        "rwr-cartpole",
        "dqn-cartpole",
        "off-policy-actor-critic-cartpole",
        "world-model-pendulum",
        "sac-v-pendulum",
        "q-prop-continuous-cartpole",
        "grpo-sort-digits",
        "dpo-sort-digits",
    }
    assert all(run.name == name for name, run in RUNS.items())


@pytest.mark.parametrize("name", RUNS)
def test_every_run_starts(name):
    first, second = islice(RUNS[name].start(seed=0), 2)
    assert 0 < first.env_steps < second.env_steps


def test_a_readers_function_reaches_the_loop():
    calls = []

    def counting(log_prob, reward, gamma):
        calls.append(gamma)
        return reinforce_practical_loss(log_prob, reward, gamma)

    next(RUNS["reinforce-cartpole"].start(seed=0, loss=counting))
    assert calls == [RUNS["reinforce-cartpole"].config.gamma]


@pytest.mark.parametrize("name", RUNS)
def test_the_stored_band_fits_the_run(name):
    band = reference_band(name)
    assert np.array_equal(band.env_steps, grid(RUNS[name]))
    seeds, points = band.returns.shape
    assert seeds >= 10
    assert points == len(band.env_steps)


CARTPOLES = [name for name in RUNS if RUNS[name].environment_id.endswith(("Pole-v0", "Pole-v1"))]
# A band's first point lies behind the first update, and theirs has chosen among many episodes.
CHOOSING = ("cem-cartpole", "cma-es-cartpole", "rwr-cartpole", "reps-cartpole")
PENDULUMS = [name for name in RUNS if name.endswith("pendulum")]


@pytest.mark.parametrize("name", CARTPOLES)
def test_the_stored_band_of_a_cartpole_rises_from_a_fall_at_once_to_hundreds_of_steps(name):
    band = reference_band(name)
    assert ((band.returns >= 1) & (band.returns <= 500)).all()
    # Before training an episode of CartPole lasts about 22 steps. Seeing velocities it learns to
    # last for hundreds; without them it still gets better.
    before, after = np.median(band.returns[:, 0]), np.median(band.returns[:, -1])
    assert before < (250 if name in CHOOSING else 40)
    assert after > (1.5 * before if RUNS[name].threshold is None else 400)


@pytest.mark.parametrize("name", PENDULUMS)
def test_the_stored_band_of_a_pendulum_rises_from_hanging_to_standing(name):
    band = reference_band(name)
    # 200 steps of at most π² + 0.1 · 8² + 0.001 · 2² each.
    assert ((band.returns >= -200 * (np.pi**2 + 6.4 + 0.004)) & (band.returns <= 0)).all()
    assert np.median(band.returns[:, 0]) < -800
    assert np.median(band.returns[:, -1]) > -250


def test_the_stored_band_of_the_grid_world_rises_from_wandering_to_the_shortest_way():
    band = reference_band("soft-q-grid-world")
    # At most 100 steps of −1 and a pit of −10; the shortest way takes ten steps.
    assert ((band.returns >= -110) & (band.returns <= -10)).all()
    assert np.median(band.returns[:, 0]) < -50
    assert np.median(band.returns[:, -1]) > -10.5


@pytest.mark.parametrize("name", [name for name in RUNS if name.endswith("sort-digits")])
def test_the_stored_band_of_a_language_model_rises_from_a_weak_start(name):
    band = reference_band(name)
    assert ((band.returns >= 0) & (band.returns <= 1)).all()
    # The first point is after one update: it is the supervised start's, nearly.
    before, after = np.median(band.returns[:, 0]), np.median(band.returns[:, -1])
    assert before <= 0.5
    assert after >= (2 * before if RUNS[name].threshold is None else RUNS[name].threshold)


def test_dreaming_takes_a_third_of_the_steps_of_sac():
    def steps_to_hold(name):
        band = reference_band(name)
        above = band.returns >= RUNS[name].threshold
        held = above[:, :-2] & above[:, 1:-1] & above[:, 2:]
        return np.median(band.env_steps[held.argmax(axis=1)[held.any(axis=1)]])

    assert steps_to_hold("world-model-pendulum") <= steps_to_hold("sac-pendulum") / 3


@pytest.mark.parametrize("name", WITH_THRESHOLD)
def test_in_the_stored_band_nine_of_ten_seeds_held_the_threshold_at_three_points_in_a_row(name):
    above = reference_band(name).returns >= RUNS[name].threshold
    held = (above[:, :-2] & above[:, 1:-1] & above[:, 2:]).any(axis=1)
    assert held.mean() >= 0.9


def test_the_band_of_an_unknown_run_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'a2c-pendulum'; known are reinforce-cartpole"):
        reference_band("a2c-pendulum")


def reaches_its_threshold(run, seed):
    """Whether one of about 30 evaluations meets the threshold within `max_steps`."""
    every = run.max_steps // 30
    next_evaluation = every
    for progress in run.start(seed):
        if progress.env_steps >= next_evaluation:
            next_evaluation = progress.env_steps + every
            fresh = 1_000_000 + progress.env_steps
            if evaluate(progress.policy, run.environment_id, seed=fresh).mean() >= run.threshold:
                return True
        if progress.env_steps >= run.max_steps:
            break
    return False


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", WITH_THRESHOLD)
def test_a_run_reaches_its_threshold(name, seed):
    assert reaches_its_threshold(RUNS[name], seed)
