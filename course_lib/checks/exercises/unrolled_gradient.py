"""The exercise `unrolled_gradient`: its cases, and what goes wrong with it."""

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
    """A few terms, more of them; none but the first, γ = 0, one state."""

    draw = partial(world, generator, inputs=("P", "R", "logits", "p0"))
    return [
        Case("three states, two actions, k = 0 … 2", draw(3, 2, 0.8) | {"steps": 2}),
        Case("five states, three actions, k = 0 … 7", draw(5, 3, 0.95) | {"steps": 7}),
        Case("as many actions as states, k = 0, 1", draw(3, 3, 0.9) | {"steps": 1}),
        Case("k = 0 alone", draw(3, 2, 0.9) | {"steps": 0}, EDGE),
        Case("γ = 0", draw(3, 2, 0.0) | {"steps": 4}, EDGE),
        Case("a single state", draw(1, 3, 0.75) | {"steps": 3}, EDGE),
    ]


def visits(P, logits, p0, gamma, steps) -> Tensor:
    """(S, 1) Σ_{k≤steps} γ^k Pr(s_k = s)."""
    return summed_visitation(P, logits, p0, gamma, steps + 1).unsqueeze(-1)


def one_term_short(P, R, logits, p0, gamma, steps) -> Tensor:
    return weighted_gradient(summed_visitation(P, logits, p0, gamma, steps), P, R, logits, gamma)


def one_term_more(P, R, logits, p0, gamma, steps) -> Tensor:
    return unrolled_gradient(P, R, logits, p0, gamma, steps + 1)


def last_term_only(P, R, logits, p0, gamma, steps) -> Tensor:
    last = torch.linalg.matrix_power(markov_chain(P, logits.softmax(-1)).mT, steps) @ p0
    return weighted_gradient(gamma**steps * last, P, R, logits, gamma)


def whole_sum(P, R, logits, p0, gamma, steps) -> Tensor:
    return policy_gradient_theorem(P, R, logits, p0, gamma)


def undiscounted(P, R, logits, p0, gamma, steps) -> Tensor:
    return undiscounted_gradient(P, R, logits, p0, gamma, steps + 1)


def starts_late(P, R, logits, p0, gamma, steps) -> Tensor:
    return gamma * unrolled_gradient(P, R, logits, p0, gamma, steps)


def always_the_start(P, R, logits, p0, gamma, steps) -> Tensor:
    factor = sum(gamma**k for k in range(steps + 1))
    return weighted_gradient(factor * p0, P, R, logits, gamma)


def transposed(P, R, logits, p0, gamma, steps) -> Tensor:
    total, now = torch.zeros_like(p0), p0
    for k in range(steps + 1):
        total, now = total + gamma**k * now, markov_chain(P, logits.softmax(-1)) @ now
    return weighted_gradient(total, P, R, logits, gamma)


def truncated_q(P, R, logits, p0, gamma, steps) -> Tensor:
    pi, value = logits.softmax(-1), torch.zeros_like(p0)
    for _ in range(steps):
        value = (pi * action_value(P, R, value, gamma)).sum(-1)
    q = action_value(P, R, value, gamma)
    return visits(P, logits, p0, gamma, steps) * gradient_by_state(pi, q)


def reward_for_q(P, R, logits, p0, gamma, steps) -> Tensor:
    return visits(P, logits, p0, gamma, steps) * gradient_by_state(logits.softmax(-1), R)


def not_centred(P, R, logits, p0, gamma, steps) -> Tensor:
    pi = logits.softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    return visits(P, logits, p0, gamma, steps) * pi * q


def averaged(P, R, logits, p0, gamma, steps) -> Tensor:
    return unrolled_gradient(P, R, logits, p0, gamma, steps) / (steps + 1)


def descent(P, R, logits, p0, gamma, steps) -> Tensor:
    return -unrolled_gradient(P, R, logits, p0, gamma, steps)


def changes_p0(P, R, logits, p0, gamma, steps) -> Tensor:
    result = unrolled_gradient(P, R, logits, p0.clone(), gamma, steps)
    p0.copy_(p0 @ markov_chain(P, logits.softmax(-1)))
    return result


def gamma_times_k(P, R, logits, p0, gamma, steps) -> Tensor:
    chain, total, now = markov_chain(P, logits.softmax(-1)), torch.zeros_like(p0), p0
    for k in range(steps + 1):
        total, now = total + gamma * k * now, now @ chain
    return weighted_gradient(total, P, R, logits, gamma)


def discounted_twice(P, R, logits, p0, gamma, steps) -> Tensor:
    total = summed_visitation(P, logits, p0, gamma**2, steps + 1)
    return weighted_gradient(total, P, R, logits, gamma)


def one_step_late(P, R, logits, p0, gamma, steps) -> Tensor:
    second = p0 @ markov_chain(P, logits.softmax(-1))
    return unrolled_gradient(P, R, logits, second, gamma, steps)


def normalised(P, R, logits, p0, gamma, steps) -> Tensor:
    return (1 - gamma) * unrolled_gradient(P, R, logits, p0, gamma, steps)


def plain_mean(P, R, logits, p0, gamma, steps) -> Tensor:
    pi = logits.softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    own = pi * (q - q.mean(-1, keepdim=True))
    return visits(P, logits, p0, gamma, steps) * own


def without_pi(P, R, logits, p0, gamma, steps) -> Tensor:
    value = policy_evaluation(P, R, logits.softmax(-1), gamma)
    advantage = action_value(P, R, value, gamma) - value.unsqueeze(-1)
    return visits(P, logits, p0, gamma, steps) * advantage


def softmax_over_states(P, R, logits, p0, gamma, steps) -> Tensor:
    return unrolled_gradient(P, R, logits.softmax(0).log(), p0, gamma, steps)


def uniform_chain(P, R, logits, p0, gamma, steps) -> Tensor:
    total = summed_visitation(P, torch.zeros_like(logits), p0, gamma, steps + 1)
    return weighted_gradient(total, P, R, logits, gamma)


def uniform_start(P, R, logits, p0, gamma, steps) -> Tensor:
    return unrolled_gradient(P, R, logits, torch.full_like(p0, 1 / len(p0)), gamma, steps)


def of_a_short_return(P, R, logits, p0, gamma, steps) -> Tensor:
    free = logits.detach().clone().requires_grad_()
    seen = summed_visitation(P, free, p0, gamma, steps + 1)
    return torch.autograd.grad(seen @ (free.softmax(-1) * R).sum(-1), free)[0]


def by_recursion(P, R, logits, p0, gamma, steps) -> Tensor:
    """Right: the proof's line applied `steps` + 1 times to 0, then averaged over the start."""
    pi = logits.softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    own = torch.eye(len(p0), dtype=p0.dtype).unsqueeze(-1) * gradient_by_state(pi, q)
    gradient = torch.zeros_like(own)
    for _ in range(steps + 1):
        gradient = own + gamma * torch.einsum("st,tuk->suk", markov_chain(P, pi), gradient)
    return torch.einsum("s,suk->uk", p0, gradient)


def with_powers(P, R, logits, p0, gamma, steps) -> Tensor:
    """Right: powers of the chain, in float64 inside."""
    pi = logits.softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    chain = markov_chain(P, pi).double()
    total = sum(
        gamma**k * (p0.double() @ torch.linalg.matrix_power(chain, k)) for k in range(steps + 1)
    )
    return (total.unsqueeze(-1) * gradient_by_state(pi, q).double()).to(logits.dtype)


EXERCISE = Exercise(
    name="unrolled_gradient",
    reference=unrolled_gradient,
    cases=cases,
    statement="each term asks where the agent is after k steps, and what a logit changes there",
    points={VALUE: 2},
    mistakes=(
        Mistake(
            "one-term-short",
            "The sum stops at k = steps − 1. It runs from k = 0 to k = steps: one term more.",
            one_term_short,
        ),
        Mistake(
            "one-term-too-many",
            "The sum has a term too many: k runs from 0 to `steps`, both included.",
            one_term_more,
        ),
        Mistake(
            "last-term-only",
            "That is the last term. Add all of them, from k = 0 on.",
            last_term_only,
        ),
        Mistake(
            "whole-sum",
            "That is the limit, the policy gradient theorem. Stop after `steps`.",
            whole_sum,
        ),
        Mistake("undiscounted", "γ^k is missing: late terms count in full.", undiscounted),
        Mistake(
            "discount-starts-late",
            "Everything carries one γ too many: the first term, k = 0, counts γ⁰ = 1.",
            starts_late,
        ),
        Mistake(
            "always-the-start",
            "Every term uses the distribution of the *first* state. After k steps the agent is "
            "somewhere else: multiply with the chain.",
            always_the_start,
        ),
        Mistake(
            "transposed",
            "The chain is applied from the wrong side: a distribution moves on as p @ P_π.",
            transposed,
        ),
        Mistake(
            "truncated-q",
            "Q was cut off after `steps` as well. Only the sum over k is; Q is the true one.",
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
            "averaged",
            "The sum was divided by the number of terms. It is a sum.",
            averaged,
        ),
        Mistake(
            "descent",
            "The sign is flipped: that leads downhill. Here the gradient itself is wanted.",
            descent,
        ),
        Mistake(
            "gamma-times-k",
            "Step k counts γ · k in your sum. It counts γ^k, `gamma**k`.",
            gamma_times_k,
        ),
        Mistake(
            "discounted-twice",
            "γ was applied twice in each step: in the chain and as γ^k. Once is enough.",
            discounted_twice,
        ),
        Mistake(
            "one-step-late",
            "The agent moved on before it was counted: term k = 0 belongs to p0 itself. Add first, "
            "then multiply with the chain.",
            one_step_late,
        ),
        Mistake(
            "normalised",
            "Everything carries a factor 1 − γ. The visits are not normalised here.",
            normalised,
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
            "softmax-over-states",
            "The softmax runs over the states. Each row of logits is a distribution of its own.",
            softmax_over_states,
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
            "of-a-short-return",
            "That is the gradient of the return of the first `steps` + 1 rewards. The proof's sum "
            "stops the *states* there; Q, the true one, looks on to the end.",
            of_a_short_return,
        ),
        Mistake("changes-p0", IN_PLACE, changes_p0),
    ),
    variants=(by_recursion, with_powers),
)
