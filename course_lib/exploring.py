"""What is remembered of acting: steps in a replay buffer, and whole rollouts."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.environments import BatchedEnvironment
from course_lib.reference import ReplayBuffer
from course_lib.replay import Replay
from course_lib.rollout import Rollout


class Step(NamedTuple):
    """One step of N environments; `next_obs` is what it really led to."""

    obs: Tensor
    action: Tensor
    reward: np.ndarray
    next_obs: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


def spanned(steps: Sequence[Step], gamma: float) -> tuple[Tensor | np.ndarray, ...]:
    """Transitions from the first of n steps to behind the last one, as the buffer takes them.

        reward = Σ_{k<n} γ^k r_{t+k+1}, up to a termination; bootstrap with γⁿ from s_{t+n}

    A termination ends the sum and stays one. An episode that a time limit cuts before the last step
    has no s_{t+n}: its transition is left out. Cut at the last step, it bootstraps from there: a
    time limit is not a termination.
    """
    running = np.ones(len(steps[0].reward), dtype=bool)
    reward, terminated = np.zeros_like(steps[0].reward), ~running
    for k, step in enumerate(steps):
        if k:
            running = running & ~(steps[k - 1].terminated | steps[k - 1].truncated)
        reward += gamma**k * step.reward * running
        terminated = terminated | running & step.terminated
    whole = running | terminated
    first, last = steps[0], steps[-1]
    return (
        first.obs[whole], first.action[whole], reward[whole], last.next_obs[whole],
        terminated[whole],
    )  # fmt: skip


class Explorer:
    """Steps an environment and stores every step; `env_steps` counts single environments.

    Args:
        environment: the environment.
        capacity: how many transitions are kept.
        seed: of the buffer's draws.
        reward_scale: factor of the stored rewards.
        return_steps: n, how many steps a stored transition spans; bootstrap from it with γⁿ.
        gamma: γ, the discount of the rewards within it.
        replay: makes the buffer; `ReplayBuffer`, or a reader's own.
    """

    def __init__(
        self,
        environment: BatchedEnvironment,
        capacity: int,
        seed: int,
        reward_scale: float = 1.0,
        return_steps: int = 1,
        gamma: float = 1.0,
        replay: Callable[..., Replay] = ReplayBuffer,
    ) -> None:
        size = environment.action_size
        action_shape = () if size is None else (size,)
        self.environment = environment
        self.buffer = replay(capacity, (environment.observation_size,), action_shape, seed)
        self.reward_scale = reward_scale
        self.gamma = gamma
        self._recent: deque[Step] = deque(maxlen=return_steps)
        self.env_steps = 0
        self._obs = torch.from_numpy(environment.reset())
        self._return = np.zeros(environment.num_envs)
        self._finished: list[float] = []

    def step(self, act: Callable[[Tensor], Tensor]) -> None:
        """Take one step in each environment and store it.

        Args:
            act: (N, S) observations → (N,) or (N, D) actions, without a gradient.
        """
        action = act(self._obs)
        obs, reward, terminated, truncated, next_obs = self.environment.step(action.numpy())
        reached = Step(
            self._obs, action, self.reward_scale * reward, next_obs, terminated, truncated
        )
        self._recent.append(reached)
        if len(self._recent) == self._recent.maxlen:
            self.buffer.add(*spanned(self._recent, self.gamma))
        self._obs = torch.from_numpy(obs)
        self.env_steps += self.environment.num_envs
        self._return += reward
        ended = terminated | truncated
        if ended.any():
            self._finished += self._return[ended].tolist()
            self._return[ended] = 0.0

    def warm_up(self, env_steps: int, generator: torch.Generator) -> None:
        """Begin with uniformly random actions, until there are this many steps."""
        while self.env_steps < env_steps:
            self.step(lambda obs: self.random_action(generator))

    def random_action(self, generator: torch.Generator) -> Tensor:
        """Uniformly random actions, one an environment."""
        environment = self.environment
        if environment.num_actions is not None:
            shape = (environment.num_envs,)
            return torch.randint(environment.num_actions, shape, generator=generator)
        share = torch.rand(environment.num_envs, environment.action_size, generator=generator)
        return environment.action_low + (environment.action_high - environment.action_low) * share

    def take_finished_returns(self) -> list[float]:
        """Undiscounted returns of the episodes that ended since the last call."""
        finished, self._finished = self._finished, []
        return finished


def falling(first: float, last: float, env_steps: int, explore_steps: int) -> float:
    """How much to explore by now: less and less, max(last, first · (1 − env_steps/explore_steps)).

    A policy that hardly acts by itself sees many states, but never the ones that it would lead to;
    one that hardly explores sees only these. So first the one, then the other.
    """
    return max(last, first * (1 - env_steps / explore_steps))


def noise_shares(num_envs: int, all_explore: bool) -> Tensor:
    """(N, 1) how far each environment goes from the policy's action to the noisy one.

    All the way, or evenly from not at all to all the way. Environments without noise show where the
    policy drifts to by itself, and those with much of it what else could be done, at any time.
    """
    return torch.ones(num_envs, 1) if all_explore else torch.linspace(0, 1, num_envs).unsqueeze(1)


class RolloutReplay:
    """The last rollouts, whole: targets that look several steps ahead need the steps in order.

    Args:
        capacity: how many rollouts are kept, at least 1.
        seed: of the replay's own random numbers.

    Raises:
        ValueError: a capacity below 1.

    Source: Wang et al. (2017), "Sample Efficient Actor-Critic with Experience Replay".
    """

    def __init__(self, capacity: int, seed: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity: expected at least 1, got {capacity}")
        self._rollouts: deque[Rollout] = deque(maxlen=capacity)
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self._rollouts)

    def add(self, rollout: Rollout) -> None:
        """Keep a rollout, in place of the oldest one if there is no room."""
        self._rollouts.append(rollout)

    def sample(self, count: int) -> Rollout:
        """The newest rollout and others drawn uniformly with replacement, side by side.

        Args:
            count: how many rollouts of shape (T, N) together, at least 1.

        Returns:
            A rollout of shape (T, count · N), with the newest one's `finished_returns`.

        Raises:
            ValueError: nothing is kept yet, or the count is below 1.
        """
        if not self._rollouts or count < 1:
            raise ValueError(f"cannot draw {count} of {len(self)} rollouts: both must be above 0")
        drawn = torch.randint(len(self), (count - 1,), generator=self._generator).tolist()
        chosen = [self._rollouts[-1], *(self._rollouts[i] for i in drawn)]
        *columns, finished_returns = zip(*chosen, strict=True)
        return Rollout(*(torch.cat(column, 1) for column in columns), finished_returns[0])
