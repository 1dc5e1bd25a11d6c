"""The exercise `categorical_entropy`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor
from torch.distributions import Categorical

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.distributions import categorical_entropy


def cases(generator: torch.Generator) -> list[Case]:
    """Ordinary logits, nearly even ones, uniform ones, and logits of a thousand."""
    sure = torch.tensor(
        [[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0], [0.5, -0.25, 0.0]],
        dtype=torch.float64,
    )
    return [
        Case("three states, four actions", {"logits": 1.5 * normal(generator, 3, 4) + 0.5}),
        Case("seven states, three actions", {"logits": 2.0 * normal(generator, 7, 3)}),
        Case("as many states as actions", {"logits": 1.5 * normal(generator, 4, 4)}),
        Case("a single state", {"logits": normal(generator, 1, 5)}, EDGE),
        Case("two actions", {"logits": 3.0 * normal(generator, 6, 2)}, EDGE),
        Case("equal logits", {"logits": torch.full((2, 3), 0.7, dtype=torch.float64)}, EDGE),
        Case("logits of ±1,000", {"logits": sure + 0.1 * normal(generator, 3, 1)}, NUMERICS),
    ]


def sign_flipped(logits: Tensor) -> Tensor:
    return -categorical_entropy(logits)


def log_of_softmax(logits: Tensor) -> Tensor:
    pi = logits.softmax(-1)
    return -(pi * pi.log()).sum(-1)


def mean_over_states(logits: Tensor) -> Tensor:
    return categorical_entropy(logits).mean()


def mean_over_actions(logits: Tensor) -> Tensor:
    return categorical_entropy(logits) / logits.shape[-1]


def unnormalised(logits: Tensor) -> Tensor:
    return -(logits.exp() * logits).sum(-1)


def logits_for_log_probs(logits: Tensor) -> Tensor:
    return -(logits.softmax(-1) * logits).sum(-1)


def over_the_states(logits: Tensor) -> Tensor:
    log_prob = logits.log_softmax(0)
    return -(log_prob.exp() * log_prob).sum(-1)


def in_bits(logits: Tensor) -> Tensor:
    return categorical_entropy(logits) / math.log(2)


def share_of_the_most(logits: Tensor) -> Tensor:
    return categorical_entropy(logits) / math.log(logits.shape[-1])


def double_softmax(logits: Tensor) -> Tensor:
    return categorical_entropy(logits.softmax(-1))


def unweighted(logits: Tensor) -> Tensor:
    return -logits.log_softmax(-1).sum(-1)


def of_the_likeliest_action(logits: Tensor) -> Tensor:
    log_prob = logits.log_softmax(-1).max(-1).values
    return -log_prob.exp() * log_prob


def weights_detached(logits: Tensor) -> Tensor:
    log_prob = logits.log_softmax(-1)
    return -(log_prob.exp().detach() * log_prob).sum(-1)


def slope_of_a_rounded_zero(logits: Tensor) -> Tensor:
    return torch.special.entr(logits.softmax(-1)).sum(-1)


def collision(logits: Tensor) -> Tensor:
    return 1 - logits.softmax(-1).square().sum(-1)


def with_distributions(logits: Tensor) -> Tensor:
    """Right: by torch.distributions."""
    return Categorical(logits=logits).entropy()


def with_log_of_the_sum(logits: Tensor) -> Tensor:
    """Right: H = log Σ exp z − Σ π z, with the largest logit taken off first."""
    shifted = logits - logits.max(-1, keepdim=True).values.detach()
    return shifted.logsumexp(-1) - (shifted.softmax(-1) * shifted).sum(-1)


def state_by_state(logits: Tensor) -> Tensor:
    """Right: one state after the other, in float64 inside, as a dot product."""
    rows = [row.double() for row in logits]
    entropy = [-torch.dot(row.softmax(-1), row.log_softmax(-1)) for row in rows]
    return torch.stack(entropy).to(logits.dtype)


EXERCISE = Exercise(
    name="categorical_entropy",
    reference=categorical_entropy,
    cases=cases,
    statement="it is 0 for a sure policy, log K for a uniform one, and its gradient spreads",
    points={VALUE: 1},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: logarithms of probabilities are negative, so −Σ π log π is "
            "positive. A negative entropy as a bonus would make the policy collapse faster.",
            sign_flipped,
        ),
        Mistake(
            "not-finite-when-sure",
            "Right for tame logits, not for large ones. log(softmax(z)) is log 0 = −∞ once a "
            "probability has rounded to 0, and 0 · (−∞) is not a number; exp(1000) is ∞, and ∞/∞ "
            "is none either. One such state spoils the whole batch. log_softmax takes the largest "
            "logit off first and never forms a probability that could be 0.",
            log_of_softmax,
        ),
        Mistake(
            "mean-over-states",
            "A single number comes out, the mean over all states. Return one entropy a state, "
            "(B,); the loss takes the mean.",
            mean_over_states,
        ),
        Mistake(
            "mean-over-actions",
            "The sum over actions became a mean: each entropy is K times too small. An expectation "
            "is already weighed by π; nothing is left to divide by.",
            mean_over_actions,
        ),
        Mistake(
            "unnormalised",
            "exp(logits) are not probabilities: they do not sum to 1. Use softmax and log_softmax.",
            unnormalised,
        ),
        Mistake(
            "logits-for-log-probs",
            "The probabilities are right, but you multiply them by the logits, not by log π = "
            "log_softmax(logits): the normalising constant log Σ exp z is missing.",
            logits_for_log_probs,
        ),
        Mistake(
            "over-the-states",
            "The softmax runs over the states (axis 0). The probabilities of the *actions of one "
            "state* sum to 1: use the last axis, dim=-1.",
            over_the_states,
        ),
        Mistake(
            "in-bits",
            "That is the entropy in bits (log₂). The course, like torch, uses nats: the natural "
            "logarithm.",
            in_bits,
        ),
        Mistake(
            "share-of-the-most",
            "The entropy is divided by log K, its largest value. That is a good number to plot, "
            "but the bonus uses the entropy itself.",
            share_of_the_most,
        ),
        Mistake(
            "double-softmax",
            "The softmax is applied twice: its output went in again as if it were logits, which "
            "makes every policy look almost uniform.",
            double_softmax,
        ),
        Mistake(
            "unweighted",
            "Σ log π is taken without its weights π. The entropy is an expectation, E[−log π(a)]: "
            "each −log π(a) counts as often as its action is taken.",
            unweighted,
        ),
        Mistake(
            "of-one-action-only",
            "Only one action's −π log π is there. The entropy sums over *all* actions of a state.",
            of_the_likeliest_action,
        ),
        Mistake(
            "gradient-cut",
            "The value is right, but no gradient reaches the logits: with π (or everything) "
            "detached, what is left is Σ π ∇log π, which is zero. Keep both factors in the graph.",
            weights_detached,
        ),
        Mistake(
            "gradient-not-finite-when-sure",
            "The value is right, its gradient is not a number for large logits: once π has rounded "
            "to 0, the slope of π log π is infinite there, and ∞ · 0 is not a number. Replacing "
            "NaN in the value (nansum, entr, xlogy) comes too late. Start from log_softmax.",
            slope_of_a_rounded_zero,
        ),
        Mistake(
            "gini-impurity",
            "1 − Σ π² also measures spread, but it is the Gini impurity, not the entropy.",
            collision,
        ),
    ),
    variants=(with_distributions, with_log_of_the_sum, state_by_state),
)
