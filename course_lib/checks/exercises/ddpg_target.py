"""The exercise `ddpg_target`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import quadratic_critic, tanh_policy, transitions
from course_lib.checks.drivers import wants_gradient
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.deterministic import ddpg_target
from course_lib.reference.q_learning import bootstrapped


def cases(generator: torch.Generator) -> list[Case]:
    """Small networks with two action dimensions; B = S = D; ends everywhere and nowhere; γ = 0."""

    def batch(rows: int, size: int, actions: int, gamma: float, *ends: int) -> dict[str, Any]:
        return {
            **transitions(generator, rows, size, *ends),
            "target_policy": tanh_policy(generator, size, actions),
            "target_q_function": quadratic_critic(generator, size, actions),
            "gamma": gamma,
        }

    return [
        Case("four steps, one termination", batch(4, 3, 2, 0.9, 2)),
        Case("seven steps, one action dimension", batch(7, 2, 1, 0.97, 0, 4)),
        Case("as many steps as dimensions", batch(3, 3, 3, 0.8, 1)),
        Case("is a target a constant?", batch(4, 3, 2, 0.9, 1), VALUE, wants_gradient),
        Case("no end at all", batch(5, 3, 2, 0.95), EDGE),
        Case("every step ends an episode", batch(3, 2, 2, 0.95, 0, 1, 2), EDGE),
        Case("γ = 0", batch(4, 3, 1, 0.0, 1), EDGE),
        Case("a minibatch of one", batch(1, 3, 2, 0.9), EDGE),
    ]


@torch.no_grad()
def judged(next_obs, target_policy, target_q_function) -> Tensor:
    return target_q_function(next_obs, target_policy(next_obs))


@torch.no_grad()
def bootstraps_after_termination(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    return reward + gamma * judged(next_obs, target_policy, target_q_function)


def bootstraps_only_at_ends(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    future = judged(next_obs, target_policy, target_q_function)
    return bootstrapped(reward, future, ~terminated, gamma)


def reward_masked(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    future = judged(next_obs, target_policy, target_q_function)
    return (reward + gamma * future).masked_fill(terminated, 0)


def plus_mask(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    future = judged(next_obs, target_policy, target_q_function)
    return reward + gamma * (~terminated).to(reward.dtype) + future


def forgets_gamma(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    return ddpg_target(reward, next_obs, terminated, target_policy, target_q_function, 1.0)


def discounts_the_reward(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    return gamma * ddpg_target(reward, next_obs, terminated, target_policy, target_q_function, 1.0)


@torch.no_grad()
def action_zero(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    action = torch.zeros_like(target_policy(next_obs))
    return bootstrapped(reward, target_q_function(next_obs, action), terminated, gamma)


@torch.no_grad()
def squashed_twice(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    action = torch.tanh(target_policy(next_obs))
    return bootstrapped(reward, target_q_function(next_obs, action), terminated, gamma)


@torch.no_grad()
def first_action_for_all(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    action = target_policy(next_obs)[:1].repeat(len(next_obs), 1)
    return bootstrapped(reward, target_q_function(next_obs, action), terminated, gamma)


def reward_forgotten(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    zero = torch.zeros_like(reward)
    return ddpg_target(zero, next_obs, terminated, target_policy, target_q_function, gamma)


def mean_future(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    future = judged(next_obs, target_policy, target_q_function).mean().expand_as(reward)
    return bootstrapped(reward, future, terminated, gamma)


def best_future(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    future = judged(next_obs, target_policy, target_q_function).max().expand_as(reward)
    return bootstrapped(reward, future, terminated, gamma)


@torch.no_grad()
def column_of_targets(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    future = judged(next_obs, target_policy, target_q_function).unsqueeze(-1)
    return reward + gamma * future * (~terminated).to(reward.dtype)


def not_detached(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    future = target_q_function(next_obs, target_policy(next_obs))
    return reward + gamma * future.masked_fill(terminated, 0)


@torch.no_grad()
def changes_reward(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    reward += gamma * judged(next_obs, target_policy, target_q_function).masked_fill(terminated, 0)
    return reward


def with_where(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    """Right: `where` for the ends, detached afterwards."""
    future = target_q_function(next_obs, target_policy(next_obs))
    return torch.where(terminated, reward, reward + gamma * future).detach()


def row_by_row(reward, next_obs, terminated, target_policy, target_q_function, gamma) -> Tensor:
    """Right: one transition at a time."""
    rows = []
    for i in range(len(reward)):
        obs = next_obs[i : i + 1]
        future = target_q_function(obs, target_policy(obs)).item()
        rows.append(reward[i].item() + (0.0 if terminated[i] else gamma * future))
    return torch.tensor(rows, dtype=reward.dtype)


@torch.no_grad()
def only_the_living(
    reward, next_obs, terminated, target_policy, target_q_function, gamma
) -> Tensor:
    """Right: the networks are asked about the states from which it goes on, and about no others."""
    target, goes_on = reward.clone(), ~terminated
    if goes_on.any():
        obs = next_obs[goes_on]
        target[goes_on] += gamma * target_q_function(obs, target_policy(obs))
    return target


EXERCISE = Exercise(
    name="ddpg_target",
    reference=ddpg_target,
    cases=cases,
    statement="the slow actor chooses the next action, the slow critic judges it, nobody learns",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "bootstraps-after-termination",
            "γQ⁻ is added even where the episode has terminated. Both slides leave the mask out of "
            "y; the paper's code has it: multiply the bootstrap by (1 − terminated).",
            bootstraps_after_termination,
        ),
        Mistake(
            "bootstraps-only-at-ends",
            "The mask is upside down: you bootstrap where the episode has ended, and nowhere else.",
            bootstraps_only_at_ends,
        ),
        Mistake(
            "reward-masked",
            "The mask multiplies the reward too: the last reward of every episode is thrown away.",
            reward_masked,
        ),
        Mistake(
            "mask-added",
            "A sum stands where a product belongs: r + γ·mask + Q⁻ instead of r + γ·mask·Q⁻. Such "
            "a line has stood in a public implementation.",
            plus_mask,
        ),
        Mistake(
            "forgets-gamma",
            "γ is missing in front of Q⁻: what comes a step later is worth γ times as much.",
            forgets_gamma,
        ),
        Mistake(
            "discounts-the-reward",
            "γ multiplies the reward as well. It comes now, with weight 1.",
            discounts_the_reward,
        ),
        Mistake(
            "action-zero",
            "The critic is asked about the action 0. The next action is the slow actor's: "
            "`target_policy(next_obs)`.",
            action_zero,
        ),
        Mistake(
            "squashed-twice",
            "You apply tanh to the actor's output, which is inside the bounds already.",
            squashed_twice,
        ),
        Mistake(
            "first-action-for-all",
            "Every state is judged with the action of row 0. The policy chooses in every state.",
            first_action_for_all,
        ),
        Mistake(
            "reward-forgotten",
            "The reward is missing. Without it the critic learns from its own opinion alone.",
            reward_forgotten,
        ),
        Mistake(
            "mean-future",
            "All rows bootstrap from the minibatch's mean value. Each has a next state of its own.",
            mean_future,
        ),
        Mistake(
            "best-future",
            "The maximum over the minibatch is no maximum over actions: it takes the value of "
            "another state. DDPG's maximum is the actor's job; no `max` is needed.",
            best_future,
        ),
        Mistake(
            "column-of-targets",
            "A column (B, 1) met a row (B,), and a table (B, B) came out. The critic returns (B,) "
            "here; leave it so.",
            column_of_targets,
        ),
        Mistake(
            "not-detached",
            "The value is right, but the result still hangs on both networks. A target is held "
            "still: `torch.no_grad()` around everything.",
            not_detached,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(with_where, row_by_row, only_the_living),
)
