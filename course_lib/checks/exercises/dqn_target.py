"""The exercise `dqn_target`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, transitions
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.q_learning import dqn_target


def cases(generator: torch.Generator) -> list[Case]:
    """Four rows to read, more, B = K; negative values, no end, only ends, γ at its limits."""

    def batch(rows: int, actions: int, gamma: float, *ends: int) -> dict[str, Tensor | float]:
        drawn = transitions(generator, rows, 1, *ends)
        return {
            "reward": drawn["reward"],
            "next_q_value": 2 * normal(generator, rows, actions),
            "terminated": drawn["terminated"],
            "gamma": gamma,
        }

    negative = batch(4, 3, 0.9, 1)
    negative["next_q_value"] = -negative["next_q_value"].abs() - 1
    return [
        Case("four steps, one termination", batch(4, 3, 0.9, 2)),
        Case("seven steps of two actions", batch(7, 2, 0.97, 0, 4)),
        Case("as many steps as actions", batch(4, 4, 0.8, 3)),
        Case("all values are negative", negative),
        Case("no end at all", batch(5, 3, 0.95), EDGE),
        Case("every step ends an episode", batch(3, 2, 0.95, 0, 1, 2), EDGE),
        Case("γ = 0", batch(4, 3, 0.0, 1), EDGE),
        Case("a minibatch of one", batch(1, 3, 0.9), EDGE),
        Case("a single action", batch(4, 1, 0.9, 0), EDGE),
    ]


def going_on(reward: Tensor, terminated: Tensor) -> Tensor:
    """1 where the episode goes on."""
    return (~terminated).to(reward.dtype)


@torch.no_grad()
def mean_for_max(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.mean(-1) * going_on(reward, terminated)


@torch.no_grad()
def minimum(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.amin(-1) * going_on(reward, terminated)


@torch.no_grad()
def first_action(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value[:, 0] * going_on(reward, terminated)


@torch.no_grad()
def max_over_the_batch(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.max() * going_on(reward, terminated)


@torch.no_grad()
def index_for_value(reward, next_q_value, terminated, gamma) -> Tensor:
    best = next_q_value.argmax(-1).to(reward.dtype)
    return reward + gamma * best * going_on(reward, terminated)


@torch.no_grad()
def largest_size(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.abs().amax(-1) * going_on(reward, terminated)


@torch.no_grad()
def bootstraps_after_termination(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.amax(-1)


@torch.no_grad()
def bootstraps_only_at_ends(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.amax(-1) * terminated.to(reward.dtype)


@torch.no_grad()
def reward_masked(reward, next_q_value, terminated, gamma) -> Tensor:
    return (reward + gamma * next_q_value.amax(-1)) * going_on(reward, terminated)


@torch.no_grad()
def forgets_gamma(reward, next_q_value, terminated, gamma) -> Tensor:
    return dqn_target(reward, next_q_value, terminated, 1.0)


@torch.no_grad()
def discounts_the_reward(reward, next_q_value, terminated, gamma) -> Tensor:
    return gamma * dqn_target(reward, next_q_value, terminated, 1.0)


@torch.no_grad()
def column_of_targets(reward, next_q_value, terminated, gamma) -> Tensor:
    best = next_q_value.amax(-1, keepdim=True) * going_on(reward, terminated).unsqueeze(-1)
    return reward + gamma * best


def not_detached(reward, next_q_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_q_value.amax(-1).masked_fill(terminated, 0)


@torch.no_grad()
def changes_values(reward, next_q_value, terminated, gamma) -> Tensor:
    next_q_value.data[terminated] = 0
    return reward + gamma * next_q_value.amax(-1)


def row_by_row(reward, next_q_value, terminated, gamma) -> Tensor:
    """Right: a loop over Python numbers."""
    rows = zip(reward.tolist(), next_q_value.tolist(), terminated.tolist(), strict=True)
    targets = [r if ended else r + gamma * max(values) for r, values, ended in rows]
    return torch.tensor(targets, dtype=reward.dtype)


def with_where(reward, next_q_value, terminated, gamma) -> Tensor:
    """Right: `max` with its indices, `where` for the ends, detached afterwards."""
    best, _ = next_q_value.max(dim=1)
    return torch.where(terminated, reward, reward + gamma * best).detach()


def sorted_values(reward, next_q_value, terminated, gamma) -> Tensor:
    """Right: the last of the sorted values, in float64, with float32 flags."""
    best = next_q_value.detach().double().sort(-1).values[:, -1]
    return (reward.double() + gamma * best * (1 - terminated.float())).to(reward.dtype)


EXERCISE = Exercise(
    name="dqn_target",
    reference=dqn_target,
    cases=cases,
    statement="it is the reward, and the best that the slow copy expects afterwards",
    points={VALUE: 1},
    no_gradient=("next_q_value",),
    mistakes=(
        Mistake(
            "mean-for-max",
            "You average over the actions. That is the value of acting at random; Q-learning asks "
            "what the *best* action is worth.",
            mean_for_max,
        ),
        Mistake(
            "minimum",
            "You take the smallest value. The smaller one of *two critics* is TD3's idea, later in "
            "this lesson; over actions, the greedy policy takes the largest.",
            minimum,
        ),
        Mistake(
            "first-action",
            "You bootstrap from action 0 in every row. The next action is the one with the largest "
            "value there.",
            first_action,
        ),
        Mistake(
            "max-over-the-batch",
            "The maximum runs over the whole minibatch, so every row bootstraps from the best "
            "state in it. Take it along the last axis: one maximum a row.",
            max_over_the_batch,
        ),
        Mistake(
            "index-for-value",
            "`argmax` says *which* action is best; the target needs what it is *worth*.",
            index_for_value,
        ),
        Mistake(
            "largest-size",
            "You take the value that is largest in size. A value of −5 is worse than one of 1.",
            largest_size,
        ),
        Mistake(
            "bootstraps-after-termination",
            "Q⁻(s', ·) is added even where the episode has terminated: nothing comes after that. "
            "Multiply the bootstrap by (1 − terminated).",
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
            "forgets-gamma",
            "γ is missing in front of the maximum: what comes a step later is worth γ times that.",
            forgets_gamma,
        ),
        Mistake(
            "discounts-the-reward",
            "γ multiplies the reward as well. It comes now, with weight 1.",
            discounts_the_reward,
        ),
        Mistake(
            "column-of-targets",
            "`keepdim=True` left a column (B, 1); with the rewards (B,) it became a table (B, B). "
            "Every row got every reward. Take the maximum without `keepdim`.",
            column_of_targets,
        ),
        Mistake(
            "not-detached",
            "The value is right, but a gradient flows into Q⁻. A target is held still while Q "
            "moves towards it: `torch.no_grad()` around it, or `detach()`.",
            not_detached,
        ),
        Mistake("changes-values", IN_PLACE, changes_values),
    ),
    variants=(row_by_row, with_where, sorted_values),
)
