"""The exercise `off_policy_gradient_oracle`: what goes wrong with it. Its cases are those of
`off_policy_gradient`."""

import torch
from torch import Tensor

from course_lib.checks.exercise import VALUE, Exercise, Mistake
from course_lib.checks.exercises.off_policy_gradient import cases, parts
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.off_policy_gradients import (
    off_policy_gradient,
    off_policy_gradient_oracle,
)
from course_lib.reference.tabular import markov_chain, policy_evaluation, state_visitation
from course_lib.reference.tabular_gradients import gradient_by_state, value_gradient_recursion


def visits_from(P, logits, start, gamma) -> Tensor:
    """(S,) visits of π that begin as `start` says."""
    return state_visitation(P, logits.softmax(-1), start, gamma)


def term_left_out(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return off_policy_gradient(P, R, logits, behavior_visitation, gamma)


def only_the_term(P, R, logits, behavior_visitation, gamma) -> Tensor:
    both = off_policy_gradient_oracle(P, R, logits, behavior_visitation, gamma)
    return both - off_policy_gradient(P, R, logits, behavior_visitation, gamma)


def counted_twice(P, R, logits, behavior_visitation, gamma) -> Tensor:
    both = off_policy_gradient_oracle(P, R, logits, behavior_visitation, gamma)
    return both + off_policy_gradient(P, R, logits, behavior_visitation, gamma)


def one_step_on(P, R, logits, behavior_visitation, gamma) -> Tensor:
    chain = markov_chain(P, logits.softmax(-1))
    visits = behavior_visitation + gamma * behavior_visitation @ chain
    return off_policy_gradient(P, R, logits, visits, gamma)


def without_gamma(P, R, logits, behavior_visitation, gamma) -> Tensor:
    chain = markov_chain(P, logits.softmax(-1))
    visits, now = behavior_visitation, behavior_visitation
    for _ in range(20):
        now = now @ chain
        visits = visits + now
    return off_policy_gradient(P, R, logits, visits, gamma)


def not_transposed(P, R, logits, behavior_visitation, gamma) -> Tensor:
    identity = torch.eye(len(P), dtype=P.dtype)
    chain = markov_chain(P, logits.softmax(-1))
    visits = torch.linalg.solve(identity - gamma * chain, behavior_visitation)
    return off_policy_gradient(P, R, logits, visits, gamma)


def normalised(P, R, logits, behavior_visitation, gamma) -> Tensor:
    share = behavior_visitation / behavior_visitation.sum()
    return off_policy_gradient_oracle(P, R, logits, share, gamma)


def scaled_visits(P, R, logits, behavior_visitation, gamma) -> Tensor:
    both = off_policy_gradient_oracle(P, R, logits, behavior_visitation, gamma)
    return (1 - gamma) * both


def uniform_start(P, R, logits, behavior_visitation, gamma) -> Tensor:
    start = torch.full_like(behavior_visitation, 1 / len(P))
    return off_policy_gradient_oracle(P, R, logits, start, gamma)


def reward_for_q(P, R, logits, behavior_visitation, gamma) -> Tensor:
    visits = visits_from(P, logits, behavior_visitation, gamma)
    return visits.unsqueeze(-1) * gradient_by_state(logits.softmax(-1), R)


def not_centred(P, R, logits, behavior_visitation, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    return visits_from(P, logits, behavior_visitation, gamma).unsqueeze(-1) * pi * q


def without_pi(P, R, logits, behavior_visitation, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    own = q - (pi * q).sum(-1, keepdim=True)
    return visits_from(P, logits, behavior_visitation, gamma).unsqueeze(-1) * own


def descent(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return -off_policy_gradient_oracle(P, R, logits, behavior_visitation, gamma)


def changes_visitation(P, R, logits, behavior_visitation, gamma) -> Tensor:
    start = behavior_visitation.clone()
    behavior_visitation.copy_(visits_from(P, logits, start, gamma))
    return off_policy_gradient(P, R, logits, behavior_visitation, gamma)


def by_autograd(P, R, logits, behavior_visitation, gamma) -> Tensor:
    """Right: Σ d^b V^π through the linear solve, differentiated."""
    free = logits.detach().clone().requires_grad_()
    objective = behavior_visitation @ policy_evaluation(P, R, free.softmax(-1), gamma)
    return torch.autograd.grad(objective, free)[0]


def both_terms(P, R, logits, behavior_visitation, gamma) -> Tensor:
    """Right: Σ d^b (Σ Q∇π + Σ π∇Q), with ∇V by repeating the proof's line 4 until it stands."""
    pi, q = parts(P, R, logits, gamma)
    gradient = torch.zeros(len(P), *logits.shape, dtype=logits.dtype)
    for _ in range(700):
        gradient = value_gradient_recursion(P, pi, q, gradient, gamma)
    return torch.einsum("s,suk->uk", behavior_visitation, gradient)


def unrolled(P, R, logits, behavior_visitation, gamma) -> Tensor:
    """Right: the visits added up step by step."""
    chain = markov_chain(P, logits.softmax(-1))
    visits, now = torch.zeros_like(behavior_visitation), behavior_visitation
    for _ in range(700):
        visits, now = visits + now, gamma * now @ chain
    return visits.unsqueeze(-1) * gradient_by_state(*parts(P, R, logits, gamma))


EXERCISE = Exercise(
    name="off_policy_gradient_oracle",
    reference=off_policy_gradient_oracle,
    cases=cases,
    statement="begin where b has been, go on with π: nothing is left out",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "term-left-out",
            "That is the approximation: π∇Q is left out. A change of π in s also changes what "
            "earlier states are worth; go on from b's states with π and collect the visits.",
            term_left_out,
        ),
        Mistake(
            "only-the-term",
            "Only the second term is there. Q∇π in b's own states belongs to it as well: the "
            "visits begin with d^b itself.",
            only_the_term,
        ),
        Mistake(
            "counted-twice",
            "b's own states are counted twice. The visits from d^b contain step 0 already.",
            counted_twice,
        ),
        Mistake(
            "one-step-on",
            "You went on with π for one step. It goes on for ever: a linear solve, as for d^π.",
            one_step_on,
        ),
        Mistake(
            "without-gamma",
            "The visits after b's are not discounted, and without γ their sum has no end.",
            without_gamma,
        ),
        Mistake(
            "not-transposed",
            "The chain is not transposed: that is how values look ahead. Visits are collected over "
            "where one comes from: (I − γ P_πᵀ) d = d^b.",
            not_transposed,
        ),
        Mistake(
            "normalised",
            "d^b was divided by its sum. Take `behavior_visitation` as it comes.",
            normalised,
        ),
        Mistake(
            "scaled-visits",
            "A factor 1 − γ too many: the visits are not normalised here, as in [000].",
            scaled_visits,
        ),
        Mistake(
            "uniform-start",
            "`behavior_visitation` is not used: your visits begin in all states alike.",
            uniform_start,
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
            "without-pi",
            "The factor π in front is missing: π_k (Q_k − Σ_a π Q).",
            without_pi,
        ),
        Mistake(
            "descent",
            "The sign is flipped: that leads downhill. The gradient itself is wanted, no loss.",
            descent,
        ),
        Mistake("changes-visitation", IN_PLACE, changes_visitation),
    ),
    variants=(by_autograd, both_terms, unrolled),
)
