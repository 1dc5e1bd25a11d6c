"""The exercise `categorical_kl`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.divergences import categorical_kl


def cases(generator: torch.Generator) -> list[Case]:
    """Random logits, shifted and square; equal ones, two actions, one row, nearly sure ones."""

    def pair(rows: int, actions: int, spread: float = 1.0) -> dict[str, Tensor]:
        return {
            "logits_p": spread * normal(generator, rows, actions) + 0.7,
            "logits_q": spread * normal(generator, rows, actions) - 0.4,
        }

    same = pair(4, 3)
    same["logits_q"] = same["logits_p"].clone()
    return [
        Case("three states, four actions", pair(3, 4)),
        Case("seven states, three actions", pair(7, 3, 1.5)),
        Case("as many states as actions", pair(3, 3)),
        Case("twice the same policy", same, EDGE),
        Case("two actions", pair(5, 2), EDGE),
        Case("one state", pair(1, 4), EDGE),
        Case("policies that are nearly sure", pair(4, 3, 6.0), EDGE),
    ]


def logs(logits_p: Tensor, logits_q: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log q."""
    return logits_p.log_softmax(-1), logits_q.log_softmax(-1)


def reversed_order(logits_p, logits_q) -> Tensor:
    return categorical_kl(logits_q, logits_p)


def sign_flipped(logits_p, logits_q) -> Tensor:
    return -categorical_kl(logits_p, logits_q)


def cross_entropy(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return -(log_p.exp() * log_q).sum(-1)


def unweighted(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return (log_p - log_q).sum(-1)


def logits_as_logarithms(logits_p, logits_q) -> Tensor:
    return (logits_p.softmax(-1) * (logits_p - logits_q)).sum(-1)


def logits_as_weights(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return (logits_p * (log_p - log_q)).sum(-1)


def quotient_without_logarithm(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return (log_p.exp() * (log_p - log_q).exp()).sum(-1)


def not_summed(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return log_p.exp() * (log_p - log_q)


def mean_over_actions(logits_p, logits_q) -> Tensor:
    return categorical_kl(logits_p, logits_q) / logits_p.shape[-1]


def mean_over_states(logits_p, logits_q) -> Tensor:
    return categorical_kl(logits_p, logits_q).mean()


def over_states(logits_p, logits_q) -> Tensor:
    log_p, log_q = logits_p.log_softmax(0), logits_q.log_softmax(0)
    return (log_p.exp() * (log_p - log_q)).sum(0)


def in_bits(logits_p, logits_q) -> Tensor:
    return categorical_kl(logits_p, logits_q) / math.log(2)


def symmetric(logits_p, logits_q) -> Tensor:
    return 0.5 * (categorical_kl(logits_p, logits_q) + categorical_kl(logits_q, logits_p))


def absolute_terms(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return (log_p.exp() * (log_p - log_q).abs()).sum(-1)


def p_detached(logits_p, logits_q) -> Tensor:
    return categorical_kl(logits_p.detach(), logits_q)


def q_detached(logits_p, logits_q) -> Tensor:
    return categorical_kl(logits_p, logits_q.detach())


def weights_detached(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return (log_p.exp().detach() * (log_p - log_q)).sum(-1)


def most_likely_action(logits_p, logits_q) -> Tensor:
    log_p, log_q = logs(logits_p, logits_q)
    return (log_p - log_q).gather(-1, log_p.argmax(-1, keepdim=True)).squeeze(-1)


def changes_logits(logits_p, logits_q) -> Tensor:
    result = categorical_kl(logits_p, logits_q)
    with torch.no_grad():
        logits_p -= logits_p.mean(-1, keepdim=True)
    return result


def with_probabilities(logits_p, logits_q) -> Tensor:
    """Right: probabilities first, their logarithms after."""
    p, q = torch.softmax(logits_p, -1), torch.softmax(logits_q, -1)
    return torch.sum(p * torch.log(p / q), dim=-1)


def with_torch(logits_p, logits_q) -> Tensor:
    """Right: torch's own loss, which names q first."""
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    terms = torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True)
    return terms.sum(1)


def entropy_and_cross_entropy(logits_p, logits_q) -> Tensor:
    """Right: cross-entropy minus entropy, in float64 inside, row by row."""
    rows = []
    for p, q in zip(logits_p.double(), logits_q.double(), strict=True):
        probability = p.softmax(0)
        rows.append(probability @ p.log_softmax(0) - probability @ q.log_softmax(0))
    return torch.stack(rows).to(logits_p.dtype)


EXERCISE = Exercise(
    name="categorical_kl",
    reference=categorical_kl,
    cases=cases,
    statement="how many nats p's own actions set it apart from q, in every state",
    points={VALUE: 0.5, GRADIENT: 0.5},
    gradient=("logits_p", "logits_q"),
    mistakes=(
        Mistake(
            "reversed",
            "That is KL(q‖p). p is named first and does the averaging: its own actions are asked "
            "how much likelier they are under p than under q.",
            reversed_order,
        ),
        Mistake(
            "sign-flipped",
            "Every number is negative: it is log p − log q, not log q − log p. A divergence is "
            "never below 0.",
            sign_flipped,
        ),
        Mistake(
            "cross-entropy",
            "The entropy of p is missing: −Σ p log q is not 0 where the two policies agree. Add "
            "Σ p log p.",
            cross_entropy,
        ),
        Mistake(
            "unweighted",
            "The differences of the logarithms are added without weights. Weigh them with p: an "
            "action that p never takes says nothing.",
            unweighted,
        ),
        Mistake(
            "logits-as-logarithms",
            "You use logits as if they were log-probabilities. They lack the normaliser, and it "
            "differs between p and q: log_softmax first.",
            logits_as_logarithms,
        ),
        Mistake(
            "logits-as-weights",
            "The weights are logits. They have to be probabilities: the exponential of log p.",
            logits_as_weights,
        ),
        Mistake(
            "logarithm-missing",
            "You average p/q. The logarithm of the quotient is wanted, log p − log q.",
            quotient_without_logarithm,
        ),
        Mistake(
            "not-summed",
            "A number for each action came out. Sum over the actions: one divergence a state.",
            not_summed,
        ),
        Mistake(
            "mean-over-actions",
            "The terms were averaged over the actions. p already makes a mean of the sum: with "
            "`mean` it is divided by K once more.",
            mean_over_actions,
        ),
        Mistake(
            "mean-over-states",
            "The states were averaged as well. One number a state is wanted, (B,); whoever needs "
            "the mean takes it.",
            mean_over_states,
        ),
        Mistake(
            "over-states",
            "The softmax and the sum run down a column, over states. A policy's probabilities sum "
            "to 1 over the *last* axis.",
            over_states,
        ),
        Mistake(
            "in-bits",
            "That is in bits, with logarithms to the base 2. The course counts in nats.",
            in_bits,
        ),
        Mistake(
            "symmetric",
            "Both directions were averaged. KL(p‖q) is the one that p averages.",
            symmetric,
        ),
        Mistake(
            "absolute-terms",
            "The terms were made positive one by one. Single terms may be negative; their sum "
            "never is.",
            absolute_terms,
        ),
        Mistake(
            "p-detached",
            "The value is right, but no gradient reaches `logits_p`. Which policy is held still is "
            "the caller's decision.",
            p_detached,
        ),
        Mistake(
            "q-detached",
            "The value is right, but no gradient reaches `logits_q`. Which policy is held still is "
            "the caller's decision.",
            q_detached,
        ),
        Mistake(
            "weights-detached",
            "The value is right, but the weights p were cut from their graph. If p moves, its "
            "weights move, too.",
            weights_detached,
        ),
        Mistake(
            "most-likely-action",
            "Only the most likely action is looked at. The divergence is a mean over all of them.",
            most_likely_action,
        ),
        Mistake("changes-logits", IN_PLACE, changes_logits),
    ),
    variants=(with_probabilities, with_torch, entropy_and_cross_entropy),
)
