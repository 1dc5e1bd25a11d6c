"""A replay buffer that remembers what followed what: whole sequences for world models."""

import torch

from course_lib.replay import ReplayBuffer, TransitionBatch

MOST_DRAWS = 1_000


class SequenceReplay(ReplayBuffer):
    """The last transitions of N environments that are stepped together, as sequences.

    Each `add` takes one step of all N environments, in the same order every time; so what follows
    a row lies N rows further on.

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
        super().__init__(capacity // num_envs * num_envs, obs_shape, action_shape, seed)
        self.num_envs = num_envs

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
        steps = len(self) // self.num_envs
        if steps < length:
            raise ValueError(f"the buffer holds {steps} steps in a row, {length} are asked for")
        oldest = self._next if len(self) == self.capacity else 0
        start = torch.randint(steps - length + 1, (batch_size,), generator=self._generator)
        column = torch.randint(self.num_envs, (batch_size,), generator=self._generator)
        step = start + torch.arange(length).unsqueeze(-1)
        row = (oldest + step * self.num_envs + column) % self.capacity
        return TransitionBatch(*(storage[row] for storage in self._storage))
