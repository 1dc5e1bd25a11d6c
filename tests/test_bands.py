"""Tests of course_lib.bands: making bands, going on after an interruption, and the command."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from course_lib.algorithms import ReinforceConfig
from course_lib.bands.__main__ import make_band, parse_arguments, store_curves, stored_curves
from course_lib.bands.record import grid, learning_curve
from course_lib.runs import RUNS

QUICK = replace(
    RUNS["reinforce-cartpole"], max_steps=800, config=ReinforceConfig(4, hidden=(8,))
)  # fmt: skip


class Serial:
    """An executor that runs each job at once and remembers which seeds were asked for."""

    def __init__(self):
        self.seeds = []

    def submit(self, function, run, seed):
        self.seeds.append(seed)
        future = Future()
        future.set_result(function(run, seed))
        return future


@pytest.fixture
def quick_run(monkeypatch):
    monkeypatch.setitem(RUNS, "quick", QUICK)


def test_a_learning_curve_lies_on_the_grid_and_its_seed_decides():
    curve = learning_curve(QUICK, seed=0)
    assert grid(QUICK)[0] == 0
    assert grid(QUICK)[-1] == 800
    assert curve.shape == grid(QUICK).shape
    assert np.array_equal(curve, learning_curve(QUICK, seed=0))
    assert not np.array_equal(curve, learning_curve(QUICK, seed=1))
    assert ((curve >= 8) & (curve <= 500)).all()


def test_a_band_goes_on_where_it_stopped(quick_run, tmp_path):
    path, executor = tmp_path / "quick.npz", Serial()
    make_band(executor, "quick", 2, path, again=False)
    first = stored_curves(path, grid(QUICK))
    make_band(executor, "quick", 3, path, again=False)
    assert executor.seeds == [0, 1, 2]
    longer = stored_curves(path, grid(QUICK))
    assert sorted(longer) == [0, 1, 2]
    assert all(np.array_equal(longer[seed], first[seed]) for seed in first)
    make_band(executor, "quick", 1, path, again=True)
    assert executor.seeds == [0, 1, 2, 0]


def test_curves_of_another_grid_are_not_mixed_in(tmp_path):
    path = tmp_path / "band.npz"
    store_curves(path, np.array([0, 1]), {4: np.array([1.0, 2.0])})
    assert stored_curves(path, np.array([0, 1]))[4].tolist() == [1.0, 2.0]
    assert stored_curves(path, np.array([0, 2])) == {}
    assert [file.name for file in tmp_path.iterdir()] == ["band.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["a2c-moon"], "no run is called 'a2c-moon'"), (["--seeds", "0"], "at least 1, got 0")],
)
def test_the_command_refuses_what_it_cannot_do(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse_arguments(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
