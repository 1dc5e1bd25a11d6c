"""The benchmark: its stopwatch, its turns, its peers' settings, and that the README is its file."""

import dataclasses
import inspect
import itertools
import json
import re

import numpy as np
import pytest
import torch

from course_lib.runs import RUNS
from tests.benchmarks import cost, learning, results, tables
from tests.benchmarks.peer_settings import ZOO, PeerSettings, settings_of_peer
from tests.benchmarks.stopwatch import Stopwatch


@pytest.fixture(scope="module")
def peers():
    """Stable-Baselines3 under the stopwatch."""
    pytest.importorskip("sb3_contrib")
    from tests.benchmarks import stable_baselines

    return stable_baselines


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def watch_of(scores, clock, **changes):
    """A stopwatch whose evaluations return these scores, and take 1,000 s each."""
    scores = iter(scores)

    def judge(policy, environment_id, episodes, seed):
        clock.now += 1000.0
        return np.full(episodes, next(scores))

    settings = {"every": 10, "max_steps": 10_000, "max_seconds": 100.0, **changes}
    return Stopwatch("CartPole-v1", 475.0, 0, **settings, clock=clock, judge=judge)


def run_watch(scores, seconds_an_update=1.0, steps_an_update=5, **changes):
    clock = Clock()
    watch = watch_of(scores, clock, **changes)
    for update in range(1, 10_000):
        clock.now += seconds_an_update
        if watch.look(update * steps_an_update, None):
            break
    return watch.outcome()


def test_the_first_of_three_good_evaluations_in_a_row_counts_and_evaluating_costs_nothing():
    outcome = run_watch([480, 480, 100, 475, 500, 475])
    # An evaluation every 10 steps, that is 2 updates of a second: the fourth is after 8 of them.
    assert (outcome["cpu_seconds"], outcome["env_steps"]) == (8.0, 40)
    assert outcome["spent_seconds"] == 12.0
    assert outcome["best"] == 500.0


def test_a_seed_that_never_holds_is_given_up_after_its_steps_or_its_seconds():
    outcome = run_watch([480, 480, 100] * 100, max_steps=50)
    assert (outcome["cpu_seconds"], outcome["spent_steps"]) == (None, 50)
    outcome = run_watch([480, 480, 100] * 100, max_seconds=30.0)
    assert (outcome["cpu_seconds"], outcome["spent_seconds"]) == (None, 31.0)


def test_long_trainings_are_judged_after_every_fiftieth_of_their_length():
    judged = []
    watch = watch_of([0] * 10_000, Clock(), max_steps=100_000, every=100)
    watch.judge = lambda policy, environment_id, episodes, seed: np.zeros(episodes)
    for steps in range(100, 100_100, 100):
        watch.look(steps, None)
    judged = [steps for _, steps, _ in watch.evaluations]
    assert judged[:50] == list(range(100, 5_100, 100))
    assert max(later / steps for steps, later in itertools.pairwise(judged[50:])) < 1.04


def test_sides_take_turns_in_opposite_orders():
    order = [turn.who for turn in learning.turns(["ours", "zoo"], 3, 2)]
    assert order == ["ours", "zoo", "zoo", "ours", "ours"]
    seeds = [turn.seed for turn in learning.turns(["ours", "zoo"], 3, 2)]
    assert seeds == [200, 200, 201, 201, 202]


def test_the_defaults_have_three_times_as_long_as_the_zoos_settings_needed(monkeypatch):
    run, zoo = RUNS["a2c-cartpole"], results.described(ZOO["a2c", "CartPole-v1"])
    records = [record("zoo", seed, each, zoo) for seed, each in enumerate((9.0, 11.0, 8.0))]
    monkeypatch.setattr(results, "read", lambda: records)
    assert learning.allowed_seconds(run, "defaults") == 33.0
    assert learning.allowed_seconds(run, "zoo") == learning.MAX_SECONDS
    records[0]["cpu_seconds"] = None
    assert learning.allowed_seconds(run, "defaults") == learning.MAX_SECONDS


@pytest.mark.parametrize("key", sorted(ZOO))
def test_the_peers_accept_their_settings(peers, key):
    for settings in settings_of_peer(*key).values():
        model = peers.make_model(*key, settings, seed=0)
        assert isinstance(model, peers.MODELS[key[0]])
        assert model.env.num_envs == settings.num_envs


def test_every_peer_is_measured_and_what_is_greedy_is_deterministic(peers):
    assert {name for name, _ in ZOO} == set(peers.MODELS)
    assert {"ddpg", "td3", "dqn"} == peers.GREEDY


def test_judging_a_peer_leaves_its_training_as_it_is(peers):
    weights = []
    for every, evaluations in ((40, 9), (10**9, 0)):
        watch = Stopwatch("CartPole-v1", 1e9, 0, every, 10**9, 100.0)
        model = peers.make_model("a2c", "CartPole-v1", ZOO["a2c", "CartPole-v1"], seed=0)
        model.learn(400, callback=peers.Watch(watch, greedy=False))
        # 10 rollouts of 8 · 5 steps; the first begins before anything is learned.
        assert len(watch.evaluations) == evaluations
        weights.append(torch.cat([p.detach().flatten() for p in model.policy.parameters()]))
    assert torch.equal(*weights)


def test_a_peer_stops_when_the_stopwatch_has_seen_enough(peers):
    watch = Stopwatch("CartPole-v1", -1.0, 0, 40, 10**9, 100.0)
    outcome = peers.train_peer("a2c", "CartPole-v1", ZOO["a2c", "CartPole-v1"], 0, watch)
    # Any return is enough here: the first of three evaluations in a row is after 40 steps.
    assert (outcome["env_steps"], outcome["spent_steps"]) == (40, 120)
    assert 0 < outcome["cpu_seconds"] < outcome["spent_seconds"] + 0.01


def test_exploration_matrices_are_one_an_episode(peers):
    model = peers.make_model("ppo", "Pendulum-v1", ZOO["ppo", "Pendulum-v1"], seed=0)
    policy, generator = peers.PeerPolicy(model, greedy=False), torch.Generator()
    same = torch.tensor([[1.0, 0.0, 0.5]]).expand(20, 3)
    action = policy.sample(same, generator)
    assert len(torch.unique(action)) > 10
    # The matrices are kept for four steps, as in training, and then drawn anew.
    repeated = [policy.sample(same, generator) for _ in range(4)]
    assert torch.equal(repeated[0], action)
    assert not torch.equal(repeated[3], action)


def record(who, seed, seconds, settings="x", spent=1.0):
    return {
        "kind": "learning", "task": "a2c-cartpole", "who": who, "settings": settings, "seed": seed,
        "cpu_seconds": seconds, "env_steps": 1000, "spent_seconds": spent, "spent_steps": 1000,
        "best": 500.0,
    }  # fmt: skip


def test_medians_count_what_was_not_solved_as_slower_than_all():
    outcomes = [record("zoo", seed, each) for seed, each in enumerate([2.0, None, 1.0])]
    assert tables.solved(outcomes) == "2 of 3"
    assert tables.middle_and_ends(outcomes) == "2.00 (1.00–∞)"
    capped = [record("zoo", seed, None, spent=121.0) for seed in range(3)]
    assert tables.middle_and_ends(capped) == "> 120"
    assert tables.ratio([record("ours", 0, 1.21)], capped) == "< 0.01"
    assert tables.ratio([record("ours", 0, 0.5)], outcomes) == "0.25"


def test_the_better_of_the_peers_settings_is_shown():
    run = RUNS["a2c-cartpole"]
    text = {
        who: results.described(settings)
        for who, settings in settings_of_peer("a2c", "CartPole-v1").items()
    }
    records = [record("zoo", 0, 5.0, text["zoo"]), record("defaults", 0, 4.0, text["defaults"])]
    assert tables.better_peer(records, run)[0] == "defaults"
    # Solved more often is better than faster.
    records.append(record("defaults", 1, None, text["defaults"]))
    assert tables.better_peer(records, run)[0] == "zoo"


def test_a_later_outcome_replaces_an_earlier_one_and_half_a_setting_is_another(tmp_path):
    path = tmp_path / "results.jsonl"
    for seconds, settings in ((1.0, "x"), (2.0, "y"), (3.0, "x")):
        results.append(record("ours", 0, seconds, settings), path)
    assert [each["cpu_seconds"] for each in results.read(path)] == [3.0, 2.0]


def test_schedules_are_described_by_their_values():
    text = results.described(ZOO["ppo", "CartPole-v1"])
    assert "'learning_rate': 'falling from 0.001'" in text
    assert "0x" not in text
    assert text == results.described(dataclasses.replace(ZOO["ppo", "CartPole-v1"]))


def test_both_sides_of_a_comparison_have_the_same_settings(peers):
    for each in cost.COSTS:
        ours, peer = each.ours, each.peer
        parameters = inspect.signature(peers.MODELS[each.algorithm]).parameters.values()
        arguments = {each.name: each.default for each in parameters} | peer.arguments
        assert ours.num_envs == peer.num_envs
        assert ours.gamma == arguments["gamma"]
        if each.algorithm in ("ppo", "trpo", "a2c"):
            assert ours.num_steps == arguments["n_steps"]
            assert ours.gae_lambda == arguments["gae_lambda"]
            assert ours.hidden == (64, 64)
            assert ours.normalize == arguments["normalize_advantage"]
        else:
            assert ours.num_updates == arguments["gradient_steps"] == 1
            assert ours.target_rate == arguments["tau"]
            assert ours.capacity == arguments["buffer_size"]
            assert ours.random_steps == arguments["learning_starts"]
        if each.algorithm != "a2c":
            size = ours.minibatch_size if hasattr(ours, "minibatch_size") else ours.batch_size
            assert size == arguments["batch_size"]


def test_the_widths_of_the_peers_networks_are_ours(peers):
    for each in cost.COSTS:
        if each.algorithm in ("ddpg", "td3", "sac"):
            model = peers.make_model(each.algorithm, each.environment_id, PeerSettings(), 0)
            widths = [len(p) for name, p in model.actor.named_parameters() if "bias" in name]
            assert tuple(widths[:2]) == each.ours.hidden


@pytest.mark.slow
def test_what_is_stored_is_not_measured_again_and_what_is_out_of_date_is_dropped(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.jsonl")
    run = RUNS["reinforce-cartpole"]
    learning.measure(run, 1, 0, again=False)
    learning.measure(run, 1, 0, again=False)
    (outcome,) = results.read()
    assert (outcome["task"], outcome["who"], outcome["seed"]) == (run.name, "ours", 200)
    assert outcome["cpu_seconds"] > 0.05
    assert outcome["spent_seconds"] >= outcome["cpu_seconds"]
    learning.measure(run, 2, 0, again=False)
    assert [one["seed"] for one in results.read()] == [200, 201]
    assert capsys.readouterr().err.count("CPU, best") == 2
    results.append({**outcome, "settings": "settings of last year"})
    assert len(results.read()) == 3
    results.tidy()
    assert [one["seed"] for one in results.read()] == [200, 201]


def test_the_tables_are_put_between_their_marks_and_the_rest_is_left_alone(tmp_path):
    text = tables.README.read_text(encoding="utf-8")
    between = r"(<!-- (speed|cost): begin -->\n).*?(<!-- \2: end)"
    emptied = re.sub(between, r"\1\3", text, flags=re.DOTALL)
    assert "| `a2c-cartpole` |" not in emptied
    (tmp_path / "README.md").write_text(emptied, encoding="utf-8")
    tables.write_readme(tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text


def test_the_readme_shows_what_the_file_holds():
    assert tables.tables_in(tables.README.read_text(encoding="utf-8")) == tables.tables()


def test_no_stored_outcome_is_out_of_date():
    lines = results.RESULTS.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len({results.key_of(one) for one in records}) == len(records)
    current = {
        (run.name, results.described(settings))
        for run in results.measurable_runs()
        for settings in learning.settings_by_side(run).values()
    }
    current |= {
        (each.task, results.described(settings))
        for each in cost.COSTS
        for settings in each.sides.values()
    }
    timed = [one for one in records if one["kind"] != "machine"]
    assert len(timed) == len(records) - 1
    assert {(one["task"], one["settings"]) for one in timed} <= current


def test_a_number_that_was_not_measured_would_be_noticed():
    text = tables.README.read_text(encoding="utf-8")
    changed = re.sub(r"(\| `a2c-cartpole` \| )\d+", r"\g<1>11", text)
    assert changed != text
    assert tables.tables_in(changed) != tables.tables()
