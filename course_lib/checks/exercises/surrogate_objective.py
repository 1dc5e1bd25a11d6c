"""The exercise `surrogate_objective`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.trust_region import surrogate_objective


def cases(generator: torch.Generator) -> list[Case]:
    """A policy that has moved, a lot too; one that has not, one sample, an advantage of 0."""

    def batch(size: int) -> dict[str, Tensor]:
        return {
            "log_prob": log_probs(generator, size),
            "old_log_prob": log_probs(generator, size),
            "advantage": 2 * normal(generator, size) + 0.3,
        }

    same, zero = batch(5), batch(3)
    same["old_log_prob"] = same["log_prob"].clone()
    zero["advantage"] = torch.tensor([0.0, 1.5, 0.0], dtype=torch.float64)
    return [
        Case("four samples", batch(4)),
        Case("nine samples", batch(9)),
        Case("the policy has not moved yet", same, EDGE),
        Case("a single sample", batch(1), EDGE),
        Case("advantages of zero", zero, EDGE),
    ]


def ratio(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """ρ."""
    return (log_prob - old_log_prob.detach()).exp()


def a_loss(log_prob, old_log_prob, advantage) -> Tensor:
    return -surrogate_objective(log_prob, old_log_prob, advantage)


def ratio_upside_down(log_prob, old_log_prob, advantage) -> Tensor:
    return (advantage.detach() / ratio(log_prob, old_log_prob)).mean()


def log_ratio(log_prob, old_log_prob, advantage) -> Tensor:
    return ((log_prob - old_log_prob.detach()) * advantage.detach()).mean()


def quotient_of_logs(log_prob, old_log_prob, advantage) -> Tensor:
    return (log_prob / old_log_prob.detach() * advantage.detach()).mean()


def actor_critic(log_prob, old_log_prob, advantage) -> Tensor:
    return (log_prob * advantage.detach()).mean() + 0 * old_log_prob.sum().detach()


def probability(log_prob, old_log_prob, advantage) -> Tensor:
    return (log_prob.exp() * advantage.detach()).mean() + 0 * old_log_prob.sum().detach()


def minus_one(log_prob, old_log_prob, advantage) -> Tensor:
    return ((ratio(log_prob, old_log_prob) - 1) * advantage.detach()).mean()


def clipped(log_prob, old_log_prob, advantage) -> Tensor:
    rho, weight = ratio(log_prob, old_log_prob), advantage.detach()
    return torch.minimum(rho * weight, rho.clamp(0.8, 1.2) * weight).mean()


def cut_at_one(log_prob, old_log_prob, advantage) -> Tensor:
    return (ratio(log_prob, old_log_prob).clamp(max=1.0) * advantage.detach()).mean()


def weights_normalised(log_prob, old_log_prob, advantage) -> Tensor:
    rho = ratio(log_prob, old_log_prob)
    return (rho * advantage.detach()).sum() / rho.sum()


def sum_for_mean(log_prob, old_log_prob, advantage) -> Tensor:
    return (ratio(log_prob, old_log_prob) * advantage.detach()).sum()


def not_averaged(log_prob, old_log_prob, advantage) -> Tensor:
    return ratio(log_prob, old_log_prob) * advantage.detach()


def product_of_means(log_prob, old_log_prob, advantage) -> Tensor:
    return ratio(log_prob, old_log_prob).mean() * advantage.detach().mean()


def gradient_into_advantage(log_prob, old_log_prob, advantage) -> Tensor:
    return (ratio(log_prob, old_log_prob) * advantage).mean()


def ratio_detached(log_prob, old_log_prob, advantage) -> Tensor:
    return (ratio(log_prob, old_log_prob).detach() * advantage.detach()).mean()


def weight_of_reinforce(log_prob, old_log_prob, advantage) -> Tensor:
    weight = ratio(log_prob, old_log_prob).detach()
    return (weight * advantage.detach() * log_prob).mean()


def ratio_to_itself(log_prob, old_log_prob, advantage) -> Tensor:
    return actor_ratio(log_prob, advantage) + 0 * old_log_prob.sum().detach()


def actor_ratio(log_prob: Tensor, advantage: Tensor) -> Tensor:
    return ((log_prob - log_prob.detach()).exp() * advantage.detach()).mean()


def normalised(log_prob, old_log_prob, advantage) -> Tensor:
    scale = advantage.std(correction=0) + 1e-8
    return surrogate_objective(log_prob, old_log_prob, (advantage - advantage.mean()) / scale)


def changes_advantage(log_prob, old_log_prob, advantage) -> Tensor:
    result = surrogate_objective(log_prob, old_log_prob, advantage.clone())
    with torch.no_grad():
        advantage *= 2
    return result


def one_by_one(log_prob, old_log_prob, advantage) -> Tensor:
    """Right: a loop over the samples."""
    total = log_prob.new_zeros(())
    for new, old, weight in zip(log_prob, old_log_prob.tolist(), advantage.tolist(), strict=True):
        total = total + weight * torch.exp(new - old)
    return total / len(log_prob)


def quotient_of_probabilities(log_prob, old_log_prob, advantage) -> Tensor:
    """Right: the probabilities themselves are divided, and the old ones keep their gradient."""
    weight = torch.clone(advantage).detach()
    return torch.mean(torch.exp(log_prob) / torch.exp(old_log_prob) * weight)


def as_an_inner_product(log_prob, old_log_prob, advantage) -> Tensor:
    """Right: weight times probability, as an inner product."""
    weight = advantage.detach() / old_log_prob.detach().exp()
    return log_prob.exp() @ weight / log_prob.numel()


EXERCISE = Exercise(
    name="surrogate_objective",
    reference=surrogate_objective,
    cases=cases,
    statement="the old data's advantages, weighed by what the new policy would do",
    points={VALUE: 0.5, GRADIENT: 0.5},
    gradient=("log_prob",),
    no_gradient=("advantage",),
    mistakes=(
        Mistake(
            "a-loss",
            "There is a minus in front. The surrogate is *maximised*; the line search below asks "
            "whether it went up.",
            a_loss,
        ),
        Mistake(
            "ratio-upside-down",
            "The ratio is upside down. The actions came from π_old, so π_old stands below: "
            "ρ = exp(log π − log π_old).",
            ratio_upside_down,
        ),
        Mistake(
            "log-ratio",
            "The exponential is missing: log π − log π_old is the logarithm of the ratio. Near ρ = "
            "1 the two have the same slope, further away they part.",
            log_ratio,
        ),
        Mistake(
            "quotient-of-logarithms",
            "You divide the logarithms. The ratio of the probabilities is the exponential of the "
            "*difference* of their logarithms.",
            quotient_of_logs,
        ),
        Mistake(
            "actor-critic",
            "That is A2C's objective, mean(A log π). It has the right slope at π = π_old and says "
            "nothing about a policy that has moved: use the ratio.",
            actor_critic,
        ),
        Mistake(
            "probability",
            "The old probability is missing: actions that π_old took often are counted too often. "
            "Divide by π_old.",
            probability,
        ),
        Mistake(
            "minus-one",
            "You take ρ − 1. That has the same slope and lacks mean(A); the objective asked for is "
            "mean(ρ A).",
            minus_one,
        ),
        Mistake(
            "clipped",
            "The ratio is clipped. That is PPO, the next lesson; here nothing is clipped, the KL "
            "divergence keeps the policy near.",
            clipped,
        ),
        Mistake(
            "cut-at-one",
            "Ratios above 1 are cut, so nothing that became more likely counts as such.",
            cut_at_one,
        ),
        Mistake(
            "weights-normalised",
            "You divide by the sum of the ratios (weighted importance sampling). Here it is the "
            "plain mean over the batch.",
            weights_normalised,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sum_for_mean),
        Mistake(
            "not-averaged",
            "One number a sample came out. Average them: a scalar is wanted.",
            not_averaged,
        ),
        Mistake(
            "product-of-means",
            "The two means are multiplied. Which action became likelier has to meet *its own* "
            "advantage: multiply first, then take the mean. (A column (B, 1) against a row (B,) "
            "gives the same numbers.)",
            product_of_means,
        ),
        Mistake(
            "gradient-into-advantage",
            "The value is right, but a gradient flows into `advantage`, which is a judgement of "
            "the old policy and a constant here. Detach it.",
            gradient_into_advantage,
        ),
        Mistake("ratio-detached", LOG_PROB_CUT, ratio_detached),
        Mistake(
            "weight-of-reinforce",
            "That is ρ A log π with ρ held still. The gradient is right, the value is not, and the "
            "line search compares values: the ratio itself is the objective.",
            weight_of_reinforce,
        ),
        Mistake(
            "ratio-to-itself",
            "The ratio is taken to the policy as it is now, so it is 1 whatever the policy does. "
            "The slope is right at the start; a line search would never see anything gained. Use "
            "`old_log_prob`.",
            ratio_to_itself,
        ),
        Mistake(
            "normalised",
            "The advantages were normalised in here. That is done before, if at all.",
            normalised,
        ),
        Mistake("changes-advantage", IN_PLACE, changes_advantage),
    ),
    variants=(one_by_one, quotient_of_probabilities, as_an_inner_product),
)
