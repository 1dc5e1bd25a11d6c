"""The exercise `expected_return`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import never_hesitating, world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import (
    action_value,
    expected_return,
    markov_chain,
    policy_evaluation,
    state_visitation,
)


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs; γ = 0, one state, a policy that never hesitates."""

    draw = partial(world, generator, inputs=("P", "R", "pi", "p0"))
    certain = never_hesitating(draw(3, 2, 0.9))
    return [
        Case("three states, two actions", draw(3, 2, 0.8)),
        Case("five states, three actions", draw(5, 3, 0.95)),
        Case("as many actions as states", draw(3, 3, 0.9)),
        Case("γ = 0: only the first reward counts", draw(4, 2, 0.0), EDGE),
        Case("a single state", draw(1, 2, 0.75), EDGE),
        Case("a policy without chance", certain, EDGE),
    ]


def chain_and_reward(P: Tensor, R: Tensor, pi: Tensor) -> tuple[Tensor, Tensor]:
    """P_π (S, S) and R_π (S,)."""
    return markov_chain(P, pi), (pi * R).sum(-1)


def values_not_averaged(P, R, pi, p0, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma)


def uniform_start(P, R, pi, p0, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma).mean()


def first_state(P, R, pi, p0, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma)[0]


def sum_of_values(P, R, pi, p0, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma).sum()


def one_reward(P, R, pi, p0, gamma) -> Tensor:
    return p0 @ (pi * R).sum(-1)


def two_rewards(P, R, pi, p0, gamma) -> Tensor:
    chain, reward = chain_and_reward(P, R, pi)
    return p0 @ (reward + gamma * chain @ reward)


def normalised(P, R, pi, p0, gamma) -> Tensor:
    return (1 - gamma) * expected_return(P, R, pi, p0, gamma)


def starts_late(P, R, pi, p0, gamma) -> Tensor:
    return gamma * expected_return(P, R, pi, p0, gamma)


def ten_steps(P, R, pi, p0, gamma) -> Tensor:
    chain, reward = chain_and_reward(P, R, pi)
    total, now = torch.zeros_like(p0[0]), p0
    for k in range(10):
        total, now = total + gamma**k * (now @ reward), now @ chain
    return total


def transposed(P, R, pi, p0, gamma) -> Tensor:
    chain, reward = chain_and_reward(P, R, pi)
    return p0 @ torch.linalg.solve(torch.eye(len(p0), dtype=p0.dtype) - gamma * chain.mT, reward)


def rewards_added(P, R, pi, p0, gamma) -> Tensor:
    return state_visitation(P, pi, p0, gamma) @ R.sum(-1)


def uniform_policy(P, R, pi, p0, gamma) -> Tensor:
    return expected_return(P, R, torch.full_like(pi, 1 / pi.shape[1]), p0, gamma)


def rewards_averaged(P, R, pi, p0, gamma) -> Tensor:
    return state_visitation(P, pi, p0, gamma) @ R.mean(-1)


def best_action(P, R, pi, p0, gamma) -> Tensor:
    value = torch.zeros_like(p0)
    for _ in range(2_000):
        value = action_value(P, R, value, gamma).max(-1).values
    return p0 @ value


def long_run_average(P, R, pi, p0, gamma) -> Tensor:
    chain, reward = chain_and_reward(P, R, pi)
    return torch.linalg.matrix_power(chain.mT, 4096) @ p0 @ reward


def discounted_twice(P, R, pi, p0, gamma) -> Tensor:
    return expected_return(P, R, pi, p0, gamma**2)


def changes_rewards(P, R, pi, p0, gamma) -> Tensor:
    R *= pi
    return state_visitation(P, pi, p0, gamma) @ R.sum(-1)


def hundred_sweeps(P, R, pi, p0, gamma) -> Tensor:
    chain, reward = chain_and_reward(P, R, pi)
    value = torch.zeros_like(reward)
    for _ in range(100):
        value = reward + gamma * chain @ value
    return p0 @ value


def one_a_start(P, R, pi, p0, gamma) -> Tensor:
    return p0 * policy_evaluation(P, R, pi, gamma)


def best_start(P, R, pi, p0, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma).max()


def likeliest_start(P, R, pi, p0, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma)[p0.argmax()]


def likeliest_action(P, R, pi, p0, gamma) -> Tensor:
    certain = torch.nn.functional.one_hot(pi.argmax(-1), pi.shape[1]).to(pi.dtype)
    return expected_return(P, R, certain, p0, gamma)


def from_the_second_state(P, R, pi, p0, gamma) -> Tensor:
    return p0 @ markov_chain(P, pi) @ policy_evaluation(P, R, pi, gamma)


def weighted_twice(P, R, pi, p0, gamma) -> Tensor:
    return expected_return(P, pi * R, pi, p0, gamma)


def uniform_chain(P, R, pi, p0, gamma) -> Tensor:
    chain, reward = P.mean(1), (pi * R).sum(-1)
    identity = torch.eye(len(p0), dtype=p0.dtype)
    return p0 @ torch.linalg.solve(identity - gamma * chain, reward)


def through_visits(P, R, pi, p0, gamma) -> Tensor:
    """Right: every state's visits times what it earns."""
    return (state_visitation(P, pi, p0, gamma).unsqueeze(1) * pi * R).sum()


def by_iteration(P, R, pi, p0, gamma) -> Tensor:
    """Right: the values by repeating V ← R_π + γ P_π V, in float64 inside."""
    chain, reward = (tensor.double() for tensor in chain_and_reward(P, R, pi))
    value = torch.zeros_like(reward)
    for _ in range(2_000):
        value = reward + gamma * chain @ value
    return (p0.double() @ value).to(p0.dtype)


def in_pairs(P, R, pi, p0, gamma) -> Tensor:
    """Right: one linear system over pairs of state and action."""
    states, actions = R.shape
    pairs = torch.einsum("skt,tl->sktl", P, pi).reshape(states * actions, states * actions)
    identity = torch.eye(states * actions, dtype=R.dtype)
    q_value = torch.linalg.solve(identity - gamma * pairs, R.flatten())
    return (p0.unsqueeze(1) * pi).flatten() @ q_value


EXERCISE = Exercise(
    name="expected_return",
    reference=expected_return,
    cases=cases,
    statement="J, exactly: no episode was played, and none could improve it",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "values-not-averaged",
            "Those are the values of all states. J is one number: weigh them with where an "
            "episode starts, Σ_s p0(s) V(s).",
            values_not_averaged,
        ),
        Mistake(
            "uniform-start",
            "That is the mean of the values, as if every state were an equally likely start. The "
            "start is drawn from p0.",
            uniform_start,
        ),
        Mistake(
            "first-state",
            "That is the value of state 0. The start is drawn from p0.",
            first_state,
        ),
        Mistake(
            "sum-of-values",
            "The values are added up. Weigh them with p0.",
            sum_of_values,
        ),
        Mistake(
            "one-reward",
            "That is the expected first reward. The return adds all later ones, discounted.",
            one_reward,
        ),
        Mistake(
            "two-rewards",
            "That is the first two rewards. V stands on both sides of V = R_π + γ P_π V: solve "
            "for it, or repeat the line until nothing changes.",
            two_rewards,
        ),
        Mistake(
            "normalised",
            "The result carries a factor 1 − γ: an average reward a step. The return is the "
            "discounted sum.",
            normalised,
        ),
        Mistake(
            "discount-starts-late",
            "Everything carries one γ too many: the first reward counts γ⁰ = 1.",
            starts_late,
        ),
        Mistake(
            "ten-steps",
            "You stop after ten steps. With γ = 0.95 the eleventh still counts 0.6.",
            ten_steps,
        ),
        Mistake(
            "transposed",
            "The matrix in your system is transposed. A value looks ahead, V = R_π + γ P_π V; it "
            "is the visits that collect with P_πᵀ.",
            transposed,
        ),
        Mistake(
            "rewards-added",
            "The rewards of all actions are added, without the policy's probabilities: "
            "R_π(s) = Σ_a π(a|s) R(s, a).",
            rewards_added,
        ),
        Mistake(
            "uniform-policy",
            "All actions count the same in your solution. Weigh both the rewards and the "
            "transitions with π.",
            uniform_policy,
        ),
        Mistake(
            "rewards-averaged",
            "The rewards of a state are averaged over the actions as if they were equally likely. "
            "Weigh them with π.",
            rewards_averaged,
        ),
        Mistake(
            "best-action",
            "A maximum over the actions gives the value of the best policy. J is the return of "
            "*this* policy, whatever it does.",
            best_action,
        ),
        Mistake(
            "long-run-average",
            "That is the average reward after very long. J counts from the start, with a discount.",
            long_run_average,
        ),
        Mistake(
            "discounted-twice", "γ was applied twice in each step: γ² for γ.", discounted_twice
        ),
        Mistake(
            "hundred-sweeps",
            "You stop after a hundred sweeps. With γ = 0.95 what is left still counts 0.006 of the "
            "sum: solve the linear system, or go on until nothing changes.",
            hundred_sweeps,
        ),
        Mistake(
            "one-a-start",
            "One number for each first state came out, (S,). Add them up: p0 @ V.",
            one_a_start,
        ),
        Mistake(
            "best-start",
            "That is the value of the best state. An episode does not start there by choice: the "
            "start is drawn from p0.",
            best_start,
        ),
        Mistake(
            "likeliest-start",
            "That is the value of the likeliest start. Weigh all of them with p0.",
            likeliest_start,
        ),
        Mistake(
            "likeliest-action",
            "That is the return of always taking the likeliest action. The policy draws: average "
            "with π.",
            likeliest_action,
        ),
        Mistake(
            "from-the-second-state",
            "The return is counted from the second state on. The first reward counts too, in full.",
            from_the_second_state,
        ),
        Mistake(
            "weighted-twice",
            "The rewards are weighed with π twice: R_π(s) = Σ_a π(a|s) R(s, a).",
            weighted_twice,
        ),
        Mistake(
            "uniform-chain",
            "The rewards are weighed with π, the transitions as if all actions were equally "
            "likely. Both need π.",
            uniform_chain,
        ),
        Mistake("changes-rewards", IN_PLACE, changes_rewards),
    ),
    variants=(through_visits, by_iteration, in_pairs),
)
