"""Tabular Markov decision processes, with exact answers by course_lib.reference and as batched
environments to sample from. Grids are drawn in grid_worlds.py."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.environments.vector import BatchedEnvironment

ROUNDING = 1e-9  # how far a sum of probabilities may be from the number that it should be


class Layout(NamedTuple):
    """Where the states of a grid lie: what a picture of it needs.

    Attributes:
        rows, columns: the size of the grid, walls included.
        cells: (row, column) of each state, from the top left corner.
        goals, pits: the states in which an episode ends, well or badly.
    """

    rows: int
    columns: int
    cells: tuple[tuple[int, int], ...]
    goals: tuple[int, ...] = ()
    pits: tuple[int, ...] = ()

    @property
    def walls(self) -> np.ndarray:
        """(rows, columns) bool, true where there is no state."""
        return np.isnan(self.picture(np.zeros(len(self.cells))))

    def picture(self, per_state: Tensor | np.ndarray) -> np.ndarray:
        """Lay numbers out as the grid lies: (S, …) → (rows, columns, …) float64, NaN at walls.

        Raises:
            ValueError: there is not one entry a state.
        """
        numbers = np.asarray(per_state, dtype=np.float64)
        if len(numbers) != len(self.cells):
            raise ValueError(f"per_state: expected {len(self.cells)} states, got {len(numbers)}")
        picture = np.full((self.rows, self.columns, *numbers.shape[1:]), np.nan)
        picture[tuple(np.array(self.cells).T)] = numbers
        return picture


@dataclass(frozen=True, eq=False)
class TabularMDP:
    """A Markov decision process that fits into three arrays.

    A row of P may sum to less than 1: what is missing is the probability that the step ends the
    episode. Nothing follows an end, so values, visits and gradients of course_lib.reference are
    those of the process with episodes, without any state to hold the ended ones.

    Attributes:
        P: (S, K, S) float64, the probability of each next state.
        R: (S, K) float64, expected rewards.
        p0: (S,) float64, the distribution of the first state.
        layout: where the states lie, if they lie on a grid.
        action_names: one a action, for pictures.

    Raises:
        ValueError: shapes or dtypes that do not fit, numbers that are no probabilities.
    """

    P: Tensor
    R: Tensor
    p0: Tensor
    layout: Layout | None = None
    action_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        states, actions = self.R.shape
        shapes = {"P": (states, actions, states), "R": (states, actions), "p0": (states,)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != torch.float64:
                got = f"{tuple(array.shape)} {array.dtype}"
                raise ValueError(f"{name}: expected {shape} torch.float64, got {got}")
            if not array.isfinite().all():
                raise ValueError(f"{name}: expected finite numbers")
        if self.P.min() < 0 or self.p0.min() < 0:
            raise ValueError("P and p0: expected no negative probabilities")
        if (largest := self.P.sum(-1).max().item()) > 1 + ROUNDING:
            raise ValueError(f"P: expected rows that sum to at most 1, got {largest}")
        if abs((total := self.p0.sum().item()) - 1) > ROUNDING:
            raise ValueError(f"p0: expected a sum of 1, got {total}")

    @property
    def num_states(self) -> int:
        """S."""
        return self.R.shape[0]

    @property
    def num_actions(self) -> int:
        """K."""
        return self.R.shape[1]

    @property
    def end(self) -> Tensor:
        """(S, K) the probability that a step from here ends the episode."""
        missing = 1 - self.P.sum(-1)
        return torch.where(missing > ROUNDING, missing, 0.0)


def random_mdp(num_states: int, num_actions: int, seed: int, spread: float = 2.0) -> TabularMDP:
    """An MDP without any structure, to check what should hold for all of them. It never ends.

    Args:
        num_states, num_actions: S and K.
        seed: of all its numbers.
        spread: of the logits of P: 0 makes all next states equally likely, large ones nearly sure.

    Returns:
        P and p0 are softmaxes of normal numbers, R is normal.

    Raises:
        ValueError: a size below 1.
    """
    if num_states < 1 or num_actions < 1:
        raise ValueError(
            f"expected at least 1 state and action, got {num_states} and {num_actions}"
        )
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    P = (spread * draw(num_states, num_actions, num_states)).softmax(-1)
    return TabularMDP(P, draw(num_states, num_actions), draw(num_states).softmax(-1))


class TabularEnvironment(BatchedEnvironment):
    """Sampling from a tabular MDP: one sees the state as a one-hot vector, the reward is R(s, a).

    A state is its number; `state` is (N,) int64. At an end of the MDP the final observation is the
    state in which the last action was taken: there is no other.

    Args:
        mdp: the process.
        num_envs: N.
        seed: of first states and transitions; `None` draws a fresh one.
        max_steps: after how many steps an episode is truncated.
    """

    observation_bounds = (0.0, 1.0)

    def __init__(
        self, mdp: TabularMDP, num_envs: int, seed: int | None = None, max_steps: int = 100
    ) -> None:
        super().__init__(num_envs, seed)
        self.mdp = mdp
        self.observation_size, self.num_actions = mdp.R.shape
        self.max_steps = max_steps
        self._one_hot = np.eye(mdp.num_states, dtype=np.float32)
        self._reward = mdp.R.numpy().astype(np.float32)
        self._first = cumulative(mdp.p0.numpy())
        self._next = cumulative(mdp.P.numpy())

    def first_state(self, count: int) -> np.ndarray:
        return (self._first <= self.random.random((count, 1))).sum(-1)

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Where the draw lies beyond the whole row, the episode ends.
        chance = self.random.random((len(state), 1))
        next_state = (self._next[state, action] <= chance).sum(-1)
        terminated = next_state == len(self._one_hot)
        return np.where(terminated, state, next_state), self._reward[state, action], terminated

    def observe(self, state: np.ndarray) -> np.ndarray:
        return self._one_hot[state]


def cumulative(probability: np.ndarray) -> np.ndarray:
    """Running sums over the last axis, exactly 1 where rounding left them next to it."""
    sums = probability.cumsum(-1)
    return np.where(sums > 1 - ROUNDING, 1.0, sums)
