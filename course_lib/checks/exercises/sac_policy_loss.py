"""The exercise `sac_policy_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import AVERAGE_CRITIC, SUM_FOR_MEAN
from course_lib.reference.sac import sac_policy_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Batches of several sizes; T = 1, T = 0, a T that is a tensor, densities above 1."""
    dense = given(generator, 4, 0.5)
    dense["log_prob"] = -dense["log_prob"]
    learned = given(generator, 6, torch.tensor(0.4, dtype=torch.float64))
    return [
        Case("five states", given(generator, 5, 0.3)),
        Case("nine states", given(generator, 9, 1.7)),
        Case("densities above 1", dense),
        Case("T is a tensor", learned, EDGE),
        Case("T = 1", given(generator, 4, 1.0), EDGE),
        Case("T = 0", given(generator, 4, 0.0), EDGE),
        Case("a batch of one", given(generator, 1, 0.5), EDGE),
    ]


def given(generator: torch.Generator, size: int, temperature: float | Tensor) -> dict:
    """The inputs of one case."""
    q1, q2 = (2.0 * normal(generator, size) for _ in range(2))
    log_prob = log_probs(generator, size)
    return {"log_prob": log_prob, "q1": q1, "q2": q2, "temperature": temperature}


def sign_flipped(log_prob, q1, q2, temperature) -> Tensor:
    return -sac_policy_loss(log_prob, q1, q2, temperature)


def adds_q(log_prob, q1, q2, temperature) -> Tensor:
    return (temperature * log_prob + torch.minimum(q1, q2)).mean()


def entropy_costs(log_prob, q1, q2, temperature) -> Tensor:
    return (-temperature * log_prob - torch.minimum(q1, q2)).mean()


def no_temperature(log_prob, q1, q2, temperature) -> Tensor:
    return (log_prob - torch.minimum(q1, q2)).mean()


def divided_by_temperature(log_prob, q1, q2, temperature) -> Tensor:
    return (log_prob - torch.minimum(q1, q2) / temperature).mean()


def no_entropy(log_prob, q1, q2, temperature) -> Tensor:
    return -torch.minimum(q1, q2).mean() + 0 * log_prob.mean()


def first_only(log_prob, q1, q2, temperature) -> Tensor:
    return (temperature * log_prob - q1).mean()


def larger(log_prob, q1, q2, temperature) -> Tensor:
    return (temperature * log_prob - torch.maximum(q1, q2)).mean()


def average(log_prob, q1, q2, temperature) -> Tensor:
    return (temperature * log_prob - (q1 + q2) / 2).mean()


def minimum_of_all(log_prob, q1, q2, temperature) -> Tensor:
    return (temperature * log_prob - torch.stack([q1, q2]).min()).mean()


def score_function(log_prob, q1, q2, temperature) -> Tensor:
    weight = (temperature * log_prob - torch.minimum(q1, q2)).detach()
    return (weight * log_prob).mean()


def summed(log_prob, q1, q2, temperature) -> Tensor:
    return len(log_prob) * sac_policy_loss(log_prob, q1, q2, temperature)


def log_prob_cut(log_prob, q1, q2, temperature) -> Tensor:
    return sac_policy_loss(log_prob.detach(), q1, q2, temperature)


def q_cut(log_prob, q1, q2, temperature) -> Tensor:
    return sac_policy_loss(log_prob, q1.detach(), q2.detach(), temperature)


def smaller_mean(log_prob, q1, q2, temperature) -> Tensor:
    return temperature * log_prob.mean() - torch.minimum(q1.mean(), q2.mean())


def with_where(log_prob, q1, q2, temperature) -> Tensor:
    """Right: the smaller by `where`, minus a mean of the soft value."""
    smaller = torch.where(q1 < q2, q1, q2)
    return -(smaller - temperature * log_prob).sum() / len(log_prob)


def state_by_state(log_prob, q1, q2, temperature) -> Tensor:
    """Right: one state after the other."""
    losses = []
    for logarithm, a, b in zip(log_prob, q1, q2, strict=True):
        losses.append(temperature * logarithm - (a if a < b else b))
    return torch.stack(losses).mean()


def sum_of_critics(log_prob, q1, q2, temperature) -> Tensor:
    return (temperature * log_prob - q1 - q2).mean()


EXERCISE = Exercise(
    name="sac_policy_loss",
    reference=sac_policy_loss,
    cases=cases,
    statement="going downhill raises the smaller critic and keeps the policy random",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob", "q1", "q2"),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: min Q − T log π is what should grow, so the loss is T log π − "
            "min Q.",
            sign_flipped,
        ),
        Mistake(
            "adds-q",
            "min Q is added: going downhill would lower it. The loss is T log π − min Q.",
            adds_q,
        ),
        Mistake(
            "entropy-costs",
            "The entropy has the wrong sign: −T log π in the loss makes likely actions likelier. "
            "The policy would collapse, faster the higher T is.",
            entropy_costs,
        ),
        Mistake(
            "no-temperature",
            "log π is counted as it is, as for T = 1. A nat is worth T.",
            no_temperature,
        ),
        Mistake(
            "divided-by-temperature",
            "That is mean(log π − min Q/T), the KL's form. The exercise (and the learning rate "
            "that goes with it) has T log π − min Q: T times that.",
            divided_by_temperature,
        ),
        Mistake(
            "no-entropy",
            "T log π is missing: that is DPG's loss, and the policy would become deterministic.",
            no_entropy,
        ),
        Mistake(
            "first-critic-only",
            "Only q1 is climbed (TD3 does that). SAC's actor climbs the smaller of the two.",
            first_only,
        ),
        Mistake(
            "larger-critic",
            "The larger critic is climbed: straight to where it is most wrong. Take the smaller.",
            larger,
        ),
        Mistake(
            "average-critic",
            AVERAGE_CRITIC,
            average,
        ),
        Mistake(
            "minimum-of-the-batch",
            "A `.min()` without an axis is one number for the whole batch, and only one state "
            "would teach the actor anything. torch.minimum compares element by element.",
            minimum_of_all,
        ),
        Mistake(
            "score-function",
            "That is REINFORCE's gradient: a weight times log π. Here the action is a function of "
            "θ, a = tanh(μ + σε), and the gradient goes through Q(s, a) and log π directly.",
            score_function,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, summed),
        Mistake(
            "log-prob-cut",
            "The value is right, but log π was cut from its graph, so nothing keeps the policy "
            "random.",
            log_prob_cut,
        ),
        Mistake(
            "critics-cut",
            "The value is right, but the critics were cut from their graph, so nothing tells the "
            "policy which way Q rises. Their *parameters* must not learn here, which the loop sees "
            "to; their slope in a must get through.",
            q_cut,
        ),
        Mistake(
            "smaller-mean",
            "The smaller of two means is used. Which critic is the smaller is asked anew in every "
            "state.",
            smaller_mean,
        ),
        Mistake(
            "sum-of-critics",
            "Both critics are added up. The smaller one counts, once.",
            sum_of_critics,
        ),
    ),
    variants=(with_where, state_by_state),
)
