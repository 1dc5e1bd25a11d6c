"""The exercise `qprop_baseline`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, quadratic_critic
from course_lib.checks.drivers import without_gradients
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.q_prop import qprop_baseline


def cases(generator: torch.Generator) -> list[Case]:
    """Actions away from the mean, in two dimensions and one; at the mean; without gradients."""

    def batch(rows: int, size: int, actions: int) -> dict[str, Any]:
        return {
            "q_function": quadratic_critic(generator, size, actions),
            "obs": normal(generator, rows, size),
            "action": 2 * normal(generator, rows, actions),
            "mean_action": normal(generator, rows, actions),
        }

    at_the_mean = batch(3, 2, 2)
    at_the_mean["action"] = at_the_mean["mean_action"].clone()
    return [
        Case("four steps, two action dimensions", batch(4, 3, 2)),
        Case("seven steps, one action dimension", batch(7, 2, 1)),
        Case("as many steps as dimensions", batch(3, 3, 3)),
        Case("gradients switched off outside", batch(4, 3, 2), VALUE, without_gradients),
        Case("the mean action itself", at_the_mean, EDGE),
        Case("a minibatch of one", batch(1, 3, 2), EDGE),
    ]


def slope_at(q_function, obs, place) -> Tensor:
    """(B, D) ∇_a Q."""
    with torch.enable_grad():
        leaf = place.detach().clone().requires_grad_()
        return torch.autograd.grad(q_function(obs, leaf).sum(), leaf)[0]


@torch.no_grad()
def value_at(q_function, obs, place) -> Tensor:
    return q_function(obs, place)


def no_expansion(q_function, obs, action, mean_action) -> Tensor:
    return value_at(q_function, obs, action)


def constant_alone(q_function, obs, action, mean_action) -> Tensor:
    return value_at(q_function, obs, mean_action)


def slope_alone(q_function, obs, action, mean_action) -> Tensor:
    return (slope_at(q_function, obs, mean_action) * (action - mean_action)).sum(-1)


def around_the_action(q_function, obs, action, mean_action) -> Tensor:
    step = (slope_at(q_function, obs, action) * (action - mean_action)).sum(-1)
    return value_at(q_function, obs, mean_action) + step


def value_of_the_action(q_function, obs, action, mean_action) -> Tensor:
    step = (slope_at(q_function, obs, mean_action) * (action - mean_action)).sum(-1)
    return value_at(q_function, obs, action) + step


def steps_backwards(q_function, obs, action, mean_action) -> Tensor:
    step = (slope_at(q_function, obs, mean_action) * (mean_action - action)).sum(-1)
    return value_at(q_function, obs, mean_action) + step


def whole_action(q_function, obs, action, mean_action) -> Tensor:
    step = (slope_at(q_function, obs, mean_action) * action).sum(-1)
    return value_at(q_function, obs, mean_action) + step


def mean_over_dimensions(q_function, obs, action, mean_action) -> Tensor:
    step = (slope_at(q_function, obs, mean_action) * (action - mean_action)).mean(-1)
    return value_at(q_function, obs, mean_action) + step


def first_dimension_only(q_function, obs, action, mean_action) -> Tensor:
    step = slope_at(q_function, obs, mean_action) * (action - mean_action)
    return value_at(q_function, obs, mean_action) + step[:, 0]


def slope_of_the_mean(q_function, obs, action, mean_action) -> Tensor:
    slope = slope_at(q_function, obs, mean_action) / len(obs)
    return value_at(q_function, obs, mean_action) + (slope * (action - mean_action)).sum(-1)


def half_a_step(q_function, obs, action, mean_action) -> Tensor:
    step = (slope_at(q_function, obs, mean_action) * (action - mean_action)).sum(-1)
    return value_at(q_function, obs, mean_action) + 0.5 * step


def slopes_added_up(q_function, obs, action, mean_action) -> Tensor:
    slope = slope_at(q_function, obs, mean_action).sum(0)
    return value_at(q_function, obs, mean_action) + ((action - mean_action) * slope).sum(-1)


def dimensions_kept(q_function, obs, action, mean_action) -> Tensor:
    step = slope_at(q_function, obs, mean_action) * (action - mean_action)
    return value_at(q_function, obs, mean_action).unsqueeze(-1) + step


def changes_action(q_function, obs, action, mean_action) -> Tensor:
    baseline = qprop_baseline(q_function, obs, action.clone(), mean_action)
    action -= mean_action
    return baseline


def row_by_row(q_function, obs, action, mean_action) -> Tensor:
    """Right: each row's slope by itself."""
    rows = []
    for i in range(len(obs)):
        centre = mean_action[i : i + 1].detach().clone().requires_grad_()
        with torch.enable_grad():
            value = q_function(obs[i : i + 1], centre).squeeze(0)
            slope = torch.autograd.grad(value, centre)[0]
        rows.append(value.detach() + slope[0] @ (action[i] - mean_action[i]))
    return torch.stack(rows)


def with_backward(q_function, obs, action, mean_action) -> Tensor:
    """Right: `backward` into a leaf, the scalar product by einsum, with a gradient left in it."""
    centre = mean_action.detach().clone().requires_grad_()
    with torch.enable_grad():
        q_value = q_function(obs, centre)
        q_value.sum().backward(retain_graph=True)
    return q_value + torch.einsum("bd,bd->b", centre.grad, action - mean_action)


EXERCISE = Exercise(
    name="qprop_baseline",
    reference=qprop_baseline,
    cases=cases,
    statement="the critic's height at the mean action, and its slope times the way from there",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "no-expansion",
            "That is Q(s, a) itself. As a baseline it would bias the gradient, and nobody knows "
            "its expectation; the straight line through μ has one.",
            no_expansion,
        ),
        Mistake(
            "constant-alone",
            "Only Q(s, μ) is there, a baseline that depends on the state alone: the slope times "
            "the way is missing.",
            constant_alone,
        ),
        Mistake(
            "slope-alone",
            "Only the slope times the way is there; Q(s, μ), where it starts from, is missing.",
            slope_alone,
        ),
        Mistake(
            "slope-at-the-action",
            "The slope is taken at the action that was sampled. An expansion around μ has its "
            "slope at μ, or its expectation is not DPG's gradient.",
            around_the_action,
        ),
        Mistake(
            "value-of-the-action",
            "The height is taken at the action. An expansion around μ starts from Q(s, μ).",
            value_of_the_action,
        ),
        Mistake(
            "steps-backwards",
            "The way goes from the action to the mean. It is a − μ.",
            steps_backwards,
        ),
        Mistake(
            "whole-action",
            "The slope multiplies the action, not the way from μ to it.",
            whole_action,
        ),
        Mistake(
            "mean-over-dimensions",
            "You average over the action's dimensions. A scalar product is a sum.",
            mean_over_dimensions,
        ),
        Mistake(
            "first-dimension-only",
            "Only the first action dimension counts. Sum over all of them.",
            first_dimension_only,
        ),
        Mistake(
            "slope-of-the-mean",
            "You differentiate the *mean* of Q over the minibatch, so every slope is B times too "
            "small. Differentiate the sum: row i's slope is then its own.",
            slope_of_the_mean,
        ),
        Mistake(
            "half-a-step",
            "The slope has a ½ in front. That belongs to the second-order term.",
            half_a_step,
        ),
        Mistake(
            "slopes-added-up",
            "All rows' slopes are added together. Each state has its own.",
            slopes_added_up,
        ),
        Mistake(
            "dimensions-kept",
            "One number an action dimension came out, (B, D). A scalar product leaves (B,).",
            dimensions_kept,
        ),
        Mistake("changes-action", IN_PLACE, changes_action),
    ),
    variants=(row_by_row, with_backward),
)
