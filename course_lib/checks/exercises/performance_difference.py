"""The exercise `performance_difference`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, tabular
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.tabular import (
    action_value,
    expected_return,
    markov_chain,
    policy_evaluation,
    state_visitation,
)
from course_lib.reference.trust_region import performance_difference


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs and two policies; the same policy twice, γ = 0, one state, a sure policy."""

    def world(states: int, actions: int, gamma: float) -> dict[str, Tensor | float]:
        drawn = tabular(generator, states, actions)
        new = normal(generator, states, actions).softmax(-1)
        return {
            "P": drawn["P"],
            "R": drawn["R"],
            "pi_new": new,
            "pi_old": drawn["pi"],
            "p0": drawn["p0"],
            "gamma": gamma,
        }

    same, certain = world(3, 2, 0.9), world(3, 2, 0.9)
    same["pi_new"] = same["pi_old"].clone()
    certain["pi_new"] = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    return [
        Case("three states, two actions", world(3, 2, 0.8)),
        Case("five states, three actions", world(5, 3, 0.95)),
        Case("as many actions as states", world(3, 3, 0.9)),
        Case("twice the same policy", same, EDGE),
        Case("a new policy without chance", certain, EDGE),
        Case("γ = 0: one step", world(4, 2, 0.0), EDGE),
        Case("a single state", world(1, 3, 0.9), EDGE),
    ]


def gain(P, R, pi_new, pi_old, p0, gamma) -> Tensor:
    """J(π') − J(π), which most wrong versions get right."""
    return expected_return(P, R, pi_new, p0, gamma) - expected_return(P, R, pi_old, p0, gamma)


def advantages(P, R, pi, gamma) -> Tensor:
    """(S, K) A^π."""
    value = policy_evaluation(P, R, pi, gamma)
    return action_value(P, R, value, gamma) - value.unsqueeze(-1)


def summed(visits: Tensor, pi: Tensor, advantage: Tensor) -> Tensor:
    """Σ_s d(s) Σ_a π(a|s) A(s, a)."""
    return visits @ (pi * advantage).sum(-1)


def old_states(P, R, pi_new, pi_old, p0, gamma):
    visits = state_visitation(P, pi_old, p0, gamma)
    by_advantage = summed(visits, pi_new, advantages(P, R, pi_old, gamma))
    return gain(P, R, pi_new, pi_old, p0, gamma), by_advantage


def old_actions(P, R, pi_new, pi_old, p0, gamma):
    visits = state_visitation(P, pi_new, p0, gamma)
    by_advantage = summed(visits, pi_old, advantages(P, R, pi_old, gamma))
    return gain(P, R, pi_new, pi_old, p0, gamma), by_advantage


def new_advantage(P, R, pi_new, pi_old, p0, gamma):
    visits = state_visitation(P, pi_new, p0, gamma)
    by_advantage = summed(visits, pi_new, advantages(P, R, pi_new, gamma)) + 0 * pi_old.sum()
    return gain(P, R, pi_new, pi_old, p0, gamma), by_advantage


def policies_exchanged(P, R, pi_new, pi_old, p0, gamma):
    return performance_difference(P, R, pi_old, pi_new, p0, gamma)


def wrong_way_round(P, R, pi_new, pi_old, p0, gamma):
    difference, by_advantage = performance_difference(P, R, pi_new, pi_old, p0, gamma)
    return -difference, by_advantage


def action_values_for_advantages(P, R, pi_new, pi_old, p0, gamma):
    visits = state_visitation(P, pi_new, p0, gamma)
    q_value = action_value(P, R, policy_evaluation(P, R, pi_old, gamma), gamma)
    return gain(P, R, pi_new, pi_old, p0, gamma), summed(visits, pi_new, q_value)


def normalised_visits(P, R, pi_new, pi_old, p0, gamma):
    difference, by_advantage = performance_difference(P, R, pi_new, pi_old, p0, gamma)
    return difference, (1 - gamma) * by_advantage


def first_state_only(P, R, pi_new, pi_old, p0, gamma):
    by_advantage = summed(p0, pi_new, advantages(P, R, pi_old, gamma))
    return gain(P, R, pi_new, pi_old, p0, gamma), by_advantage


def undiscounted_advantage(P, R, pi_new, pi_old, p0, gamma):
    value = policy_evaluation(P, R, pi_old, gamma)
    visits = state_visitation(P, pi_new, p0, gamma)
    advantage = R + P @ value - value.unsqueeze(-1)
    return gain(P, R, pi_new, pi_old, p0, gamma), summed(visits, pi_new, advantage)


def reward_minus_value(P, R, pi_new, pi_old, p0, gamma):
    value = policy_evaluation(P, R, pi_old, gamma)
    visits = state_visitation(P, pi_new, p0, gamma)
    by_advantage = summed(visits, pi_new, R - value.unsqueeze(-1))
    return gain(P, R, pi_new, pi_old, p0, gamma), by_advantage


def values_averaged(P, R, pi_new, pi_old, p0, gamma):
    even = torch.full_like(p0, 1 / len(p0))
    return gain(P, R, pi_new, pi_old, even, gamma), performance_difference(
        P, R, pi_new, pi_old, p0, gamma
    )[1]


def transposed_chain(P, R, pi_new, pi_old, p0, gamma):
    identity = torch.eye(len(P), dtype=P.dtype)
    visits = torch.linalg.solve(identity - gamma * markov_chain(P, pi_new), p0)
    by_advantage = summed(visits, pi_new, advantages(P, R, pi_old, gamma))
    return gain(P, R, pi_new, pi_old, p0, gamma), by_advantage


def one_number(P, R, pi_new, pi_old, p0, gamma):
    return gain(P, R, pi_new, pi_old, p0, gamma)


def by_inverse(P, R, pi_new, pi_old, p0, gamma):
    """Right: one inverse a policy gives values and visits."""
    identity = torch.eye(len(P), dtype=P.dtype)
    old, new = (
        torch.linalg.inv(identity - gamma * torch.einsum("sk,skt->st", pi, P))
        for pi in (pi_old, pi_new)
    )
    value = old @ (pi_old * R).sum(1)
    advantage = R + gamma * torch.einsum("skt,t->sk", P, value) - value[:, None]
    difference = p0 @ (new @ (pi_new * R).sum(1) - value)
    return difference, torch.einsum("s,sk,sk->", p0 @ new, pi_new, advantage)


def step_by_step(P, R, pi_new, pi_old, p0, gamma):
    """Right: both sides as sums over 600 steps, in float64 inside."""
    P, R, pi_new, pi_old, here = (one.double() for one in (P, R, pi_new, pi_old, p0))
    advantage = advantages(P, R, pi_old, gamma)
    new_return, by_advantage, state, weight = 0.0, 0.0, here, 1.0
    for _ in range(600 if gamma else 1):
        new_return = new_return + weight * summed(state, pi_new, R)
        by_advantage = by_advantage + weight * summed(state, pi_new, advantage)
        state, weight = state @ markov_chain(P, pi_new), weight * gamma
    difference = new_return - expected_return(P, R, pi_old, here, gamma)
    return difference.to(p0.dtype), by_advantage.to(p0.dtype)


EXERCISE = Exercise(
    name="performance_difference",
    reference=performance_difference,
    cases=cases,
    statement="the gain is the old policy's advantage of what the new one does, where the new one "
    "is",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "old-states",
            "Your second number weighs states by the *old* policy's visits. That is the surrogate "
            "objective, which comes next and is only nearly right. The identity needs the visits "
            "of the new policy.",
            old_states,
        ),
        Mistake(
            "old-actions",
            "The old policy's own actions were averaged, and their mean advantage is 0 in every "
            "state. Weigh A^π with π', the new policy.",
            old_actions,
        ),
        Mistake(
            "new-advantage",
            "The advantages are those of the new policy, of which the new policy's actions have a "
            "mean of 0. The old policy judges: V and Q of π, not of π'.",
            new_advantage,
        ),
        Mistake(
            "policies-exchanged",
            "The two policies are exchanged everywhere: that is what is gained by going back. The "
            "order of the arguments is pi_new, pi_old.",
            policies_exchanged,
        ),
        Mistake(
            "wrong-way-round",
            "The first number has the wrong sign: the gain is J(π') − J(π), new minus old.",
            wrong_way_round,
        ),
        Mistake(
            "action-values-for-advantages",
            "V was not subtracted: Σ π' Q^π is what the actions are worth, the gain is how much "
            "more than the old policy's average that is. A = Q − V.",
            action_values_for_advantages,
        ),
        Mistake(
            "normalised-visits",
            "The visits were multiplied by 1 − γ, so that they sum to 1. J counts all steps: d^π' "
            "sums to 1/(1 − γ) here.",
            normalised_visits,
        ),
        Mistake(
            "first-state-only",
            "Only the first state counts, as if the agent did something new once and then went "
            "back to π. The new policy acts in all states it comes to: weigh with d^π'.",
            first_state_only,
        ),
        Mistake(
            "undiscounted-advantage",
            "γ is missing in front of V(s') in the advantage: A = R + γ P V − V.",
            undiscounted_advantage,
        ),
        Mistake(
            "reward-minus-value",
            "The advantage lacks what comes after the step: A = R + γ P V − V, not R − V.",
            reward_minus_value,
        ),
        Mistake(
            "values-averaged",
            "J is the mean of V over the *first* states: weigh with p0, not evenly.",
            values_averaged,
        ),
        Mistake(
            "transposed-chain",
            "The visits were solved with the chain that values use. Values look ahead, visits come "
            "from behind: the matrix has to be transposed, or stand on the right of p0.",
            transposed_chain,
        ),
        Mistake(
            "one-number",
            "Only one number came out. Return both sides: (difference, by_advantage).",
            one_number,
        ),
    ),
    variants=(by_inverse, step_by_step),
)
