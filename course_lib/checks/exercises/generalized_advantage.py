"""The exercise `generalized_advantage`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import rollout
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.advantages import generalized_advantage, td_error


def cases(generator: torch.Generator) -> list[Case]:
    """An end of each kind inside the rollout and at its edge; then λ, γ and T at their limits."""
    both = rollout(generator, (4, 2), terminated=((1, 0),), truncated=((2, 1),))
    long = rollout(
        generator,
        (9, 3),
        terminated=((2, 0), (8, 1)),
        truncated=((5, 0), (3, 2), (8, 2)),
    )
    same_step = rollout(generator, (5, 2), terminated=((2, 0),), truncated=((2, 0), (3, 1)))
    square = rollout(generator, (4, 4), terminated=((0, 1),), truncated=((2, 3),))
    one = rollout(generator, (1, 3), terminated=((0, 1),), truncated=((0, 2),))
    return [
        Case("one termination, one truncation", {**both, "gamma": 0.9, "gae_lambda": 0.8}),
        Case(
            "nine steps of three environments",
            {**long, "gamma": 0.97, "gae_lambda": 0.9},
        ),
        Case(
            "as many steps as environments",
            {**square, "gamma": 0.95, "gae_lambda": 0.7},
        ),
        Case(
            "a step both terminated and truncated is terminated",
            {**same_step, "gamma": 0.9, "gae_lambda": 0.6},
            EDGE,
        ),
        Case("λ = 0", {**long, "gamma": 0.9, "gae_lambda": 0.0}, EDGE),
        Case("λ = 1", {**long, "gamma": 0.9, "gae_lambda": 1.0}, EDGE),
        Case("γ = 1", {**long, "gamma": 1.0, "gae_lambda": 0.5}, EDGE),
        Case("a rollout of one step", {**one, "gamma": 0.9, "gae_lambda": 0.8}, EDGE),
    ]


def backwards(delta: Tensor, carry: Tensor) -> Tensor:
    """Â_t = δ_t + carry_t Â_{t+1}: what all versions below share."""
    advantage = torch.zeros_like(delta)
    last = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        last = delta[t] + carry[t] * last
        advantage[t] = last
    return advantage


def as_number(flag: Tensor, like: Tensor) -> Tensor:
    """1 where the flag is down."""
    return (~flag).to(like.dtype)


def truncation_as_termination(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    stops = terminated | truncated
    delta = td_error(reward, value, next_value, stops, gamma)
    return backwards(delta, gamma * gae_lambda * as_number(stops, delta))


def ignores_truncated(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    return backwards(delta, gamma * gae_lambda * as_number(terminated, delta))


def no_ends(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = reward + gamma * next_value - value
    return backwards(delta, torch.full_like(delta, gamma * gae_lambda))


def bootstraps_after_termination(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    delta = reward + gamma * next_value - value
    return backwards(delta, gamma * gae_lambda * as_number(terminated | truncated, delta))


def sum_crosses_ends(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    return backwards(delta, torch.full_like(delta, gamma * gae_lambda))


def shifted_ends(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    ended = torch.cat([terminated[1:], torch.zeros_like(terminated[:1])])
    stops = torch.cat([(terminated | truncated)[1:], torch.zeros_like(terminated[:1])])
    delta = td_error(reward, value, next_value, ended, gamma)
    return backwards(delta, gamma * gae_lambda * as_number(stops, delta))


def value_of_the_next_row(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    following = torch.cat([value[1:], next_value[-1:]])
    delta = td_error(reward, value, following, terminated, gamma)
    return backwards(delta, gamma * gae_lambda * as_number(terminated | truncated, delta))


def no_bootstrap_at_the_last_row(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    cut = torch.cat([next_value[:-1], torch.zeros_like(next_value[-1:])])
    return generalized_advantage(reward, value, cut, terminated, truncated, gamma, gae_lambda)


def one_step_only(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    return td_error(reward, value, next_value, terminated, gamma)


def forgets_lambda(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    return backwards(delta, gamma * as_number(terminated | truncated, delta))


def forgets_gamma(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    return backwards(delta, gae_lambda * as_number(terminated | truncated, delta))


def one_minus_lambda(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    return backwards(delta, gamma * (1 - gae_lambda) * as_number(terminated | truncated, delta))


def forward_in_time(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    carry = gamma * gae_lambda * as_number(terminated | truncated, delta)
    return backwards(delta.flip(0), carry.flip(0)).flip(0)


def time_reversed(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, terminated, gamma)
    carry = gamma * gae_lambda * as_number(terminated | truncated, delta)
    return backwards(delta, carry).flip(0)


def flags_swapped(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = td_error(reward, value, next_value, truncated, gamma)
    return backwards(delta, gamma * gae_lambda * as_number(terminated | truncated, delta))


def link_of_the_step_before(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    delta, end = td_error(reward, value, next_value, terminated, gamma), terminated | truncated
    before = torch.cat([torch.zeros_like(end[:1]), end[:-1]])
    return backwards(delta, gamma * gae_lambda * as_number(before, delta))


def reward_masked(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    delta = (reward + gamma * next_value) * as_number(terminated, reward) - value
    return backwards(delta, gamma * gae_lambda * as_number(terminated | truncated, delta))


def value_target(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    return value + generalized_advantage(
        reward, value, next_value, terminated, truncated, gamma, gae_lambda
    )


def normalized(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    advantage = generalized_advantage(
        reward, value, next_value, terminated, truncated, gamma, gae_lambda
    )
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)


def lambda_return_form(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    """Right: the λ-return minus the value."""
    target = reward + gamma * next_value.masked_fill(terminated, 0)
    rows, last = [], torch.zeros_like(target[0])
    for t in reversed(range(len(reward))):
        stop = terminated[t] | truncated[t] | (t == len(reward) - 1)
        blend = (1 - gae_lambda) * next_value[t] + gae_lambda * last
        last = torch.where(stop, target[t], reward[t] + gamma * blend)
        rows.insert(0, last)
    return torch.stack(rows) - value


def double_loop(reward, value, next_value, terminated, truncated, gamma, gae_lambda) -> Tensor:
    """Right: the sum written out, in float64 inside, without a gradient."""
    steps, envs = reward.shape
    advantage = torch.zeros(steps, envs, dtype=torch.float64)
    with torch.no_grad():
        for n in range(envs):
            for t in range(steps):
                weight = 1.0
                for k in range(t, steps):
                    future = 0.0 if terminated[k, n] else gamma * next_value[k, n].item()
                    delta = reward[k, n].item() + future - value[k, n].item()
                    advantage[t, n] += weight * delta
                    weight *= gamma * gae_lambda
                    if terminated[k, n] or truncated[k, n]:
                        break
    return advantage.to(reward.dtype)


EXERCISE = Exercise(
    name="generalized_advantage",
    reference=generalized_advantage,
    cases=cases,
    statement="it bootstraps at a time limit, not after the end, and sums across neither",
    points={VALUE: 3, EDGE: 1},
    noted_gradient=("value", "next_value"),
    mistakes=(
        Mistake(
            "truncation-as-termination",
            "A time limit is treated as the end of the world: your δ leaves out V(s') where the "
            "step was truncated. The pole had not fallen; someone stopped the clock. Bootstrap "
            "there with next_value, and cut only the sum.",
            truncation_as_termination,
        ),
        Mistake(
            "ignores-truncated",
            "`truncated` is ignored, so the sum runs on across a time limit into the next episode, "
            "and an action is paid for what another episode did. Cut the sum wherever the episode "
            "stopped, terminated or truncated.",
            ignores_truncated,
        ),
        Mistake(
            "no-ends",
            "Neither flag is used: the sum runs through the ends of episodes, and V(s') is added "
            "even after the MDP has ended.",
            no_ends,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The sum stops in the right places, but δ still adds γV(s') after a termination. The "
            "pole fell; nothing comes after that: multiply the bootstrap by (1 − terminated).",
            bootstraps_after_termination,
        ),
        Mistake(
            "sum-crosses-ends",
            "δ is right, but the recursion carries Â across the ends of episodes: multiply γλ by "
            "(1 − terminated)(1 − truncated) of the same step t.",
            sum_crosses_ends,
        ),
        Mistake(
            "shifted-ends",
            "The flags are read one step late: `terminated[t]` belongs to the same step as "
            "`reward[t]`, so it masks δ_t and the link from t to t + 1, not the ones before.",
            shifted_ends,
        ),
        Mistake(
            "value-of-the-next-row",
            "You use value[t + 1] for V(s_{t+1}). At the end of an episode that row holds the "
            "first state of the *next* episode; next_value[t] is the state the step led to.",
            value_of_the_next_row,
        ),
        Mistake(
            "no-bootstrap-at-the-last-row",
            "The last row of the rollout gets no bootstrap. The rollout stops there, the episode "
            "does not: unless it terminated, δ of the last step contains γ next_value as well.",
            no_bootstrap_at_the_last_row,
        ),
        Mistake(
            "one-step-only",
            "That is the TD error δ_t alone, the case λ = 0. The later errors are missing: "
            "Â_t = δ_t + γλ Â_{t+1}.",
            one_step_only,
        ),
        Mistake(
            "forgets-lambda",
            "The recursion carries γ Â_{t+1}; λ is missing. That is the case λ = 1: all the "
            "variance of the whole return.",
            forgets_lambda,
        ),
        Mistake(
            "forgets-gamma",
            "The recursion carries λ Â_{t+1}; γ is missing there. Later errors are worth less for "
            "both reasons: (γλ)^k.",
            forgets_gamma,
        ),
        Mistake(
            "one-minus-lambda",
            "The recursion carries γ(1 − λ). That factor belongs to the other way of writing it, "
            "the λ-weighted mean of n-step advantages; in the sum of δ the weight is (γλ)^k.",
            one_minus_lambda,
        ),
        Mistake(
            "forward-in-time",
            "The loop runs forwards, so each advantage collects the past. Â_t needs Â_{t+1}: start "
            "at the last step.",
            forward_in_time,
        ),
        Mistake(
            "time-reversed",
            "Time runs backwards in the result: the recursion starts at the last step, so what it "
            "appends stands in reverse order. Turn the list round, or insert at its front.",
            time_reversed,
        ),
        Mistake(
            "flags-swapped",
            "The two flags are exchanged in δ: after a termination you bootstrap, after a "
            "truncation you do not. The pole that fell has no future; the one whose clock ran out "
            "has.",
            flags_swapped,
        ),
        Mistake(
            "link-of-the-step-before",
            "The recursion is cut by the flags of step t − 1. Here `terminated[t]` says that the "
            "episode ended *with* step t, so it cuts the link from t to t + 1.",
            link_of_the_step_before,
        ),
        Mistake(
            "reward-masked",
            "The mask multiplies the reward too, so the last reward of each episode is thrown "
            "away. Only the bootstrap γV(s') ends with the episode.",
            reward_masked,
        ),
        Mistake(
            "value-target",
            "That is Â + V, the regression target of the critic. The advantage is without V.",
            value_target,
        ),
        Mistake(
            "normalized",
            "The advantages come out with mean 0 and standard deviation 1. Normalising is a step "
            "of its own, and the value targets Â + V need the numbers before it.",
            normalized,
        ),
    ),
    variants=(lambda_return_form, double_loop),
)
