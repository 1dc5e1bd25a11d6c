"""The exercise `state_visitation`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import last_state_unreached, solve, world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import markov_chain, state_visitation


def cases(generator: torch.Generator) -> list[Case]:
    """Two random MDPs, as many actions as states, γ = 0, one state, a state nobody reaches."""

    draw = partial(world, generator, inputs=("P", "pi", "p0"))
    unreached = last_state_unreached(draw(3, 2, 0.9))
    return [
        Case("three states, two actions", draw(3, 2, 0.8)),
        Case("five states, three actions", draw(5, 3, 0.95)),
        Case("as many actions as states", draw(3, 3, 0.9)),
        Case("γ = 0: only the first state counts", draw(4, 2, 0.0), EDGE),
        Case("a single state", draw(1, 2, 0.75), EDGE),
        Case("a state that is never reached", unreached, EDGE),
    ]


def not_transposed(P, pi, p0, gamma) -> Tensor:
    return solve(markov_chain(P, pi), p0, gamma)


def normalised(P, pi, p0, gamma) -> Tensor:
    return (1 - gamma) * state_visitation(P, pi, p0, gamma)


def stationary(P, pi, p0, gamma) -> Tensor:
    return torch.linalg.matrix_power(markov_chain(P, pi).mT, 4096) @ p0


def uniform_start(P, pi, p0, gamma) -> Tensor:
    return state_visitation(P, pi, torch.full_like(p0, 1 / len(p0)), gamma)


def without_the_start(P, pi, p0, gamma) -> Tensor:
    return state_visitation(P, pi, p0, gamma) - p0


def starts_late(P, pi, p0, gamma) -> Tensor:
    return gamma * state_visitation(P, pi, p0, gamma)


def uniform_policy(P, pi, p0, gamma) -> Tensor:
    return state_visitation(P, torch.full_like(pi, 1 / pi.shape[1]), p0, gamma)


def one_step(P, pi, p0, gamma) -> Tensor:
    return p0 + gamma * markov_chain(P, pi).mT @ p0


def next_state_only(P, pi, p0, gamma) -> Tensor:
    return markov_chain(P, pi).mT @ p0


def ten_steps(P, pi, p0, gamma) -> Tensor:
    visits, now = torch.zeros_like(p0), p0
    for k in range(10):
        visits = visits + gamma**k * now
        now = markov_chain(P, pi).mT @ now
    return visits


def sum_of_actions(P, pi, p0, gamma) -> Tensor:
    return solve(P.sum(1).mT / P.shape[1] * pi.sum(1, keepdim=True), p0, gamma) * P.shape[1]


def discounted_twice(P, pi, p0, gamma) -> Tensor:
    return state_visitation(P, pi, p0, gamma**2)


def undiscounted_ten(P, pi, p0, gamma) -> Tensor:
    visits, now = torch.zeros_like(p0), p0
    for _ in range(10):
        visits, now = visits + now, markov_chain(P, pi).mT @ now
    return visits


def sign_of_gamma(P, pi, p0, gamma) -> Tensor:
    return solve(markov_chain(P, pi).mT, p0, -gamma)


def first_action_only(P, pi, p0, gamma) -> Tensor:
    return solve(P[:, 0].mT, p0, gamma)


def by_state_and_action(P, pi, p0, gamma) -> Tensor:
    return state_visitation(P, pi, p0, gamma).unsqueeze(1) * pi


def changes_p0(P, pi, p0, gamma) -> Tensor:
    chain, now = markov_chain(P, pi).mT, p0.clone()
    for _ in range(2_000):
        now = gamma * chain @ now
        p0 += now
    return p0


def hundred_steps(P, pi, p0, gamma) -> Tensor:
    visits, now = torch.zeros_like(p0), p0
    for _ in range(100):
        visits, now = visits + now, gamma * now @ markov_chain(P, pi)
    return visits


def likeliest_action(P, pi, p0, gamma) -> Tensor:
    certain = torch.nn.functional.one_hot(pi.argmax(-1), pi.shape[1]).to(pi.dtype)
    return state_visitation(P, certain, p0, gamma)


def start_in_state_0(P, pi, p0, gamma) -> Tensor:
    first = torch.zeros_like(p0)
    first[0] = 1
    return state_visitation(P, pi, first, gamma)


def whole_inverse(P, pi, p0, gamma) -> Tensor:
    return torch.linalg.inv(torch.eye(len(p0), dtype=p0.dtype) - gamma * markov_chain(P, pi))


def axes_of_p_exchanged(P, pi, p0, gamma) -> Tensor:
    return solve(torch.einsum("sk,tks->st", pi, P).mT, p0, gamma)


def step_by_step(P, pi, p0, gamma) -> Tensor:
    """Right: the sum over k itself, until nothing is added any more."""
    visits, now = torch.zeros_like(p0, dtype=torch.float64), p0.double()
    chain = markov_chain(P, pi).double()
    for _ in range(2_000):
        visits = visits + now
        now = gamma * now @ chain
    return visits.to(p0.dtype)


def with_the_inverse(P, pi, p0, gamma) -> Tensor:
    """Right: the inverse of the untransposed matrix, multiplied from the left."""
    chain = (pi.unsqueeze(-1) * P).sum(1)
    return p0 @ torch.linalg.inv(torch.eye(len(p0), dtype=p0.dtype) - gamma * chain)


def in_loops(P, pi, p0, gamma) -> Tensor:
    """Right: the flow into each state, as equations written out."""
    states, actions = pi.shape
    matrix = torch.eye(states, dtype=p0.dtype)
    for s in range(states):
        for a in range(actions):
            for t in range(states):
                matrix[t, s] -= gamma * pi[s, a] * P[s, a, t]
    return torch.linalg.solve(matrix, p0)


EXERCISE = Exercise(
    name="state_visitation",
    reference=state_visitation,
    cases=cases,
    statement="the flow into every state: where it starts, plus γ times what arrives",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "not-transposed",
            "The matrix is not transposed. P_π[s, s'] leads from s to s'; the visits of s' collect "
            "over all s from which it can be reached, which is P_πᵀ d. (With P_π itself you look "
            "from a state into its future, as values do.)",
            not_transposed,
        ),
        Mistake(
            "normalised",
            "The result sums to 1. Here d^π is not normalised, as in [000]: it sums to 1/(1 − γ), "
            "the discounted number of steps.",
            normalised,
        ),
        Mistake(
            "stationary",
            "That is where the chain ends up after very long, without a discount and whatever the "
            "start. d^π remembers the start, and counts early steps more.",
            stationary,
        ),
        Mistake(
            "uniform-start",
            "The start is uniform in your solution; it is drawn from p0.",
            uniform_start,
        ),
        Mistake(
            "without-the-start",
            "The sum begins at k = 1. The first state, k = 0, is a visit too.",
            without_the_start,
        ),
        Mistake(
            "discount-starts-late",
            "Everything carries one γ too many: the first state counts γ⁰ = 1.",
            starts_late,
        ),
        Mistake(
            "uniform-policy",
            "All actions count the same in your chain. Weigh them: "
            "P_π(s'|s) = Σ_a π(a|s) P(s'|s, a).",
            uniform_policy,
        ),
        Mistake(
            "one-step",
            "That is the start and the next step. The sum goes on for ever; a linear system sums "
            "it: d = p0 + γ P_πᵀ d.",
            one_step,
        ),
        Mistake(
            "next-state-only",
            "That is the distribution of the second state alone. d^π adds up all steps.",
            next_state_only,
        ),
        Mistake(
            "ten-steps",
            "You stop after ten steps. With γ = 0.95 the eleventh still counts 0.6; solve the "
            "linear system, or go on until γ^k is nothing.",
            ten_steps,
        ),
        Mistake(
            "actions-added",
            "The actions' transition matrices were added without the policy's weights, so the "
            "rows of the chain do not sum to 1.",
            sum_of_actions,
        ),
        Mistake(
            "discounted-twice", "γ was applied twice in each step: γ² for γ.", discounted_twice
        ),
        Mistake(
            "undiscounted",
            "The visits of some steps are counted without a discount. Step k counts γ^k.",
            undiscounted_ten,
        ),
        Mistake(
            "sign-of-gamma",
            "The system has a plus where a minus belongs: d = p0 + γ P_πᵀ d means "
            "(I − γ P_πᵀ) d = p0.",
            sign_of_gamma,
        ),
        Mistake(
            "first-action-only",
            "Your chain follows action 0 only; the policy chooses among all.",
            first_action_only,
        ),
        Mistake(
            "by-state-and-action",
            "That counts pairs of a state and an action, (S, K). Sum over the actions, or do not "
            "multiply with π: one number a state is wanted.",
            by_state_and_action,
        ),
        Mistake(
            "hundred-steps",
            "You stop after a hundred steps. With γ = 0.95 what is left still counts 0.006 of the "
            "sum: solve the linear system.",
            hundred_steps,
        ),
        Mistake(
            "likeliest-action",
            "Your chain follows the likeliest action of each state. The policy draws: weigh all "
            "actions with π.",
            likeliest_action,
        ),
        Mistake(
            "start-in-state-0",
            "Every episode starts in state 0 in your solution; the start is drawn from p0.",
            start_in_state_0,
        ),
        Mistake(
            "whole-inverse",
            "That is the inverse, a table (S, S) of visits from every start. Multiply with p0 from "
            "the left.",
            whole_inverse,
        ),
        Mistake(
            "axes-of-P-exchanged",
            "The axes of P are exchanged: P[s, a, s'] leads from s (first) to s' (last).",
            axes_of_p_exchanged,
        ),
        Mistake("changes-p0", IN_PLACE, changes_p0),
    ),
    variants=(step_by_step, with_the_inverse, in_loops),
)
