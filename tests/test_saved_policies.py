"""Policies as files: what is read back acts like what was written, and a file is only data."""

import contextlib
import pickle
import re
from dataclasses import replace

import pytest
import torch

from course_lib.catalogue import all_algorithms, find_algorithm
from course_lib.evaluation import evaluate
from course_lib.saved_policies import load_policy, save_policy


def trained(name, environment_id, **changes):
    """A policy after two updates, and its settings."""
    algorithm = find_algorithm(name)
    config = replace(algorithm.config_class(), **changes)
    updates = algorithm.start(environment_id, config, 3)
    next(updates)
    return algorithm, config, next(updates).policy


CASES = [
    ("reinforce", "CartPole-v1", {"hidden": (8,)}),
    ("reinforce", "ContinuousCartPole-v0", {"distribution": "beta"}),
    ("a2c", "Pendulum-v1", {"hidden": (16, 8), "normalize": False}),
    ("dqn", "CartPole-v1", {"random_steps": 100}),
    ("ddpg", "Pendulum-v1", {"random_steps": 100}),
    ("sac", "Pendulum-v1", {"random_steps": 100}),
]


@pytest.mark.parametrize(("name", "environment_id", "changes"), CASES)
def test_what_is_read_back_acts_like_what_was_written(tmp_path, name, environment_id, changes):
    algorithm, config, policy = trained(name, environment_id, **changes)
    save_policy(tmp_path / "policy.pt", policy, algorithm, environment_id, config)
    loaded = load_policy(tmp_path / "policy.pt")
    assert (loaded.algorithm, loaded.environment_id) == (name, environment_id)
    assert loaded.config == config
    ours, theirs = (evaluate(each, environment_id, 3, seed=5) for each in (policy, loaded.policy))
    assert ours.tolist() == theirs.tolist()
    # A fresh policy of the same shape is another one.
    fresh = next(algorithm.start(environment_id, config, 0)).policy
    weights = fresh.state_dict()
    assert any(not torch.equal(each, weights[key]) for key, each in policy.state_dict().items())


def first_progress(algorithm):
    """The first update of an algorithm where it works, and where that is."""
    places = [run.environment_id for run in algorithm.runs] or [
        "CartPole-v1", "Pendulum-v1", "GridWorld-v0", "SortDigits-v0"
    ]  # fmt: skip
    for environment_id in places:
        with contextlib.suppress(ValueError):  # it refuses the environment
            updates = algorithm.start(environment_id, algorithm.config_class(), 3)
            return next(updates), environment_id
    raise AssertionError(f"{algorithm.name} works nowhere")


@pytest.mark.slow
@pytest.mark.parametrize("name", all_algorithms())
def test_the_policy_of_every_algorithm_can_be_stored(tmp_path, name):
    algorithm = find_algorithm(name)
    progress, environment_id = first_progress(algorithm)
    config = algorithm.config_class()
    save_policy(tmp_path / "policy.pt", progress.policy, algorithm, environment_id, config)
    loaded = load_policy(tmp_path / "policy.pt").policy
    ours, theirs = (evaluate(each, environment_id, 3, seed=5) for each in (progress.policy, loaded))
    assert ours.tolist() == theirs.tolist()


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("this ran",))

    path = tmp_path / "policy.pt"
    torch.save({"format": 1, "algorithm": Harmful()}, path)
    with pytest.raises(ValueError, match=r"policy\.pt is not a policy's file: Weights only load"):
        load_policy(path)


@pytest.mark.parametrize(
    "contents",
    [b"", b"PK", pickle.dumps([1], protocol=2), b"not a policy"],
    ids=["empty", "zip", "list", "text"],
)
def test_other_files_are_refused_by_name(tmp_path, contents):
    path = tmp_path / "other.pt"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        load_policy(path)


def test_a_setting_that_is_gone_is_named(tmp_path):
    algorithm, config, policy = trained("reinforce", "CartPole-v1", hidden=(8,))
    save_policy(tmp_path / "policy.pt", policy, algorithm, "CartPole-v1", config)
    stored = torch.load(tmp_path / "policy.pt", weights_only=True)
    stored["settings"]["momentum"] = 0.9
    torch.save(stored, tmp_path / "policy.pt")
    with pytest.raises(ValueError, match="settings that reinforce no longer has: momentum"):
        load_policy(tmp_path / "policy.pt")


def test_a_policy_without_weights_is_refused(tmp_path):
    algorithm = all_algorithms()["reinforce"]
    with pytest.raises(ValueError, match="Nothing has no weights to store"):
        save_policy(tmp_path / "x.pt", type("Nothing", (), {})(), algorithm, "CartPole-v1", None)
