"""A replay buffer that remembers what followed what: whole sequences for world models."""

import torch
from torch import Tensor

from course_lib.replay import TransitionBatch

MOST_DRAWS = 1_000


class SequenceReplay:
    """The last steps of N environments that are stepped together, as sequences.

    Each `add` takes one step of all N environments, in the same order every time.

    Args:
        capacity: how many transitions are kept; rounded down to whole steps of all environments.
        obs_shape, action_shape: shapes of one observation and one action.
        seed: of the buffer's own random numbers.
        num_envs: N.

    Raises:
        ValueError: not even one step of all environments fits in.
    """

    def __init__(
        self,
        capacity: int,
        obs_shape: tuple[int, ...],
        action_shape: tuple[int, ...],
        seed: int,
        num_envs: int,
    ) -> None:
        self.num_envs, self.num_steps = num_envs, capacity // num_envs
        if self.num_steps < 1:
            raise ValueError(f"capacity: expected at least {num_envs}, got {capacity}")
        seen, done = tuple(obs_shape), tuple(action_shape)
        row_shapes = TransitionBatch(seen, done, (), seen, ())
        self._shapes = [(num_envs, *shape) for shape in row_shapes]
        self._generator = torch.Generator().manual_seed(seed)
        self._history: TransitionBatch | None = None
        self._added = 0

    @property
    def steps(self) -> int:
        """How many steps of all environments are kept."""
        return min(self._added, self.num_steps)

    def __len__(self) -> int:
        return self.steps * self.num_envs

    def add(
        self, obs: Tensor, action: Tensor, reward: Tensor, next_obs: Tensor, terminated: Tensor
    ) -> None:
        """Store a copy of one step of every environment.

        Raises:
            ValueError: shapes do not fit.
        """
        step = TransitionBatch(*map(torch.as_tensor, (obs, action, reward, next_obs, terminated)))
        for name, field, shape in zip(step._fields, step, self._shapes, strict=True):
            if tuple(field.shape) != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {tuple(field.shape)}")
        if self._history is None:
            empty = (field.new_empty(self.num_steps, *field.shape) for field in step)
            self._history = TransitionBatch(*empty)
        for history, field in zip(self._history, step, strict=True):
            history.select(0, self._added % self.num_steps).copy_(field.detach())
        self._added += 1

    def sample(self, batch_size: int) -> TransitionBatch:
        """Draw single transitions uniformly with replacement: copies, (batch_size, …) each.

        Raises:
            ValueError: the buffer is empty.
        """
        if not len(self):
            raise ValueError("the buffer is empty: add transitions before sampling")
        place = torch.randint(len(self), (batch_size,), generator=self._generator)
        return self._at(place // self.num_envs, place % self.num_envs)

    def sample_sequences(self, batch_size: int, length: int) -> TransitionBatch:
        """Draw sequences uniformly, none of them across the end of an episode.

        Args:
            batch_size: B.
            length: L, the number of steps.

        Returns:
            Copies of the fields, (L, B, …) each: `next_obs[t]` equals `obs[t + 1]`.

        Raises:
            ValueError: no sequence of this length is stored.
        """
        kept = TransitionBatch(*(field[:, :0] for field in self._windows(1, length)))
        for _ in range(MOST_DRAWS):
            drawn = self._windows(batch_size, length)
            joins = (drawn.next_obs[:-1] == drawn.obs[1:]).flatten(2).all(-1)
            whole = joins.all(0)
            kept = TransitionBatch(
                *(torch.cat((a, b[:, whole]), 1) for a, b in zip(kept, drawn, strict=True))
            )
            if len(kept.reward[0]) >= batch_size:
                return TransitionBatch(*(field[:, :batch_size] for field in kept))
        raise ValueError(f"no episode in the buffer has {length} steps")

    def _windows(self, batch_size: int, length: int) -> TransitionBatch:
        """Windows of the stream, episodes' ends or not."""
        if self.steps < length:
            raise ValueError(
                f"the buffer holds {self.steps} steps in a row, {length} are asked for"
            )
        oldest = self._added % self.num_steps if self.steps == self.num_steps else 0
        start = torch.randint(self.steps - length + 1, (batch_size,), generator=self._generator)
        column = torch.randint(self.num_envs, (batch_size,), generator=self._generator)
        step = start + torch.arange(length).unsqueeze(-1)
        return self._at((oldest + step) % self.num_steps, column)

    def _at(self, step: Tensor, column: Tensor) -> TransitionBatch:
        """Copies of what the environments in these columns did in these steps."""
        return TransitionBatch(*(history[step, column] for history in self._history))
