"""The exercise `repaired_answer_log_prob`: lesson 12's silent bug, logits one place too late."""

import torch
from torch import Tensor

from course_lib.checks.drawing import actions, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.language_models import token_log_prob


def repaired_answer_log_prob(logits, tokens, prompt_length) -> Tensor:
    """log π of the answer's tokens, where logits[:, t] predict tokens[:, t + 1]: (B, L)."""
    return token_log_prob(logits[:, prompt_length - 1 : -1], tokens[:, prompt_length:])


def cases(generator: torch.Generator) -> list[Case]:
    """Prompts and answers of several lengths; a prompt or an answer of a single token."""
    return [
        Case("a prompt of two tokens, an answer of three", given(generator, 2, 2, 3)),
        Case("a prompt of five tokens, an answer of four", given(generator, 4, 5, 4)),
        Case("as many answers as tokens", given(generator, 6, 3, 3)),
        Case("a prompt of one token", given(generator, 3, 1, 4), EDGE),
        Case("an answer of one token", given(generator, 3, 4, 1), EDGE),
        Case("a single answer", given(generator, 1, 3, 4), EDGE),
    ]


def given(generator: torch.Generator, count: int, prompt: int, answer: int) -> dict:
    """The inputs of one case: prompt and answer in one row."""
    length = prompt + answer
    return {
        "logits": 1.5 * normal(generator, count, length, 5) + 0.5,
        "tokens": actions(generator, 5, count, length),
        "prompt_length": prompt,
    }


def as_it_was(logits, tokens, prompt_length) -> Tensor:
    return token_log_prob(logits[:, prompt_length:], tokens[:, prompt_length:])


def too_far(logits, tokens, prompt_length) -> Tensor:
    early = logits.roll(2, dims=1)
    return token_log_prob(early[:, prompt_length:], tokens[:, prompt_length:])


def wrong_way(logits, tokens, prompt_length) -> Tensor:
    late = logits.roll(-1, dims=1)
    return token_log_prob(late[:, prompt_length:], tokens[:, prompt_length:])


def with_the_prompt(logits, tokens, prompt_length) -> Tensor:
    return token_log_prob(logits[:, :-1], tokens[:, 1:])


def last_token_lost(logits, tokens, prompt_length) -> Tensor:
    whole = repaired_answer_log_prob(logits, tokens, prompt_length)
    return whole[:, :-1]


def first_token_lost(logits, tokens, prompt_length) -> Tensor:
    whole = repaired_answer_log_prob(logits, tokens, prompt_length)
    return whole[:, 1:]


def of_the_prompt(logits, tokens, prompt_length) -> Tensor:
    answer = tokens.shape[1] - prompt_length
    return token_log_prob(logits[:, :answer], tokens[:, prompt_length:])


def whole_answers(logits, tokens, prompt_length) -> Tensor:
    return repaired_answer_log_prob(logits, tokens, prompt_length).sum(-1)


def sign_flipped(logits, tokens, prompt_length) -> Tensor:
    return -repaired_answer_log_prob(logits, tokens, prompt_length)


def shift_first(logits, tokens, prompt_length) -> Tensor:
    """Right: everything shifted by one, then the answer's part."""
    log_prob = logits[:, :-1].log_softmax(-1)
    own = log_prob.gather(-1, tokens[:, 1:, None]).squeeze(-1)
    return own[:, prompt_length - 1 :]


def token_by_token(logits, tokens, prompt_length) -> Tensor:
    """Right: a loop over the answer's places."""
    rows = torch.arange(len(tokens))
    columns = []
    for place in range(prompt_length, tokens.shape[1]):
        log_prob = logits[:, place - 1].log_softmax(-1)
        columns.append(log_prob[rows, tokens[:, place]])
    return torch.stack(columns, 1)


def raw_logits(logits, tokens, prompt_length) -> Tensor:
    answer = tokens[:, prompt_length:].unsqueeze(-1)
    return logits[:, prompt_length - 1 : -1].gather(-1, answer).squeeze(-1)


def both_shifted(logits, tokens, prompt_length) -> Tensor:
    before = slice(prompt_length - 1, -1)
    return token_log_prob(logits[:, before], tokens[:, before])


EXERCISE = Exercise(
    name="repaired_answer_log_prob",
    reference=repaired_answer_log_prob,
    cases=cases,
    statement="each token is judged by what was said before it was seen",
    points={VALUE: 2},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "token-judged-by-itself",
            "Token t is still looked up in logits[:, t], which the transformer computed *after* "
            "reading token t. Copying it is easy and teaches nothing. What predicts token t is "
            "logits[:, t − 1].",
            as_it_was,
        ),
        Mistake(
            "two-places",
            "Shifted by two places: token t is predicted by logits[:, t − 1], the place before.",
            too_far,
        ),
        Mistake(
            "wrong-way",
            "Shifted the wrong way: logits[:, t + 1] have read token t *and* the next one.",
            wrong_way,
        ),
        Mistake(
            "with-the-prompt",
            "The shift is right, but the prompt's tokens are there too. The policy did not write "
            "them: return the answer's L tokens only.",
            with_the_prompt,
        ),
        Mistake(
            "last-token-lost",
            "The shift is right, but the last token is missing. Its prediction stands one place "
            "earlier, so nothing has to be dropped from the answer.",
            last_token_lost,
        ),
        Mistake(
            "first-token-lost",
            "The answer's first token is missing. The *prompt's last* place predicts it.",
            first_token_lost,
        ),
        Mistake(
            "logits-of-the-prompt",
            "The logits begin at place 0, the prompt's. The answer's first token is predicted at "
            "place prompt_length − 1.",
            of_the_prompt,
        ),
        Mistake(
            "whole-answers",
            "The tokens are added up. Return one number a token, (B, L).",
            whole_answers,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: a log-probability is at most 0.",
            sign_flipped,
        ),
        Mistake(
            "raw-logits",
            "The shift is right, but these are logits and not log-probabilities: log_softmax "
            "first.",
            raw_logits,
        ),
        Mistake(
            "both-shifted",
            "Logits *and* tokens were shifted by one, so each token is still judged by "
            "itself, and the last one is lost. Shift the logits only.",
            both_shifted,
        ),
    ),
    variants=(shift_first, token_by_token),
)
