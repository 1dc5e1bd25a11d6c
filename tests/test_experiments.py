"""The package of long experiments: tables, resuming, scores, the command, and what is stored."""

import json
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.algorithms import PPOConfig, Progress
from course_lib.environments import make_vector
from course_lib.experiments import (
    EXPERIMENTS,
    PUBLISHED,
    Experiment,
    stored,
)
from course_lib.experiments.__main__ import parse_arguments
from course_lib.experiments.detailed_ppo import DetailedPPOConfig, Standardize, detailed_ppo
from course_lib.experiments.experiment import Trial
from course_lib.experiments.judging import Training
from course_lib.experiments.making import complete, train
from course_lib.experiments.results import Results, read_results, write_results
from course_lib.reference import RunningNormalizer
from course_lib.runs import Run

TINY = {"num_envs": 4, "num_steps": 8, "epochs": 2, "minibatch_size": 16, "hidden": (8,)}
CARTPOLE = "CartPole-v1"


def small_run(variant: str, task: str) -> Run:
    """A run that takes a moment."""
    settings = DetailedPPOConfig(**TINY, clip_epsilon=float(variant))
    return Run(f"{variant} on {task}", detailed_ppo, task, settings, None, 96)


SMALL = Experiment(
    name="small", question="Does it work?", variants=("0.1", "0.2"), tasks=(CARTPOLE,), seeds=2,
    run=small_run, baseline="0.1", points=3,
)  # fmt: skip


class Serial:
    """An executor that runs each job at once and remembers what was asked for."""

    def __init__(self):
        self.trials = []

    def submit(self, function, trial):
        self.trials.append(trial)
        future = Future()
        try:
            future.set_result(function(trial))
        except ArithmeticError as error:
            future.set_exception(error)
        return future


def numbers(experiment, trial):
    """Stands for a training."""
    returns = [float(trial.seed), None if trial.variant == "0.2" else 2.0, 10.0 * trial.seed]
    return Training(returns, [0.5, 1.0, 1.5] if trial.seed else None)


def test_interrupted_early_every_row_has_as_many_seeds_as_the_others():
    assert list(SMALL.trials()) == [
        ("0.1", CARTPOLE, 0), ("0.2", CARTPOLE, 0), ("0.1", CARTPOLE, 1), ("0.2", CARTPOLE, 1),
    ]  # fmt: skip


def test_an_experiment_goes_on_where_it_stopped_and_forgets_other_settings(tmp_path):
    path, executor = tmp_path / "small.json", Serial()
    complete(executor, replace(SMALL, seeds=1), path, again=False, train_one=numbers)
    complete(executor, SMALL, path, again=False, train_one=numbers)
    assert executor.trials == list(SMALL.trials())
    found = read_results(SMALL, path)
    assert found.trainings == {trial: numbers(SMALL, trial) for trial in SMALL.trials()}
    assert found.made_by == "python -m course_lib.experiments small"
    other = replace(SMALL, points=4)
    assert read_results(other, path).returns == {}
    complete(executor, replace(SMALL, seeds=1), path, again=True, train_one=numbers)
    assert executor.trials[4:] == list(SMALL.trials())[:2]
    assert [one.name for one in tmp_path.iterdir()] == ["small.json"]


def test_a_task_can_be_made_alone(tmp_path):
    two, executor = replace(SMALL, tasks=(CARTPOLE, "Pendulum-v1")), Serial()
    path = tmp_path / "x.json"
    complete(executor, two, path, False, train_one=numbers, tasks=["Pendulum-v1"])
    assert {trial.task for trial in executor.trials} == {"Pendulum-v1"}
    assert len(executor.trials) == 4
    complete(executor, two, path, False, train_one=numbers, variants=["0.2"])
    assert executor.trials[4:] == [("0.2", CARTPOLE, 0), ("0.2", CARTPOLE, 1)]


def test_a_training_that_fails_costs_no_other_and_is_tried_again(tmp_path):
    def train_one(experiment, trial):
        if trial == ("0.1", CARTPOLE, 1):
            raise ArithmeticError("too large")
        return numbers(experiment, trial)

    path = tmp_path / "small.json"
    for executor in (Serial(), None):
        failed = complete(executor, SMALL, path, again=False, train_one=train_one)
        assert failed == {("0.1", CARTPOLE, 1): "ArithmeticError: too large"}
        assert len(read_results(SMALL, path).returns) == 3
    assert complete(None, SMALL, path, again=False, train_one=numbers) == {}
    assert len(read_results(SMALL, path).returns) == 4


def test_training_again_loses_nothing_that_is_not_yet_trained(tmp_path):
    path = tmp_path / "small.json"
    complete(None, SMALL, path, again=False, train_one=numbers)
    other = Training([7.0, 7.0, 7.0])
    complete(None, SMALL, path, True, train_one=lambda *_: other, variants=["0.1"])
    found = read_results(SMALL, path).trainings
    assert [found[trial] == other for trial in SMALL.trials()] == [True, False, True, False]


def test_tasks_that_cost_much_can_have_fewer_seeds():
    two = replace(SMALL, tasks=(CARTPOLE, "Pendulum-v1"), fewer_seeds={"Pendulum-v1": 1})
    assert [trial.task for trial in two.trials() if trial.seed == 1] == [CARTPOLE] * 2


def test_one_worker_is_this_process(tmp_path):
    path, once = tmp_path / "small.json", replace(SMALL, variants=("0.2",), seeds=1, baseline="0.2")
    complete(None, once, path, again=False)
    (trial,) = once.trials()
    assert read_results(once, path).trainings == {trial: train(once, trial)}


def test_a_file_has_one_training_a_line(tmp_path):
    path = tmp_path / "small.json"
    write_results(SMALL, {one: numbers(SMALL, one) for one in SMALL.trials()}, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert f'  ["0.2", "{CARTPOLE}", 0, [0.0, null, 0.0]],' in lines
    assert f'  ["0.2", "{CARTPOLE}", 1, [1.0, null, 10.0], [0.5, 1.0, 1.5]]' in lines
    assert set(json.loads("\n".join(lines))["versions"]) == {"torch", "gymnasium", "numpy"}


def test_scores_are_0_for_the_baseline_and_1_for_the_best_training():
    rows = {"0.1": [[0.0, 2.0], [2.0, 4.0]], "0.2": [[9.0, 13.0], [3.0, None]]}
    returns = {
        Trial(row, CARTPOLE, seed): one for row in rows for seed, one in enumerate(rows[row])
    }
    scores = Results("", SMALL, returns).scores(last=1)
    # At the end: 2 and 4, mean 3, is 0; 13 is 1; a broken training counts as the worst return, 0.
    assert np.allclose(scores, [[-0.1, 0.1], [1.0, -0.3]])
    # Over the whole: 1 and 3, mean 2; the best is 11; (3 + 0)/2 = 1.5.
    whole = Results("", SMALL, returns).scores(last=2)
    assert np.allclose(whole, [[-1 / 9, 1 / 9], [1.0, -0.5 / 9]])


def test_only_columns_that_every_row_has_count_and_each_task_has_its_own_scale():
    two = replace(SMALL, tasks=(CARTPOLE, "Pendulum-v1"))
    returns = {
        Trial("0.1", CARTPOLE, 0): [10.0], Trial("0.2", CARTPOLE, 0): [20.0],
        Trial("0.1", CARTPOLE, 1): [11.0],
        Trial("0.1", "Pendulum-v1", 1): [-900.0], Trial("0.2", "Pendulum-v1", 1): [-400.0],
    }  # fmt: skip
    found = Results("", two, returns)
    assert found.columns == [(CARTPOLE, 0), ("Pendulum-v1", 1)]
    assert np.allclose(found.scores(last=1), [[0, 0], [1, 1]])


def first_policies(**settings) -> list[Progress]:
    """The policy after one update with these settings, and with plain ones."""
    changed = DetailedPPOConfig(**TINY, **settings)
    return [next(detailed_ppo(CARTPOLE, one, 0)) for one in (changed, DetailedPPOConfig(**TINY))]


@pytest.mark.parametrize(
    "settings",
    [
        {"value_clip": 0.01},
        {"orthogonal": False},
        {"observations": "raw"},
        {"normalize": False},
        {"decay_steps": 40},
    ],
)
def test_each_detail_changes_what_is_learned(settings):
    changed, plain = (
        detailed_ppo(CARTPOLE, DetailedPPOConfig(**TINY, **one), 0) for one in (settings, {})
    )
    for _ in range(2):  # The decay shows in the second update.
        one, other = next(changed), next(plain)
    weights = [progress.critic.value[-1].weight for progress in (one, other)]
    logits = [progress.policy.logits[-1].weight for progress in (one, other)]
    assert not torch.equal(*weights) or not torch.equal(*logits)


def test_without_changed_details_it_is_the_ppo_of_the_lessons():
    from course_lib.algorithms import ppo

    plain = ppo(CARTPOLE, PPOConfig(**TINY), 3)
    detailed = detailed_ppo(CARTPOLE, DetailedPPOConfig(**TINY), 3)
    for _ in range(2):
        one, other = next(plain), next(detailed)
    for left, right in zip(one.policy.parameters(), other.policy.parameters(), strict=True):
        assert torch.equal(left, right)


def test_running_statistics_are_those_of_the_observations_before_this_update():
    progress, _ = first_policies(observations="running statistics")
    layer = progress.policy.logits[0]
    assert isinstance(layer, Standardize)
    seen = layer.normalizer
    assert isinstance(seen, RunningNormalizer) and seen.count == 4 * 8
    obs = torch.from_numpy(make_vector(CARTPOLE, 3, 0).reset())
    torch.testing.assert_close(layer(obs), seen.normalize(obs))


def test_unknown_details_rows_and_tasks_are_named():
    with pytest.raises(ValueError, match="observations must be one of 'known scales', 'raw'"):
        next(detailed_ppo(CARTPOLE, DetailedPPOConfig(observations="blurred"), 0))
    for experiment in EXPERIMENTS.values():
        with pytest.raises(ValueError, match="no row is called 'clip'"):
            experiment.run("clip", experiment.tasks[0])
        with pytest.raises(ValueError, match="no task is called 'Moon-v0'"):
            experiment.run(experiment.variants[0], "Moon-v0")
    with pytest.raises(ValueError, match="no experiment is called 'moon'"):
        stored("moon")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda one: one.name)
def test_what_is_stored_is_what_the_experiment_asks_for_today(experiment):
    found = stored(experiment.name)
    assert set(found.returns) <= set(experiment.trials())
    assert found.columns
    assert all(len(one) == experiment.points for one in found.returns.values())
    scores, baseline = found.scores(), experiment.variants.index(experiment.baseline)
    for places in found.places().values():
        assert scores[baseline, places].mean() == pytest.approx(0, abs=1e-12)
        assert scores[:, places].max() == pytest.approx(1)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda one: one.name)
def test_the_rows_of_an_experiment_differ(experiment):
    for task in experiment.tasks:
        runs = [experiment.run(variant, task) for variant in experiment.variants]
        described = {f"{run.config!r} {run.algorithm}" for run in runs}
        assert len(described) == len(experiment.variants)
        assert {run.max_steps for run in runs} == {runs[0].max_steps}


def test_the_published_column_is_that_of_the_lecture():
    assert list(PUBLISHED.values()) == [
        -0.39, 0.76, 0.82, 0.70, 0.68, 0.74, 0.71, 0.62, 0.71, 0.72, 0.69,
    ]  # fmt: skip
    assert set(PUBLISHED) <= set(EXPERIMENTS["ppo-table"].variants)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["moon"], "no experiment is called 'moon'"),
        (["--seeds", "0"], "at least 1, got 0"),
        (["ppo-table", "--task", "Moon-v0"], "ppo-table has the tasks Pendulum-v1"),
        (["ppo-table", "--variant", "moon"], "ppo-table has the rows no clipping or penalty"),
        (["--task", "Acrobot-v1"], "ppo-table has the tasks"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse_arguments(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
