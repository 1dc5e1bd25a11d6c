"""The exercise `repaired_critic_loss`: lesson 07's silent bug, a column against a row."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.q_learning import critic_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Columns of different heights; a minibatch of one, where the bug cannot be seen."""

    def batch(rows: int) -> dict[str, Tensor]:
        return {
            "q_column": normal(generator, rows, 1) + 1,
            "td_target": 2 * normal(generator, rows) + 3,
        }

    right = batch(3)
    right["q_column"] = right["td_target"].unsqueeze(-1).clone()
    return [
        Case("four steps", batch(4)),
        Case("nine steps", batch(9)),
        Case("a critic that is right", right),
        Case("a minibatch of one", batch(1), EDGE),
    ]


def repaired_critic_loss(q_column: Tensor, td_target: Tensor) -> Tensor:
    """mean ½ (y − Q)² of a column (B, 1) of Q and a row (B,) of targets."""
    return critic_loss(q_column.squeeze(-1), td_target)


def still_a_table(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach() - q_column).square().mean()


def table_summed(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach() - q_column).square().sum(-1).mean()


def diagonal_averaged_over_the_table(q_column: Tensor, td_target: Tensor) -> Tensor:
    table = (td_target.detach() - q_column).square()
    return 0.5 * table.diagonal().sum() / table.numel()


def reversed_rows(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach().flip(0) - q_column.squeeze(-1)).square().mean()


def first_row_only(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach()[0] - q_column[0]).square().mean()


def first_value_for_all(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach() - q_column[0]).square().mean()


def mean_target(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach().mean() - q_column).square().mean()


def mean_value(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach() - q_column.mean()).square().mean()


def sum_for_mean(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target.detach() - q_column.squeeze(-1)).square().sum()


def no_half(q_column: Tensor, td_target: Tensor) -> Tensor:
    return (td_target.detach() - q_column.squeeze(-1)).square().mean()


def moves_the_target(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target - q_column.squeeze(-1)).square().mean()


def cut_off(q_column: Tensor, td_target: Tensor) -> Tensor:
    return 0.5 * (td_target - q_column.detach().squeeze(-1)).square().mean()


def changes_targets(q_column: Tensor, td_target: Tensor) -> Tensor:
    loss = repaired_critic_loss(q_column, td_target.clone())
    td_target.data -= q_column.detach()[:, 0]
    return loss


def targets_as_a_column(q_column: Tensor, td_target: Tensor) -> Tensor:
    """Right: the row is stood up instead."""
    return 0.5 * (td_target.detach().unsqueeze(-1) - q_column).square().mean()


def flattened(q_column: Tensor, td_target: Tensor) -> Tensor:
    """Right: both laid flat, by torch's loss."""
    return 0.5 * torch.nn.functional.mse_loss(q_column.flatten(), td_target.detach().flatten())


def diagonal_of_the_table(q_column: Tensor, td_target: Tensor) -> Tensor:
    """Right: the table is made, and its diagonal taken."""
    return 0.5 * (td_target.detach() - q_column).diagonal().square().mean()


EXERCISE = Exercise(
    name="repaired_critic_loss",
    reference=repaired_critic_loss,
    cases=cases,
    statement="every action's value is compared with its own target, and with no other",
    points={VALUE: 1},
    gradient=("q_column",),
    no_gradient=("td_target",),
    mistakes=(
        Mistake(
            "still-a-table",
            "The column (B, 1) still meets the row (B,), and torch makes a (B, B) table of every Q "
            "minus every target. Its mean is smallest where every Q is the mean of all targets. "
            "Bring both into one shape: `q_column.squeeze(-1)`.",
            still_a_table,
        ),
        Mistake(
            "table-summed",
            "The table is still there, summed along one axis. Summing does not take the foreign "
            "pairs out: the two have to have one shape before they are subtracted.",
            table_summed,
        ),
        Mistake(
            "diagonal-over-the-table",
            "You take the right pairs, the diagonal of the table, but divide by the number of all "
            "B² pairs. There are B of them.",
            diagonal_averaged_over_the_table,
        ),
        Mistake(
            "rows-reversed",
            "The targets are in reverse order: row i is compared with target B − 1 − i.",
            reversed_rows,
        ),
        Mistake(
            "first-row-only",
            "`[0]` takes the first row, not an axis away: the rest of the minibatch is lost.",
            first_row_only,
        ),
        Mistake(
            "first-value-for-all",
            "`q_column[0]` is the first row: its value is compared with all targets. The column is "
            "`q_column[:, 0]`.",
            first_value_for_all,
        ),
        Mistake(
            "mean-target",
            "Every Q is compared with the mean target. That is what the bug did in effect.",
            mean_target,
        ),
        Mistake(
            "mean-value",
            "The mean of all Qs is compared with each target. Each action has a value of its own.",
            mean_value,
        ),
        Mistake(
            "sum-for-mean",
            "The shapes are right now, but the squares are summed and not averaged.",
            sum_for_mean,
        ),
        Mistake(
            "no-half",
            "The shapes are right now, but the ½ in front of the square went missing.",
            no_half,
        ),
        Mistake(
            "moves-the-target",
            "The shapes are right now, but a gradient flows into the target: detach it.",
            moves_the_target,
        ),
        Mistake(
            "cut-off",
            "The shapes are right now, but Q was detached where the target should be.",
            cut_off,
        ),
        Mistake("changes-targets", IN_PLACE, changes_targets),
    ),
    variants=(targets_as_a_column, flattened, diagonal_of_the_table),
)
