"""The exercise `dpg_loss`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, quadratic_critic, tanh_policy
from course_lib.checks.drivers import policy_gradient
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import LOSS_SIGN
from course_lib.reference.deterministic import dpg_loss


def cases(generator: torch.Generator) -> list[Case]:
    """The loss, and its gradient in the actor's weights; two action dimensions, one, one row."""

    def batch(rows: int, size: int, actions: int) -> dict[str, Any]:
        return {
            "obs": normal(generator, rows, size),
            "policy": tanh_policy(generator, size, actions),
            "q_function": quadratic_critic(generator, size, actions),
        }

    small, large = batch(4, 3, 2), batch(9, 2, 1)
    slope = "the gradient in the policy's parameters"
    return [
        Case("four states", small),
        Case("nine states, one action dimension", large),
        Case(slope, small, GRADIENT, policy_gradient),
        Case(f"{slope}, nine states", large, GRADIENT, policy_gradient),
        Case("as many states as dimensions", batch(3, 3, 3), EDGE),
        Case("a single state", batch(1, 3, 2), EDGE),
        Case(f"{slope}, a single state", batch(1, 2, 2), GRADIENT, policy_gradient),
    ]


def climbs_down(obs, policy, q_function) -> Tensor:
    return q_function(obs, policy(obs)).mean()


def sum_for_mean(obs, policy, q_function) -> Tensor:
    return -q_function(obs, policy(obs)).sum()


def action_detached(obs, policy, q_function) -> Tensor:
    return -q_function(obs, policy(obs).detach()).mean()


def value_as_a_weight(obs, policy, q_function) -> Tensor:
    action = policy(obs)
    return -(q_function(obs, action).detach() * action.sum(-1)).mean()


def squared_value(obs, policy, q_function) -> Tensor:
    return 0.5 * q_function(obs, policy(obs)).square().mean()


def half(obs, policy, q_function) -> Tensor:
    return 0.5 * dpg_loss(obs, policy, q_function)


def not_averaged(obs, policy, q_function) -> Tensor:
    return -q_function(obs, policy(obs))


def best_state_only(obs, policy, q_function) -> Tensor:
    return -q_function(obs, policy(obs)).max()


def action_zero(obs, policy, q_function) -> Tensor:
    return -q_function(obs, torch.zeros_like(policy(obs))).mean() + 0 * policy(obs).sum()


def squashed_twice(obs, policy, q_function) -> Tensor:
    return -q_function(obs, torch.tanh(policy(obs))).mean()


def sign_of_the_slope(obs, policy, q_function) -> Tensor:
    action = policy(obs)
    leaf = action.detach().requires_grad_()
    (slope,) = torch.autograd.grad(q_function(obs, leaf).sum(), leaf)
    value = -q_function(obs, leaf).mean().detach()
    pull = -(slope.sign() * action).sum(-1).mean()
    return value + pull - pull.detach()


def distance_to_a_step(obs, policy, q_function) -> Tensor:
    action = policy(obs)
    leaf = action.detach().requires_grad_()
    (slope,) = torch.autograd.grad(q_function(obs, leaf).sum(), leaf)
    return 0.5 * (action - (leaf + slope).detach()).square().sum(-1).mean()


def one_state_at_a_time(obs, policy, q_function) -> Tensor:
    """Right: a loop over states."""
    rows = [q_function(one, policy(one)) for one in obs.split(1)]
    return -torch.cat(rows).sum() / len(obs)


def by_the_chain_rule(obs, policy, q_function) -> Tensor:
    """Right: the theorem as it is written, ∇_a Q times μ, with Q's own value."""
    action = policy(obs)
    leaf = action.detach().requires_grad_()
    with torch.enable_grad():
        value = q_function(obs, leaf)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
    pull = -(slope * action).sum(-1).mean()
    return -value.mean().detach() + pull - pull.detach()


def critic_held_still(obs, policy, q_function) -> Tensor:
    """Right: the critic's parameters are switched off meanwhile."""
    before = [one.requires_grad for one in q_function.parameters()]
    for one in q_function.parameters():
        one.requires_grad_(False)
    loss = torch.neg(torch.mean(q_function(obs, policy(obs))))
    for one, wanted in zip(q_function.parameters(), before, strict=True):
        one.requires_grad_(wanted)
    return loss


EXERCISE = Exercise(
    name="dpg_loss",
    reference=dpg_loss,
    cases=cases,
    statement="minimising it moves the actor to where the critic says it is higher",
    points={VALUE: 1, GRADIENT: 1},
    mistakes=(
        Mistake("climbs-down", LOSS_SIGN, climbs_down),
        Mistake(
            "sum-for-mean",
            "A sum stands where a mean belongs: the actor's step would grow with the minibatch.",
            sum_for_mean,
        ),
        Mistake(
            "action-detached",
            "The value is right, but no slope reaches the actor: the action was detached, or all "
            "of it stands under `no_grad`. The slope has to flow back through the critic, through "
            "the action, into μ. (Targets want `no_grad`; this loss must not have it.)",
            action_detached,
        ),
        Mistake(
            "value-as-a-weight",
            "Q(s, a) weighs the action itself, as a return weighs log π in REINFORCE. A "
            "deterministic policy has no log π; here the *slope* of Q does the work.",
            value_as_a_weight,
        ),
        Mistake(
            "squared-value",
            "That drives Q towards 0. Nothing is regressed here: Q is to be as large as possible.",
            squared_value,
        ),
        Mistake(
            "half",
            "There is a ½ in front. It belongs to squared errors; this is a plain mean of Q.",
            half,
        ),
        Mistake(
            "not-averaged",
            "One number a state came out. A loss is one scalar: average.",
            not_averaged,
        ),
        Mistake(
            "best-state-only",
            "You take the largest Q of the minibatch, so the other states teach nothing. No "
            "maximum is needed: every state's action climbs by itself.",
            best_state_only,
        ),
        Mistake(
            "action-zero",
            "The critic is asked about the action 0. Ask it about the actor's: `policy(obs)`.",
            action_zero,
        ),
        Mistake(
            "squashed-twice",
            "You apply tanh to the actor's output, which is inside the bounds already.",
            squashed_twice,
        ),
        Mistake(
            "sign-of-the-slope",
            "Only the sign of ∇_a Q arrives, as if every slope were 1. The theorem wants its size.",
            sign_of_the_slope,
        ),
        Mistake(
            "distance-to-a-step",
            "The gradient is right, but the loss is the squared distance to a step up the slope. "
            "It is right up to a constant for this gradient; asked for is −mean Q.",
            distance_to_a_step,
        ),
    ),
    variants=(one_state_at_a_time, by_the_chain_rule, critic_held_still),
)
