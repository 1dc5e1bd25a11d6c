"""The exercise `value_gradient_recursion`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import never_hesitating, world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import markov_chain
from course_lib.reference.tabular_gradients import value_gradient_recursion


def cases(generator: torch.Generator) -> list[Case]:
    """Any Q and any ∇V; ∇V = 0, γ at its limits, one state, a policy without chance."""

    draw = partial(world, generator, inputs=("P", "pi", "q_value", "value_gradient"))
    first = draw(3, 2, 0.9)
    first["value_gradient"] = torch.zeros_like(first["value_gradient"])
    certain = never_hesitating(draw(3, 2, 0.9))
    return [
        Case("two states, two actions", draw(2, 2, 0.8)),
        Case("four states, three actions", draw(4, 3, 0.95)),
        Case("three states, three actions", draw(3, 3, 0.9)),
        Case("∇V = 0: the first term alone", first, EDGE),
        Case("γ = 0", draw(3, 2, 0.0), EDGE),
        Case("γ = 1", draw(3, 2, 1.0), EDGE),
        Case("a single state", draw(1, 3, 0.9), EDGE),
        Case("a policy without chance", certain, EDGE),
    ]


def of_own_logits(pi: Tensor, q_value: Tensor) -> Tensor:
    """(S, K) Σ_a Q ∇π, the state's own logits."""
    return pi * (q_value - (pi * q_value).sum(-1, keepdim=True))


def placed(own: Tensor) -> Tensor:
    """(S, S, K): each state's gradient at its own logits, zero at all others."""
    return torch.eye(len(own), dtype=own.dtype).unsqueeze(-1) * own


def carried(P: Tensor, pi: Tensor, value_gradient: Tensor, gamma: float) -> Tensor:
    """γ Σ_s' P_π(s'|s) ∇V(s')."""
    return gamma * torch.einsum("st,tuk->suk", markov_chain(P, pi), value_gradient)


def first_term_only(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(of_own_logits(pi, q_value))


def second_term_only(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return carried(P, pi, value_gradient, gamma)


def undiscounted(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(of_own_logits(pi, q_value)) + carried(P, pi, value_gradient, 1.0)


def gamma_on_all(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return gamma * placed(of_own_logits(pi, q_value)) + carried(P, pi, value_gradient, gamma)


def transposed(P, pi, q_value, value_gradient, gamma) -> Tensor:
    back = torch.einsum("ts,tuk->suk", markov_chain(P, pi), value_gradient)
    return placed(of_own_logits(pi, q_value)) + gamma * back


def policy_forgotten(P, pi, q_value, value_gradient, gamma) -> Tensor:
    ahead = torch.einsum("skt,tuj->suj", P, value_gradient) / P.shape[1]
    return placed(of_own_logits(pi, q_value)) + gamma * ahead


def every_states_logits(P, pi, q_value, value_gradient, gamma) -> Tensor:
    own = of_own_logits(pi, q_value).expand(len(P), *pi.shape)
    return own + carried(P, pi, value_gradient, gamma)


def rows_for_columns(P, pi, q_value, value_gradient, gamma) -> Tensor:
    own = of_own_logits(pi, q_value).unsqueeze(1).expand(len(P), *pi.shape)
    return own + carried(P, pi, value_gradient, gamma)


def mean_not_subtracted(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(pi * q_value) + carried(P, pi, value_gradient, gamma)


def unweighted_mean(P, pi, q_value, value_gradient, gamma) -> Tensor:
    own = pi * (q_value - q_value.mean(-1, keepdim=True))
    return placed(own) + carried(P, pi, value_gradient, gamma)


def score_for_gradient(P, pi, q_value, value_gradient, gamma) -> Tensor:
    own = q_value - (pi * q_value).sum(-1, keepdim=True)
    return placed(own) + carried(P, pi, value_gradient, gamma)


def own_logit_only(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(pi * (1 - pi) * q_value) + carried(P, pi, value_gradient, gamma)


def probabilities_differentiated(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(q_value) + carried(P, pi, value_gradient, gamma)


def subtracted(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(of_own_logits(pi, q_value)) - carried(P, pi, value_gradient, gamma)


def no_next_state(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return placed(of_own_logits(pi, q_value)) + gamma * value_gradient


def summed_over_states(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return value_gradient_recursion(P, pi, q_value, value_gradient, gamma).sum(0)


def changes_gradient(P, pi, q_value, value_gradient, gamma) -> Tensor:
    result = value_gradient_recursion(P, pi, q_value, value_gradient.clone(), gamma)
    value_gradient *= gamma
    return result


def own_part_overwrites(P, pi, q_value, value_gradient, gamma) -> Tensor:
    result, index = carried(P, pi, value_gradient, gamma), torch.arange(len(P))
    result[index, index] = of_own_logits(pi, q_value)
    return result


def axes_exchanged(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return value_gradient_recursion(P, pi, q_value, value_gradient, gamma).transpose(0, 1)


def unweighted_sum(P, pi, q_value, value_gradient, gamma) -> Tensor:
    own = pi * (q_value - q_value.sum(-1, keepdim=True))
    return placed(own) + carried(P, pi, value_gradient, gamma)


def mean_over_all_states(P, pi, q_value, value_gradient, gamma) -> Tensor:
    own = pi * (q_value - (pi * q_value).sum())
    return placed(own) + carried(P, pi, value_gradient, gamma)


def actions_added(P, pi, q_value, value_gradient, gamma) -> Tensor:
    ahead = torch.einsum("skt,tuj->suj", P, value_gradient)
    return placed(of_own_logits(pi, q_value)) + gamma * ahead


def actions_not_summed(P, pi, q_value, value_gradient, gamma) -> Tensor:
    ahead = torch.einsum("sk,skt,tuk->suk", pi, P, value_gradient)
    return placed(of_own_logits(pi, q_value)) + gamma * ahead


def own_part_subtracted(P, pi, q_value, value_gradient, gamma) -> Tensor:
    return carried(P, pi, value_gradient, gamma) - placed(of_own_logits(pi, q_value))


def first_column(P, pi, q_value, value_gradient, gamma) -> Tensor:
    result = carried(P, pi, value_gradient, gamma)
    result[:, 0] += of_own_logits(pi, q_value)
    return result


def in_loops(P, pi, q_value, value_gradient, gamma) -> Tensor:
    """Right: the line as it stands, index by index."""
    states, actions = pi.shape
    result = torch.zeros_like(value_gradient)
    for s in range(states):
        for k in range(actions):
            for a in range(actions):
                slope = pi[s, a] * (float(a == k) - pi[s, k])
                result[s, s, k] += q_value[s, a] * slope
        for a in range(actions):
            for t in range(states):
                result[s] += gamma * pi[s, a] * P[s, a, t] * value_gradient[t]
    return result


def by_autograd(P, pi, q_value, value_gradient, gamma) -> Tensor:
    """Right: the softmax's Jacobian, (δ − π) π, by einsum in float64 inside."""
    p, q = pi.double(), q_value.double()
    eye = torch.eye(p.shape[1], dtype=torch.float64)
    jacobian = p.unsqueeze(-1) * (eye - p.unsqueeze(-2))  # (S, a, k)
    own = torch.einsum("sa,sak->sk", q, jacobian)
    ahead = torch.einsum("sa,sat,tuk->suk", p, P.double(), value_gradient.double())
    return (placed(own) + gamma * ahead).to(pi.dtype)


def scattered(P, pi, q_value, value_gradient, gamma) -> Tensor:
    """Right: the own part written onto the diagonal of what is carried over."""
    result = carried(P, pi, value_gradient, gamma).clone()
    index = torch.arange(len(P))
    result[index, index] += of_own_logits(pi, q_value)
    return result


EXERCISE = Exercise(
    name="value_gradient_recursion",
    reference=value_gradient_recursion,
    cases=cases,
    statement="what one state's logits do at once, plus what all logits do from the next state on",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "first-term-only",
            "That is Σ Q ∇π alone: what changes at once. The next state's value changes too, "
            "because its actions are chosen by the same policy.",
            first_term_only,
        ),
        Mistake(
            "second-term-only",
            "That is γ Σ π Σ P ∇V alone. The first term, Σ Q ∇π, is missing.",
            second_term_only,
        ),
        Mistake("undiscounted", "γ is missing in front of the second term.", undiscounted),
        Mistake(
            "gamma-on-all",
            "γ multiplies the first term too. What happens now is not discounted.",
            gamma_on_all,
        ),
        Mistake(
            "transposed",
            "The chain is transposed: you carry gradients back from where s may have come from. "
            "∇V(s) needs ∇V of where s leads.",
            transposed,
        ),
        Mistake(
            "policy-forgotten",
            "All actions count the same in the second term. Weigh them with π.",
            policy_forgotten,
        ),
        Mistake(
            "every-state's-logits",
            "Every row got the immediate gradients of *all* states. V(s) feels at once only the "
            "logits of s itself: the first term is zero at the others.",
            every_states_logits,
        ),
        Mistake(
            "axes-of-the-first-term",
            "The immediate gradient of state s stands in all places of its row. It belongs to the "
            "logits of s alone: result[s, s, :].",
            rows_for_columns,
        ),
        Mistake(
            "mean-not-subtracted",
            "You used π Q. Raising one logit lowers the probabilities of all other actions: "
            "Σ_a Q ∂π(a)/∂z_k = π_k (Q_k − Σ π Q).",
            mean_not_subtracted,
        ),
        Mistake(
            "unweighted-mean",
            "The plain mean of Q was subtracted; it is the mean under π.",
            unweighted_mean,
        ),
        Mistake(
            "score-for-gradient",
            "The factor π in front is missing: that is a sum with ∇log π, not with ∇π.",
            score_for_gradient,
        ),
        Mistake(
            "own-logit-only",
            "Each action was allowed to feel its own logit only. In a softmax every logit moves "
            "every probability.",
            own_logit_only,
        ),
        Mistake(
            "probabilities-for-logits",
            "You differentiated with respect to π itself. The parameters are logits: "
            "∂π(a)/∂z_k = π(a)(1[a = k] − π(k)).",
            probabilities_differentiated,
        ),
        Mistake("subtracted", "The second term is subtracted; both are added.", subtracted),
        Mistake(
            "no-next-state",
            "You added γ ∇V(s) of the state itself. The step leads to s': average over it.",
            no_next_state,
        ),
        Mistake(
            "summed-over-states",
            "The states were added up. One gradient for every state's value is wanted: (S, S, K).",
            summed_over_states,
        ),
        Mistake(
            "own-part-overwrites",
            "The immediate gradients were written *over* what is carried back from later: `=` "
            "where `+=` belongs. The agent may come back to s.",
            own_part_overwrites,
        ),
        Mistake(
            "axes-exchanged",
            "The first two axes are exchanged. result[s] is the gradient of V(s); the second axis "
            "says whose logits move.",
            axes_exchanged,
        ),
        Mistake(
            "unweighted-sum",
            "The sum Σ_a Q that is subtracted lacks π: it is the mean of Q under π.",
            unweighted_sum,
        ),
        Mistake(
            "mean-over-all-states",
            "The mean of Q was taken over all states together: `sum()` without an axis. Each state "
            "has its own: sum(-1, keepdim=True).",
            mean_over_all_states,
        ),
        Mistake(
            "actions-added",
            "The actions of the second term are added without π. Weigh them.",
            actions_added,
        ),
        Mistake(
            "actions-not-summed",
            "The action that is taken and the logit that moves share one letter in your sum. They "
            "are two: sum over the actions first, Σ_a π(a|s) P(s'|s, a).",
            actions_not_summed,
        ),
        Mistake(
            "own-part-subtracted",
            "The first term is subtracted; both are added.",
            own_part_subtracted,
        ),
        Mistake(
            "axes-of-the-first-term",
            "The immediate gradients of all states stand in the column of state 0. That of state s "
            "belongs to the logits of s: result[s, s, :].",
            first_column,
        ),
        Mistake("changes-value-gradient", IN_PLACE, changes_gradient),
    ),
    variants=(in_loops, by_autograd, scattered),
)
