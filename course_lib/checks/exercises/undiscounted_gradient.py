"""The exercise `undiscounted_gradient`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import action_value, markov_chain, policy_evaluation
from course_lib.reference.tabular_gradients import (
    gradient_by_state,
    policy_gradient_theorem,
    summed_visitation,
    undiscounted_gradient,
    unrolled_gradient,
    weighted_gradient,
)


def cases(generator: torch.Generator) -> list[Case]:
    """A few steps, more of them; one step, γ = 0, one state."""

    draw = partial(world, generator, inputs=("P", "R", "logits", "p0"))
    return [
        Case("three states, two actions, three steps", draw(3, 2, 0.8) | {"horizon": 3}),
        Case("five states, three actions, eight steps", draw(5, 3, 0.95) | {"horizon": 8}),
        Case("as many actions as states, two steps", draw(3, 3, 0.9) | {"horizon": 2}),
        Case("a single step", draw(3, 2, 0.9) | {"horizon": 1}, EDGE),
        Case("γ = 0", draw(3, 2, 0.0) | {"horizon": 4}, EDGE),
        Case("a single state", draw(1, 3, 0.75) | {"horizon": 3}, EDGE),
    ]


def plain_visits(P, logits, p0, horizon) -> Tensor:
    """(S, 1) Σ_{t<horizon} Pr(s_t = s)."""
    return summed_visitation(P, logits, p0, 1.0, horizon).unsqueeze(-1)


def discounted_visits(P, R, logits, p0, gamma, horizon) -> Tensor:
    return unrolled_gradient(P, R, logits, p0, gamma, horizon - 1)


def the_theorem(P, R, logits, p0, gamma, horizon) -> Tensor:
    return policy_gradient_theorem(P, R, logits, p0, gamma)


def one_step_more(P, R, logits, p0, gamma, horizon) -> Tensor:
    return undiscounted_gradient(P, R, logits, p0, gamma, horizon + 1)


def without_the_start(P, R, logits, p0, gamma, horizon) -> Tensor:
    second = p0 @ markov_chain(P, logits.softmax(-1))
    return undiscounted_gradient(P, R, logits, second, gamma, horizon)


def averaged(P, R, logits, p0, gamma, horizon) -> Tensor:
    return undiscounted_gradient(P, R, logits, p0, gamma, horizon) / horizon


def last_state_only(P, R, logits, p0, gamma, horizon) -> Tensor:
    last = torch.linalg.matrix_power(markov_chain(P, logits.softmax(-1)).mT, horizon - 1) @ p0
    return weighted_gradient(last, P, R, logits, gamma)


def stationary(P, R, logits, p0, gamma, horizon) -> Tensor:
    chain = markov_chain(P, logits.softmax(-1))
    forever = torch.linalg.matrix_power(chain.mT, 4096) @ p0
    return weighted_gradient(horizon * forever, P, R, logits, gamma)


def undiscounted_q(P, R, logits, p0, gamma, horizon) -> Tensor:
    pi = logits.softmax(-1)
    q = R + P @ policy_evaluation(P, R, pi, gamma)
    return plain_visits(P, logits, p0, horizon) * gradient_by_state(pi, q)


def truncated_q(P, R, logits, p0, gamma, horizon) -> Tensor:
    pi, value = logits.softmax(-1), torch.zeros_like(p0)
    for _ in range(horizon - 1):
        value = (pi * action_value(P, R, value, gamma)).sum(-1)
    q = action_value(P, R, value, gamma)
    return plain_visits(P, logits, p0, horizon) * gradient_by_state(pi, q)


def reward_for_q(P, R, logits, p0, gamma, horizon) -> Tensor:
    return plain_visits(P, logits, p0, horizon) * gradient_by_state(logits.softmax(-1), R)


def not_centred(P, R, logits, p0, gamma, horizon) -> Tensor:
    pi = logits.softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    return plain_visits(P, logits, p0, horizon) * pi * q


def transposed(P, R, logits, p0, gamma, horizon) -> Tensor:
    total, now = torch.zeros_like(p0), p0
    for _ in range(horizon):
        total, now = total + now, markov_chain(P, logits.softmax(-1)) @ now
    return weighted_gradient(total, P, R, logits, gamma)


def always_the_start(P, R, logits, p0, gamma, horizon) -> Tensor:
    return weighted_gradient(horizon * p0, P, R, logits, gamma)


def descent(P, R, logits, p0, gamma, horizon) -> Tensor:
    return -undiscounted_gradient(P, R, logits, p0, gamma, horizon)


def changes_p0(P, R, logits, p0, gamma, horizon) -> Tensor:
    result = undiscounted_gradient(P, R, logits, p0.clone(), gamma, horizon)
    p0.copy_(p0 @ markov_chain(P, logits.softmax(-1)))
    return result


def one_step_short(P, R, logits, p0, gamma, horizon) -> Tensor:
    short = summed_visitation(P, logits, p0, 1.0, horizon - 1)
    return weighted_gradient(short, P, R, logits, gamma)


def plain_mean(P, R, logits, p0, gamma, horizon) -> Tensor:
    pi = logits.softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    return plain_visits(P, logits, p0, horizon) * pi * (q - q.mean(-1, keepdim=True))


def without_pi(P, R, logits, p0, gamma, horizon) -> Tensor:
    value = policy_evaluation(P, R, logits.softmax(-1), gamma)
    advantage = action_value(P, R, value, gamma) - value.unsqueeze(-1)
    return plain_visits(P, logits, p0, horizon) * advantage


def uniform_chain(P, R, logits, p0, gamma, horizon) -> Tensor:
    total = summed_visitation(P, torch.zeros_like(logits), p0, 1.0, horizon)
    return weighted_gradient(total, P, R, logits, gamma)


def uniform_start(P, R, logits, p0, gamma, horizon) -> Tensor:
    return undiscounted_gradient(P, R, logits, torch.full_like(p0, 1 / len(p0)), gamma, horizon)


def softmax_over_states(P, R, logits, p0, gamma, horizon) -> Tensor:
    return undiscounted_gradient(P, R, logits.softmax(0).log(), p0, gamma, horizon)


def of_the_undiscounted_return(P, R, logits, p0, gamma, horizon) -> Tensor:
    free = logits.detach().clone().requires_grad_()
    seen = summed_visitation(P, free, p0, 1.0, horizon)
    return torch.autograd.grad(seen @ (free.softmax(-1) * R).sum(-1), free)[0]


def scaled_theorem(P, R, logits, p0, gamma, horizon) -> Tensor:
    return horizon * (1 - gamma) * policy_gradient_theorem(P, R, logits, p0, gamma)


def with_powers(P, R, logits, p0, gamma, horizon) -> Tensor:
    """Right: powers of the chain, in float64 inside."""
    chain = markov_chain(P, logits.softmax(-1)).double()
    total = sum(p0.double() @ torch.linalg.matrix_power(chain, t) for t in range(horizon))
    return weighted_gradient(total.to(p0.dtype), P, R, logits, gamma)


def with_advantages(P, R, logits, p0, gamma, horizon) -> Tensor:
    """Right: the advantage in place of Q changes nothing."""
    pi = logits.softmax(-1)
    value = policy_evaluation(P, R, pi, gamma)
    advantage = action_value(P, R, value, gamma) - value.unsqueeze(-1)
    return plain_visits(P, logits, p0, horizon) * pi * advantage


EXERCISE = Exercise(
    name="undiscounted_gradient",
    reference=undiscounted_gradient,
    cases=cases,
    statement="what nearly every implementation follows: late states count as much as early ones",
    points={VALUE: 2},
    mistakes=(
        Mistake(
            "discounted-visits",
            "The visits are still discounted: that is the proof's sum. Dropping γ^t means that "
            "step t counts as much as step 0.",
            discounted_visits,
        ),
        Mistake(
            "the-theorem",
            "That is ∇J itself. Here the visits are undiscounted, and counted up to `horizon`.",
            the_theorem,
        ),
        Mistake(
            "one-step-too-many",
            "One step too many: t runs from 0 to horizon − 1.",
            one_step_more,
        ),
        Mistake(
            "without-the-start",
            "The first state is left out: t starts at 0, where the agent is at p0.",
            without_the_start,
        ),
        Mistake(
            "averaged",
            "The visits were divided by the horizon. They are added up.",
            averaged,
        ),
        Mistake(
            "last-state-only",
            "Only the last step's states are counted. Add all of them.",
            last_state_only,
        ),
        Mistake(
            "stationary",
            "You used where the chain is after very long. The first `horizon` steps are counted, "
            "from the start on.",
            stationary,
        ),
        Mistake(
            "undiscounted-q",
            "γ is missing in Q = R + γ P V. Only the visits lose their discount.",
            undiscounted_q,
        ),
        Mistake(
            "truncated-q",
            "Q was cut off at the horizon. It is infinite and discounted, as ever.",
            truncated_q,
        ),
        Mistake(
            "reward-for-q",
            "R stands where Q belongs: what happens after the step is forgotten.",
            reward_for_q,
        ),
        Mistake(
            "not-centred",
            "You used π Q. Σ_a Q ∂π(a)/∂z_k is π_k (Q_k − Σ_a π Q).",
            not_centred,
        ),
        Mistake(
            "transposed",
            "The chain is applied from the wrong side: a distribution moves on as p @ P_π.",
            transposed,
        ),
        Mistake(
            "always-the-start",
            "Every step uses the distribution of the first state. Multiply with the chain.",
            always_the_start,
        ),
        Mistake(
            "descent",
            "The sign is flipped. The direction that is climbed was asked for.",
            descent,
        ),
        Mistake(
            "one-step-short",
            "One step too few: t runs from 0 to horizon − 1, that is `horizon` steps.",
            one_step_short,
        ),
        Mistake(
            "plain-mean",
            "The plain mean of Q was subtracted; it is the mean under π, which is V.",
            plain_mean,
        ),
        Mistake(
            "without-pi",
            "The factor π in front of Q − V is missing: Σ_a Q ∂π(a)/∂z_k is π_k (Q_k − Σ_a π Q).",
            without_pi,
        ),
        Mistake(
            "uniform-chain",
            "Your agent walks as if all actions were equally likely. The chain needs π.",
            uniform_chain,
        ),
        Mistake(
            "uniform-start",
            "The start is uniform in your solution; it is drawn from p0.",
            uniform_start,
        ),
        Mistake(
            "softmax-over-states",
            "The softmax runs over the states. Each row of logits is a distribution of its own.",
            softmax_over_states,
        ),
        Mistake(
            "of-the-undiscounted-return",
            "That is the gradient of another objective, the undiscounted return of `horizon` "
            "steps. Implementations keep the discounted Q.",
            of_the_undiscounted_return,
        ),
        Mistake(
            "scaled-theorem",
            "That is ∇J times a number: the states are still weighed with their discounted visits. "
            "Count `horizon` steps, all alike.",
            scaled_theorem,
        ),
        Mistake("changes-p0", IN_PLACE, changes_p0),
    ),
    variants=(with_powers, with_advantages),
)
