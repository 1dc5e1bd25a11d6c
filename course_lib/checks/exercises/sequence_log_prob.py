"""The exercise `sequence_log_prob`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import actions, normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.language_models import sequence_log_prob, token_log_prob


def cases(generator: torch.Generator) -> list[Case]:
    """Answers of several lengths, prompts masked too; all tokens, none, padding that is absurd."""
    absurd = given(generator, 5, lengths=(2, 4, 5))
    absurd["logits"][0, 3:] = torch.tensor([3_000.0, 0.0, -3_000.0, 0.0], dtype=torch.float64)
    gaps = given(generator, 6, lengths=(6, 6))
    gaps["mask"] = actions(generator, 2, 2, 6).bool()
    return [
        Case("three answers of two, four and five tokens", given(generator, 5, lengths=(2, 4, 5))),
        Case("a prompt of two tokens in front", given(generator, 6, lengths=(3, 6), first=2)),
        Case("as many answers as tokens", given(generator, 4, lengths=(1, 3, 4, 2))),
        Case("any mask", gaps),
        Case("all tokens count", given(generator, 3, lengths=(3, 3)), EDGE),
        Case("an answer without a token", given(generator, 4, lengths=(0, 2)), EDGE),
        Case("a single answer", given(generator, 4, lengths=(3,)), EDGE),
        Case("logits of thousands behind the end", absurd, NUMERICS),
    ]


def given(
    generator: torch.Generator, length: int, lengths: tuple[int, ...], first: int = 0
) -> dict[str, Tensor]:
    """The inputs of one case: answers from place `first` on, up to their lengths."""
    place = torch.arange(length)
    mask = (place >= first) & (place < torch.tensor(lengths).unsqueeze(-1))
    return {
        "logits": 1.5 * normal(generator, len(lengths), length, 4) + 0.5,
        "tokens": actions(generator, 4, len(lengths), length),
        "mask": mask,
    }


def no_mask(logits, tokens, mask) -> Tensor:
    return token_log_prob(logits, tokens).sum(-1)


def mask_upside_down(logits, tokens, mask) -> Tensor:
    return sequence_log_prob(logits, tokens, ~mask)


def mean_over_tokens(logits, tokens, mask) -> Tensor:
    return sequence_log_prob(logits, tokens, mask) / mask.sum(-1).clamp(min=1)


def mean_over_all_places(logits, tokens, mask) -> Tensor:
    return sequence_log_prob(logits, tokens, mask) / mask.shape[-1]


def product(logits, tokens, mask) -> Tensor:
    return token_log_prob(logits, tokens).masked_fill(~mask, 1).prod(-1)


def probability(logits, tokens, mask) -> Tensor:
    return sequence_log_prob(logits, tokens, mask).exp()


def over_answers(logits, tokens, mask) -> Tensor:
    return token_log_prob(logits, tokens).masked_fill(~mask, 0).sum(0)


def everything(logits, tokens, mask) -> Tensor:
    return sequence_log_prob(logits, tokens, mask).sum()


def masked_logits(logits, tokens, mask) -> Tensor:
    return token_log_prob(logits * mask.unsqueeze(-1), tokens).sum(-1)


def sign_flipped(logits, tokens, mask) -> Tensor:
    return -sequence_log_prob(logits, tokens, mask)


def last_token_left_out(logits, tokens, mask) -> Tensor:
    later = torch.cat((mask[:, 1:], torch.zeros_like(mask[:, :1])), -1)
    return sequence_log_prob(logits, tokens, mask & later)


def only_the_last(logits, tokens, mask) -> Tensor:
    later = torch.cat((mask[:, 1:], torch.zeros_like(mask[:, :1])), -1)
    return sequence_log_prob(logits, tokens, mask & ~later)


def detached(logits, tokens, mask) -> Tensor:
    return sequence_log_prob(logits.detach(), tokens, mask)


def answer_by_answer(logits, tokens, mask) -> Tensor:
    """Right: one answer after the other, its own tokens picked by the mask."""
    totals = []
    for row, word, own in zip(logits, tokens, mask, strict=True):
        log_prob = row.log_softmax(-1)
        totals.append(log_prob[torch.arange(len(word)), word][own].sum())
    return torch.stack(totals)


def by_where(logits, tokens, mask) -> Tensor:
    """Right: `where` before the sum, in float64 inside."""
    log_prob = token_log_prob(logits.double(), tokens)
    return torch.where(mask, log_prob, 0.0).sum(1).to(logits.dtype)


def minus_infinity_in_the_padding(logits, tokens, mask) -> Tensor:
    return token_log_prob(logits, tokens).masked_fill(~mask, float("-inf")).sum(-1)


def selected_tokens(logits, tokens, mask) -> Tensor:
    return token_log_prob(logits, tokens)[mask]


EXERCISE = Exercise(
    name="sequence_log_prob",
    reference=sequence_log_prob,
    cases=cases,
    statement="the log-probabilities of an answer's own tokens add up, and no other's count",
    points={VALUE: 1, EDGE: 1},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "no-mask",
            "All places are added up, prompt and padding too. Only tokens where `mask` is true "
            "were written by the policy.",
            no_mask,
        ),
        Mistake(
            "mask-upside-down",
            "The mask is upside down: true marks the tokens that count.",
            mask_upside_down,
        ),
        Mistake(
            "mean-over-tokens",
            "That is a mean over the answer's tokens. log of a product is a *sum* of logarithms: "
            "long answers are less likely, and that has to show.",
            mean_over_tokens,
        ),
        Mistake(
            "mean-over-places",
            "The sum is divided by L, padding included. log of a product is a sum.",
            mean_over_all_places,
        ),
        Mistake(
            "product-of-logarithms",
            "Logarithms are multiplied. Probabilities multiply; their logarithms add.",
            product,
        ),
        Mistake(
            "probability",
            "That is the probability. Return its logarithm: after some fifty tokens the "
            "probability itself rounds to 0.",
            probability,
        ),
        Mistake(
            "over-the-answers",
            "The sum runs over the answers (axis 0). Add up the tokens of one answer: axis 1.",
            over_answers,
        ),
        Mistake(
            "one-number",
            "A single number comes out. Return one a answer, (B,).",
            everything,
        ),
        Mistake(
            "masked-logits",
            "The mask multiplies the logits. Zero logits are a uniform distribution, which has "
            "log-probability −log V, not 0. Mask the log-probabilities.",
            masked_logits,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: a log-probability is at most 0.",
            sign_flipped,
        ),
        Mistake(
            "end-left-out",
            "The last token of each answer is missing. To stop is an action as well, and its "
            "probability counts.",
            last_token_left_out,
        ),
        Mistake(
            "only-the-last-token",
            "Only the last token of each answer is counted. The whole answer is a product of "
            "probabilities, one a token.",
            only_the_last,
        ),
        Mistake(
            "detached",
            "The values are right, but the logits were cut from their graph: nothing could learn.",
            detached,
        ),
        Mistake(
            "minus-infinity-in-the-padding",
            "The padding is filled with −∞, as one does *before* a softmax. In a sum of log- "
            "probabilities a place that does not count is 0.",
            minus_infinity_in_the_padding,
        ),
        Mistake(
            "selected-tokens",
            "Indexing with the mask gives one long row of all answers' tokens. Which answer "
            "they belong to is lost: fill the others with 0 and sum each row.",
            selected_tokens,
        ),
    ),
    variants=(answer_by_answer, by_where),
)
