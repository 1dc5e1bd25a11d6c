"""Tests of course_lib.imitation: what a little maximum likelihood makes of a new policy."""

import pytest
import torch

from course_lib.algorithms import DPOConfig, GRPOConfig
from course_lib.imitation import supervise, supervised_start
from course_lib.language_models import Answers, LanguagePolicy
from course_lib.language_tasks import find_task, written
from course_lib.reference import token_log_prob

TASK = find_task("SortDigits-v0")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def imitating(updates):
    model = LanguagePolicy(TASK, generator=generator())
    supervise(model, TASK, updates, 64, 3e-3, generator())
    return model


def test_imitation_raises_the_likelihood_of_right_answers_and_says_where_they_end():
    before, after = imitating(0), imitating(20)
    prompt = TASK.prompts(200, generator(5))
    shown = Answers(prompt, TASK.solution(prompt), written(TASK.solution(prompt)))
    with torch.no_grad():
        means = [
            token_log_prob(model.answer_logits(shown), shown.answer)[shown.mask].mean().item()
            for model in (before, after)
        ]
    assert means[1] > means[0] + 0.5
    assert after.write(prompt, generator(6)).mask.sum(-1).float().mean() == pytest.approx(5, abs=1)


def test_the_start_is_a_new_policy_after_the_settings_number_of_updates():
    settings = GRPOConfig(start_updates=3, width=16, layers=1)
    start, random = supervised_start(TASK, settings, generator()), generator()
    by_hand = LanguagePolicy(TASK, 16, 4, 1, random)
    supervise(by_hand, TASK, 3, settings.start_batch_size, settings.start_learning_rate, random)
    first, second = (
        torch.nn.utils.parameters_to_vector(one.parameters()) for one in (start, by_hand)
    )
    assert torch.equal(first, second)


def test_rewards_and_preferences_begin_with_the_same_start():
    names = ("start_updates", "start_batch_size", "start_learning_rate", "width", "layers")
    assert all(getattr(GRPOConfig(), name) == getattr(DPOConfig(), name) for name in names)
