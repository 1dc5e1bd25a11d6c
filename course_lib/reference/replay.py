"""The replay buffer: a ring of transitions, from which minibatches are drawn."""

import torch
from torch import Tensor

from course_lib.replay import TransitionBatch


class ReplayBuffer:
    """A ring of the last `capacity` transitions, sampled uniformly with replacement.

    Truncated steps are stored like any others: their `next_obs` is the final observation, from
    which a target bootstraps. Memory is taken when the first batch shows the dtypes.

    Args:
        capacity: how many transitions are kept, at least 1.
        obs_shape: the shape of one observation.
        action_shape: the shape of one action; () for discrete actions.
        seed: of the buffer's own random numbers.

    Raises:
        ValueError: a capacity below 1.

    Source: Lin (1992); Mnih et al. (2015); lecture 000, algorithm 1.
    """

    def __init__(
        self, capacity: int, obs_shape: tuple[int, ...], action_shape: tuple[int, ...], seed: int
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity: expected at least 1, got {capacity}")
        self.capacity = capacity
        obs_shape, action_shape = tuple(obs_shape), tuple(action_shape)
        self._row_shapes = TransitionBatch(obs_shape, action_shape, (), obs_shape, ())
        self._generator = torch.Generator().manual_seed(seed)
        self._storage: TransitionBatch | None = None
        self._size = self._next = 0

    def __len__(self) -> int:
        return self._size

    def add(
        self, obs: Tensor, action: Tensor, reward: Tensor, next_obs: Tensor, terminated: Tensor
    ) -> None:
        """Store copies of a batch of transitions, in place of the oldest ones if the ring is full.

        Args:
            obs: (B, *obs_shape).
            action: (B, *action_shape).
            reward: (B,).
            next_obs: (B, *obs_shape) what the step really led to.
            terminated: (B,) bool; a truncated step is not terminated.

        Raises:
            ValueError: shapes do not fit, or a dtype cannot go into that of the first batch.
        """
        batch = TransitionBatch(*map(torch.as_tensor, (obs, action, reward, next_obs, terminated)))
        self._require_fitting(batch)
        # More rows than places: only the last ones would survive.
        rows = min(len(batch.reward), self.capacity)
        head = min(rows, self.capacity - self._next)
        for storage, field in zip(self._storage, batch, strict=True):
            kept = field.detach()[len(field) - rows :]
            storage[self._next : self._next + head] = kept[:head]
            storage[: rows - head] = kept[head:]
        self._next = (self._next + rows) % self.capacity
        self._size = min(self._size + rows, self.capacity)

    def sample(self, batch_size: int) -> TransitionBatch:
        """Draw rows uniformly with replacement: copies, (batch_size, …) each.

        Raises:
            ValueError: the buffer is empty.
        """
        if not self._size:
            raise ValueError("the buffer is empty: add transitions before sampling")
        row = torch.randint(self._size, (batch_size,), generator=self._generator)
        return TransitionBatch(*(storage[row] for storage in self._storage))

    def _require_fitting(self, batch: TransitionBatch) -> None:
        """Compare a batch with the ring, which the first batch creates."""
        if batch.terminated.dtype != torch.bool:
            raise ValueError(f"terminated: expected dtype torch.bool, got {batch.terminated.dtype}")
        rows = len(batch.reward) if batch.reward.ndim else 0
        for name, field, row_shape in zip(batch._fields, batch, self._row_shapes, strict=True):
            if tuple(field.shape) != (rows, *row_shape):
                raise ValueError(
                    f"{name}: expected shape {(rows, *row_shape)}, got {tuple(field.shape)}"
                )
        if self._storage is None:
            self._storage = TransitionBatch(
                *(field.new_empty(self.capacity, *field.shape[1:]) for field in batch)
            )
        for name, field, storage in zip(batch._fields, batch, self._storage, strict=True):
            if not torch.can_cast(field.dtype, storage.dtype):
                raise ValueError(f"{name}: expected dtype {storage.dtype}, got {field.dtype}")
