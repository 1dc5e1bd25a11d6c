"""`course train`: files, lines, messages and exit codes."""

import contextlib
import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from autograde.cli import main
from autograde.errors import CourseError
from autograde.training import training
from autograde.training.choosing import choose
from autograde.training.settings import with_settings
from autograde.training.writing import finding
from course_lib.algorithms import A2CConfig, PPOConfig
from course_lib.evaluation import evaluate
from course_lib.figures.history import Recorder
from course_lib.runs import RUNS
from course_lib.saved_policies import load_policy

SMALL = ("--set", "num_envs=2", "--set", "hidden=8", "--set", "num_steps=8")


@pytest.fixture
def train(capsys, tmp_path):
    """Runs `course train` into a folder; its exit code, what it printed and complained about."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["train", *map(str, arguments), "--out", str(tmp_path / "out")])
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def test_it_writes_a_curve_a_table_and_a_policy_a_seed(train, folder):
    code, out, err = train(
        "a2c", "--env", "CartPole-v1", "--seeds", 2, "--seed", 7, "--steps", 64, *SMALL
    )
    assert (code, err) == (0, "")
    names = ["curve.csv", "curve.png", "policy-7.pt", "policy-8.pt"]
    assert sorted(path.name for path in folder.iterdir()) == names
    with Image.open(folder / "curve.png") as picture:
        assert picture.width > 600
    with (folder / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["seed", "env_steps", "mean_return"]
    assert {row["seed"] for row in rows} == {"7", "8"}
    assert all(1 <= float(row["mean_return"]) <= 500 for row in rows)
    assert "seed 7: stopped after 64 steps" in out
    assert "seed 8: stopped after 64 steps" in out


def test_the_policy_in_the_file_is_worth_what_was_printed(train, folder):
    _, out, _ = train("a2c", "--env", "CartPole-v1", "--seeds", 1, "--steps", 64, "--json", *SMALL)
    (seed,) = json.loads(out)["seeds"]
    loaded = load_policy(folder / "policy-0.pt")
    assert loaded.config == replace(A2CConfig(), num_envs=2, hidden=(8,), num_steps=8)
    returns = evaluate(loaded.policy, loaded.environment_id, 20, seed=training.JUDGING_SEED)
    assert seed["mean_return"] == pytest.approx(returns.mean())
    # The standard error of a mean of 20: σ/√20, σ with n − 1.
    error = np.sqrt(((returns - returns.mean()) ** 2).sum() / 19 / 20)
    assert seed["standard_error"] == pytest.approx(error)


def test_the_json_says_what_was_trained_and_how(train, folder):
    code, out, _ = train(
        "ppo", "--env", "Pendulum-v1", "--seeds", 1, "--steps", 100, "--json", *SMALL,
        "--set", "gamma=0.9",
    )  # fmt: skip
    data = json.loads(out)
    assert code == 0
    assert (data["algorithm"], data["environment"]) == ("ppo", "Pendulum-v1")
    assert data["settings"]["gamma"] == 0.9
    assert data["settings"]["hidden"] == [8]
    assert (data["max_steps"], data["threshold"]) == (100, -200)
    (seed,) = data["seeds"]
    assert seed["ended"] == "budget"
    assert seed["env_steps"] == 112  # 7 updates of 2 · 8 steps
    assert [name.rpartition("/")[2] for name in data["files"]] == [
        "curve.png", "curve.csv", "policy-0.pt"
    ]  # fmt: skip


def test_the_same_seed_learns_the_same(train):
    arguments = ("a2c", "--env", "CartPole-v1", "--steps", 64, "--json", *SMALL)
    first = json.loads(train(*arguments, "--seeds", 2)[1])["seeds"][1]
    alone = json.loads(train(*arguments, "--seeds", 1, "--seed", 1)[1])["seeds"][0]
    assert first["mean_return"] == alone["mean_return"]


def test_settings_are_the_runs_unless_said_otherwise(train):
    name = "reinforce-continuous-cartpole"
    _, out, _ = train("reinforce", "--env", "ContinuousCartPole-v0", "--steps", 1, "--json")
    data = json.loads(out)
    assert data["run"] == name
    episodes = data["settings"]["episodes_per_update"]
    assert episodes == RUNS[name].config.episodes_per_update == 32
    _, out, _ = train("reinforce-beta-continuous-cartpole", "--steps", 1, "--json")
    assert json.loads(out)["settings"]["distribution"] == "beta"


def test_the_picture_says_how_many_seeds_solved_it_in_lines_that_fit():
    choice = choose("trpo_lagrangian", "HiddenVelocityCartPole-v0", 100, [])
    assert finding(choice, []) == ("trpo_lagrangian on HiddenVelocityCartPole-v0: broken off")
    choice = choose("a2c", "CartPole-v1", 100, [])
    history = Recorder().finish("", "", 475.0, "failed")
    results = [
        training.SeedResult(0, history, np.array([])),
        training.SeedResult(1, replace(history, solved_at=50), np.array([500.0])),
    ]
    assert finding(choice, results) == "a2c on CartPole-v1: 1 of 2 seeds solved"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say which algorithm"),
        (("ppa", "--env", "CartPole-v1"), "did you mean ppo"),
        (("ppo",), "Say where: --env ID, for instance CartPole-v1"),
        (("ppo", "--env", "CartPole-v9"), "CartPole-v1"),
        (("ppo-cartpole", "--env", "Pendulum-v1"), "is on CartPole-v1: leave --env out"),
        (("sac", "--env", "CartPole-v1"), "needs continuous ones. The course's environments with"),
        (("dqn", "--env", "Pendulum-v1"), "needs discrete ones. The course's environments with"),
        (("ppo", "--env", "CartPole-v1", "--set", "lr=1"), "'lr'. It has\n  num_envs = 16"),
        (("ppo", "--env", "CartPole-v1", "--set", "gamma"), "--set takes NAME=VALUE"),
        (("ppo", "--env", "CartPole-v1", "--set", "gamma=big"), "gamma takes a number; got 'big'"),
        (("ppo", "--env", "CartPole-v1", "--set", "num_envs=0"), "num_envs must be at least 1"),
    ],
)
def test_a_request_that_cannot_be_served_is_one_message_and_exit_code_2(train, arguments, message):
    code, _, err = train(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_the_environments_that_would_fit_are_named(train):
    _, _, err = train("sac", "--env", "CartPole-v1")
    fitting = err.partition("such actions are ")[2]
    assert "Pendulum-v1" in fitting
    assert "HiddenVelocityCartPole-v0" not in fitting


def test_a_folder_that_cannot_be_written_is_refused_before_training(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as left:
        main(["train", "a2c", "--env", "CartPole-v1", "--out", str(tmp_path / "file" / "out")])
    printed = capsys.readouterr()
    assert left.value.code == 2
    assert "Cannot write into" in printed.err
    assert printed.out == ""


def test_a_loss_that_is_no_number_names_its_term_and_update(train, folder):
    code, out, err = train(
        "a2c", "--env", "CartPole-v1", "--seeds", 2, "--steps", 500, *SMALL,
        "--set", "reward_scale=1e39",
    )  # fmt: skip
    assert (code, err) == (1, "")
    assert out.count("broken off after") == 2
    assert "update 1: the loss is nan; advantage already not finite" in out
    assert not list(folder.glob("policy-*.pt"))


def test_an_interrupt_keeps_what_was_learned(train, folder, monkeypatch):
    learn = training.learn

    def interrupted(progress, *rest, **options):
        def until_ctrl_c():
            yield next(progress)
            yield next(progress)
            raise KeyboardInterrupt

        return learn(until_ctrl_c(), *rest, **options)

    monkeypatch.setattr(training, "learn", interrupted)
    code, out, _ = train("a2c", "--env", "CartPole-v1", "--seeds", 3, *SMALL)
    assert code == 130
    assert "seed 0: interrupted after 32 steps" in out
    assert "seed 1" not in out
    assert load_policy(folder / "policy-0.pt").algorithm == "a2c"
    assert (folder / "curve.csv").read_text().startswith("seed,env_steps,mean_return\n0,16,")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_ctrl_c_in_a_terminal_writes_and_exits_with_130(tmp_path):
    arguments = ["a2c", "--env", "CartPole-v1", "--steps", "300", "--seeds", "10000", *SMALL]
    command = [sys.executable, "-m", "autograde.cli", "train", *arguments, "--out", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    lines = [process.stdout.readline() for _ in range(2)]
    for _ in range(4):  # Once in many times the first is lost in a library; one presses again.
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            out, err = process.communicate(timeout=15)
            break
    assert process.returncode == 130
    assert lines[1].startswith("seed 0: stopped after")
    assert "policy-0.pt" in out.splitlines()[-1]
    assert err == ""
    assert (tmp_path / "curve.png").exists()


def test_the_list_names_what_the_packages_hold(train):
    code, out, _ = train("--list", "--json")
    data = json.loads(out)
    assert code == 0
    assert {"ppo", "reinforce", "sac"} <= {one["name"] for one in data["algorithms"]}
    cartpole = {"id": "CartPole-v1", "actions": "2 discrete", "goal": 475.0}
    assert cartpole in data["environments"]
    (ppo,) = [one for one in data["algorithms"] if one["name"] == "ppo"]
    assert "ppo-cartpole" in ppo["runs"]
    assert "trpo_lagrangian" in train("--list")[1]


def test_values_get_the_type_of_their_setting():
    texts = ["num_envs=1e1", "gamma=1", "normalize=False", "hidden=(32, 16)", "decay_steps=none",
             "distribution=beta"]  # fmt: skip
    config = with_settings(PPOConfig(), texts, "ppo")
    wanted = replace(
        PPOConfig(), num_envs=10, gamma=1.0, normalize=False, hidden=(32, 16), decay_steps=None,
        distribution="beta",
    )  # fmt: skip
    assert config == wanted
    assert isinstance(config.num_envs, int)
    assert isinstance(config.gamma, float)
    for text, takes in (
        ("num_envs=1.5", "num_envs takes an integer"),
        ("normalize=1", "normalize takes true or false"),
        ("decay_steps=x", "decay_steps takes an integer or none"),
        ("hidden=a,b", "hidden takes integers, as 64,64"),
    ):
        with pytest.raises(CourseError, match=takes):
            with_settings(PPOConfig(), [text], "ppo")


@pytest.mark.slow
def test_ppo_trained_to_the_goal_is_worth_it(train, folder):
    code, out, _ = train("ppo", "--env", "CartPole-v1", "--seeds", 2, "--json")
    assert code == 0
    for seed in json.loads(out)["seeds"]:
        assert seed["ended"] == "solved"
        assert seed["mean_return"] > 450
        loaded = load_policy(folder / f"policy-{seed['seed']}.pt")
        assert evaluate(loaded.policy, "CartPole-v1", 20, seed=99).mean() > 450
