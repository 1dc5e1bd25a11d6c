"""The exercise `importance_ratio`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, off_policy
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT
from course_lib.reference.importance import importance_ratio


def cases(generator: torch.Generator) -> list[Case]:
    """Two short trajectories to read, longer and square ones, one step, π = b, and large ratios."""
    same = log_probs(generator, 4, 3)
    return [
        Case("two trajectories of three steps", off_policy(generator, 3, 2)),
        Case("three trajectories of seven steps", off_policy(generator, 7, 3)),
        Case("as many steps as trajectories", off_policy(generator, 4, 4)),
        Case("a single step", off_policy(generator, 1, 3), EDGE),
        Case("π = b: every ratio is 1", {"log_prob": same, "behavior_log_prob": same}, EDGE),
        Case("b seldom does what π does", {"log_prob": same, "behavior_log_prob": same - 2}),
    ]


def inverted(log_prob, behavior_log_prob) -> Tensor:
    return (behavior_log_prob - log_prob).cumsum(0).exp()


def each_step_alone(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).exp()


def added_up(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).exp().cumsum(0)


def still_a_logarithm(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).cumsum(0)


def whole_trajectory(log_prob, behavior_log_prob) -> Tensor:
    whole = (log_prob - behavior_log_prob).sum(0).exp()
    return whole.expand_as(log_prob).clone()


def one_for_a_trajectory(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).sum(0).exp()


def actions_to_come(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).flip(0).cumsum(0).flip(0).exp()


def own_action_left_out(log_prob, behavior_log_prob) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    return (log_ratio.cumsum(0) - log_ratio).exp()


def across_trajectories(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).cumsum(1).exp()


def target_alone(log_prob, behavior_log_prob) -> Tensor:
    return log_prob.cumsum(0).exp()


def clipped(log_prob, behavior_log_prob) -> Tensor:
    return (log_prob - behavior_log_prob).cumsum(0).exp().clamp(max=1)


def mean_one(log_prob, behavior_log_prob) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob)
    return ratio / ratio.mean(1, keepdim=True)


def cut_off(log_prob, behavior_log_prob) -> Tensor:
    return importance_ratio(log_prob.detach(), behavior_log_prob)


def changes_behavior(log_prob, behavior_log_prob) -> Tensor:
    result = importance_ratio(log_prob, behavior_log_prob.clone())
    behavior_log_prob.copy_((log_prob.detach() - behavior_log_prob).cumsum(0))
    return result


def product_of_ratios(log_prob, behavior_log_prob) -> Tensor:
    """Right: ratios first, then their running product."""
    return (log_prob - behavior_log_prob).exp().cumprod(0)


def probabilities_divided(log_prob, behavior_log_prob) -> Tensor:
    """Right, as long as nothing underflows: probabilities of whole beginnings, divided."""
    return log_prob.cumsum(0).exp() / behavior_log_prob.cumsum(0).exp()


def step_by_step(log_prob, behavior_log_prob) -> Tensor:
    """Right: a loop, in float64 inside."""
    rows, now = [], torch.ones(log_prob.shape[1], dtype=torch.float64)
    for one, other in zip(log_prob.double(), behavior_log_prob.double(), strict=True):
        now = now * one.exp() / other.exp()
        rows.append(now)
    return torch.stack(rows).to(log_prob.dtype)


EXERCISE = Exercise(
    name="importance_ratio",
    reference=importance_ratio,
    cases=cases,
    statement="it says how much likelier π makes all that was done up to each step",
    points={VALUE: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "inverted",
            "The ratio is upside down: b/π. The data came from b, so actions that b takes more "
            "often than π are too frequent and must count less: divide by b.",
            inverted,
        ),
        Mistake(
            "each-step-alone",
            "Each step has its own ratio only. To be at step t at all, all the actions before it "
            "had to be taken as well: multiply the ratios up, 0 to t.",
            each_step_alone,
        ),
        Mistake(
            "added-up",
            "The ratios are added up. Probabilities of independent choices multiply: sum the "
            "*logarithms*, and take the exponential last.",
            added_up,
        ),
        Mistake(
            "still-a-logarithm",
            "That is log ρ. The exponential is missing.",
            still_a_logarithm,
        ),
        Mistake(
            "whole-trajectory",
            "Every step carries the ratio of the whole trajectory. Step t needs the actions up to "
            "itself; what was done later is not its business.",
            whole_trajectory,
        ),
        Mistake(
            "one-for-a-trajectory",
            "One number came out for each trajectory, the ratio of all its steps. Every step has a "
            "ratio of its own, the product up to there: a *running* sum of logarithms.",
            one_for_a_trajectory,
        ),
        Mistake(
            "actions-to-come",
            "The product runs from t to the end. What makes step t likelier or rarer is what was "
            "done *before* it, and the action itself: 0 to t.",
            actions_to_come,
        ),
        Mistake(
            "own-action-left-out",
            "The product stops at t − 1, so the first row is 1. The action of step t itself was "
            "chosen by b, too: include it.",
            own_action_left_out,
        ),
        Mistake(
            "across-trajectories",
            "The product runs along axis 1, over trajectories that have nothing to do with each "
            "other. Time comes first: axis 0.",
            across_trajectories,
        ),
        Mistake(
            "target-alone",
            "b is not used: that is the probability that π takes these actions, not how much "
            "likelier it takes them than b did.",
            target_alone,
        ),
        Mistake(
            "clipped",
            "The ratios are clipped at 1. That tames them, and it makes them wrong; V-trace does "
            "it on purpose, and later. Here the ratio itself is wanted.",
            clipped,
        ),
        Mistake(
            "mean-one",
            "The ratios are divided by their mean over the batch. That is the weighted estimator "
            "of J, a later step; here the ratio itself is wanted.",
            mean_one,
        ),
        Mistake("log-prob-cut", LOG_PROB_CUT, cut_off),
        Mistake("changes-behavior", IN_PLACE, changes_behavior),
    ),
    variants=(product_of_ratios, probabilities_divided, step_by_step),
)
