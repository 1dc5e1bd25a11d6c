"""The exercise `policy_evaluation`: its cases, and what goes wrong with it."""

from functools import partial

import torch
from torch import Tensor

from course_lib.checks.drawing import never_hesitating, solve, world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular import action_value, markov_chain, policy_evaluation


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs; γ = 0, one state, a policy without chance."""

    draw = partial(world, generator, inputs=("P", "R", "pi"))
    certain = never_hesitating(draw(3, 2, 0.9))
    return [
        Case("three states, two actions", draw(3, 2, 0.8)),
        Case("five states, three actions", draw(5, 3, 0.95)),
        Case("as many actions as states", draw(3, 3, 0.9)),
        Case("γ = 0: only the next reward counts", draw(4, 2, 0.0), EDGE),
        Case("a single state", draw(1, 2, 0.75), EDGE),
        Case("a policy without chance", certain, EDGE),
    ]


def expected_reward(R: Tensor, pi: Tensor) -> Tensor:
    """(S,) R_π."""
    return (pi * R).sum(-1)


def transposed(P, R, pi, gamma) -> Tensor:
    return solve(markov_chain(P, pi).mT, expected_reward(R, pi), gamma)


def reward_only(P, R, pi, gamma) -> Tensor:
    return expected_reward(R, pi)


def two_steps(P, R, pi, gamma) -> Tensor:
    reward = expected_reward(R, pi)
    return reward + gamma * markov_chain(P, pi) @ reward


def ten_sweeps(P, R, pi, gamma) -> Tensor:
    value = torch.zeros(len(P), dtype=P.dtype)
    for _ in range(10):
        value = expected_reward(R, pi) + gamma * markov_chain(P, pi) @ value
    return value


def best_action(P, R, pi, gamma) -> Tensor:
    value = torch.zeros(len(P), dtype=P.dtype)
    for _ in range(2_000):
        value = action_value(P, R, value, gamma).max(-1).values
    return value


def uniform_policy(P, R, pi, gamma) -> Tensor:
    return policy_evaluation(P, R, torch.full_like(pi, 1 / pi.shape[1]), gamma)


def rewards_averaged(P, R, pi, gamma) -> Tensor:
    return solve(markov_chain(P, pi), R.mean(-1), gamma)


def rewards_added(P, R, pi, gamma) -> Tensor:
    return solve(markov_chain(P, pi), R.sum(-1), gamma)


def transitions_averaged(P, R, pi, gamma) -> Tensor:
    return solve(P.mean(1), expected_reward(R, pi), gamma)


def sign_of_gamma(P, R, pi, gamma) -> Tensor:
    return solve(markov_chain(P, pi), expected_reward(R, pi), -gamma)


def gamma_on_reward(P, R, pi, gamma) -> Tensor:
    return gamma * policy_evaluation(P, R, pi, gamma)


def normalised(P, R, pi, gamma) -> Tensor:
    return (1 - gamma) * policy_evaluation(P, R, pi, gamma)


def discounted_twice(P, R, pi, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma**2)


def action_values(P, R, pi, gamma) -> Tensor:
    return action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)


def mean_value(P, R, pi, gamma) -> Tensor:
    return policy_evaluation(P, R, pi, gamma).mean()


def changes_rewards(P, R, pi, gamma) -> Tensor:
    R *= pi
    return solve(markov_chain(P, pi), R.sum(-1), gamma)


def hundred_sweeps(P, R, pi, gamma) -> Tensor:
    value = torch.zeros(len(P), dtype=P.dtype)
    for _ in range(100):
        value = expected_reward(R, pi) + gamma * markov_chain(P, pi) @ value
    return value


def until_little_changes(P, R, pi, gamma) -> Tensor:
    value, change = torch.zeros(len(P), dtype=P.dtype), 1.0
    while change > 1e-3:
        following = expected_reward(R, pi) + gamma * markov_chain(P, pi) @ value
        value, change = following, (following - value).abs().max().item()
    return value


def likeliest_action(P, R, pi, gamma) -> Tensor:
    certain = torch.nn.functional.one_hot(pi.argmax(-1), pi.shape[1]).to(pi.dtype)
    return policy_evaluation(P, R, certain, gamma)


def weighted_twice(P, R, pi, gamma) -> Tensor:
    return policy_evaluation(P, pi * R, pi, gamma)


def softmax_again(P, R, pi, gamma) -> Tensor:
    return policy_evaluation(P, R, pi.softmax(-1), gamma)


def discounted_from_the_next(P, R, pi, gamma) -> Tensor:
    chain = markov_chain(P, pi)
    return solve(chain, chain @ expected_reward(R, pi), gamma)


def by_iteration(P, R, pi, gamma) -> Tensor:
    """Right: sweeps until nothing changes any more, in float64 inside."""
    chain, reward = markov_chain(P, pi).double(), expected_reward(R, pi).double()
    value = torch.zeros_like(reward)
    for _ in range(2_000):
        value = reward + gamma * chain @ value
    return value.to(P.dtype)


def by_doubling(P, R, pi, gamma) -> Tensor:
    """Right: the geometric series, its number of terms doubled in each step."""
    power, total = gamma * markov_chain(P, pi), expected_reward(R, pi)
    for _ in range(12):
        total, power = total + power @ total, power @ power
    return total


def through_action_values(P, R, pi, gamma) -> Tensor:
    """Right: a linear system for Q, averaged over the actions."""
    states, actions = R.shape
    size = states * actions
    pairs = (P.unsqueeze(-1) * pi).reshape(size, size)
    q_value = torch.linalg.solve(torch.eye(size, dtype=R.dtype) - gamma * pairs, R.flatten())
    return (pi * q_value.view(states, actions)).sum(-1)


EXERCISE = Exercise(
    name="policy_evaluation",
    reference=policy_evaluation,
    cases=cases,
    statement="V = R_π + γ P_π V holds in every state",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "transposed",
            "The chain is transposed. A value looks *ahead*: row s of P_π says where s leads. (The "
            "transpose collects visits; that was lesson 00.)",
            transposed,
        ),
        Mistake(
            "reward-only",
            "That is the expected next reward. What comes after it is missing: γ P_π V.",
            reward_only,
        ),
        Mistake(
            "two-steps",
            "You look two rewards ahead. V stands on both sides; solve for it.",
            two_steps,
        ),
        Mistake(
            "ten-sweeps",
            "Ten sweeps of V ← R_π + γ P_π V leave an error of γ^10. Solve the linear system, or "
            "go on until nothing changes.",
            ten_sweeps,
        ),
        Mistake(
            "best-action",
            "A maximum over the actions gives the value of the best policy. Evaluate *this* one: "
            "average with π.",
            best_action,
        ),
        Mistake(
            "uniform-policy",
            "All actions count the same. Weigh rewards and transitions with π.",
            uniform_policy,
        ),
        Mistake(
            "rewards-averaged",
            "The rewards are averaged as if all actions were equally likely; the transitions are "
            "weighed rightly. Both need π.",
            rewards_averaged,
        ),
        Mistake(
            "rewards-added",
            "The rewards of all actions are added without π: R_π(s) = Σ_a π(a|s) R(s, a).",
            rewards_added,
        ),
        Mistake(
            "transitions-averaged",
            "The transitions are averaged as if all actions were equally likely; the rewards are "
            "weighed rightly. Both need π.",
            transitions_averaged,
        ),
        Mistake(
            "sign-of-gamma",
            "A plus where a minus belongs: V − γ P_π V = R_π means (I − γ P_π) V = R_π.",
            sign_of_gamma,
        ),
        Mistake(
            "discount-starts-late",
            "Everything carries one γ too many: the next reward counts in full.",
            gamma_on_reward,
        ),
        Mistake(
            "normalised",
            "The values carry a factor 1 − γ. Here V is the plain discounted sum.",
            normalised,
        ),
        Mistake(
            "discounted-twice",
            "γ was applied twice in each step: γ² stands where γ belongs.",
            discounted_twice,
        ),
        Mistake(
            "action-values",
            "Those are the values of state *and* action, (S, K): the next exercise. Average them "
            "over the actions with π.",
            action_values,
        ),
        Mistake(
            "mean-value",
            "The states were averaged. One value a state is wanted, (S,).",
            mean_value,
        ),
        Mistake(
            "not-converged",
            "A hundred sweeps are not enough: with γ = 0.95 the rest still counts 0.006. Solve the "
            "linear system, or go on until nothing changes.",
            hundred_sweeps,
        ),
        Mistake(
            "not-converged",
            "The sweeps stop when a step changes V by less than 0.001. What is still to come may "
            "be 1/(1 − γ) times that: solve the linear system, or use a much smaller bound.",
            until_little_changes,
        ),
        Mistake(
            "likeliest-action",
            "That is the value of always taking the likeliest action. The policy draws: average "
            "with π.",
            likeliest_action,
        ),
        Mistake(
            "weighted-twice",
            "The rewards are weighed with π twice: R_π(s) = Σ_a π(a|s) R(s, a).",
            weighted_twice,
        ),
        Mistake(
            "softmax-again",
            "`pi` went through a softmax once more. It holds probabilities already.",
            softmax_again,
        ),
        Mistake(
            "first-reward-missing",
            "The values begin with the reward of the *next* state. V(s) begins with what is earned "
            "in s.",
            discounted_from_the_next,
        ),
        Mistake("changes-rewards", IN_PLACE, changes_rewards),
    ),
    variants=(by_iteration, by_doubling, through_action_values),
)
