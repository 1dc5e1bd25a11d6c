"""Tests of course_lib.language_models: writing, weighing and pairing answers."""

import pytest
import torch

from course_lib.evaluation import evaluate
from course_lib.imitation import supervise
from course_lib.language_models import Answers, LanguagePolicy, preference_pairs, success_rate
from course_lib.language_tasks import END, find_task, written
from course_lib.reference import sample_categorical, token_log_prob

TASK = find_task("SortDigits-v0")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def policy(seed=0, **settings):
    return LanguagePolicy(TASK, width=16, generator=generator(seed), **settings)


def test_answers_are_masked_up_to_their_end_and_filled_with_ends():
    answers = policy().write(TASK.prompts(300, generator(1)), generator(2))
    assert answers.answer.shape == answers.mask.shape == (300, TASK.answer_length)
    assert torch.equal(answers.mask, written(answers.answer))
    assert (answers.answer[~answers.mask] == END).all()
    assert answers.num_tokens == answers.mask.sum()
    lengths = answers.mask.sum(-1)
    assert lengths.min() == 1
    assert lengths.max() == TASK.answer_length


def test_tokens_are_drawn_from_the_logits_that_weigh_them():
    model, drawn_from = policy(), []

    def remembering(logits, random):
        drawn_from.append(logits)
        return sample_categorical(logits, random)

    model.sample_function = remembering
    answers = model.write(TASK.prompts(20, generator(1)), generator(2))
    with torch.no_grad():
        logits = model.answer_logits(answers)
    # One came from memory, token by token, the other from one pass over everything.
    torch.testing.assert_close(torch.stack(drawn_from, 1), logits, rtol=1e-4, atol=1e-5)


def test_as_a_policy_it_weighs_the_next_token_as_it_does_in_answers():
    model = policy()
    answers = model.write(TASK.prompts(20, generator(1)), generator(2))
    obs = torch.full((TASK.answer_length, 20, TASK.context), -1.0)
    obs[:, :, : TASK.prompt_length] = answers.prompt.float()
    for t in range(TASK.answer_length):
        obs[t, :, TASK.prompt_length :][:, :t] = answers.answer[:, :t].float()
    with torch.no_grad():
        log_prob = model.log_prob(obs, answers.answer.T)
        expected = token_log_prob(model.answer_logits(answers), answers.answer)
        assert model.entropy(obs).shape == log_prob.shape
        assert model.kl(model.distribution(obs), obs).abs().max() < 1e-5
    torch.testing.assert_close(log_prob.T, expected, rtol=1e-4, atol=1e-5)


def test_a_readers_sampling_is_used():
    greedy = policy(sample=lambda logits, random: logits.argmax(-1))
    prompt = TASK.prompts(20, generator(1))
    first, again = greedy.write(prompt, generator(2)), greedy.write(prompt, generator(3))
    assert torch.equal(first.answer, again.answer)
    assert not torch.equal(first.answer, policy().write(prompt, generator(2)).answer)


def test_pairs_are_the_first_preferred_and_the_first_other_answer_to_the_same_prompt():
    prompt = torch.arange(4).repeat_interleave(3).unsqueeze(-1)
    answer = torch.arange(12).unsqueeze(-1)
    preferred = torch.tensor([[0.0, 1, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1]])
    chosen, rejected = preference_pairs(Answers(prompt, answer, answer >= 0), preferred)
    assert chosen.prompt.flatten().tolist() == rejected.prompt.flatten().tolist() == [0, 3]
    assert chosen.answer.flatten().tolist() == [1, 9]
    assert rejected.answer.flatten().tolist() == [0, 10]
    with pytest.raises(ValueError, match="no pair: the answers to each of 4 prompts"):
        preference_pairs(Answers(prompt, answer, answer >= 0), torch.ones(4, 3))


def test_success_is_the_same_by_whole_answers_and_token_by_token_in_the_environment():
    model = LanguagePolicy(TASK, generator=generator())
    supervise(model, TASK, 45, 64, 3e-3, generator())
    share = success_rate(model, TASK, 1_000, seed=0)
    assert 0.15 < share < 0.55
    # Standard error of the difference: about 0.03.
    by_episodes = evaluate(model, "SortDigits-v0", episodes=400, seed=1).mean()
    assert by_episodes == pytest.approx(share, abs=0.1)
