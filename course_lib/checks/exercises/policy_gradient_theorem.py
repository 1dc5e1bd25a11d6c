"""The exercise `policy_gradient_theorem`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import last_state_unreached, solve, world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import (
    action_value,
    expected_return,
    markov_chain,
    policy_evaluation,
    state_visitation,
)
from course_lib.reference.tabular_gradients import (
    gradient_by_state,
    policy_gradient_theorem,
    summed_visitation,
    weighted_gradient,
)


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs; γ = 0, one state, one action, a state that is never reached."""

    draw = partial(world, generator, inputs=("P", "R", "logits", "p0"))
    unreached = last_state_unreached(draw(3, 2, 0.9))
    return [
        Case("three states, two actions", draw(3, 2, 0.8)),
        Case("five states, three actions", draw(5, 3, 0.95)),
        Case("as many actions as states", draw(3, 3, 0.9)),
        Case("γ = 0: bandits, one in each state", draw(4, 2, 0.0), EDGE),
        Case("a single state", draw(1, 3, 0.75), EDGE),
        Case("a single action: nothing to choose", draw(3, 1, 0.9), EDGE),
        Case("a state that is never reached", unreached, EDGE),
    ]


def parts(P, R, logits, gamma) -> tuple[Tensor, Tensor]:
    """π and Q^π, each (S, K)."""
    pi = logits.softmax(-1)
    return pi, action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)


def at_visits(P, R, logits, p0, gamma, own) -> Tensor:
    return state_visitation(P, logits.softmax(-1), p0, gamma).unsqueeze(-1) * own


def visits_not_transposed(P, R, logits, p0, gamma) -> Tensor:
    visits = solve(markov_chain(P, logits.softmax(-1)), p0, gamma)
    return weighted_gradient(visits, P, R, logits, gamma)


def normalised(P, R, logits, p0, gamma) -> Tensor:
    return (1 - gamma) * policy_gradient_theorem(P, R, logits, p0, gamma)


def start_only(P, R, logits, p0, gamma) -> Tensor:
    return weighted_gradient(p0, P, R, logits, gamma)


def uniform_states(P, R, logits, p0, gamma) -> Tensor:
    return weighted_gradient(torch.full_like(p0, 1 / len(p0)), P, R, logits, gamma)


def no_visits(P, R, logits, p0, gamma) -> Tensor:
    return weighted_gradient(torch.ones_like(p0), P, R, logits, gamma)


def stationary(P, R, logits, p0, gamma) -> Tensor:
    visits = torch.linalg.matrix_power(markov_chain(P, logits.softmax(-1)).mT, 4096) @ p0
    return weighted_gradient(visits, P, R, logits, gamma)


def reward_for_q(P, R, logits, p0, gamma) -> Tensor:
    return at_visits(P, R, logits, p0, gamma, gradient_by_state(logits.softmax(-1), R))


def value_for_q(P, R, logits, p0, gamma) -> Tensor:
    return torch.zeros_like(logits)


def not_centred(P, R, logits, p0, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    return at_visits(P, R, logits, p0, gamma, pi * q)


def without_pi(P, R, logits, p0, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    own = q - (pi * q).sum(-1, keepdim=True)
    return at_visits(P, R, logits, p0, gamma, own)


def sum_of_scores(P, R, logits, p0, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    return at_visits(P, R, logits, p0, gamma, q - pi * q.sum(-1, keepdim=True))


def for_probabilities(P, R, logits, p0, gamma) -> Tensor:
    _, q = parts(P, R, logits, gamma)
    return at_visits(P, R, logits, p0, gamma, q)


def descent(P, R, logits, p0, gamma) -> Tensor:
    return -policy_gradient_theorem(P, R, logits, p0, gamma)


def undiscounted_q(P, R, logits, p0, gamma) -> Tensor:
    pi = logits.softmax(-1)
    value = policy_evaluation(P, R, pi, gamma)
    return at_visits(P, R, logits, p0, gamma, gradient_by_state(pi, R + P @ value))


def uniform_policy(P, R, logits, p0, gamma) -> Tensor:
    return policy_gradient_theorem(P, R, torch.zeros_like(logits), p0, gamma)


def q_differentiated(P, R, logits, p0, gamma) -> Tensor:
    visits = state_visitation(P, logits.softmax(-1), p0, gamma)
    return weighted_gradient(2 * visits - p0, P, R, logits, gamma)


def one_number(P, R, logits, p0, gamma) -> Tensor:
    return policy_gradient_theorem(P, R, logits, p0, gamma).sum(-1)


def changes_logits(P, R, logits, p0, gamma) -> Tensor:
    result = policy_gradient_theorem(P, R, logits.clone(), p0, gamma)
    logits.copy_(logits.softmax(-1))
    return result


def differentiated(P, R, logits, p0, gamma, *, visits: bool, values: bool) -> Tensor:
    """Autograd through Σ d π Q, with d or Q or both not held constant."""
    free = logits.detach().clone().requires_grad_()
    pi, kept = free.softmax(-1), logits.softmax(-1)
    d = state_visitation(P, pi if visits else kept, p0, gamma)
    value = policy_evaluation(P, R, pi if values else kept, gamma)
    q = action_value(P, R, value, gamma)
    return torch.autograd.grad((d.unsqueeze(-1) * pi * q).sum(), free)[0]


def visits_differentiated(P, R, logits, p0, gamma) -> Tensor:
    return differentiated(P, R, logits, p0, gamma, visits=True, values=False)


def values_differentiated(P, R, logits, p0, gamma) -> Tensor:
    return differentiated(P, R, logits, p0, gamma, visits=False, values=True)


def all_differentiated(P, R, logits, p0, gamma) -> Tensor:
    return differentiated(P, R, logits, p0, gamma, visits=True, values=True)


def plain_mean(P, R, logits, p0, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    return at_visits(P, R, logits, p0, gamma, pi * (q - q.mean(-1, keepdim=True)))


def softmax_over_states(P, R, logits, p0, gamma) -> Tensor:
    pi = logits.softmax(0)
    q = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    return state_visitation(P, pi, p0, gamma).unsqueeze(-1) * gradient_by_state(pi, q)


def without_softmax(P, R, logits, p0, gamma) -> Tensor:
    q = action_value(P, R, policy_evaluation(P, R, logits, gamma), gamma)
    return state_visitation(P, logits, p0, gamma).unsqueeze(-1) * gradient_by_state(logits, q)


def best_values(P, R, logits, p0, gamma) -> Tensor:
    value = torch.zeros_like(p0)
    for _ in range(1_000):
        value = action_value(P, R, value, gamma).max(-1).values
    own = gradient_by_state(logits.softmax(-1), action_value(P, R, value, gamma))
    return at_visits(P, R, logits, p0, gamma, own)


def without_the_start(P, R, logits, p0, gamma) -> Tensor:
    visits = state_visitation(P, logits.softmax(-1), p0, gamma)
    return weighted_gradient(visits - p0, P, R, logits, gamma)


def hundred_steps(P, R, logits, p0, gamma) -> Tensor:
    visits = summed_visitation(P, logits, p0, gamma, 100)
    return weighted_gradient(visits, P, R, logits, gamma)


def coarse_differences(P, R, logits, p0, gamma) -> Tensor:
    result, J = torch.zeros_like(logits), expected_return(P, R, logits.softmax(-1), p0, gamma)
    for place in range(logits.numel()):
        moved = logits.clone()
        moved.view(-1)[place] += 0.01
        later = expected_return(P, R, moved.softmax(-1), p0, gamma)
        result.view(-1)[place] = (later - J) / 0.01
    return result


def by_autograd(P, R, logits, p0, gamma) -> Tensor:
    """Right: J through the linear solve, differentiated."""
    free = logits.detach().clone().requires_grad_()
    J = expected_return(P, R, free.softmax(-1), p0, gamma)
    return torch.autograd.grad(J, free)[0]


def with_advantages(P, R, logits, p0, gamma) -> Tensor:
    """Right: Q replaced by the advantage, which changes nothing."""
    pi = logits.softmax(-1)
    value = policy_evaluation(P, R, pi, gamma)
    advantage = action_value(P, R, value, gamma) - value.unsqueeze(-1)
    return state_visitation(P, pi, p0, gamma).unsqueeze(-1) * pi * advantage


def step_by_step(P, R, logits, p0, gamma) -> Tensor:
    """Right: the sum over time, until nothing is added, with loops over actions."""
    pi = logits.double().softmax(-1)
    q = action_value(P, R, policy_evaluation(P, R, pi.to(P.dtype), gamma), gamma).double()
    total, now = torch.zeros_like(pi), p0.double()
    for _ in range(1_500):
        for a in range(pi.shape[1]):
            slope = -pi[:, a].unsqueeze(-1) * pi
            slope[:, a] += pi[:, a]
            total += now.unsqueeze(-1) * q[:, a].unsqueeze(-1) * slope
        now = gamma * now @ markov_chain(P, pi.to(P.dtype)).double()
    return total.to(logits.dtype)


EXERCISE = Exercise(
    name="policy_gradient_theorem",
    reference=policy_gradient_theorem,
    cases=cases,
    statement="visits times values times ∇π: no derivative of the visits, none of the values",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "visits-not-transposed",
            "Your visits come from the untransposed chain: that is how values look ahead. Visits "
            "are collected over where one comes from: (I − γ P_πᵀ) d = p0.",
            visits_not_transposed,
        ),
        Mistake(
            "normalised",
            "Everything carries a factor 1 − γ, because the visits were normalised. In [000] they "
            "are not, and ∇J needs them as they are.",
            normalised,
        ),
        Mistake(
            "start-only",
            "The states are weighed with p0: only the first step counts. Later states matter too, "
            "with their discounted visits.",
            start_only,
        ),
        Mistake(
            "uniform-states",
            "All states count the same. Weigh them with how often the policy visits them.",
            uniform_states,
        ),
        Mistake(
            "no-visits",
            "The visits are missing: every state counts 1. Weigh them with d^π.",
            no_visits,
        ),
        Mistake(
            "stationary",
            "The states are weighed with where the chain is after very long. d^π discounts, and "
            "remembers the start.",
            stationary,
        ),
        Mistake(
            "reward-for-q",
            "R stands where Q belongs: what happens after the step is forgotten.",
            reward_for_q,
        ),
        Mistake(
            "value-for-q",
            "V(s) stands where Q(s, a) belongs, and Σ_a V ∇π = V ∇1 = 0: nothing is left.",
            value_for_q,
        ),
        Mistake(
            "not-centred",
            "You used π Q. Σ_a Q ∂π(a)/∂z_k is π_k (Q_k − Σ_a π Q): raising one logit lowers all "
            "other probabilities.",
            not_centred,
        ),
        Mistake(
            "without-pi",
            "The factor π in front is missing: that is a sum of Q ∇log π without the probabilities "
            "that an expectation has.",
            without_pi,
        ),
        Mistake(
            "sum-of-scores",
            "You added Q ∇log π over the actions as if each were taken once. Weigh them with π.",
            sum_of_scores,
        ),
        Mistake(
            "for-probabilities",
            "That is the gradient with respect to the probabilities. The parameters are logits; "
            "the softmax has a Jacobian.",
            for_probabilities,
        ),
        Mistake(
            "descent",
            "The sign is flipped: that leads downhill. The gradient itself is wanted, no loss.",
            descent,
        ),
        Mistake(
            "undiscounted-q",
            "γ is missing in Q = R + γ P V: what comes a step later counts less.",
            undiscounted_q,
        ),
        Mistake(
            "uniform-policy",
            "The logits are not used: that is the gradient at the uniform policy.",
            uniform_policy,
        ),
        Mistake(
            "counted-twice",
            "Later visits are counted twice, as if the change of Q had to be added: the theorem's "
            "point is that unrolling has put it into d^π already.",
            q_differentiated,
        ),
        Mistake(
            "summed-over-actions",
            "The actions were added up, which always gives zero. One number a logit: (S, K).",
            one_number,
        ),
        Mistake(
            "visits-differentiated",
            "d^π was differentiated along. In Σ d^π Σ Q ∇π neither d^π nor Q is: hold both still, "
            "only ∇π is a derivative.",
            visits_differentiated,
        ),
        Mistake(
            "values-differentiated",
            "Q was differentiated along. The theorem's point is that the change of Q is in the "
            "later visits already: hold Q still.",
            values_differentiated,
        ),
        Mistake(
            "all-differentiated",
            "d^π and Q were both differentiated along, as if J were Σ d^π Σ π Q. It is not: that "
            "counts every reward many times. Hold both still.",
            all_differentiated,
        ),
        Mistake(
            "plain-mean",
            "The plain mean of Q was subtracted; it is the mean under π, which is V.",
            plain_mean,
        ),
        Mistake(
            "softmax-over-states",
            "The softmax runs over the states. Each row of logits is a distribution of its own.",
            softmax_over_states,
        ),
        Mistake(
            "without-softmax",
            "The logits were used as if they were probabilities: π = softmax(logits).",
            without_softmax,
        ),
        Mistake(
            "best-values",
            "Q comes from a maximum over the actions: that is the value of the best policy. Take "
            "Q^π, of the policy whose gradient you want.",
            best_values,
        ),
        Mistake(
            "without-the-start",
            "The sum over time begins at k = 1. The first state counts, with γ⁰ = 1.",
            without_the_start,
        ),
        Mistake(
            "hundred-steps",
            "The visits of a hundred steps are not all: with γ = 0.95 the rest counts 0.006 of "
            "them. Solve the linear system.",
            hundred_steps,
        ),
        Mistake(
            "coarse-differences",
            "Those are differences of J over a wide step, an approximation. Write the theorem "
            "down; differences are good for checking it.",
            coarse_differences,
        ),
        Mistake("changes-logits", IN_PLACE, changes_logits),
    ),
    variants=(by_autograd, with_advantages, step_by_step),
)
