"""The exercise `soft_policy_evaluation`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.maximum_entropy import soft_policy_evaluation
from course_lib.reference.tabular import action_value, policy_evaluation

INPUTS = ("P", "R", "pi")


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs; no entropy, γ = 0, actions that are never taken, steps that may be the last."""

    def soft(states: int, actions: int, gamma: float, temperature: float) -> dict:
        return {**world(generator, states, actions, gamma, INPUTS), "temperature": temperature}

    certain = soft(3, 2, 0.9, 0.5)
    certain["pi"] = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    partly = soft(3, 3, 0.9, 0.5)
    partly["pi"] = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.3, 0.7], [0.2, 0.8, 0.0]]).double()
    ending = soft(4, 2, 0.9, 0.5)
    ending["P"] = 0.8 * ending["P"]
    return [
        Case("three states, two actions", soft(3, 2, 0.8, 0.5)),
        Case("five states, three actions", soft(5, 3, 0.95, 0.2)),
        Case("as many actions as states", soft(3, 3, 0.9, 2.0)),
        Case("a step ends the episode with probability 0.2", ending),
        Case("T = 0: ordinary policy evaluation", soft(4, 2, 0.9, 0.0), EDGE),
        Case("γ = 0: no next state, no entropy", soft(4, 2, 0.0, 0.5), EDGE),
        Case("a single state", soft(1, 2, 0.75, 0.5), EDGE),
        Case("a policy without chance", certain, EDGE),
        Case("a policy that never takes some of the actions", partly, EDGE),
    ]


def entropy(pi: Tensor) -> Tensor:
    """(S, 1) H(π(·|s))."""
    return torch.special.entr(pi).sum(-1, keepdim=True)


def with_own_entropy(P, R, pi, gamma, temperature) -> Tensor:
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return q_value + temperature * entropy(pi)


def no_entropy(P, R, pi, gamma, temperature) -> Tensor:
    return soft_policy_evaluation(P, R, pi, gamma, 0.0)


def entropy_costs(P, R, pi, gamma, temperature) -> Tensor:
    reward = R - temperature * entropy(pi)
    return action_value(P, R, policy_evaluation(P, reward, pi, gamma), gamma)


def no_temperature(P, R, pi, gamma, temperature) -> Tensor:
    return soft_policy_evaluation(P, R, pi, gamma, 1.0)


def next_entropy_only(P, R, pi, gamma, temperature) -> Tensor:
    q_value = soft_policy_evaluation(P, R, pi, gamma, 0.0)
    return q_value + gamma * temperature * P @ entropy(pi).squeeze(-1)


def entropy_not_discounted(P, R, pi, gamma, temperature) -> Tensor:
    reward = R + temperature * (P @ entropy(pi).squeeze(-1))
    return action_value(P, reward, policy_evaluation(P, reward, pi, gamma), gamma)


def logarithm_of_zero(P, R, pi, gamma, temperature) -> Tensor:
    own = -(pi * pi.log()).sum(-1, keepdim=True)
    return action_value(P, R, policy_evaluation(P, R + temperature * own, pi, gamma), gamma)


def log_prob_of_each_action(P, R, pi, gamma, temperature) -> Tensor:
    return soft_policy_evaluation(P, R, pi, gamma, temperature) - temperature * pi.log().clamp(-50)


def greedy_values(P, R, pi, gamma, temperature) -> Tensor:
    q_value = R.clone()
    for _ in range(1_000):
        q_value = action_value(P, R, q_value.max(-1).values, gamma)
    return q_value


def best_soft_values(P, R, pi, gamma, temperature) -> Tensor:
    q_value = R.clone()
    for _ in range(1_000):
        soft = max(temperature, 1e-3) * (q_value / max(temperature, 1e-3)).logsumexp(-1)
        q_value = action_value(P, R, soft, gamma)
    return q_value


def state_values(P, R, pi, gamma, temperature) -> Tensor:
    return policy_evaluation(P, R + temperature * entropy(pi), pi, gamma)


def ten_sweeps(P, R, pi, gamma, temperature) -> Tensor:
    q_value = torch.zeros_like(R)
    for _ in range(10):
        value = (pi * q_value).sum(-1) + temperature * entropy(pi).squeeze(-1)
        q_value = action_value(P, R, value, gamma)
    return q_value


def changes_rewards(P, R, pi, gamma, temperature) -> Tensor:
    R += temperature * gamma * (P @ entropy(pi).squeeze(-1))
    return action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)


def by_iteration(P, R, pi, gamma, temperature) -> Tensor:
    """Right: the Bellman equation, swept until nothing changes, with 0 · log 0 = 0 by a mask."""
    log_pi = torch.where(pi > 0, pi, 1.0).log()
    q_value = torch.zeros_like(R)
    for _ in range(2_000):
        q_value = R + gamma * P @ (pi * (q_value - temperature * log_pi)).sum(-1)
    return q_value


def as_one_system(P, R, pi, gamma, temperature) -> Tensor:
    """Right: a linear system for Q, with the entropy of the next state as part of the reward."""
    size = R.numel()
    pairs = (P.unsqueeze(-1) * pi).reshape(size, size)
    reward = R + gamma * temperature * (P @ torch.special.entr(pi).sum(-1))
    identity = torch.eye(size, dtype=R.dtype)
    return torch.linalg.solve(identity - gamma * pairs, reward.flatten()).view_as(R)


def nan_to_zero(P, R, pi, gamma, temperature) -> Tensor:
    own = -(pi * pi.log()).sum(-1, keepdim=True).nan_to_num(0.0)
    return action_value(P, R, policy_evaluation(P, R + temperature * own, pi, gamma), gamma)


def mean_entropy(P, R, pi, gamma, temperature) -> Tensor:
    return soft_policy_evaluation(P, R, pi, gamma, temperature / pi.shape[-1])


def chain_backwards(P, R, pi, gamma, temperature) -> Tensor:
    reward = (pi * R).sum(-1) + temperature * entropy(pi).squeeze(-1)
    chain = torch.einsum("sk,skt->ts", pi, P)
    value = torch.linalg.solve(torch.eye(len(P), dtype=P.dtype) - gamma * chain, reward)
    return action_value(P, R, value, gamma)


def rewards_not_weighted(P, R, pi, gamma, temperature) -> Tensor:
    reward = R.mean(-1, keepdim=True) + temperature * entropy(pi)
    value = policy_evaluation(P, reward.expand_as(R), pi, gamma)
    return action_value(P, R, value, gamma)


def gamma_missing_at_the_end(P, R, pi, gamma, temperature) -> Tensor:
    value = policy_evaluation(P, R + temperature * entropy(pi), pi, gamma)
    return action_value(P, R, value, 1.0)


EXERCISE = Exercise(
    name="soft_policy_evaluation",
    reference=soft_policy_evaluation,
    cases=cases,
    statement="Q = R + γ P V with V = Σ π (Q − T log π) holds for every state and action",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "own-entropy-in-q",
            "Q(s, a) contains the entropy of s itself. Who asks for Q(s, a) has chosen a already: "
            "nothing is random any more. The entropy of s belongs to V(s), that of the *next* "
            "states to Q.",
            with_own_entropy,
        ),
        Mistake(
            "no-entropy",
            "That is the ordinary Q. Every later state also pays T times its entropy.",
            no_entropy,
        ),
        Mistake(
            "entropy-costs",
            "The entropy is subtracted. −T log π is positive: it is a reward for acting at random.",
            entropy_costs,
        ),
        Mistake(
            "no-temperature",
            "The entropy is counted as it is, as for T = 1. A nat is worth T.",
            no_temperature,
        ),
        Mistake(
            "next-entropy-only",
            "Only the entropy of the very next state is counted. All later ones pay as well: it "
            "has to be inside the Bellman equation, as part of V.",
            next_entropy_only,
        ),
        Mistake(
            "entropy-not-discounted",
            "The next state's entropy comes one step later, so it is discounted: "
            "R + γ P (… + T H), not R + T P H + …. (Lecture 001 defines r_π without this γ.)",
            entropy_not_discounted,
        ),
        Mistake(
            "zero-times-log-zero",
            "Where π is 0, log π is −∞, and 0 · (−∞) is not a number. The limit of x log x is 0: "
            "torch.special.entr, or a mask.",
            logarithm_of_zero,
        ),
        Mistake(
            "log-prob-of-the-action",
            "−T log π(a|s) was added to Q(s, a). That is the price of the action just taken; it "
            "belongs to V(s), and Q begins after it.",
            log_prob_of_each_action,
        ),
        Mistake(
            "greedy-values",
            "A maximum over the next actions gives the value of the greedy policy. Evaluate *this* "
            "one: average with π.",
            greedy_values,
        ),
        Mistake(
            "best-soft-values",
            "T log Σ exp(Q/T) is the value of the *best* soft policy. Evaluate this one: "
            "Σ π (Q − T log π).",
            best_soft_values,
        ),
        Mistake(
            "state-values",
            "That is the soft V, (S,). Wanted is Q, (S, K): R + γ P V.",
            state_values,
        ),
        Mistake(
            "ten-sweeps",
            "Ten sweeps leave an error of γ^10. Solve the linear system, or go on until nothing "
            "changes.",
            ten_sweeps,
        ),
        Mistake("changes-r", IN_PLACE, changes_rewards),
        Mistake(
            "nan-to-zero",
            "The sum over actions is not a number where one π is 0, and nan_to_num makes the "
            "*whole* entropy of that state 0. Only the summand 0 · log 0 is 0: "
            "torch.special.entr, or a mask before the sum.",
            nan_to_zero,
        ),
        Mistake(
            "mean-entropy",
            "The entropy is averaged over the actions. It is a sum: −Σ π log π; the weights π "
            "are in it already.",
            mean_entropy,
        ),
        Mistake(
            "chain-backwards",
            "The chain is transposed. Visits flow forwards in time and need P_π transposed "
            "(lesson 00); values look ahead: V(s) = r(s) + γ Σ P_π(s, s') V(s').",
            chain_backwards,
        ),
        Mistake(
            "rewards-not-weighted",
            "The rewards are averaged over all actions alike. The policy takes some more "
            "often than others: Σ π R.",
            rewards_not_weighted,
        ),
        Mistake(
            "gamma-missing-at-the-end",
            "V is right, but the last line forgets the discount: Q = R + γ P V.",
            gamma_missing_at_the_end,
        ),
    ),
    variants=(by_iteration, as_one_system),
)
