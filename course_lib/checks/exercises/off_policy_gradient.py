"""The exercise `off_policy_gradient`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, tabular
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.off_policy_gradients import (
    off_policy_gradient,
    off_policy_gradient_oracle,
)
from course_lib.reference.tabular import action_value, policy_evaluation, state_visitation
from course_lib.reference.tabular_gradients import gradient_by_state


def cases(generator: torch.Generator) -> list[Case]:
    """Random MDPs with the visits of another policy; γ = 0, one action, states b never sees."""

    def world(states: int, actions: int, gamma: float) -> dict[str, Tensor | float]:
        drawn = tabular(generator, states, actions)
        visits = state_visitation(drawn["P"], drawn["pi"], drawn["p0"], gamma)
        return {
            "P": drawn["P"],
            "R": drawn["R"],
            "logits": normal(generator, states, actions),
            "behavior_visitation": visits,
            "gamma": gamma,
        }

    shares, unseen = world(3, 3, 0.9), world(4, 2, 0.8)
    shares["behavior_visitation"] /= shares["behavior_visitation"].sum()
    unseen["behavior_visitation"][[1, 3]] = 0.0
    return [
        Case("three states, two actions", world(3, 2, 0.8)),
        Case("five states, three actions", world(5, 3, 0.95)),
        Case("as many actions as states, visits as shares", shares),
        Case("two states that b never visits", unseen),
        Case("γ = 0: nothing follows", world(4, 2, 0.0), EDGE),
        Case("a single action: nothing to choose", world(3, 1, 0.9), EDGE),
    ]


def parts(P, R, logits, gamma) -> tuple[Tensor, Tensor]:
    """π and Q^π, each (S, K)."""
    pi = logits.softmax(-1)
    return pi, action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)


def goes_on_with_pi(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return off_policy_gradient_oracle(P, R, logits, behavior_visitation, gamma)


def normalised(P, R, logits, behavior_visitation, gamma) -> Tensor:
    share = behavior_visitation / behavior_visitation.sum()
    return off_policy_gradient(P, R, logits, share, gamma)


def states_alike(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return gradient_by_state(*parts(P, R, logits, gamma))


def own_visits(P, R, logits, behavior_visitation, gamma) -> Tensor:
    start = torch.full_like(behavior_visitation, 1 / len(P))
    visits = state_visitation(P, logits.softmax(-1), start, gamma)
    return off_policy_gradient(P, R, logits, visits, gamma)


def one_step_on(P, R, logits, behavior_visitation, gamma) -> Tensor:
    chain = torch.einsum("sk,skt->st", logits.softmax(-1), P)
    return off_policy_gradient(P, R, logits, behavior_visitation @ chain, gamma)


def reward_for_q(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return behavior_visitation.unsqueeze(-1) * gradient_by_state(logits.softmax(-1), R)


def value_for_q(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return torch.zeros_like(logits)


def not_centred(P, R, logits, behavior_visitation, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    return behavior_visitation.unsqueeze(-1) * pi * q


def without_pi(P, R, logits, behavior_visitation, gamma) -> Tensor:
    pi, q = parts(P, R, logits, gamma)
    return behavior_visitation.unsqueeze(-1) * (q - (pi * q).sum(-1, keepdim=True))


def for_probabilities(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return behavior_visitation.unsqueeze(-1) * parts(P, R, logits, gamma)[1]


def undiscounted_q(P, R, logits, behavior_visitation, gamma) -> Tensor:
    pi = logits.softmax(-1)
    q = R + P @ policy_evaluation(P, R, pi, gamma)
    return behavior_visitation.unsqueeze(-1) * gradient_by_state(pi, q)


def uniform_policy(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return off_policy_gradient(P, R, torch.zeros_like(logits), behavior_visitation, gamma)


def descent(P, R, logits, behavior_visitation, gamma) -> Tensor:
    return -off_policy_gradient(P, R, logits, behavior_visitation, gamma)


def changes_logits(P, R, logits, behavior_visitation, gamma) -> Tensor:
    result = off_policy_gradient(P, R, logits.clone(), behavior_visitation, gamma)
    logits.copy_(logits.softmax(-1))
    return result


def q_held_still(P, R, logits, behavior_visitation, gamma) -> Tensor:
    """Right: autograd, with Q detached."""
    free = logits.detach().clone().requires_grad_()
    q = parts(P, R, logits.detach(), gamma)[1]
    total = behavior_visitation @ (free.softmax(-1) * q).sum(-1)
    return torch.autograd.grad(total, free)[0]


def with_advantages(P, R, logits, behavior_visitation, gamma) -> Tensor:
    """Right: d^b π A."""
    pi, q = parts(P, R, logits, gamma)
    advantage = q - (pi * q).sum(-1, keepdim=True)
    return torch.einsum("s,sk,sk->sk", behavior_visitation, pi, advantage)


def with_jacobians(P, R, logits, behavior_visitation, gamma) -> Tensor:
    """Right: the softmax's Jacobian, state by state, in float64 inside."""
    pi, q = (one.double() for one in parts(P, R, logits, gamma))
    rows = [
        behavior_visitation[s].double() * (torch.diag(pi[s]) - torch.outer(pi[s], pi[s])) @ q[s]
        for s in range(len(P))
    ]
    return torch.stack(rows).to(logits.dtype)


def plain_mean_as_baseline(P, R, logits, behavior_visitation, gamma) -> Tensor:
    pi = logits.softmax(-1)
    q_value = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    own = pi * (q_value - q_value.mean(-1, keepdim=True))
    return behavior_visitation.unsqueeze(-1) * own


EXERCISE = Exercise(
    name="off_policy_gradient",
    reference=off_policy_gradient,
    cases=cases,
    statement="states as b visits them, actions as π judges them",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "goes-on-with-pi",
            "From b's states your visits go on with π. That is the whole gradient, with π∇Q in it; "
            "the approximation stays in the states as b visits them.",
            goes_on_with_pi,
        ),
        Mistake(
            "normalised",
            "The visits were divided by their sum. Take `behavior_visitation` as it comes.",
            normalised,
        ),
        Mistake(
            "states-alike",
            "`behavior_visitation` is not used: all states count the same.",
            states_alike,
        ),
        Mistake(
            "own-visits",
            "The states are weighed with visits of π. The data come from b, and that is all you "
            "have: d^b.",
            own_visits,
        ),
        Mistake(
            "one-step-on",
            "The visits were moved on by one step of π. The update is made in the states where b "
            "has been.",
            one_step_on,
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
            "The factor π in front is missing: π_k (Q_k − Σ_a π Q).",
            without_pi,
        ),
        Mistake(
            "for-probabilities",
            "That is the gradient with respect to probabilities. The parameters are logits; the "
            "softmax has a Jacobian.",
            for_probabilities,
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
            "descent",
            "The sign is flipped: that leads downhill. The gradient itself is wanted, no loss.",
            descent,
        ),
        Mistake("changes-logits", IN_PLACE, changes_logits),
        Mistake(
            "plain-mean-as-baseline",
            "Q minus its plain mean over the actions. The derivative of a softmax subtracts "
            "the mean *under π*: Σ π Q.",
            plain_mean_as_baseline,
        ),
    ),
    variants=(q_held_still, with_advantages, with_jacobians),
)
