"""The exercise `categorical_log_prob`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import actions, normal
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.distributions import categorical_log_prob


def cases(generator: torch.Generator) -> list[Case]:
    """Three rows to read, more, as many rows as actions; one row, one action; logits of ±10⁴."""

    def batch(rows: int, num_actions: int) -> dict[str, Tensor]:
        return {
            "logits": 1.5 * normal(generator, rows, num_actions),
            "action": actions(generator, num_actions, rows),
        }

    rows = [[0.0, 1e4, -1e4], [1e4, 1e4, 0.0], [-1e4, 0.0, 1e4], [-1e4, -9_999.0, -9_998.0]]
    huge = torch.tensor(rows, dtype=torch.float64)
    return [
        Case("three rows of two actions", batch(3, 2)),
        Case("seven rows of five actions", batch(7, 5)),
        Case("as many rows as actions", batch(4, 4)),
        Case("a single row", batch(1, 3), EDGE),
        Case("a single action: it is certain", batch(3, 1), EDGE),
        Case("logits of ±10,000", {"logits": huge, "action": torch.tensor([2, 0, 2, 1])}, NUMERICS),
    ]


def taken(table: Tensor, action: Tensor) -> Tensor:
    """One element of each row."""
    return table.gather(-1, action.unsqueeze(-1)).squeeze(-1)


def log_of_softmax(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits.softmax(-1).log(), action)


def probability(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits.softmax(-1), action)


def logit_only(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits, action)


def cross_entropy(logits: Tensor, action: Tensor) -> Tensor:
    return -categorical_log_prob(logits, action)


def whole_table(logits: Tensor, action: Tensor) -> Tensor:
    return logits.log_softmax(-1)


def picks_rows(logits: Tensor, action: Tensor) -> Tensor:
    return logits.log_softmax(-1)[action]


def every_pair(logits: Tensor, action: Tensor) -> Tensor:
    return logits.log_softmax(-1)[:, action]


def extra_axis(logits: Tensor, action: Tensor) -> Tensor:
    return logits.log_softmax(-1).gather(-1, action.unsqueeze(-1))


def over_the_batch(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits.log_softmax(0), action)


def most_likely(logits: Tensor, action: Tensor) -> Tensor:
    return logits.log_softmax(-1).max(-1).values


def normaliser_missing_log(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits, action) - logits.exp().sum(-1)


def unstable(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits, action) - logits.exp().sum(-1).log()


def normalised_by_the_maximum(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits, action) - logits.max(-1).values


def epsilon_inside(logits: Tensor, action: Tensor) -> Tensor:
    return taken((logits.softmax(-1) + 1e-8).log(), action)


def mean_over_rows(logits: Tensor, action: Tensor) -> Tensor:
    return categorical_log_prob(logits, action).mean()


def detached(logits: Tensor, action: Tensor) -> Tensor:
    return categorical_log_prob(logits.detach(), action)


def normaliser_detached(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits, action) - logits.logsumexp(-1).detach()


def counts_from_one(logits: Tensor, action: Tensor) -> Tensor:
    return taken(logits.log_softmax(-1), (action - 1) % logits.shape[-1])


def changes_action(logits: Tensor, action: Tensor) -> Tensor:
    rows = torch.arange(len(action))
    result = logits.log_softmax(-1)[rows, action]
    action += rows * logits.shape[-1]
    return result


def largest_of_the_batch(logits: Tensor, action: Tensor) -> Tensor:
    shifted = logits - logits.max()
    return taken(shifted, action) - shifted.exp().sum(-1).log()


def softmax_twice(logits: Tensor, action: Tensor) -> Tensor:
    return categorical_log_prob(logits.softmax(-1), action)


def cut_off(logits: Tensor, action: Tensor) -> Tensor:
    return categorical_log_prob(logits, action).clamp(min=-100)


def sum_over_rows(logits: Tensor, action: Tensor) -> Tensor:
    return categorical_log_prob(logits, action).sum()


def sum_over_actions(logits: Tensor, action: Tensor) -> Tensor:
    return logits.log_softmax(-1).sum(-1)


def with_the_library(logits: Tensor, action: Tensor) -> Tensor:
    """Right: torch's distribution."""
    return torch.distributions.Categorical(logits=logits).log_prob(action)


def by_cross_entropy(logits: Tensor, action: Tensor) -> Tensor:
    """Right: the negative of a classifier's loss."""
    return -torch.nn.functional.cross_entropy(logits, action, reduction="none")


def by_hand(logits: Tensor, action: Tensor) -> Tensor:
    """Right: the maximum taken out, the sum of exponentials, one row's action by indexing."""
    shifted = logits - logits.max(-1, keepdim=True).values.detach()
    return shifted[torch.arange(len(action)), action] - shifted.exp().sum(-1).log()


def with_one_hot(logits: Tensor, action: Tensor) -> Tensor:
    """Right: a one-hot row picks the element, in float64 inside."""
    chosen = torch.nn.functional.one_hot(action, logits.shape[-1]).double()
    log_prob = logits.double() - logits.double().logsumexp(-1, keepdim=True)
    return (chosen * log_prob).sum(-1).to(logits.dtype)


EXERCISE = Exercise(
    name="categorical_log_prob",
    reference=categorical_log_prob,
    cases=cases,
    statement="one log-probability a row, exact even where the probability itself is 0",
    points={VALUE: 1, GRADIENT: 1, NUMERICS: 1},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "log-of-softmax",
            "The values are right while the logits are small. At ±10,000 the softmax becomes "
            "exactly 0, and its logarithm −∞ (its gradient not a number). `log_softmax` never "
            "forms the probabilities.",
            log_of_softmax,
        ),
        Mistake(
            "unstable-normaliser",
            "log Σ exp(logits) overflows at logits of 10,000: e^10000 is infinite. `logsumexp` "
            "takes the largest logit out of the sum first.",
            unstable,
        ),
        Mistake(
            "epsilon-inside",
            "The 1e-8 keeps the logarithm finite and makes it wrong: every log-probability below "
            "−18 is cut off there, and its gradient is lost. `log_softmax` needs no epsilon.",
            epsilon_inside,
        ),
        Mistake("probability", "That is π(a|s). Its logarithm was asked for.", probability),
        Mistake(
            "logit-only",
            "That is the logit of the action taken. Logits are log-probabilities up to a constant "
            "of each row; subtract log Σ exp(logits).",
            logit_only,
        ),
        Mistake(
            "negative",
            "That is the cross entropy, −log π. The log-probability itself is at most 0; no loss "
            "is asked for here.",
            cross_entropy,
        ),
        Mistake(
            "whole-table",
            "The log-probabilities of all actions came out, (B, K). Pick the taken one of each "
            "row: (B,).",
            whole_table,
        ),
        Mistake(
            "picks-rows",
            "`log_prob[action]` picks whole *rows*, row number a, not the element a of each row: "
            "that is [002]'s slip. Use `gather`, or index with `torch.arange(B)` as well.",
            picks_rows,
        ),
        Mistake(
            "every-pair",
            "`log_prob[:, action]` pairs every row with every taken action, (B, B). Index both "
            "axes at once: `log_prob[torch.arange(B), action]`.",
            every_pair,
        ),
        Mistake(
            "extra-axis",
            "`gather` leaves an axis of length 1: (B, 1). Left alone, it meets a (B,) weight and "
            "becomes (B, B) without an error. Take it off with `squeeze(-1)`.",
            extra_axis,
        ),
        Mistake(
            "over-the-batch",
            "The softmax runs over axis 0, over the rows of the batch. Each row is a distribution "
            "of its own: the last axis.",
            over_the_batch,
        ),
        Mistake(
            "most-likely",
            "That is the log-probability of the most likely action. The action *taken* counts.",
            most_likely,
        ),
        Mistake(
            "log-of-the-sum-missing",
            "Σ exp(logits) is subtracted; it must be its logarithm.",
            normaliser_missing_log,
        ),
        Mistake(
            "only-shifted",
            "You subtract the largest logit. That keeps numbers small, but the row is not "
            "normalised by it: subtract log Σ exp(logits).",
            normalised_by_the_maximum,
        ),
        Mistake(
            "mean-over-rows",
            "One number came out for the whole batch. One log-probability a row is wanted: the "
            "losses decide how to weigh them.",
            mean_over_rows,
        ),
        Mistake(
            "logits-detached",
            "The value is right, but the logits were cut from their graph: no policy could learn "
            "from it.",
            detached,
        ),
        Mistake(
            "normaliser-detached",
            "The value is right, but the gradient of log Σ exp(logits) is cut off. Without it the "
            "score of an action would only ever push its own logit up.",
            normaliser_detached,
        ),
        Mistake(
            "counts-from-one",
            "The actions are numbered from 0, as axes are; you read the element before.",
            counts_from_one,
        ),
        Mistake(
            "largest-of-the-batch",
            "The largest logit of the whole batch was subtracted. In a row that lies far below it "
            "all exponentials are 0, and the logarithm of their sum is −inf: subtract each row's "
            "own largest.",
            largest_of_the_batch,
        ),
        Mistake(
            "softmax-twice",
            "The softmax was taken twice: probabilities went in where logits belong.",
            softmax_twice,
        ),
        Mistake(
            "cut-off",
            "Small log-probabilities were cut off. Then unlikely actions have a wrong value and no "
            "gradient; log_softmax needs no bound.",
            cut_off,
        ),
        Mistake(
            "sum-over-rows",
            "One number came out. One log-probability for each row is wanted, (B,).",
            sum_over_rows,
        ),
        Mistake(
            "sum-over-actions",
            "The log-probabilities of all actions were added. Pick the one that was taken.",
            sum_over_actions,
        ),
        Mistake("changes-action", IN_PLACE, changes_action),
    ),
    variants=(with_the_library, by_cross_entropy, by_hand, with_one_hot),
)
