"""The exercise `qprop_loss`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal, quadratic_critic, tanh_policy
from course_lib.checks.drivers import policy_gradient
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT
from course_lib.reference.q_prop import qprop_loss


def cases(generator: torch.Generator) -> list[Case]:
    """The loss, and what reaches the policy through the critic; a critic that knows all; none."""

    def batch(rows: int, size: int, actions: int) -> dict[str, Any]:
        return {
            "log_prob": log_probs(generator, rows),
            "advantage": 2 * normal(generator, rows),
            "baseline_advantage": normal(generator, rows),
            "obs": normal(generator, rows, size),
            "policy": tanh_policy(generator, size, actions),
            "q_function": quadratic_critic(generator, size, actions),
        }

    small, knowing, blind = batch(4, 3, 2), batch(5, 3, 2), batch(5, 2, 1)
    knowing["baseline_advantage"] = knowing["advantage"].clone()
    blind["baseline_advantage"] = torch.zeros_like(blind["advantage"])
    return [
        Case("four steps, two action dimensions", small),
        Case("nine steps, one action dimension", batch(9, 2, 1)),
        Case("what reaches the policy through the critic", small, VALUE, policy_gradient),
        Case("the critic foresaw everything", knowing, EDGE),
        Case("the critic foresaw nothing", blind, EDGE),
        Case("a minibatch of one", batch(1, 3, 2), EDGE),
    ]


def likelihood(log_prob, weight) -> Tensor:
    return -(weight.detach() * log_prob).mean()


def climb(obs, policy, q_function) -> Tensor:
    return -q_function(obs, policy(obs)).mean()


def baseline_added(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    weight = advantage + baseline_advantage
    return likelihood(log_prob, weight) + climb(obs, policy, q_function)


def baseline_forgotten(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    return likelihood(log_prob, advantage) + climb(obs, policy, q_function)


def never_given_back(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    return likelihood(log_prob, advantage - baseline_advantage)


def taken_twice(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    weight = advantage - baseline_advantage
    return likelihood(log_prob, weight) - climb(obs, policy, q_function)


def climbs_down(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    return -qprop_loss(log_prob, advantage, baseline_advantage, obs, policy, q_function)


def first_sign(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    weight = baseline_advantage - advantage
    return likelihood(log_prob, weight) + climb(obs, policy, q_function)


def action_detached(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    value = q_function(obs, policy(obs).detach()).mean()
    return likelihood(log_prob, advantage - baseline_advantage) - value


def weight_not_detached(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    residual = advantage - baseline_advantage
    return -(residual * log_prob).mean() + climb(obs, policy, q_function)


def log_prob_detached(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    cut = log_prob.detach()
    return qprop_loss(cut, advantage, baseline_advantage, obs, policy, q_function)


def sums(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    inputs = (log_prob, advantage, baseline_advantage, obs, policy, q_function)
    return len(obs) * qprop_loss(*inputs)


def halves(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    inputs = (log_prob, advantage, baseline_advantage, obs, policy, q_function)
    return 0.5 * qprop_loss(*inputs)


def only_the_climb(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    return climb(obs, policy, q_function)


def probability_for_log(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    weight = advantage - baseline_advantage
    return likelihood(log_prob.exp(), weight) + climb(obs, policy, q_function)


def table_of_all(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    residual = (advantage - baseline_advantage).unsqueeze(-1)
    return likelihood(log_prob, residual) + climb(obs, policy, q_function)


def changes_advantage(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    inputs = (baseline_advantage, obs, policy, q_function)
    loss = qprop_loss(log_prob, advantage.clone(), *inputs)
    advantage.data -= baseline_advantage.detach()
    return loss


def in_one_mean(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    """Right: both terms under one mean."""
    residual = (advantage - baseline_advantage).detach()
    return -(residual * log_prob + q_function(obs, policy(obs))).mean()


def row_by_row(log_prob, advantage, baseline_advantage, obs, policy, q_function) -> Tensor:
    """Right: a loop over steps, the weights as Python numbers."""
    total = log_prob.new_zeros(())
    for i in range(len(obs)):
        weight = advantage[i].item() - baseline_advantage[i].item()
        one = obs[i : i + 1]
        total = total + weight * log_prob[i] + q_function(one, policy(one)).sum()
    return -total / len(obs)


EXERCISE = Exercise(
    name="qprop_loss",
    reference=qprop_loss,
    cases=cases,
    statement="what the critic foresaw goes through its slope, the rest through the score",
    points={VALUE: 1},
    gradient=("log_prob",),
    no_gradient=("advantage", "baseline_advantage"),
    mistakes=(
        Mistake(
            "baseline-added",
            "The baseline is added to the advantage; the score function's term gets A − Ā.",
            baseline_added,
        ),
        Mistake(
            "baseline-forgotten",
            "The full advantage is in the first term, and the critic's part comes once more with "
            "the second: it is counted twice.",
            baseline_forgotten,
        ),
        Mistake(
            "never-given-back",
            "Ā is subtracted and never given back: −mean Q(s, μ(s)) is missing. A baseline that "
            "depends on the action has an expectation, which has to be added again.",
            never_given_back,
        ),
        Mistake(
            "taken-twice",
            "The second term has the wrong sign: it takes the critic's part away once more. Both "
            "terms carry a minus.",
            taken_twice,
        ),
        Mistake(
            "climbs-down",
            "The sign of the whole loss is flipped. It is minimised: both terms carry a minus.",
            climbs_down,
        ),
        Mistake(
            "first-term-flipped",
            "The first term has the wrong sign: Ā − A instead of A − Ā.",
            first_sign,
        ),
        Mistake(
            "action-detached",
            "The value is right, but the policy's action was detached, so nothing flows from the "
            "critic into the policy.",
            action_detached,
        ),
        Mistake(
            "weight-not-detached",
            "The value is right, but a gradient flows into the advantages. They are weights.",
            weight_not_detached,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake("sums", "Sums stand where means belong: the step would grow with the batch.", sums),
        Mistake("halves", "There is a ½ in front; this is no squared error.", halves),
        Mistake(
            "only-the-climb",
            "Only DPG's term is there. What the critic did not foresee, A − Ā, teaches too.",
            only_the_climb,
        ),
        Mistake(
            "probability-for-log",
            "The weight multiplies π, not log π. Its gradient lacks the division by π that makes "
            "samples right on average.",
            probability_for_log,
        ),
        Mistake(
            "broadcast",
            "A column met a row and became a table: every action is paid for every step.",
            table_of_all,
        ),
        Mistake("changes-advantage", IN_PLACE, changes_advantage),
    ),
    variants=(in_one_mean, row_by_row),
)
