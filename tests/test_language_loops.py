"""Tests of GRPO and DPO: the loops, the functions given to them, and what a bad reward leads to."""

import dataclasses
import functools
from itertools import islice

import pytest
import torch

from course_lib.algorithms import DPOConfig, GRPOConfig, dpo, grpo
from course_lib.language_models import LanguagePolicy
from course_lib.reference import (
    dpo_loss,
    group_advantage,
    grpo_loss,
    kl_to_reference,
    sample_categorical,
    sequence_log_prob,
    token_log_prob,
)

TASK = "SortDigits-v0"
SIZES = {"start_updates": 30, "num_prompts": 8, "group_size": 16, "width": 16, "layers": 1}
SIZES |= {"start_learning_rate": 0.02}
LOOPS = {"grpo": (grpo, GRPOConfig), "dpo": (dpo, DPOConfig)}
both_loops = pytest.mark.parametrize("name", LOOPS)


def progress_of(name, seed=0, environment_id=TASK, settings=SIZES, **functions):
    loop, config = LOOPS[name]
    return loop(environment_id, config(**settings), seed, **functions)


def trained(name, updates=2, **arguments):
    *_, last = islice(progress_of(name, **arguments), updates)
    return last


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


@both_loops
def test_a_seed_gives_the_same_training_and_another_seed_another_one(name):
    first, again, other = (weights(trained(name, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@both_loops
def test_training_neither_uses_nor_changes_the_global_random_numbers(name):
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained(name))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained(name)), first)


@both_loops
def test_both_begin_with_the_same_start_and_no_distance_from_it(name):
    still = SIZES | {"learning_rate": 0.0}
    progress = trained(name, settings=still)
    assert progress.metrics["kl"] == pytest.approx(0.0, abs=1e-6)
    assert torch.equal(weights(progress), weights(trained("grpo", settings=still)))


@both_loops
def test_steps_are_tokens_and_the_metrics_describe_the_answers(name):
    first, second = islice(progress_of(name), 2)
    # 8 prompts · 16 answers of 1 to 8 tokens an update.
    assert 128 <= first.env_steps < second.env_steps <= 2 * 128 * 8
    assert {"loss", "success", "kl", "length"} <= set(second.metrics)
    assert 1 <= second.metrics["length"] <= 8
    assert second.metrics["kl"] > 0


def test_grpo_tells_the_reward_of_every_answer_and_its_tokens():
    progress = trained("grpo", 1, settings=SIZES | {"reward": "ascending"})
    returns = torch.tensor(progress.finished_returns)
    assert len(returns) == 8 * 16
    assert returns.mean().item() == pytest.approx(progress.metrics["reward"])
    assert returns.max() > 1
    assert progress.metrics["length"] == pytest.approx(progress.env_steps / len(returns))


def test_dpos_pairs_are_written_by_the_start_whatever_was_learned(monkeypatch):
    writers, write = [], LanguagePolicy.write

    def remembering(model, prompt, generator):
        writers.append(model)
        return write(model, prompt, generator)

    monkeypatch.setattr(LanguagePolicy, "write", remembering)
    policy = trained("dpo", 3).policy
    # In turn the start, for pairs, and the policy, to be judged.
    assert [writer is policy for writer in writers] == [False, True] * 3
    assert writers[0] is writers[2] is writers[4]


@functools.cache
def by_the_reference(name):
    """What two updates with nobody's functions lead to."""
    return weights(trained(name))


def doubled(function):
    """The same function with another answer."""
    return lambda *arguments: 2 * function(*arguments)


def sharper(logits, generator):
    return sample_categorical(1.1 * logits, generator)


OWN = {
    "grpo": {
        "log_probability": (token_log_prob, doubled(token_log_prob)),
        "advantage": (group_advantage, lambda *arguments: -group_advantage(*arguments)),
        "loss": (grpo_loss, lambda *arguments: -grpo_loss(*arguments)),
        "sample": (sample_categorical, sharper),
    },
    "dpo": {
        "log_probability": (sequence_log_prob, doubled(sequence_log_prob)),
        "loss": (dpo_loss, lambda *arguments: -dpo_loss(*arguments)),
        "sample": (sample_categorical, sharper),
    },
}
PLUGS = [(name, plug) for name in OWN for plug in OWN[name]]


@pytest.mark.parametrize(("name", "plug"), PLUGS)
def test_each_given_function_is_really_used(name, plug):
    same, other = OWN[name][plug]
    reference = by_the_reference(name)
    assert torch.equal(weights(trained(name, **{plug: same})), reference)
    assert not torch.equal(weights(trained(name, **{plug: other})), reference)


@both_loops
def test_the_given_divergence_is_what_is_measured(name):
    kl, twice = (
        trained(name, divergence=function).metrics["kl"]
        for function in (kl_to_reference, doubled(kl_to_reference))
    )
    assert twice == pytest.approx(2 * kl)
    assert kl > 0


@both_loops
def test_numbers_that_are_none_stop_the_training_with_the_update(name):
    calls, reference = [], OWN[name]["loss"][0]

    def broken_later(*arguments):
        calls.append(1)
        return reference(*arguments) * (float("nan") if len(calls) == 3 else 1.0)

    with pytest.raises(ValueError, match=r"update 3: the loss is nan; all its inputs are finite"):
        trained(name, 4, loss=broken_later)


def test_an_advantage_that_is_no_number_is_named():
    with pytest.raises(ValueError, match=r"update 1: the loss is nan; advantage already"):
        trained("grpo", advantage=lambda reward, eps: group_advantage(reward, eps) / 0 * 0)


@both_loops
def test_an_environment_without_language_is_refused(name):
    with pytest.raises(ValueError, match="'CartPole-v1' is no language task"):
        trained(name, environment_id="CartPole-v1")


def test_an_unknown_reward_is_refused():
    with pytest.raises(ValueError, match="no reward is called 'nice'"):
        trained("grpo", settings=SIZES | {"reward": "nice"})


def test_a_start_that_is_never_right_gives_no_pairs():
    with pytest.raises(ValueError, match="no pair"):
        trained("dpo", settings=SIZES | {"start_updates": 0, "num_prompts": 1})


@both_loops
def test_the_settings_cannot_be_changed(name):
    config = LOOPS[name][1]()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.learning_rate = 0.5


@pytest.mark.slow
def test_a_reward_that_does_not_look_at_the_prompt_is_won_without_solving_the_task():
    progress = trained("grpo", 40, settings={"reward": "ascending"})
    # The right answer earns 3; rows of digits that never end earn up to 7.
    assert progress.metrics["reward"] > 6
    assert progress.metrics["length"] > 7
    assert progress.metrics["success"] < 0.05
