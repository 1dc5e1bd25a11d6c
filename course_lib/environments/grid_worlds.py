"""Grids drawn with letters, as tabular MDPs: a small one with a pit, and the maze with two ways."""

import torch
from torch import Tensor

from course_lib.environments.tabular import Layout, TabularEnvironment, TabularMDP

FREE, WALL, START, GOAL, PIT, ROUGH, CLOSED = ".#SGX~|"
MOVES = {"↑": (-1, 0), "→": (0, 1), "↓": (1, 0), "←": (0, -1)}

GRID = """
    S . . . . .
    . # # . # .
    . . # . . .
    # . . X . #
    . . # . . .
    . . . . # G
"""
TWO_WAYS = """
    . . . . . . .
    . # # # # # .
    S # # # # # G
    . # # # # # .
    . . . ~ . . .
"""


def grid_world(
    drawing: str = GRID,
    step_reward: float = -1.0,
    goal_reward: float = 0.0,
    pit_reward: float = -10.0,
    rough_reward: float = -1.2,
    slip: float = 0.0,
) -> TabularMDP:
    """A grid to walk on: up 0, right 1, down 2, left 3; whoever walks into a wall stays.

    The letters of the drawing, with or without spaces between them:

        .  free        S  free, a first state; if there are several, each as likely
        #  wall        G  goal: whatever one does there ends the episode
        ~  rough       X  pit: the same, with another reward
        |  closed: a state that nobody can enter, so that a way can be shut without renumbering

    Args:
        drawing: one line a row.
        step_reward: of an action on free ground.
        goal_reward, pit_reward: of the last action, in a goal or a pit.
        rough_reward: of an action on rough ground.
        slip: the probability of going to one of the two sides instead, half of it each.

    Returns:
        The MDP, with its layout. States are numbered by rows, from the top left corner.

    Raises:
        ValueError: rows of different lengths, an unknown letter, no start, or `slip` outside
            [0, 1].
    """
    if not 0 <= slip <= 1:
        raise ValueError(f"slip: expected a number in [0, 1], got {slip}")
    letters = read_drawing(drawing)
    states = [letter for letter in letters.values() if letter != WALL]
    cells = tuple(cell for cell, letter in letters.items() if letter != WALL)
    reward = {GOAL: goal_reward, PIT: pit_reward, ROUGH: rough_reward}
    R = torch.tensor([reward.get(letter, step_reward) for letter in states], dtype=torch.float64)

    P = where_moves_lead(letters, cells)
    sideways = (P.roll(1, 1) + P.roll(-1, 1)) / 2
    P = (1 - slip) * P + slip * sideways
    P[[letter in (GOAL, PIT) for letter in states]] = 0.0

    first = torch.tensor([letter == START for letter in states], dtype=torch.float64)
    rows, columns = max(letters)
    goals, pits = (
        tuple(state for state, letter in enumerate(states) if letter == end) for end in (GOAL, PIT)
    )
    layout = Layout(rows + 1, columns + 1, cells, goals, pits)
    R = R.unsqueeze(-1).repeat(1, len(MOVES))
    return TabularMDP(P, R, first / first.sum(), layout, tuple(MOVES))


def read_drawing(drawing: str) -> dict[tuple[int, int], str]:
    """The letter of each cell (row, column), by rows; `ValueError` for what is no grid."""
    lines = ["".join(line.split()) for line in drawing.splitlines() if line.strip()]
    if len({len(line) for line in lines}) != 1:
        raise ValueError(f"drawing: expected rows of one length, got {[len(row) for row in lines]}")
    letters = {
        (row, column): letter
        for row, line in enumerate(lines)
        for column, letter in enumerate(line)
    }
    unknown = set(letters.values()) - {FREE, WALL, START, GOAL, PIT, ROUGH, CLOSED}
    if unknown:
        raise ValueError(f"drawing: unknown letters {sorted(unknown)}; known are .#SGX~|")
    if START not in letters.values():
        raise ValueError("drawing: expected a first state, S")
    return letters


def where_moves_lead(
    letters: dict[tuple[int, int], str], cells: tuple[tuple[int, int], ...]
) -> Tensor:
    """(S, K, S) float64, 1 where each move leads."""
    number = {cell: state for state, cell in enumerate(cells)}
    P = torch.zeros(len(cells), len(MOVES), len(cells), dtype=torch.float64)
    for (row, column), state in number.items():
        for action, (down, right) in enumerate(MOVES.values()):
            there = row + down, column + right
            can_enter = letters.get(there, WALL) not in (WALL, CLOSED)
            P[state, action, number[there] if can_enter else state] = 1.0
    return P


def two_way_maze(blocked: str | None = None) -> TabularMDP:
    """Two ways to the goal, equally long; one step of the lower one, on rough ground, costs more.

    The best policy takes the upper way always. One that likes entropy takes both, and so finds
    through when a way is shut that was open before.

    Args:
        blocked: "upper" or "lower" shuts that way; the states keep their numbers.

    Returns:
        The MDP: reward −1 a step, −1.2 on rough ground, 0 for the last action, in the goal.

    Raises:
        ValueError: there is no such way.

    Source: Haarnoja et al. (2017), arXiv:1702.08165, figure 1; lecture 001, "Maximum entropy
    learning".
    """
    if blocked not in (None, "upper", "lower"):
        raise ValueError(f"blocked must be 'upper', 'lower' or None, got {blocked!r}")
    lines = TWO_WAYS.strip("\n").split("\n")
    row = {None: None, "upper": 1, "lower": 3}[blocked]
    if row is not None:
        lines[row] = lines[row].replace(FREE, CLOSED, 1)
    return grid_world("\n".join(lines))


class GridWorld(TabularEnvironment):
    """`grid_world()`, batched: from the top left corner to the goal, past a pit."""

    def __init__(self, num_envs: int, seed: int | None = None) -> None:
        super().__init__(grid_world(), num_envs, seed)


class TwoWayMaze(TabularEnvironment):
    """`two_way_maze()`, batched; both ways are open."""

    def __init__(self, num_envs: int, seed: int | None = None) -> None:
        super().__init__(two_way_maze(), num_envs, seed)
