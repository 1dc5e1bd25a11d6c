"""What loops keep of the past, one step a row. The buffer itself is an exercise of lesson 07: it
lives in course_lib.reference, and loops take it as an argument."""

from typing import NamedTuple, Protocol

from torch import Tensor


class TransitionBatch(NamedTuple):
    """Transitions as tensors, one a row, in the order in which a buffer's `add` takes them."""

    obs: Tensor
    action: Tensor
    reward: Tensor
    next_obs: Tensor
    terminated: Tensor


class Replay(Protocol):
    """What a loop asks of a buffer, `ReplayBuffer` or a reader's own."""

    def add(
        self, obs: Tensor, action: Tensor, reward: Tensor, next_obs: Tensor, terminated: Tensor
    ) -> None:
        """Keep a batch of transitions."""

    def sample(self, batch_size: int) -> TransitionBatch:
        """Draw a minibatch."""

    def __len__(self) -> int:
        """How many transitions are kept."""
