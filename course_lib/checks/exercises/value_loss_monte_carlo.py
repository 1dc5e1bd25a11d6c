"""The exercise `value_loss_monte_carlo`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import value_loss_monte_carlo


def cases(generator: torch.Generator) -> list[Case]:
    """A few steps to read, more, T = N; one step, one episode; a perfect critic."""

    def batch(steps: int, number: int) -> dict[str, Tensor]:
        return {
            "value": normal(generator, steps, number) + 1,
            "reward_to_go": 2 * normal(generator, steps, number) + 3,
        }

    perfect = batch(3, 2)
    perfect["value"] = perfect["reward_to_go"].clone()
    return [
        Case("three steps of two episodes", batch(3, 2)),
        Case("seven steps of four episodes", batch(7, 4)),
        Case("as many steps as episodes", batch(4, 4)),
        Case("a single step", batch(1, 3), EDGE),
        Case("a single episode", batch(5, 1), EDGE),
        Case("a critic that is right", perfect, EDGE),
    ]


def error(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return reward_to_go.detach() - value


def no_half(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return error(value, reward_to_go).square().mean()


def sum_for_mean(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go).square().sum()


def sum_over_time(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go).square().sum(0).mean()


def absolute_error(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return error(value, reward_to_go).abs().mean()


def huber(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return torch.nn.functional.smooth_l1_loss(value, reward_to_go.detach())


def not_squared(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return error(value, reward_to_go).mean()


def squared_mean(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go).mean().square()


def root(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return error(value, reward_to_go).square().mean().clamp(min=1e-30).sqrt()


def climbs(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return -value_loss_monte_carlo(value, reward_to_go)


def value_detached(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return value_loss_monte_carlo(value.detach(), reward_to_go)


def difference_of_squares(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * (reward_to_go.detach().square() - value.square()).mean()


def one_target_for_all(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * (reward_to_go.detach().mean() - value).square().mean()


def first_step_only(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go)[0].square().mean()


def table_of_all(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * (reward_to_go.detach().flatten() - value.reshape(-1, 1)).square().mean()


def target_from_value(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * (reward_to_go.detach() - value.detach() - value).square().mean()


def not_averaged(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go).square()


def changes_returns(value: Tensor, reward_to_go: Tensor) -> Tensor:
    loss = value_loss_monte_carlo(value, reward_to_go.clone())
    reward_to_go -= value.detach()
    return loss


def half_the_root(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * root(value, reward_to_go)


def one_an_episode(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go).square().mean(0)


def spread_of_the_errors(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return 0.5 * error(value, reward_to_go).var(correction=0)


def returns_normalised(value: Tensor, reward_to_go: Tensor) -> Tensor:
    target = reward_to_go.detach()
    target = (target - target.mean()) / (target.std(correction=0) + 1e-8)
    return 0.5 * (target - value).square().mean()


def error_times_value(value: Tensor, reward_to_go: Tensor) -> Tensor:
    return -(error(value, reward_to_go).detach() * value).mean()


def with_the_library(value: Tensor, reward_to_go: Tensor) -> Tensor:
    """Right: torch's mean squared error, halved."""
    return torch.nn.functional.mse_loss(value, reward_to_go.detach()) / 2


def multiplied_out(value: Tensor, reward_to_go: Tensor) -> Tensor:
    """Right: the square multiplied out, in float64 inside."""
    v, g = value.double(), reward_to_go.detach().double()
    return (0.5 * (v * v - 2 * v * g + g * g).mean()).to(value.dtype)


def one_by_one(value: Tensor, reward_to_go: Tensor) -> Tensor:
    """Right: one step at a time, the returns as Python numbers."""
    total = value.new_zeros(())
    for v, g in zip(value.flatten(), reward_to_go.flatten().tolist(), strict=True):
        total = total + (v - g) ** 2
    return total / (2 * value.numel())


EXERCISE = Exercise(
    name="value_loss_monte_carlo",
    reference=value_loss_monte_carlo,
    cases=cases,
    statement="its minimum is the mean of the returns that were seen from each state",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("value",),
    mistakes=(
        Mistake(
            "no-half",
            "The ½ in front of the square is missing. A squared error has one here, so that its "
            "derivative is the error itself.",
            no_half,
        ),
        Mistake(
            "sum-for-mean",
            "The squares are summed and not averaged: the step would grow with the batch.",
            sum_for_mean,
        ),
        Mistake(
            "sum-over-time",
            "The sum runs over time, the mean over episodes only. The mean runs over all elements.",
            sum_over_time,
        ),
        Mistake(
            "absolute-error",
            "The error is not squared. The minimum of absolute errors is a *median*; a value is a "
            "mean.",
            absolute_error,
        ),
        Mistake(
            "huber",
            "That is the Huber loss, linear for large errors. Its minimum is not the mean of the "
            "returns, so it is no value.",
            huber,
        ),
        Mistake(
            "not-squared",
            "The error itself is averaged. It has no minimum: a larger value is always better.",
            not_squared,
        ),
        Mistake(
            "squared-mean",
            "The errors are averaged before they are squared, so they cancel. Square first.",
            squared_mean,
        ),
        Mistake(
            "root",
            "A square root was taken of the mean. It changes the length of the gradient from batch "
            "to batch; half the mean square was asked for.",
            root,
        ),
        Mistake(
            "climbs",
            "The sign is flipped: an optimiser that minimises this drives the values away from the "
            "returns.",
            climbs,
        ),
        Mistake(
            "value-detached",
            "The value is right, but `value` was cut from its graph, so the critic would never "
            "learn. Detach the target, not the prediction.",
            value_detached,
        ),
        Mistake(
            "difference-of-squares",
            "G² − V² is not (G − V)²: it has no minimum. Subtract first, then square.",
            difference_of_squares,
        ),
        Mistake(
            "one-target-for-all",
            "All steps have the same target, the mean return. Each state has returns of its own.",
            one_target_for_all,
        ),
        Mistake(
            "first-step-only",
            "Only the first step of each episode is used. Every state on the way has a value.",
            first_step_only,
        ),
        Mistake(
            "broadcast",
            "A column met a row and became a table: every value is compared with every return. "
            "Give both one shape.",
            table_of_all,
        ),
        Mistake(
            "regresses-on-the-advantage",
            "The target is G − V, the advantage. The critic learns the return itself.",
            target_from_value,
        ),
        Mistake(
            "not-averaged",
            "One number a step came out. A loss is one scalar: average.",
            not_averaged,
        ),
        Mistake(
            "root",
            "That is half the root of the mean squared error. Its gradient does not shrink as the "
            "error does: leave the root out.",
            half_the_root,
        ),
        Mistake(
            "not-averaged",
            "One number an episode came out. A loss is one number: the mean over steps and "
            "episodes.",
            one_an_episode,
        ),
        Mistake(
            "spread-of-the-errors",
            "The variance of the errors ignores their mean: a critic that is 100 too low "
            "everywhere would be perfect. Take the mean of their squares.",
            spread_of_the_errors,
        ),
        Mistake(
            "returns-normalised",
            "The returns were normalised first. Then V learns another unit than that of the "
            "returns from which it is subtracted.",
            returns_normalised,
        ),
        Mistake(
            "error-times-value",
            "The gradient is right, and the value is not the loss: it is a surrogate. Here "
            "½ (G − V)² itself is wanted, so that a falling number means a better critic.",
            error_times_value,
        ),
        Mistake("changes-returns", IN_PLACE, changes_returns),
    ),
    variants=(with_the_library, multiplied_out, one_by_one),
)
