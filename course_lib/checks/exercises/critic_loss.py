"""The exercise `critic_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.q_learning import critic_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Four rows to read, more; a minibatch of one, a critic that is right, a far one."""

    def batch(rows: int) -> dict[str, Tensor]:
        return {
            "q_value": normal(generator, rows) + 1,
            "td_target": 2 * normal(generator, rows) + 3,
        }

    right, far = batch(3), batch(5)
    right["q_value"] = right["td_target"].clone()
    far["td_target"] = 100 * far["td_target"]
    return [
        Case("four steps", batch(4)),
        Case("nine steps", batch(9)),
        Case("targets far away", far),
        Case("a minibatch of one", batch(1), EDGE),
        Case("a critic that is right", right, EDGE),
    ]


def error(q_value: Tensor, td_target: Tensor) -> Tensor:
    return td_target.detach() - q_value


def no_half(q_value: Tensor, td_target: Tensor) -> Tensor:
    return error(q_value, td_target).square().mean()


def sum_for_mean(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * error(q_value, td_target).square().sum()


def absolute_error(q_value: Tensor, td_target: Tensor) -> Tensor:
    return error(q_value, td_target).abs().mean()


def huber(q_value: Tensor, td_target: Tensor) -> Tensor:
    return torch.nn.functional.smooth_l1_loss(q_value, td_target.detach())


def not_squared(q_value: Tensor, td_target: Tensor) -> Tensor:
    return error(q_value, td_target).mean()


def squared_mean(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * error(q_value, td_target).mean().square()


def climbs(q_value: Tensor, td_target: Tensor) -> Tensor:
    return -critic_loss(q_value, td_target)


def moves_the_target(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target - q_value).square().mean()


def value_detached(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target - q_value.detach()).square().mean()


def both_detached(q_value: Tensor, td_target: Tensor) -> Tensor:
    return critic_loss(q_value, td_target).detach()


def difference_of_squares(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach().square() - q_value.square()).mean()


def table_of_all(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach() - q_value.unsqueeze(-1)).square().mean()


def mean_target(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach().mean() - q_value).square().mean()


def not_averaged(q_value: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * error(q_value, td_target).square()


def changes_targets(q_value: Tensor, td_target: Tensor) -> Tensor:
    loss = critic_loss(q_value, td_target.clone())
    td_target.data -= q_value.detach()
    return loss


def with_the_library(q_value: Tensor, td_target: Tensor) -> Tensor:
    """Right: torch's mean squared error, halved."""
    return torch.nn.functional.mse_loss(q_value, td_target.detach()) / 2


def multiplied_out(q_value: Tensor, td_target: Tensor) -> Tensor:
    """Right: a scalar product, in float64 inside."""
    difference = q_value.double() - td_target.detach().double()
    return (difference @ difference / (2 * len(q_value))).to(q_value.dtype)


def one_by_one(q_value: Tensor, td_target: Tensor) -> Tensor:
    """Right: one step at a time, the targets as Python numbers."""
    total = q_value.new_zeros(())
    for q, y in zip(q_value, td_target.tolist(), strict=True):
        total = total + (q - y) ** 2
    return total / (2 * len(q_value))


EXERCISE = Exercise(
    name="critic_loss",
    reference=critic_loss,
    cases=cases,
    statement="Q moves towards its target, and the target does not move towards Q",
    points={VALUE: 1},
    gradient=("q_value",),
    no_gradient=("td_target",),
    mistakes=(
        Mistake(
            "no-half",
            "The ½ in front of the square is missing. With it the derivative is the TD error "
            "itself, as on the slide: L = ½ δ².",
            no_half,
        ),
        Mistake(
            "sum-for-mean",
            "The squares are summed and not averaged: the step would grow with the minibatch.",
            sum_for_mean,
        ),
        Mistake(
            "absolute-error",
            "The error is not squared. The minimum of absolute errors is a *median*; Q is a mean.",
            absolute_error,
        ),
        Mistake(
            "huber",
            "That is the Huber loss, linear for large errors: DQN codes often use it, and its "
            "minimum is not the mean of the targets. Here the plain square is asked for.",
            huber,
        ),
        Mistake(
            "not-squared",
            "The error itself is averaged. It has no minimum: a larger Q is always better.",
            not_squared,
        ),
        Mistake(
            "squared-mean",
            "The errors are averaged before they are squared, so they cancel. Square first.",
            squared_mean,
        ),
        Mistake(
            "climbs",
            "The sign is flipped: an optimiser that minimises this drives Q away from its targets.",
            climbs,
        ),
        Mistake(
            "moves-the-target",
            "The value is right, but a gradient flows into the target. Then the target runs "
            "towards the guess as well, and what happened is no longer what decides.",
            moves_the_target,
        ),
        Mistake(
            "value-detached",
            "The wrong side is detached: `q_value` got no gradient and the target did. Q has to "
            "learn; the target is the constant.",
            value_detached,
        ),
        Mistake(
            "both-detached",
            "The value is right, but the whole loss was cut from its graph: nothing would learn.",
            both_detached,
        ),
        Mistake(
            "difference-of-squares",
            "y² − Q² is not (y − Q)²: it has no minimum. Subtract first, then square.",
            difference_of_squares,
        ),
        Mistake(
            "broadcast",
            "A column (B, 1) met a row (B,) and became a table: every Q is compared with every "
            "target, and learns their mean. More about this at the end of the lesson.",
            table_of_all,
        ),
        Mistake(
            "mean-target",
            "All rows have the same target, the mean. Each step has a target of its own.",
            mean_target,
        ),
        Mistake(
            "not-averaged",
            "One number a step came out. A loss is one scalar: average.",
            not_averaged,
        ),
        Mistake("changes-targets", IN_PLACE, changes_targets),
    ),
    variants=(with_the_library, multiplied_out, one_by_one),
)
