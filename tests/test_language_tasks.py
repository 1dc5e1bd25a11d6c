"""Tests of course_lib.language_tasks and the environment that asks the same, token by token."""

import numpy as np
import pytest
import torch

from course_lib.environments.sort_digits import SortDigits
from course_lib.language_tasks import ascending, find_task, right, written

TASK = find_task("SortDigits-v0")


def tokens(*texts, length=TASK.answer_length):
    """Texts as tokens, filled up with full stops."""
    rows = [[TASK.vocabulary.index(one) for one in text.ljust(length, ".")] for text in texts]
    return torch.tensor(rows)


def prompts(*texts):
    return tokens(*texts, length=TASK.prompt_length)


def test_prompts_are_random_digits_and_an_equals_sign():
    drawn = TASK.prompts(500, torch.Generator().manual_seed(0))
    assert drawn.shape == (500, TASK.prompt_length)
    assert set(drawn[:, :-1].flatten().tolist()) == set(range(10))
    assert TASK.text(drawn[0])[-1] == "="
    assert (drawn[:, -1] == drawn[0, -1]).all()
    assert torch.equal(drawn, TASK.prompts(500, torch.Generator().manual_seed(0)))


def test_the_solution_by_hand():
    solution = TASK.solution(prompts("3141=", "0990="))
    assert torch.equal(solution, tokens("1134.", "0099."))
    assert TASK.text(solution[0]) == "1134."


def test_an_answer_ends_with_its_first_full_stop():
    mask = written(tokens("12.4.", ".", "12345678"))
    assert mask.sum(-1).tolist() == [3, 1, 8]
    assert mask[0].tolist() == [True] * 3 + [False] * 5


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        ("1134.", 1.0),
        ("1134.77", 1.0),  # behind the end nothing counts
        ("1143.", 0.0),
        ("113.", 0.0),
        ("11344.", 0.0),
        ("1134=", 0.0),
        ("11341134", 0.0),  # never ended
        (".", 0.0),
    ],
)
def test_only_the_whole_right_answer_is_right(answer, reward):
    assert right(prompts("3141="), tokens(answer)).tolist() == [reward]


@pytest.mark.parametrize(
    ("answer", "reward"),
    [("1134.", 3.0), ("5678.", 3.0), ("12345678", 7.0), ("4321.", 0.0), ("12=34", 2.0), (".", 0.0)],
)
def test_the_other_reward_pays_for_order_and_not_for_the_prompts_digits(answer, reward):
    assert ascending(prompts("3141="), tokens(answer)).tolist() == [reward]


def test_unknown_tasks_and_rewards_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="'CartPole-v1' is no language task; known are SortDigits"):
        find_task("CartPole-v1")
    with pytest.raises(ValueError, match="no reward is called 'nice'; known are right, ascending"):
        TASK.reward("nice")


def play(environment, answer_of):
    """Rewards of the first answer of each environment, and how many tokens it had."""
    obs = environment.reset()
    texts = [answer_of(row) for row in obs[:, : TASK.prompt_length].astype(int)]
    reward, length = np.zeros(len(texts)), np.zeros(len(texts), dtype=int)
    running = np.ones(len(texts), dtype=bool)
    for t in range(TASK.answer_length):
        step = environment.step(np.array([text[t] for text in texts]))
        reward += step.reward * running
        length += running
        running &= ~step.terminated
        assert not step.truncated.any()
    assert not running.any()
    return reward, length


def test_the_environment_pays_what_the_task_pays_when_the_answer_ends():
    def half_right(row):
        answer = TASK.solution(torch.from_numpy(row).unsqueeze(0))[0].tolist()
        return answer if row[0] < 5 else answer[::-1]

    environment = SortDigits(40, seed=0)
    easy = environment.reset(seed=1)[:, 0] < 5
    environment.random = np.random.default_rng(1)
    reward, length = play(environment, half_right)
    # Reversed answers begin with the filling full stops: they end at once.
    assert reward.tolist() == easy.astype(float).tolist()
    assert length.tolist() == np.where(easy, 5, 1).tolist()


def test_an_answer_without_an_end_ends_with_the_context_and_earns_nothing():
    reward, length = play(SortDigits(3, seed=0), lambda row: [1] * TASK.answer_length)
    assert reward.tolist() == [0.0] * 3
    assert length.tolist() == [TASK.answer_length] * 3


def test_one_sees_the_tokens_so_far_and_minus_one_where_nothing_stands():
    environment = SortDigits(2, seed=0)
    first = environment.reset()
    step = environment.step(np.array([7, 11]))
    assert first.shape == (2, TASK.context)
    assert (first[:, TASK.prompt_length :] == -1).all()
    assert step.next_obs[0, TASK.prompt_length :].tolist() == [7.0] + [-1.0] * 7
    assert step.terminated.tolist() == [False, True]
    # The second answer is over: the next prompt is asked at once.
    assert (step.obs[1, TASK.prompt_length :] == -1).all()
    assert not np.array_equal(step.obs[1], first[1])
