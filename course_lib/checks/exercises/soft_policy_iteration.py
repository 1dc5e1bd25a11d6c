"""The exercise `soft_policy_iteration`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import world
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.maximum_entropy import (
    boltzmann_policy,
    soft_policy_evaluation,
    soft_policy_iteration,
    soft_value,
)
from course_lib.reference.tabular import action_value


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs and few iterations, where every version still differs; none, and many."""

    def soft(states: int, actions: int, gamma: float, temperature: float, iterations: int) -> dict:
        settings = {"temperature": temperature, "iterations": iterations}
        return world(generator, states, actions, gamma, ("P", "R")) | settings

    return [
        Case("three states, two actions, one iteration", soft(3, 2, 0.8, 0.5, 1)),
        Case("five states, three actions, two iterations", soft(5, 3, 0.95, 0.3, 2)),
        Case("as many actions as states, three iterations", soft(3, 3, 0.9, 1.5, 3)),
        Case("twenty iterations", soft(4, 3, 0.9, 0.2, 20)),
        Case("no iteration: the uniform policy and its Q", soft(4, 2, 0.9, 0.5, 0), EDGE),
        Case("γ = 0", soft(3, 2, 0.0, 0.5, 2), EDGE),
        Case("a single action", soft(3, 1, 0.9, 0.5, 2), EDGE),
    ]


def improve(P, R, gamma, temperature, iterations, pi=None, act=boltzmann_policy):
    """Policy iteration from `pi` (uniform by default), with any way to act on Q."""
    pi = torch.full_like(R, 1 / R.shape[-1]) if pi is None else pi
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = act(q_value, temperature)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value


def one_iteration_more(P, R, gamma, temperature, iterations):
    return improve(P, R, gamma, temperature, iterations + 1)


def old_q(P, R, gamma, temperature, iterations):
    pi, _ = improve(P, R, gamma, temperature, iterations)
    return pi, improve(P, R, gamma, temperature, max(iterations - 1, 0))[1]


def swapped(P, R, gamma, temperature, iterations):
    return improve(P, R, gamma, temperature, iterations)[::-1]


def greedy(P, R, gamma, temperature, iterations):
    def best(q_value: Tensor, temperature: float) -> Tensor:
        return torch.nn.functional.one_hot(q_value.argmax(-1), R.shape[1]).to(R.dtype)

    return improve(P, R, gamma, temperature, iterations, act=best)


def forgets_temperature_in_the_policy(P, R, gamma, temperature, iterations):
    return improve(P, R, gamma, temperature, iterations, act=lambda q_value, _: q_value.softmax(-1))


def evaluates_without_entropy(P, R, gamma, temperature, iterations):
    pi = torch.full_like(R, 1 / R.shape[-1])
    q_value = soft_policy_evaluation(P, R, pi, gamma, 0.0)
    for _ in range(iterations):
        pi = boltzmann_policy(q_value, temperature)
        q_value = soft_policy_evaluation(P, R, pi, gamma, 0.0)
    return pi, q_value


def value_iteration(P, R, gamma, temperature, iterations):
    q_value = torch.zeros_like(R)
    for _ in range(iterations):
        q_value = action_value(P, R, soft_value(q_value, temperature), gamma)
    return boltzmann_policy(q_value, temperature), q_value


def from_the_greedy_policy(P, R, gamma, temperature, iterations):
    return improve(P, R, gamma, temperature, iterations, pi=boltzmann_policy(R, temperature))


def multiplies_policies(P, R, gamma, temperature, iterations):
    pi = torch.full_like(R, 1 / R.shape[-1])
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = (pi.log() + q_value / temperature).softmax(-1)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value


def returns_the_value(P, R, gamma, temperature, iterations):
    pi, q_value = improve(P, R, gamma, temperature, iterations)
    return pi, soft_value(q_value, temperature)


def policy_only(P, R, gamma, temperature, iterations):
    return improve(P, R, gamma, temperature, iterations)[0]


def evaluated_in_the_loop(P, R, gamma, temperature, iterations):
    """Right: evaluates at the head of the loop, once more after it, by a linear solve."""
    states, actions = R.shape

    def evaluate(pi: Tensor) -> Tensor:
        reward = (pi * R).sum(-1) + temperature * torch.special.entr(pi).sum(-1)
        chain = torch.einsum("sk,skt->st", pi, P)
        identity = torch.eye(states, dtype=R.dtype)
        return R + gamma * P @ torch.linalg.solve(identity - gamma * chain, reward)

    pi = torch.ones_like(R) / actions
    for _ in range(iterations):
        pi = (evaluate(pi) / temperature).softmax(-1)
    return pi, evaluate(pi)


def recursive(P, R, gamma, temperature, iterations):
    """Right: calls itself; a list in place of a tuple."""
    if iterations == 0:
        pi = torch.full_like(R, 1 / R.shape[1])
    else:
        _, before = recursive(P, R, gamma, temperature, iterations - 1)
        weight = ((before - before.max(-1, keepdim=True).values) / temperature).exp()
        pi = weight / weight.sum(-1, keepdim=True)
    return [pi, soft_policy_evaluation(P, R, pi, gamma, temperature)]


def ignores_the_number(P, R, gamma, temperature, iterations):
    pi = torch.full_like(R, 1 / R.shape[1])
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(50):
        pi = torch.softmax(q_value / temperature, -1)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value


def one_over_states(P, R, gamma, temperature, iterations):
    pi = torch.full_like(R, 1 / R.shape[0])
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = torch.softmax(q_value / temperature, -1)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value


def starts_with_ones(P, R, gamma, temperature, iterations):
    pi = torch.ones_like(R)
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = torch.softmax(q_value / temperature, -1)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value


def returns_values(P, R, gamma, temperature, iterations):
    pi = torch.full_like(R, 1 / R.shape[1])
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = torch.softmax(q_value / temperature, -1)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, (pi * q_value).sum(-1)


EXERCISE = Exercise(
    name="soft_policy_iteration",
    reference=soft_policy_iteration,
    cases=cases,
    statement="each policy is Boltzmann in the Q of the one before, and `q_value` is the last's",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "one-iteration-more",
            "One improvement too many. `iterations` counts how often the policy is improved; with "
            "0 the uniform policy and its Q come back.",
            one_iteration_more,
        ),
        Mistake(
            "q-of-the-policy-before",
            "The policy is right, but `q_value` still belongs to the policy before it. Evaluate "
            "once more after the last improvement.",
            old_q,
        ),
        Mistake(
            "swapped",
            "The two results are in the wrong order: (pi, q_value).",
            swapped,
        ),
        Mistake(
            "greedy-improvement",
            "The policy becomes greedy in Q. In the soft problem the best answer to Q is the "
            "Boltzmann policy; a greedy one earns no entropy.",
            greedy,
        ),
        Mistake(
            "temperature-missing-in-the-policy",
            "The policy is softmax(Q), as for T = 1; it has to be softmax(Q/T), with the same T "
            "that pays for the entropy.",
            forgets_temperature_in_the_policy,
        ),
        Mistake(
            "evaluates-without-entropy",
            "The policy is evaluated without its entropy. Then improvement and evaluation solve "
            "two different problems, and the improvement theorem no longer holds.",
            evaluates_without_entropy,
        ),
        Mistake(
            "value-iteration",
            "That is soft *value* iteration: one backup from Q = 0 an iteration. It has the same "
            "limit, and other numbers on the way. Here each policy is evaluated to the end.",
            value_iteration,
        ),
        Mistake(
            "starts-elsewhere",
            "The start is not the uniform policy, π₀(a|s) = 1/K.",
            from_the_greedy_policy,
        ),
        Mistake(
            "multiplies-policies",
            "The new policy is π_old · exp(Q/T) / Z. That is a natural gradient step (lesson 08); "
            "here the old policy is forgotten: exp(Q/T) / Z.",
            multiplies_policies,
        ),
        Mistake(
            "returns-v",
            "The second result is V, (S,). Wanted is Q, (S, K), of the policy that is returned.",
            returns_the_value,
        ),
        Mistake(
            "policy-only",
            "Only the policy comes back. Return two things: (pi, q_value).",
            policy_only,
        ),
        Mistake(
            "ignores-the-number",
            "It iterates until nothing changes. Asked for is the policy after exactly "
            "`iterations` improvements, which may be none.",
            ignores_the_number,
        ),
        Mistake(
            "one-over-states",
            "The uniform policy has 1/K for each of K *actions*; here 1 was divided by the "
            "number of states.",
            one_over_states,
        ),
        Mistake(
            "starts-with-ones",
            "It starts from ones. A row of a policy sums to 1: uniform is 1/K.",
            starts_with_ones,
        ),
        Mistake(
            "returns-values",
            "V, one number a state, was returned. Asked for is Q, one number for each state "
            "and action.",
            returns_values,
        ),
    ),
    variants=(evaluated_in_the_loop, recursive),
)
