"""Tests of course_lib.algorithms.cem and cma_es: hills with a known top, and environments."""

from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.algorithms import CEMConfig, CMAESConfig, cem, cma_es
from course_lib.algorithms.cma_es import make_strategy
from course_lib.environments import ScalarLQR
from course_lib.evaluation import evaluate
from course_lib.population import Population
from course_lib.reference import cem_update

LOOPS = {"cem": (cem, CEMConfig), "cma_es": (cma_es, CMAESConfig)}
TOP = torch.arange(-4.0, 6.0) / 2  # ten numbers, as many as a linear policy for CartPole has


def parameters(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).clone()


def trained(name, generations, environment_id="CartPole-v1", seed=0, config=None, **functions):
    loop, default = LOOPS[name]
    *_, last = islice(loop(environment_id, config or default(), seed, **functions), generations)
    return last


def hill(steepness):
    """Replaces the environment: the return is minus a weighted squared distance from the top."""

    def play(self, sample):
        return -(steepness * (sample.double() - TOP).square()).sum(-1, keepdim=True)

    return play


def test_cem_finds_the_top_of_a_hill(monkeypatch):
    monkeypatch.setattr(Population, "play", hill(torch.ones(10)))
    config = CEMConfig(population=100, min_std=0.01)
    found = parameters(trained("cem", 60, config=config))
    torch.testing.assert_close(found, TOP, rtol=0, atol=0.02)
    assert trained("cem", 60, config=config).metrics["std"] == pytest.approx(0.01)


def test_cma_es_finds_the_top_of_a_hill_that_is_a_hundred_times_steeper_one_way(monkeypatch):
    monkeypatch.setattr(Population, "play", hill(10 ** torch.linspace(0, 2, 10)))
    found = parameters(trained("cma_es", 150))
    torch.testing.assert_close(found, TOP, rtol=0, atol=0.01)


@pytest.mark.parametrize("name", LOOPS)
def test_a_linear_regulator_is_controlled_nearly_as_well_as_riccati_does(name):
    # The least cost of s' = a s + b u over a long horizon without a discount is p s0².
    lqr = ScalarLQR(50, seed=3)
    first, p = lqr.reset().astype(np.float64), lqr.q
    for _ in range(500):
        p = lqr.q + lqr.a**2 * p - (lqr.a * lqr.b * p) ** 2 / (lqr.r + lqr.b**2 * p)
    best = -p * np.square(first).mean()
    settings = {"episodes": 16, **({"min_std": 0.02} if name == "cem" else {})}
    progress = trained(name, 25, "ScalarLQR-v0", config=LOOPS[name][1](**settings))
    returns = evaluate(progress.policy, "ScalarLQR-v0", episodes=50, seed=3)
    # The bounded policy bends the straight line: it cannot be better, and loses a little.
    assert 1.15 * best < returns.mean() < best


@pytest.mark.parametrize("name", LOOPS)
def test_a_seed_gives_the_same_search_and_another_seed_another_one(name):
    first = parameters(trained(name, 3, seed=1))
    assert torch.equal(first, parameters(trained(name, 3, seed=1)))
    assert not torch.equal(first, parameters(trained(name, 3, seed=2)))


@pytest.mark.parametrize("name", LOOPS)
def test_a_search_neither_uses_nor_changes_the_global_random_numbers(name):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002, the library cma would use these
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = parameters(trained(name, 2))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert torch.equal(first, parameters(trained(name, 2)))


@pytest.mark.parametrize("name", LOOPS)
def test_steps_and_episodes_are_counted(name):
    loop, settings = LOOPS[name]
    generations = list(islice(loop("CartPole-v1", settings(population=8, episodes=3), 0), 3))
    assert all(len(progress.finished_returns) == 24 for progress in generations)
    total = np.cumsum([sum(progress.finished_returns) for progress in generations])
    assert [progress.env_steps for progress in generations] == total.tolist()
    best = max(np.reshape(generations[0].finished_returns, (8, 3)).mean(-1))
    assert generations[0].metrics["best_return"] == pytest.approx(best)


def test_the_given_update_is_really_used():
    assert torch.equal(
        parameters(trained("cem", 2, update=cem_update)), parameters(trained("cem", 2))
    )
    calls = []

    def to_ones(sample, score, elite_fraction, min_std):
        calls.append((tuple(sample.shape), tuple(score.shape), elite_fraction, min_std))
        return torch.ones(sample.shape[1]), torch.ones(sample.shape[1])

    assert (parameters(trained("cem", 1, update=to_ones)) == 1).all()
    assert calls == [((40, 10), (40,), 0.25, 0.3)]


def test_taking_the_worst_for_the_best_unlearns():
    def worst(sample, score, elite_fraction, min_std):
        return cem_update(sample, -score, elite_fraction, min_std)

    assert np.mean(trained("cem", 6, update=worst).finished_returns) < 12
    assert np.mean(trained("cem", 6).finished_returns) > 100


def test_an_update_that_gives_no_numbers_stops_the_search():
    def broken(sample, score, elite_fraction, min_std):
        return torch.full((sample.shape[1],), float("nan")), torch.ones(sample.shape[1])

    with pytest.raises(ValueError, match="the parameters of 40 of 40 members are not finite"):
        trained("cem", 2, update=broken)


def test_cma_goes_on_when_every_member_is_perfect(monkeypatch):
    monkeypatch.setattr(Population, "play", lambda self, sample: 500 * torch.ones(len(sample), 1))
    assert torch.isfinite(parameters(trained("cma_es", 60))).all()


def test_the_strategy_starts_where_it_is_told_to():
    strategy = make_strategy(7, CMAESConfig(population=9, initial_std=0.3), seed=0)
    sample = np.stack(strategy.ask())
    assert sample.shape == (9, 7)
    assert strategy.sigma == 0.3
    assert (strategy.mean == 0).all()


@pytest.mark.parametrize("environment_id", ["ContinuousCartPole-v0", "Acrobot-v1"])
@pytest.mark.parametrize("name", LOOPS)
def test_any_environment_can_be_searched(name, environment_id):
    loop, settings = LOOPS[name]
    config = settings(population=4, episodes=1, hidden=(3,))
    progress = next(loop(environment_id, config, 0))
    assert torch.isfinite(parameters(progress)).all()
