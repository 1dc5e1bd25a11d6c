"""The exercise `token_log_prob`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import actions, normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.language_models import token_log_prob


def cases(generator: torch.Generator) -> list[Case]:
    """Sizes that differ and sizes that agree; one answer, one token; logits of a thousand."""
    sure = given(generator, 2, 3, 4)
    sure["logits"] = 1_000.0 * sure["logits"]
    return [
        Case("two answers of three tokens, five in the vocabulary", given(generator, 2, 3, 5)),
        Case("four answers of six tokens, three in the vocabulary", given(generator, 4, 6, 3)),
        Case("as many answers as tokens as words", given(generator, 4, 4, 4)),
        Case("a single answer", given(generator, 1, 5, 4), EDGE),
        Case("answers of one token", given(generator, 4, 1, 3), EDGE),
        Case("logits in the thousands", sure, NUMERICS),
    ]


def given(generator: torch.Generator, count: int, length: int, words: int) -> dict[str, Tensor]:
    """The inputs of one case."""
    logits = 1.5 * normal(generator, count, length, words) + 0.5
    return {"logits": logits, "tokens": actions(generator, words, count, length)}


def pick(table: Tensor, tokens: Tensor) -> Tensor:
    """table[b, t, tokens[b, t]]."""
    return table.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)


def raw_logits(logits, tokens) -> Tensor:
    return pick(logits, tokens)


def probabilities(logits, tokens) -> Tensor:
    return pick(logits.softmax(-1), tokens)


def log_of_softmax(logits, tokens) -> Tensor:
    return pick(logits.softmax(-1), tokens).log()


def over_positions(logits, tokens) -> Tensor:
    return pick(logits.log_softmax(1), tokens)


def over_answers(logits, tokens) -> Tensor:
    return pick(logits.log_softmax(0), tokens)


def shifted(logits, tokens) -> Tensor:
    log_prob = logits.log_softmax(-1)
    return pick(log_prob.roll(1, dims=1), tokens)


def shifted_ahead(logits, tokens) -> Tensor:
    log_prob = logits.log_softmax(-1)
    return pick(log_prob.roll(-1, dims=1), tokens)


def sign_flipped(logits, tokens) -> Tensor:
    return -token_log_prob(logits, tokens)


def whole_answers(logits, tokens) -> Tensor:
    return token_log_prob(logits, tokens).sum(-1)


def keeps_the_axis(logits, tokens) -> Tensor:
    return logits.log_softmax(-1).gather(-1, tokens.unsqueeze(-1))


def first_answer_for_all(logits, tokens) -> Tensor:
    return pick(logits.log_softmax(-1), tokens[:1].expand_as(tokens))


def likeliest(logits, tokens) -> Tensor:
    return logits.log_softmax(-1).max(-1).values


def detached(logits, tokens) -> Tensor:
    return token_log_prob(logits.detach(), tokens)


def through_one_hot(logits, tokens) -> Tensor:
    """Right: a product with one-hot rows in place of a gather."""
    one_hot = torch.nn.functional.one_hot(tokens, logits.shape[-1]).to(logits.dtype)
    return (logits * one_hot).sum(-1) - logits.logsumexp(-1)


def by_cross_entropy(logits, tokens) -> Tensor:
    """Right: minus torch's cross-entropy of the flattened rows, in float64 inside."""
    rows = logits.double().flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(rows, tokens.flatten(), reduction="none")
    return -loss.view_as(tokens).to(logits.dtype)


def log_before_picking(logits, tokens) -> Tensor:
    return pick(logits.softmax(-1).log(), tokens)


def epsilon_in_the_logarithm(logits, tokens) -> Tensor:
    return pick((logits.softmax(-1) + 1e-8).log(), tokens)


EXERCISE = Exercise(
    name="token_log_prob",
    reference=token_log_prob,
    cases=cases,
    statement="over all tokens that could stand in a place, the probabilities sum to 1",
    points={VALUE: 1},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "raw-logits",
            "Those are logits, not log-probabilities: log Σ exp(logits) has to be subtracted. "
            "log_softmax does it.",
            raw_logits,
        ),
        Mistake(
            "probabilities",
            "These are probabilities. Return their logarithms (by log_softmax, not log).",
            probabilities,
        ),
        Mistake(
            "log-of-softmax",
            "Right for tame logits. With large ones a probability rounds to 0, and its logarithm "
            "is −∞. log_softmax never forms the probability.",
            log_of_softmax,
        ),
        Mistake(
            "over-the-positions",
            "The softmax runs over the positions (axis 1). The probabilities of the *words in one "
            "place* sum to 1: use the last axis.",
            over_positions,
        ),
        Mistake(
            "over-the-answers",
            "The softmax runs over the answers (axis 0). The probabilities of the *words in one "
            "place* sum to 1: use the last axis.",
            over_answers,
        ),
        Mistake(
            "shifted-once-more",
            "The logits are shifted by one place. Here logits[:, t] predicts tokens[:, t] already: "
            "whoever calls has done the shift.",
            shifted,
        ),
        Mistake(
            "shifted-ahead",
            "Token t is looked up in the logits of place t + 1. Here logits[:, t] predicts "
            "tokens[:, t] already.",
            shifted_ahead,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: a log-probability is at most 0. (Cross-entropy, a loss, is its "
            "negative.)",
            sign_flipped,
        ),
        Mistake(
            "whole-answers",
            "The tokens of each answer are added up already. Return one number a token, (B, L); "
            "the sum is the next exercise.",
            whole_answers,
        ),
        Mistake(
            "extra-axis",
            "The result has shape (B, L, 1): gather keeps the axis. Add .squeeze(-1).",
            keeps_the_axis,
        ),
        Mistake(
            "first-answer-for-all",
            "Every row is looked up with the tokens of the first answer. Pick for each row its "
            "own: gather along the last axis.",
            first_answer_for_all,
        ),
        Mistake(
            "likeliest-token",
            "That is the log-probability of the likeliest token. Wanted is that of the token that "
            "was written.",
            likeliest,
        ),
        Mistake(
            "detached",
            "The values are right, but the logits were cut from their graph: nothing could learn.",
            detached,
        ),
        Mistake(
            "log-before-picking",
            "The logarithm of a softmax: probabilities below 1e−308 are 0, their logarithm is "
            "−∞, and the gradient is not a number. log_softmax never leaves the logarithms.",
            log_before_picking,
        ),
        Mistake(
            "epsilon-in-the-logarithm",
            "1e−8 is added inside the logarithm, so no token is rarer than that, and rare "
            "ones lose their gradient. log_softmax needs no patch.",
            epsilon_in_the_logarithm,
        ),
    ),
    variants=(through_one_hot, by_cross_entropy),
)
