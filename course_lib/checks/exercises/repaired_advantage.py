"""The exercise `repaired_advantage`: lesson 05's silent bug, which mixes up the environments."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from course_lib.checks.callables import surprise_so_far
from course_lib.checks.drawing import rollout
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.advantages import generalized_advantage

MIXED_UP = (
    "The columns are still glued below each other and cut anew: element (t, n) is the advantage of "
    "another step of another environment. Mean, spread and histogram are right, every action is "
    "paid for a stranger. Glue the columns side by side, torch.cat(columns, dim=1); then nothing "
    "has to be reshaped."
)


def cases(generator: torch.Generator) -> list[Case]:
    """Rollouts with ends of both kinds, also square ones; then a single environment or step."""
    small = rollout(generator, (3, 2), terminated=((1, 0),))
    both = rollout(generator, (4, 2), terminated=((1, 0),), truncated=((2, 1),))
    long = rollout(
        generator, (8, 3), terminated=((2, 0), (7, 1)), truncated=((4, 0), (3, 2), (7, 2))
    )
    square = rollout(generator, (4, 4), terminated=((0, 1),), truncated=((2, 3),))
    column = rollout(generator, (5, 1), terminated=((2, 0),))
    row = rollout(generator, (1, 4), terminated=((0, 2),))
    made = [
        Case("three steps of two environments", {**small, "gamma": 0.9, "gae_lambda": 0.5}),
        Case("one end of each kind", {**both, "gamma": 0.9, "gae_lambda": 0.8}),
        Case("eight steps of three environments", {**long, "gamma": 0.97, "gae_lambda": 0.9}),
        Case("as many steps as environments", {**square, "gamma": 0.95, "gae_lambda": 0.7}),
        Case("a single environment", {**column, "gamma": 0.9, "gae_lambda": 0.6}, EDGE),
        Case("a single step", {**row, "gamma": 0.9, "gae_lambda": 0.6}, EDGE),
    ]
    return [replace(one, inputs={"estimate": surprise_so_far, **one.inputs}) for one in made]


def columns(
    estimate: Callable[..., Tensor],
    reward, value, next_value, terminated, truncated, gamma, gae_lambda,
) -> list[Tensor]:  # fmt: skip
    """(T, 1) advantages, one environment after the other."""
    inputs = (reward, value, next_value, terminated, truncated)
    return [
        estimate(*(one[:, n : n + 1] for one in inputs), gamma, gae_lambda)
        for n in range(reward.shape[1])
    ]


def repaired_advantage(
    estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    """`estimate`, one environment after the other, the columns side by side: (T, N)."""
    inputs = (reward, value, next_value, terminated, truncated, gamma, gae_lambda)
    return torch.cat(columns(estimate, *inputs), dim=1)


def reshaped(*args, **inputs) -> Tensor:
    advantage = repaired_advantage(*args, **inputs)
    return advantage.T.reshape(advantage.shape)


def environments_first(*args, **inputs) -> Tensor:
    return repaired_advantage(*args, **inputs).T


def glued_below(*args, **inputs) -> Tensor:
    return repaired_advantage(*args, **inputs).T.reshape(-1, 1)


def flat(*args, **inputs) -> Tensor:
    return repaired_advantage(*args, **inputs).flatten()


def reshaped_then_transposed(*args, **inputs) -> Tensor:
    return reshaped(*args, **inputs).T


def first_environment_everywhere(*args, **inputs) -> Tensor:
    advantage = repaired_advantage(*args, **inputs)
    return advantage[:, :1].repeat(1, advantage.shape[1])


def environments_reversed(*args, **inputs) -> Tensor:
    return repaired_advantage(*args, **inputs).flip(1)


def one_long_episode(
    estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    inputs = (reward, value, next_value, terminated, truncated)
    chain = estimate(*(one.T.reshape(-1, 1) for one in inputs), gamma, gae_lambda)
    return chain.reshape(reward.T.shape).T


def mean_over_environments(*args, **inputs) -> Tensor:
    advantage = repaired_advantage(*args, **inputs)
    return advantage.mean(1, keepdim=True).expand_as(advantage).clone()


def one_step_only(
    estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    return estimate(reward, value, next_value, terminated, truncated, gamma, 0.0)


def estimate_ignored(estimate, *args, **inputs) -> Tensor:
    return repaired_advantage(generalized_advantage, *args, **inputs)


def cut_and_turned(
    estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    """Right: glued below each other, cut into N rows, turned."""
    inputs = (reward, value, next_value, terminated, truncated, gamma, gae_lambda)
    return torch.cat(columns(estimate, *inputs)).reshape(reward.T.shape).T


def all_at_once(
    estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda
) -> Tensor:
    """Right: the environments need no loop."""
    inputs = (reward, value, next_value, terminated, truncated)
    return estimate(*inputs, gamma=gamma, gae_lambda=gae_lambda)


EXERCISE = Exercise(
    name="repaired_advantage",
    reference=repaired_advantage,
    cases=cases,
    statement="every action is paid its own advantage again",
    points={VALUE: 2},
    mistakes=(
        Mistake("mixed-up", MIXED_UP, reshaped),
        Mistake(
            "environments-first",
            "The numbers are right, but the environments stand in rows: (N, T). Time comes first "
            "in this course: (T, N), one column an environment.",
            environments_first,
        ),
        Mistake(
            "glued-below",
            "The columns are glued below each other: (T·N, 1). torch.cat joins along axis 0 unless "
            "you say dim=1.",
            glued_below,
        ),
        Mistake(
            "flattened",
            "All numbers come out in one axis. Return (T, N), the shape of `reward`.",
            flat,
        ),
        Mistake(
            "cut-then-turned",
            "The glued column is cut into T rows of N and then turned over. It was glued from N "
            "pieces of T: cut it into N rows of T first, if you want to turn it.",
            reshaped_then_transposed,
        ),
        Mistake(
            "first-environment-everywhere",
            "Every column holds the advantages of environment 0: the loop never moves on.",
            first_environment_everywhere,
        ),
        Mistake(
            "environments-reversed",
            "The columns stand in reverse order: environment n is paid for environment N − 1 − n. "
            "Append to the list, do not insert at its front.",
            environments_reversed,
        ),
        Mistake(
            "one-long-episode",
            "All environments are strung together into one trajectory, so the sum runs from the "
            "end of one environment's rollout into the beginning of the next one's.",
            one_long_episode,
        ),
        Mistake(
            "mean-over-environments",
            "All environments get their mean: which of them acted well is lost.",
            mean_over_environments,
        ),
        Mistake(
            "one-step-only",
            "Every number is the TD error of its own step, no later one is added: the loop runs "
            "over steps instead of environments, so that nothing follows in a piece.",
            one_step_only,
        ),
        Mistake(
            "estimate-ignored",
            "The numbers are GAE's, of a function of your own. Call the one that comes in as "
            "`estimate`: here it is another, so that the repair is judged and nothing else.",
            estimate_ignored,
        ),
    ),
    variants=(cut_and_turned, all_at_once),
)
