"""The exercise `action_value`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import action_value


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs with any values; γ at its limits, one state."""

    draw = partial(world, generator, inputs=("P", "R", "value"))
    return [
        Case("three states, two actions", draw(3, 2, 0.8)),
        Case("five states, three actions", draw(5, 3, 0.95)),
        Case("as many actions as states", draw(3, 3, 0.9)),
        Case("γ = 0: the rewards", draw(4, 2, 0.0), EDGE),
        Case("γ = 1", draw(4, 2, 1.0), EDGE),
        Case("a single state", draw(1, 3, 0.9), EDGE),
    ]


def ahead(P: Tensor, value: Tensor) -> Tensor:
    """(S, K) E[V(s')]."""
    return torch.einsum("skt,t->sk", P, value)


def undiscounted(P, R, value, gamma) -> Tensor:
    return R + ahead(P, value)


def gamma_on_all(P, R, value, gamma) -> Tensor:
    return gamma * (R + ahead(P, value))


def reward_missing(P, R, value, gamma) -> Tensor:
    return gamma * ahead(P, value)


def own_value(P, R, value, gamma) -> Tensor:
    return R + gamma * value.unsqueeze(1)


def advantage(P, R, value, gamma) -> Tensor:
    return R + gamma * ahead(P, value) - value.unsqueeze(1)


def best_next(P, R, value, gamma) -> Tensor:
    return R + gamma * (P * value).max(-1).values


def most_likely_next(P, R, value, gamma) -> Tensor:
    return R + gamma * value[P.argmax(-1)]


def from_where_it_came(P, R, value, gamma) -> Tensor:
    return R + gamma * torch.einsum("tks,t->sk", P, value)


def uniform_next(P, R, value, gamma) -> Tensor:
    return R + gamma * value.mean()


def summed_next(P, R, value, gamma) -> Tensor:
    return R + gamma * value.sum()


def mean_over_actions(P, R, value, gamma) -> Tensor:
    return action_value(P, R, value, gamma).mean(-1)


def best_action(P, R, value, gamma) -> Tensor:
    return action_value(P, R, value, gamma).max(-1).values


def actions_first(P, R, value, gamma) -> Tensor:
    return action_value(P, R, value, gamma).mT


def minus_bootstrap(P, R, value, gamma) -> Tensor:
    return R - gamma * ahead(P, value)


def changes_rewards(P, R, value, gamma) -> Tensor:
    R += gamma * ahead(P, value)
    return R


def actions_averaged(P, R, value, gamma) -> Tensor:
    return R + gamma * (P.mean(1) @ value).unsqueeze(1)


def best_state(P, R, value, gamma) -> Tensor:
    return R + gamma * value.max()


def mean_for_sum(P, R, value, gamma) -> Tensor:
    return R + gamma * (P * value).mean(-1)


def discounted_twice(P, R, value, gamma) -> Tensor:
    return action_value(P, R, value, gamma**2) if gamma < 1 else action_value(P, R, value, 1.0)


def each_next_state(P, R, value, gamma) -> Tensor:
    return R.unsqueeze(-1) + gamma * P * value


def matrix_product(P, R, value, gamma) -> Tensor:
    """Right: one product of a (S, K, S) and a (S,)."""
    return R + gamma * torch.matmul(P, value)


def weighted_sum(P, R, value, gamma) -> Tensor:
    """Right: weights times values, summed, in float64 inside."""
    weighed = P.double() * value.double()
    return (R.double() + gamma * weighed.sum(-1)).to(R.dtype)


def in_loops(P, R, value, gamma) -> Tensor:
    """Right: one pair of state and action at a time."""
    q_value = R.clone()
    for s in range(R.shape[0]):
        for a in range(R.shape[1]):
            q_value[s, a] += gamma * sum(P[s, a, t] * value[t] for t in range(len(value)))
    return q_value


EXERCISE = Exercise(
    name="action_value",
    reference=action_value,
    cases=cases,
    statement="one step by this action, and from there on as the values say",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake("undiscounted", "γ is missing in front of the next state's value.", undiscounted),
        Mistake(
            "gamma-on-all",
            "γ multiplies the reward too. The reward of this step counts in full.",
            gamma_on_all,
        ),
        Mistake(
            "reward-missing", "The reward of the step itself is missing: R + γ P V.", reward_missing
        ),
        Mistake(
            "own-value",
            "You bootstrap from V(s), the state one is in. The action leads somewhere else: "
            "average V over where it leads.",
            own_value,
        ),
        Mistake(
            "advantage",
            "V(s) was subtracted: that is the advantage, A = Q − V. Q was asked for.",
            advantage,
        ),
        Mistake(
            "best-next-state",
            "You take a maximum over next states. The environment decides where one lands: take "
            "the expectation.",
            best_next,
        ),
        Mistake(
            "most-likely-next-state",
            "You use the value of the most likely next state. Take the expectation over all.",
            most_likely_next,
        ),
        Mistake(
            "from-where-it-came",
            "The axes of P are exchanged: P[s, a, s'] leads from s (first) to s' (last). You "
            "average over where one may have come from.",
            from_where_it_came,
        ),
        Mistake(
            "uniform-next-state",
            "All next states count the same. Weigh their values with P.",
            uniform_next,
        ),
        Mistake(
            "summed-next-states",
            "The values of all states are added. Weigh them with P.",
            summed_next,
        ),
        Mistake(
            "mean-over-actions",
            "The actions were averaged. Q has a number for every action: (S, K).",
            mean_over_actions,
        ),
        Mistake(
            "best-action",
            "The best action's value came out, (S,). Q has a number for every action.",
            best_action,
        ),
        Mistake(
            "actions-first",
            "The axes are exchanged: states come first, then actions, (S, K).",
            actions_first,
        ),
        Mistake(
            "minus-bootstrap",
            "The next state's value is subtracted; it is what one still gets, so it is added.",
            minus_bootstrap,
        ),
        Mistake(
            "actions-averaged",
            "The next states of all actions are averaged, so V(s') is the same whatever one does. "
            "Q asks what *this* action leads to: keep its axis.",
            actions_averaged,
        ),
        Mistake(
            "best-state",
            "You add the value of the best of all states, wherever one is. Weigh V with P.",
            best_state,
        ),
        Mistake(
            "mean-for-sum",
            "P V is averaged over the next states. P holds the weights of the mean already: sum.",
            mean_for_sum,
        ),
        Mistake(
            "discounted-twice",
            "The next state's value is discounted by γ². It lies one step ahead: γ.",
            discounted_twice,
        ),
        Mistake(
            "each-next-state",
            "One number for each next state came out, (S, K, S). Sum over the last axis.",
            each_next_state,
        ),
        Mistake("changes-rewards", IN_PLACE, changes_rewards),
    ),
    variants=(matrix_product, weighted_sum, in_loops),
)
