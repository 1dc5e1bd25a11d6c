"""The exercise `value_loss_td`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import rollout
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import value_loss_td

INPUTS = ("reward", "value", "next_value", "terminated")


def cases(generator: torch.Generator) -> list[Case]:
    """Terminations inside and at the edge, and cuts, after which the next row is another episode;
    T = N; γ = 1 and 0, one step, an end at each step."""

    def steps(
        shape: tuple[int, int], gamma: float, *ends: tuple[int, int], cut: tuple[int, int] = (0, 0)
    ) -> dict[str, object]:
        drawn = rollout(generator, shape, terminated=ends, truncated=(cut,))
        return {**{name: drawn[name] for name in INPUTS}, "gamma": gamma}

    return [
        Case("three steps, one termination, one cut", steps((3, 2), 0.9, (1, 0), cut=(0, 1))),
        Case(
            "seven steps of four environments",
            steps((7, 4), 0.97, (2, 1), (6, 3), (4, 0), cut=(3, 2)),
        ),
        Case("as many steps as environments", steps((4, 4), 0.8, (0, 2), (3, 1), cut=(1, 3))),
        Case("no end", steps((4, 3), 0.9), EDGE),
        Case("every step ends", steps((2, 2), 0.9, (0, 0), (0, 1), (1, 0), (1, 1)), EDGE),
        Case("a single step", steps((1, 3), 0.9, (0, 1)), EDGE),
        Case("γ = 1", steps((4, 3), 1.0, (2, 1)), EDGE),
        Case("γ = 0: the target is the reward", steps((4, 3), 0.0, (2, 1)), EDGE),
    ]


def live(terminated: Tensor, like: Tensor) -> Tensor:
    return (~terminated).to(like.dtype)


def loss_to(target: Tensor, value: Tensor) -> Tensor:
    return 0.5 * (target - value).square().mean()


def right_target(reward, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_value * live(terminated, reward)


def target_not_detached(value, reward, next_value, terminated, gamma) -> Tensor:
    return loss_to(right_target(reward, next_value, terminated, gamma), value)


def own_value_in_target(value, reward, next_value, terminated, gamma) -> Tensor:
    return loss_to(right_target(reward, value.detach(), terminated, gamma), value)


def ignores_the_end(value, reward, next_value, terminated, gamma) -> Tensor:
    return loss_to((reward + gamma * next_value).detach(), value)


def end_inverted(value, reward, next_value, terminated, gamma) -> Tensor:
    return loss_to((reward + gamma * next_value * terminated).detach(), value)


def reward_masked(value, reward, next_value, terminated, gamma) -> Tensor:
    target = (reward + gamma * next_value) * live(terminated, reward)
    return loss_to(target.detach(), value)


def gamma_missing(value, reward, next_value, terminated, gamma) -> Tensor:
    return value_loss_td(value, reward, next_value, terminated, 1.0)


def gamma_on_all(value, reward, next_value, terminated, gamma) -> Tensor:
    target = gamma * right_target(reward, next_value, terminated, 1.0)
    return loss_to(target.detach(), value)


def reward_missing(value, reward, next_value, terminated, gamma) -> Tensor:
    return value_loss_td(value, torch.zeros_like(reward), next_value, terminated, gamma)


def reward_only(value, reward, next_value, terminated, gamma) -> Tensor:
    return loss_to(reward.detach(), value)


def next_row(value, reward, next_value, terminated, gamma) -> Tensor:
    following = torch.cat([value[1:], next_value[-1:]]).detach()
    return value_loss_td(value, reward, following, terminated, gamma)


def no_half(value, reward, next_value, terminated, gamma) -> Tensor:
    return 2 * value_loss_td(value, reward, next_value, terminated, gamma)


def sum_for_mean(value, reward, next_value, terminated, gamma) -> Tensor:
    return value_loss_td(value, reward, next_value, terminated, gamma) * value.numel()


def not_squared(value, reward, next_value, terminated, gamma) -> Tensor:
    target = right_target(reward, next_value, terminated, gamma).detach()
    return (target - value).mean()


def absolute_error(value, reward, next_value, terminated, gamma) -> Tensor:
    target = right_target(reward, next_value, terminated, gamma).detach()
    return (target - value).abs().mean()


def value_detached(value, reward, next_value, terminated, gamma) -> Tensor:
    return value_loss_td(value.detach(), reward, next_value, terminated, gamma)


def climbs(value, reward, next_value, terminated, gamma) -> Tensor:
    return -value_loss_td(value, reward, next_value, terminated, gamma)


def ends_one_step_late(value, reward, next_value, terminated, gamma) -> Tensor:
    before = torch.cat([torch.zeros_like(terminated[:1]), terminated[:-1]])
    return value_loss_td(value, reward, next_value, before, gamma)


def changes_next_value(value, reward, next_value, terminated, gamma) -> Tensor:
    loss = value_loss_td(value, reward, next_value.clone(), terminated, gamma)
    next_value.detach()[terminated] = 0.0
    return loss


def own_value_not_detached(value, reward, next_value, terminated, gamma) -> Tensor:
    return loss_to(reward + gamma * value * live(terminated, reward), value)


def ends_left_out(value, reward, next_value, terminated, gamma) -> Tensor:
    error = right_target(reward, next_value, terminated, gamma).detach() - value
    return 0.5 * (error.square() * live(terminated, reward)).mean()


def only_what_goes_on(value, reward, next_value, terminated, gamma) -> Tensor:
    error = right_target(reward, next_value, terminated, gamma).detach() - value
    kept = live(terminated, reward)
    return 0.5 * (error.square() * kept).sum() / kept.sum().clamp(min=1)


def value_masked(value, reward, next_value, terminated, gamma) -> Tensor:
    target = right_target(reward, next_value, terminated, gamma).detach()
    return loss_to(target, value * live(terminated, reward))


def whole_returns(value, reward, next_value, terminated, gamma) -> Tensor:
    rows, later = [], torch.zeros_like(reward[0])
    for now, ended in zip(reward.flip(0), terminated.flip(0), strict=True):
        later = now + gamma * later * live(ended, reward)
        rows.insert(0, later)
    return loss_to(torch.stack(rows).detach(), value)


def huber(value, reward, next_value, terminated, gamma) -> Tensor:
    target = right_target(reward, next_value, terminated, gamma).detach()
    return torch.nn.functional.smooth_l1_loss(value, target)


def bootstrap_subtracted(value, reward, next_value, terminated, gamma) -> Tensor:
    return value_loss_td(value, reward, -next_value, terminated, gamma)


def with_where(value, reward, next_value, terminated, gamma) -> Tensor:
    """Right: `torch.where` for the end, under no_grad."""
    with torch.no_grad():
        target = torch.where(terminated, reward, reward + gamma * next_value)
    return torch.nn.functional.mse_loss(value, target) / 2


def with_a_masked_fill(value, reward, next_value, terminated, gamma) -> Tensor:
    """Right: the bootstrap filled with zeros, in float64 inside."""
    bootstrap = next_value.detach().double().masked_fill(terminated, 0)
    error = reward.detach().double() + gamma * bootstrap - value.double()
    return (0.5 * (error * error).mean()).to(value.dtype)


def one_by_one(value, reward, next_value, terminated, gamma) -> Tensor:
    """Right: one step at a time."""
    total = value.new_zeros(())
    for v, r, n, end in zip(
        value.flatten(), reward.flatten(), next_value.flatten(), terminated.flatten(), strict=True
    ):
        target = r.item() if end else r.item() + gamma * n.item()
        total = total + 0.5 * (target - v) ** 2
    return total / value.numel()


EXERCISE = Exercise(
    name="value_loss_td",
    reference=value_loss_td,
    cases=cases,
    statement="one reward, one guess, and the target does not run away from the prediction",
    points={VALUE: 1, GRADIENT: 1, EDGE: 1},
    gradient=("value",),
    no_gradient=("next_value",),
    mistakes=(
        Mistake(
            "target-not-detached",
            "The value is right, but a gradient flows into `next_value`. Then the loss also "
            "shrinks by pulling the *target* towards the prediction, which is no learning: detach "
            "the target.",
            target_not_detached,
        ),
        Mistake(
            "own-value-in-target",
            "The target uses V(s_t), the value that is being learned: that is [004]'s slip. One "
            "step later the agent is in s_{t+1}: use `next_value`.",
            own_value_in_target,
        ),
        Mistake(
            "ignores-the-end",
            "`terminated` is not used. After the end nothing comes: the target is the reward alone "
            "there.",
            ignores_the_end,
        ),
        Mistake(
            "end-inverted",
            "The mask is the wrong way round: you bootstrap only where the episode ended.",
            end_inverted,
        ),
        Mistake(
            "reward-masked",
            "The mask multiplies the reward too. The last reward was earned; only the bootstrap "
            "ends.",
            reward_masked,
        ),
        Mistake(
            "gamma-missing",
            "γ is missing in front of the next value: a step later counts a little less.",
            gamma_missing,
        ),
        Mistake(
            "gamma-on-all",
            "γ multiplies the reward as well. The reward of this step counts in full.",
            gamma_on_all,
        ),
        Mistake(
            "reward-missing", "The reward is missing from the target: r + γ V(s').", reward_missing
        ),
        Mistake(
            "reward-only",
            "The target is the reward alone: what comes after it is forgotten.",
            reward_only,
        ),
        Mistake(
            "value-of-the-next-row",
            "You use value[t + 1] for V(s_{t+1}). At an episode's end that row holds the first "
            "state of the *next* one; `next_value[t]` is the state the step led to.",
            next_row,
        ),
        Mistake(
            "no-half",
            "The ½ in front of the square is missing. A squared error has one here.",
            no_half,
        ),
        Mistake(
            "sum-for-mean",
            "The squares are summed and not averaged: the step would grow with the batch.",
            sum_for_mean,
        ),
        Mistake(
            "not-squared",
            "The error is averaged without being squared: it has no minimum then.",
            not_squared,
        ),
        Mistake(
            "absolute-error",
            "The error is not squared; absolute errors lead to medians, not means.",
            absolute_error,
        ),
        Mistake(
            "value-detached",
            "The value is right, but `value` was cut from its graph. Detach the target, not the "
            "prediction.",
            value_detached,
        ),
        Mistake("climbs", "The sign is flipped: the values are driven away.", climbs),
        Mistake(
            "ends-one-step-late",
            "The flags are read one step late. `terminated[t]` belongs to the same step as "
            "`reward[t]`.",
            ends_one_step_late,
        ),
        Mistake(
            "own-value-in-target",
            "The target bootstraps from V(s_t) and moves with it: the slip on [004]'s slide, "
            "without the stop-gradient. Use `next_value`, and hold the target still.",
            own_value_not_detached,
        ),
        Mistake(
            "ends-left-out",
            "Steps that end an episode were left out of the sum. They are the surest of all: their "
            "target is the reward. Mask the bootstrap, not the error.",
            ends_left_out,
        ),
        Mistake(
            "ends-left-out",
            "Steps that end an episode were left out of the mean. They are the surest of all: "
            "their target is the reward. Mask the bootstrap, not the error.",
            only_what_goes_on,
        ),
        Mistake(
            "value-masked",
            "The prediction was set to zero where an episode ends. V(s) of the last state is as "
            "good a prediction as any; what is zero is the value of what comes *after*.",
            value_masked,
        ),
        Mistake(
            "whole-returns",
            "The target is the whole return: that is Monte Carlo, Exercise 6. Here it is one "
            "reward and the critic's own guess for the rest.",
            whole_returns,
        ),
        Mistake(
            "huber",
            "That is a Huber loss: large errors count linearly. The squared error is wanted.",
            huber,
        ),
        Mistake(
            "bootstrap-subtracted",
            "The bootstrap is subtracted. What comes later is added: r + γ V(s').",
            bootstrap_subtracted,
        ),
        Mistake("changes-next-value", IN_PLACE, changes_next_value),
    ),
    variants=(with_where, with_a_masked_fill, one_by_one),
)
