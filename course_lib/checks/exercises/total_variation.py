"""The exercise `total_variation`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.divergences import total_variation


def cases(generator: torch.Generator) -> list[Case]:
    """Random probabilities, square too; equal ones, two that share nothing, two actions."""

    def pair(rows: int, actions: int) -> dict[str, Tensor]:
        return {
            "p": normal(generator, rows, actions).softmax(-1),
            "q": (1.5 * normal(generator, rows, actions)).softmax(-1),
        }

    same = pair(3, 4)
    same["q"] = same["p"].clone()
    apart = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.3, 0.7]], dtype=torch.float64)
    return [
        Case("three states, four actions", pair(3, 4)),
        Case("six states, five actions", pair(6, 5)),
        Case("as many states as actions", pair(4, 4)),
        Case("twice the same", same, EDGE),
        Case("two that share no action", {"p": apart, "q": apart.flip(0)}, EDGE),
        Case("two actions", pair(5, 2), EDGE),
        Case("one state", pair(1, 4), EDGE),
    ]


def half_missing(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).abs().sum(-1)


def largest_difference(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).abs().max(-1).values


def signed(p: Tensor, q: Tensor) -> Tensor:
    return 0.5 * (p - q).sum(-1)


def squared(p: Tensor, q: Tensor) -> Tensor:
    return 0.5 * (p - q).square().sum(-1)


def euclidean(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).square().sum(-1).sqrt()


def mean_over_actions(p: Tensor, q: Tensor) -> Tensor:
    return 0.5 * (p - q).abs().mean(-1)


def mean_over_states(p: Tensor, q: Tensor) -> Tensor:
    return total_variation(p, q).mean()


def largest_state(p: Tensor, q: Tensor) -> Tensor:
    return total_variation(p, q).max()


def over_states(p: Tensor, q: Tensor) -> Tensor:
    return 0.5 * (p - q).abs().sum(0)


def not_summed(p: Tensor, q: Tensor) -> Tensor:
    return 0.5 * (p - q).abs()


def overlap(p: Tensor, q: Tensor) -> Tensor:
    return torch.minimum(p, q).sum(-1)


def both_halves(p: Tensor, q: Tensor) -> Tensor:
    return 0.25 * (p - q).abs().sum(-1)


def divergence(p: Tensor, q: Tensor) -> Tensor:
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def pinskers_bound(p: Tensor, q: Tensor) -> Tensor:
    return (0.5 * divergence(p, q)).clamp(min=0).sqrt()


def changes_p(p: Tensor, q: Tensor) -> Tensor:
    p -= q
    return 0.5 * p.abs().sum(-1)


def what_p_has_more(p: Tensor, q: Tensor) -> Tensor:
    """Right: what p has more than q, which is as much as it has less."""
    return torch.relu(p - q).sum(-1)


def one_minus_the_overlap(p: Tensor, q: Tensor) -> Tensor:
    """Right: all but what the two share."""
    return 1 - torch.minimum(p, q).sum(dim=1)


def largest_event(p: Tensor, q: Tensor) -> Tensor:
    """Right: the definition, over all 2^K events."""
    events = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * p.shape[-1]).to(p.dtype)
    return ((p - q) @ events.T).max(-1).values


EXERCISE = Exercise(
    name="total_variation",
    reference=total_variation,
    cases=cases,
    statement="the largest difference in probability that any event gets",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "half-missing",
            "The ½ is missing. What one action loses another wins, so every difference is counted "
            "twice: two policies that share nothing are at distance 1, not 2.",
            half_missing,
        ),
        Mistake(
            "largest-difference",
            "That is the largest difference of a single action. An event may hold several of them: "
            "½ Σ |p − q|. (With two actions both are the same.)",
            largest_difference,
        ),
        Mistake(
            "signed",
            "Without absolute values the differences cancel: both sum to 1.",
            signed,
        ),
        Mistake("squared", "The differences are squared; absolute values are wanted.", squared),
        Mistake(
            "euclidean",
            "That is the Euclidean distance. Total variation adds absolute values.",
            euclidean,
        ),
        Mistake(
            "mean-over-actions",
            "The differences were averaged over actions; they are summed.",
            mean_over_actions,
        ),
        Mistake(
            "mean-over-states",
            "The states were averaged as well. One number a state is wanted, (B,).",
            mean_over_states,
        ),
        Mistake(
            "largest-state",
            "The largest over all states came out. One number a state is wanted, (B,).",
            largest_state,
        ),
        Mistake(
            "over-states",
            "The sum runs down a column, over states. Actions are the last axis.",
            over_states,
        ),
        Mistake(
            "not-summed",
            "A number for each action came out. Sum over the actions: one distance a state.",
            not_summed,
        ),
        Mistake(
            "overlap",
            "That is what the two share. The distance is 1 minus it.",
            overlap,
        ),
        Mistake(
            "both-halves",
            "It is halved twice. ½ Σ |p − q|, and nothing more.",
            both_halves,
        ),
        Mistake(
            "divergence",
            "That is the KL divergence. Total variation is ½ Σ |p − q|, without logarithms.",
            divergence,
        ),
        Mistake(
            "pinskers-bound",
            "That is Pinsker's bound, √(½ KL). The distance itself is smaller.",
            pinskers_bound,
        ),
        Mistake("changes-p", IN_PLACE, changes_p),
    ),
    variants=(what_p_has_more, one_minus_the_overlap, largest_event),
)
