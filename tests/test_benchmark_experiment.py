"""The benchmark of thirteen algorithms: its rows, what was published, and who trains it."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from course_lib.catalogue import settings_of
from course_lib.experiments import (
    EXPERIMENTS,
    PUBLISHED_BENCHMARK,
    PUBLISHED_BOLD,
    PUBLISHED_NAMES,
    making,
    stored,
)
from course_lib.experiments import __main__ as command
from course_lib.experiments.benchmark import (
    BENCHMARK,
    BUDGETS,
    INITIAL_VALUES,
    MUJOCO,
    REWARD_SCALES,
    SETTINGS,
)
from course_lib.experiments.experiment import Trial
from course_lib.experiments.judging import budgeted_training
from course_lib.experiments.results import Results, read_results
from course_lib.experiments.statistics import p_against_best
from tests.test_experiments import CARTPOLE, SMALL, numbers

LESSON = Path(__file__).parents[1] / "solutions" / "13_benchmark" / "benchmark.py"
HAS_MUJOCO = importlib.util.find_spec("mujoco") is not None


def test_the_rows_are_those_of_the_paper_then_the_newer_ones():
    published = list(next(iter(PUBLISHED_BENCHMARK.values())))
    assert list(BENCHMARK.variants[:9]) == published
    assert BENCHMARK.variants[9:] == ("A2C", "PPO", "TD3", "SAC")
    assert EXPERIMENTS["benchmark"] is BENCHMARK


def test_every_algorithm_has_the_same_steps_and_one_setting_but_for_the_size_of_its_values():
    for task in BENCHMARK.tasks:
        for variant in BENCHMARK.variants:
            run = BENCHMARK.run(variant, task)
            algorithm, config = SETTINGS[variant]
            changed = {
                one: value for one, value in settings_of(run.config).items()
                if value != getattr(config, one)
            }  # fmt: skip
            assert run.algorithm is algorithm
            assert run.max_steps == BUDGETS[task]
            assert changed.keys() <= {"reward_scale", "initial_value"}
            assert getattr(run.config, "reward_scale", None) in (None, REWARD_SCALES[task])
            assert getattr(run.config, "initial_value", None) in (None, INITIAL_VALUES[task])


def test_published_numbers_are_those_of_the_lecture():
    assert set(PUBLISHED_BENCHMARK) == set(BENCHMARK.tasks) == set(PUBLISHED_NAMES)
    assert PUBLISHED_BENCHMARK["ContinuousCartPole-v0"]["TNPG"] == (3986.4, 748.9)
    assert PUBLISHED_BENCHMARK["Pendulum-v1"]["DDPG"] == (40.0, 244.6)
    assert PUBLISHED_BENCHMARK["ContinuousAcrobot-v0"]["Random"] == (-1904.5, 1.0)
    assert PUBLISHED_BENCHMARK["HalfCheetah-v5"]["CEM"] == (330.4, 274.8)
    assert PUBLISHED_BOLD["ContinuousAcrobot-v0"] == {"DDPG"}
    assert PUBLISHED_BOLD["ContinuousCartPole-v0"] == {"TNPG", "RWR", "TRPO"}
    assert PUBLISHED_NAMES["DoublePendulum-v0"] == "Double Inverted Pendulum"


def cells_with_another_print(sides: int) -> set[tuple[str, str]]:
    """Published cells that Welch's test at 5 % would print otherwise, two-sided or one-sided."""
    five = np.array([-2, -1, 0, 1, 2]) / 2.5**0.5  # mean 0, variance (4 + 1 + 0 + 1 + 4)/2.5/4 = 1
    found = set()
    for task, row in PUBLISHED_BENCHMARK.items():
        mean, std = np.array(list(row.values())).T
        p_value = sides * p_against_best(mean[:, None] + std[:, None] * five)
        for name, p in zip(row, p_value, strict=True):
            if (p >= 0.05) != (name in PUBLISHED_BOLD[task]):
                found.add((PUBLISHED_NAMES[task], name))
    return found


def test_the_published_bold_print_is_two_sided_and_would_lose_two_cells_to_our_test():
    two_sided = cells_with_another_print(2)
    lost = cells_with_another_print(1) - two_sided
    assert two_sided == {("Inverted Pendulum", "DDPG")}
    assert lost == {("Cart-Pole Balancing", "TNPG"), ("Mountain Car", "TNPG")}
    assert "TNPG would lose two of its bold cells above" in LESSON.read_text(encoding="utf-8")


def test_the_lesson_says_which_settings_differ_between_tasks_and_between_algorithms():
    text = LESSON.read_text(encoding="utf-8")
    assert len(set(REWARD_SCALES.values())) > 1 and len(set(INITIAL_VALUES.values())) > 1
    assert "but for the scale of rewards and the value that critics of actions begin with" in text
    replaying = [name for name, (_, config) in SETTINGS.items() if hasattr(config, "capacity")]
    assert {SETTINGS[name][1].return_steps for name in replaying} == {5}
    assert "replay looks five steps ahead" in text
    for name in ("DDPG", "TD3"):
        config = SETTINGS[name][1]
        assert config.noise_std > type(config)().noise_std, name


def test_the_worked_lesson_makes_the_stored_trainings_again_digit_by_digit():
    cells = json.loads(LESSON.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ["".join(one.get("text", "")) for cell in cells for one in cell.get("outputs", ())]
    printed = next(text for text in texts if "CEM yours:" in text)
    for name in ("CEM", "RWR"):
        lines = [line for line in printed.splitlines() if line.startswith(name)]
        yours, kept = (line.partition(":")[2].strip() for line in lines)
        assert yours == kept, name


def test_the_best_of_each_published_row_is_bold_and_the_random_policy_never():
    for task, row in PUBLISHED_BENCHMARK.items():
        best = max(row, key=lambda name: row[name][0])
        assert best in PUBLISHED_BOLD[task]
        assert "Random" not in PUBLISHED_BOLD[task]


def small_budget(variant, task, max_steps):
    """A row of the benchmark, cut short; its batches are as they are."""
    return replace(BENCHMARK.run(variant, task), max_steps=max_steps)


@pytest.mark.parametrize("variant", BENCHMARK.variants)
def test_every_row_trains_and_is_judged_with_the_clock(variant):
    returns, seconds = budgeted_training(small_budget(variant, "ContinuousCartPole-v0", 1), 100, 1)
    assert len(returns) == len(seconds) == 1
    assert 1 <= returns[0] <= 500 and seconds[0] > 0


@pytest.mark.slow
@pytest.mark.skipif(not HAS_MUJOCO, reason="MuJoCo is not installed (extra `mujoco`)")
@pytest.mark.parametrize("task", MUJOCO)
def test_a_mujoco_row_trains_where_the_extra_is_installed(task):
    returns, _ = budgeted_training(small_budget("A2C", task, 1), 100, 1)
    assert np.isfinite(returns).all()


def invented(**settings) -> Results:
    """Results of a table of two rows: the second broke off once."""
    both = replace(SMALL, variants=("0.1", "0.2"), points=2, **settings)
    returns = {
        Trial("0.1", CARTPOLE, 0): [1.0, 2.0], Trial("0.2", CARTPOLE, 0): [3.0, None],
        Trial("0.1", CARTPOLE, 1): [5.0, 6.0], Trial("0.2", CARTPOLE, 1): [None, None],
    }  # fmt: skip
    seconds = {
        Trial("0.1", CARTPOLE, 0): [0.5, 1.0], Trial("0.2", CARTPOLE, 0): [0.75],
        Trial("0.1", CARTPOLE, 1): [0.25, 0.5], Trial("0.2", CARTPOLE, 1): [],
    }  # fmt: skip
    return Results("", both, returns, seconds)


def test_seconds_stand_beside_the_returns_and_stay_where_a_training_broke_off():
    wanted = [[[0.5, 1.0], [0.25, 0.5]], [[0.75, 0.75], [0.0, 0.0]]]
    assert invented().cpu_seconds().tolist() == wanted
    assert invented().cpu_seconds().shape == invented().array().shape


def test_an_experiment_without_a_clock_says_so():
    with pytest.raises(ValueError, match="ppo-table has stored no seconds"):
        stored("ppo-table").cpu_seconds()


def test_what_is_stored_has_a_time_for_every_return():
    found = stored("benchmark")
    assert set(found.seconds) == set(found.returns)
    for trial, returns in found.returns.items():
        seconds = found.seconds[trial]
        assert len(seconds) == len(returns) - returns.count(None)
        assert seconds == sorted(seconds)
    assert (found.cpu_seconds()[..., -1] > 0).all()


def test_a_task_that_cannot_be_made_is_left_out_and_named(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(command, "why_not", lambda task: "no mujoco" if task in MUJOCO else None)
    monkeypatch.setattr(command, "complete", lambda *_, tasks, **__: asked.extend(tasks) or {})
    command.main(["benchmark", "--workers", "1"])
    assert asked == [task for task in BENCHMARK.tasks if task not in MUJOCO]
    assert capsys.readouterr().err.count("benchmark: left out: no mujoco") == 3
    with pytest.raises(SystemExit) as stop:
        command.main(["benchmark", "--task", "Hopper-v5"])
    assert stop.value.code == 2 and "no mujoco" in capsys.readouterr().err


def test_why_not_tells_an_environment_that_is_there_from_one_that_is_not():
    assert making.why_not("Pendulum-v1") is None
    assert "no environment is called 'Moon-v0'" in making.why_not("Moon-v0")


def test_failures_are_named_and_end_with_an_error(monkeypatch, capsys):
    failed = {Trial("PPO", "Pendulum-v1", 3): "MemoryError: "}
    monkeypatch.setattr(command, "complete", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="trains again what failed"):
        command.main(["benchmark", "--workers", "1", "--task", "Pendulum-v1"])
    assert "failed: PPO on Pendulum-v1, seed 3: MemoryError" in capsys.readouterr().err


def test_an_interrupt_keeps_what_was_trained(monkeypatch, tmp_path):
    def train_one(experiment, trial):
        if trial == ("0.1", CARTPOLE, 1):
            raise KeyboardInterrupt
        return numbers(experiment, trial)

    def interrupted(executor, *_, **__):
        return making.complete(executor, SMALL, tmp_path / "x.json", False, train_one=train_one)

    monkeypatch.setattr(command, "complete", interrupted)
    with pytest.raises(SystemExit, match="Interrupted: what was trained is stored"):
        command.main(["benchmark", "--workers", "1", "--task", "Pendulum-v1"])
    assert len(read_results(SMALL, tmp_path / "x.json").returns) == 2
