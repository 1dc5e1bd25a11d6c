"""The exercise `repaired_mean_kl`: lesson 08's silent bug, a KL divergence without curvature."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.drivers import up_to_curvature
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import SUM_FOR_MEAN
from course_lib.reference.divergences import categorical_kl

NO_CURVATURE = (
    "The curvature is still 0. Both sides move together: whatever the policy does, it stays at "
    "distance 0 from itself, so the damping is all that is left of the Fisher matrix. The policy "
    "that *acted* has to stand still: detach one of the two logits."
)


def cases(generator: torch.Generator) -> list[Case]:
    """Random policies, square too; one state, nearly sure ones, two actions."""

    def policy(rows: int, actions: int, spread: float = 1.0) -> dict[str, Tensor]:
        logits = spread * normal(generator, rows, actions) + 0.5
        return {"logits": logits, "vector": normal(generator, rows, actions)}

    made = [
        Case("two states, three actions", policy(2, 3)),
        Case("five states, four actions", policy(5, 4)),
        Case("as many states as actions", policy(3, 3)),
        Case("one state", policy(1, 3), EDGE),
        Case("two actions", policy(4, 2), EDGE),
        Case("policies that are nearly sure", policy(3, 3, 3.0), EDGE),
    ]
    return [Case(one.name, one.inputs, one.part, up_to_curvature) for one in made]


def repaired_mean_kl(logits: Tensor) -> Tensor:
    """() mean KL divergence of the policy that acted, held still, from the one that moves."""
    return categorical_kl(logits.detach(), logits).mean()


def still_without_curvature(logits: Tensor) -> Tensor:
    return categorical_kl(logits, logits).mean()


def upside_down(logits: Tensor) -> Tensor:
    log_prob = logits.log_softmax(-1)
    return (log_prob.exp() * (log_prob.detach() - log_prob)).sum(-1).mean()


def sum_for_mean(logits: Tensor) -> Tensor:
    return categorical_kl(logits.detach(), logits).sum()


def not_averaged(logits: Tensor) -> Tensor:
    return categorical_kl(logits.detach(), logits)


def over_actions_too(logits: Tensor) -> Tensor:
    return categorical_kl(logits.detach(), logits).mean() / logits.shape[-1]


def both_directions(logits: Tensor) -> Tensor:
    still = logits.detach()
    return (categorical_kl(still, logits) + categorical_kl(logits, still)).mean()


def halved(logits: Tensor) -> Tensor:
    return 0.5 * categorical_kl(logits.detach(), logits).mean()


def cross_entropy(logits: Tensor) -> Tensor:
    return -(logits.detach().softmax(-1) * logits.log_softmax(-1)).sum(-1).mean()


def entropy(logits: Tensor) -> Tensor:
    log_prob = logits.log_softmax(-1)
    return -(log_prob.exp() * log_prob).sum(-1).mean()


def distance_of_logits(logits: Tensor) -> Tensor:
    return 0.5 * (logits - logits.detach()).square().sum(-1).mean()


def distance_of_probabilities(logits: Tensor) -> Tensor:
    return 0.5 * (logits.softmax(-1) - logits.softmax(-1).detach()).square().sum(-1).mean()


def unnormalised(logits: Tensor) -> Tensor:
    still = logits.detach()
    return (still.softmax(-1) * (still - logits)).sum(-1).mean()


def from_the_uniform_policy(logits: Tensor) -> Tensor:
    return categorical_kl(torch.zeros_like(logits), logits).mean()


def the_other_way_round(logits: Tensor) -> Tensor:
    """Right: KL(π‖π_old) has the same curvature where the two agree."""
    return categorical_kl(logits, logits.detach()).mean()


def written_out(logits: Tensor) -> Tensor:
    """Right: by hand, with the policy that acted as a copy."""
    log_prob = torch.log_softmax(logits, dim=1)
    old = log_prob.clone().detach()
    return torch.sum(torch.exp(old) * (old - log_prob)) / logits.shape[0]


EXERCISE = Exercise(
    name="repaired_mean_kl",
    reference=repaired_mean_kl,
    cases=cases,
    statement="0, flat, and curved like the Fisher matrix: one of the two policies stands still",
    points={VALUE: 2},
    mistakes=(
        Mistake("no-curvature", NO_CURVATURE, still_without_curvature),
        Mistake(
            "upside-down",
            "Value and slope are 0, and the curvature has the wrong sign: a minus in front, or "
            "only a logarithm stands still and its weights move. Detach the *logits* of one "
            "policy, so that all of it stands still.",
            upside_down,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sum_for_mean),
        Mistake(
            "not-averaged",
            "One number a state came out. The Fisher matrix is that of the mean over states.",
            not_averaged,
        ),
        Mistake(
            "over-actions-too",
            "The mean runs over the actions as well, so that the curvature is too small by a "
            "factor K.",
            over_actions_too,
        ),
        Mistake(
            "both-directions",
            "Both directions are added, and each has the Fisher matrix as its curvature: the sum "
            "has twice of it.",
            both_directions,
        ),
        Mistake("halved", "There is a ½ too many: the Hessian of the KL is F itself.", halved),
        Mistake(
            "cross-entropy",
            "The curvature is right, the value is the entropy where it should be 0: the part "
            "Σ p log p of the divergence is missing.",
            cross_entropy,
        ),
        Mistake(
            "entropy",
            "That is the entropy of the policy: no second policy, held still, appears in it.",
            entropy,
        ),
        Mistake(
            "distance-of-logits",
            "You measure the distance of the logits. The same distance is a lot where the policy "
            "is unsure and nothing where it is sure: that is what the KL divergence knows.",
            distance_of_logits,
        ),
        Mistake(
            "distance-of-probabilities",
            "You measure the squared distance of the probabilities, not the KL divergence.",
            distance_of_probabilities,
        ),
        Mistake(
            "unnormalised",
            "The logits were taken for log-probabilities. Without the normaliser the function is "
            "linear: it has a slope and no curvature.",
            unnormalised,
        ),
        Mistake(
            "from-the-uniform-policy",
            "You measure the distance from the uniform policy. The one that acted is meant: the "
            "same logits, detached.",
            from_the_uniform_policy,
        ),
    ),
    variants=(the_other_way_round, written_out),
)
