"""The list of algorithms, read off the package, and the runs that settings are taken from."""

import pytest

from course_lib import algorithms
from course_lib.algorithms import A2CConfig, DDPGConfig, PPOKLConfig, a2c, ddpg
from course_lib.catalogue import all_algorithms, find_algorithm, find_run, first_sentence
from course_lib.runs import RUNS


def test_every_algorithm_of_a_run_is_listed_with_the_class_of_its_settings():
    listed = {one.start: one for one in all_algorithms().values()}
    for run in RUNS.values():
        if hasattr(run, "environment_id"):
            assert isinstance(run.config, listed[run.algorithm].config_class), run.name


def test_what_is_no_training_loop_is_not_listed():
    assert "Progress" in algorithms.__all__
    assert not {"Progress", "A2CConfig"} & set(all_algorithms())


def test_each_is_described_in_one_sentence_of_its_own():
    summaries = [one.summary for one in all_algorithms().values()]
    assert len(set(summaries)) == len(summaries)
    assert all(10 < len(text) <= 160 and "for ever" not in text for text in summaries)


def test_a_hyphen_is_an_underscore_and_case_does_not_matter():
    assert find_algorithm("PPO-kl").config_class is PPOKLConfig


def test_an_unknown_name_is_answered_with_close_ones_and_all():
    with pytest.raises(ValueError, match=r"'tpro'; did you mean trpo.* There are a2c, .*trpo"):
        find_algorithm("tpro")


def test_a_run_gives_settings_goal_and_budget():
    assert find_run(find_algorithm("a2c"), "CartPole-v1") is RUNS["a2c-cartpole"]


def test_without_a_run_there_are_defaults_and_what_other_runs_say():
    run = find_run(find_algorithm("a2c"), "Probe4-v0")
    assert run.algorithm is a2c
    assert run.config == A2CConfig()
    assert run.threshold is None
    assert run.max_steps == max(one.max_steps for one in RUNS.values() if one.algorithm is a2c)
    run = find_run(find_algorithm("ddpg"), "HiddenVelocityCartPole-v0")
    assert run.algorithm is ddpg
    assert run.config == DDPGConfig()


def test_a_sentence_may_go_over_lines_and_is_cut_from_the_next():
    text = "First of all,\nthis. And that.\n\nMore."
    assert first_sentence(text) == "First of all, this"
    assert first_sentence("Only this.") == "Only this"
