"""The exercise `dpo_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import SUM_FOR_MEAN
from course_lib.reference.language_models import dpo_loss

NAMES = (
    "chosen_log_prob", "rejected_log_prob", "ref_chosen_log_prob", "ref_rejected_log_prob",
)  # fmt: skip


def cases(generator: torch.Generator) -> list[Case]:
    """Pairs of whole answers; nothing learned yet, β = 0 and 1, one pair, margins of thousands."""
    start = given(generator, 4, 0.5)
    start["chosen_log_prob"] = start["ref_chosen_log_prob"].clone()
    start["rejected_log_prob"] = start["ref_rejected_log_prob"].clone()
    far = given(generator, 4, 1.0)
    far["chosen_log_prob"] = far["chosen_log_prob"] - torch.tensor(
        [2_000.0, 0.0, 900.0, 0.0], dtype=torch.float64
    )
    return [
        Case("three pairs", given(generator, 3, 0.5)),
        Case("seven pairs", given(generator, 7, 0.1)),
        Case("before the first step: log 2", start),
        Case("β = 1", given(generator, 4, 1.0), EDGE),
        Case("β = 0: nothing can be learned", given(generator, 4, 0.0), EDGE),
        Case("a single pair", given(generator, 1, 0.7), EDGE),
        Case("margins in the thousands", far, NUMERICS),
    ]


def given(generator: torch.Generator, count: int, beta: float) -> dict:
    """The inputs of one case."""
    ref_chosen, ref_rejected = (-uniform(generator, 2.0, 9.0, count) for _ in range(2))
    return {
        "chosen_log_prob": ref_chosen + normal(generator, count),
        "rejected_log_prob": ref_rejected + normal(generator, count) - 0.5,
        "ref_chosen_log_prob": ref_chosen,
        "ref_rejected_log_prob": ref_rejected,
        "beta": beta,
    }


def of_margin(margin: Tensor, beta: float) -> Tensor:
    """−mean log sigmoid(β margin)."""
    return -torch.nn.functional.logsigmoid(beta * margin).mean()


def sign_flipped(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    return -dpo_loss(
        chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
    )


def swapped(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    return of_margin(
        (rejected_log_prob - ref_rejected_log_prob.detach())
        - (chosen_log_prob - ref_chosen_log_prob.detach()),
        beta,
    )


def no_reference(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    return of_margin(chosen_log_prob - rejected_log_prob, beta)


def reference_added(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    chosen = chosen_log_prob + ref_chosen_log_prob.detach()
    rejected = rejected_log_prob + ref_rejected_log_prob.detach()
    return of_margin(chosen - rejected, beta)


def no_beta(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    return of_margin(
        (chosen_log_prob - ref_chosen_log_prob.detach())
        - (rejected_log_prob - ref_rejected_log_prob.detach()),
        1.0,
    )


def beta_outside(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    return beta * of_margin(margin, 1.0)


def no_logarithm(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    return -torch.sigmoid(beta * margin).mean()


def log_of_sigmoid(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    return -torch.sigmoid(beta * margin).log().mean()


def no_sigmoid(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    return -(beta * margin).mean()


def hinge(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    return (1 - beta * margin).clamp(min=0).mean()


def ratio_of_probabilities(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    chosen = (chosen_log_prob - ref_chosen_log_prob.detach()).exp()
    rejected = (rejected_log_prob - ref_rejected_log_prob.detach()).exp()
    return of_margin(chosen - rejected, beta)


def summed(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    return len(chosen_log_prob) * dpo_loss(
        chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
    )


def mean_of_the_margin(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    return of_margin(margin.mean(), beta)


def rejected_held(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    return dpo_loss(
        chosen_log_prob, rejected_log_prob.detach(), ref_chosen_log_prob,
        ref_rejected_log_prob, beta,
    )  # fmt: skip


def reference_not_held(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    chosen = chosen_log_prob - ref_chosen_log_prob
    rejected = rejected_log_prob - ref_rejected_log_prob
    return of_margin(chosen - rejected, beta)


def with_softplus(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    """Right: −log sigmoid(x) = softplus(−x)."""
    moved = chosen_log_prob - ref_chosen_log_prob.detach()
    away = rejected_log_prob - ref_rejected_log_prob.detach()
    return torch.nn.functional.softplus(-beta * (moved - away)).sum() / len(moved)


def as_classification(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    """Right: which of two answers is preferred, as a softmax over the two."""
    reward = (
        torch.stack([chosen_log_prob, rejected_log_prob], 1)
        - torch.stack([ref_chosen_log_prob, ref_rejected_log_prob], 1).detach()
    )
    label = torch.zeros(len(reward), dtype=torch.long)
    return torch.nn.functional.cross_entropy(beta * reward, label)


def pair_by_pair(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    """Right: one pair after the other, by logaddexp."""
    total = 0.0
    for i in range(len(chosen_log_prob)):
        margin = (chosen_log_prob[i] - rejected_log_prob[i]) - (
            ref_chosen_log_prob[i] - ref_rejected_log_prob[i]
        ).detach()
        total = total + torch.logaddexp(torch.zeros_like(margin), -beta * margin)
    return total / len(chosen_log_prob)


def distance_to_a_margin(
    chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta
) -> Tensor:
    margin = (chosen_log_prob - ref_chosen_log_prob.detach()) - (
        rejected_log_prob - ref_rejected_log_prob.detach()
    )
    wanted = 0.5 / beta if beta else 0.0
    return (margin - wanted).square().mean()


EXERCISE = Exercise(
    name="dpo_loss",
    reference=dpo_loss,
    cases=cases,
    statement="it is log 2 before the first step, and a pair that is right by far hardly pushes",
    points={VALUE: 1, GRADIENT: 1, NUMERICS: 1},
    gradient=NAMES[:2],
    no_gradient=NAMES[2:],
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: the probability of the right preference should grow, so the "
            "loss is minus its logarithm.",
            sign_flipped,
        ),
        Mistake(
            "chosen-and-rejected-swapped",
            "Chosen and rejected are exchanged: the model learns to prefer what people disliked.",
            swapped,
        ),
        Mistake(
            "no-reference",
            "The reference is not used. log π alone says how likely an answer is, not how much "
            "*more* likely it has become: β (log π − log π_ref) is the reward.",
            no_reference,
        ),
        Mistake(
            "reference-added",
            "The reference's log-probabilities are added; h = log π − log π_ref.",
            reference_added,
        ),
        Mistake(
            "no-beta",
            "β is not used inside the sigmoid. It is the price of leaving the reference.",
            no_beta,
        ),
        Mistake(
            "beta-outside",
            "β multiplies the loss. It belongs inside the sigmoid: there it says how large a "
            "margin is large.",
            beta_outside,
        ),
        Mistake(
            "no-logarithm",
            "−sigmoid is the expected number of right preferences. The likelihood of the data "
            "needs its logarithm.",
            no_logarithm,
        ),
        Mistake(
            "log-of-sigmoid",
            "Right for small margins; sigmoid(−1,000) rounds to 0, and its logarithm is −∞. Use "
            "logsigmoid.",
            log_of_sigmoid,
        ),
        Mistake(
            "no-sigmoid",
            "Without the sigmoid the margin grows for ever, and pairs that are right already push "
            "as hard as those that are wrong.",
            no_sigmoid,
        ),
        Mistake(
            "hinge",
            "That is a hinge loss (SLiC has one). DPO is the likelihood of a logistic model: −log "
            "sigmoid.",
            hinge,
        ),
        Mistake(
            "ratio-of-probabilities",
            "You compare ratios of probabilities. h is the logarithm of the ratio.",
            ratio_of_probabilities,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, summed),
        Mistake(
            "mean-of-the-margin",
            "The margins are averaged before the sigmoid. Each pair has its own: average the "
            "losses.",
            mean_of_the_margin,
        ),
        Mistake(
            "rejected-held",
            "The value is right, but the rejected answer was cut from its graph. It is pushed "
            "down, as the chosen one is pushed up.",
            rejected_held,
        ),
        Mistake(
            "reference-not-held",
            "The value is right, but gradients flow into the reference, which stands still.",
            reference_not_held,
        ),
        Mistake(
            "distance-to-a-margin",
            "That is the square loss of IPO, (margin − 1/2β)². DPO's is −log σ(β margin).",
            distance_to_a_margin,
        ),
    ),
    variants=(with_softplus, as_classification, pair_by_pair),
)
