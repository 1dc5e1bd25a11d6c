"""What a batch of environments is: the protocol that every loop relies on, and a base class that
turns plain dynamics into one. The dynamics live in cartpole.py, pendulum.py and probes.py."""

from typing import NamedTuple, Protocol

import numpy as np


class Transition(NamedTuple):
    """What one step of N environments led to.

    Attributes:
        obs: (N, S) float32, what to act on next: where an episode ended, the first observation of
            the next one.
        reward: (N,) float32.
        terminated: (N,) bool, the MDP ended: there is nothing to bootstrap from.
        truncated: (N,) bool, the time limit cut the episode: bootstrap from `next_obs`. Never true
            together with `terminated`.
        next_obs: (N, S) float32, the observation that the action really led to: at an end the
            final one of the old episode.
    """

    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_obs: np.ndarray


class VectorEnvironment(Protocol):
    """N environments stepped together; an ended episode starts anew within the same step."""

    num_envs: int
    observation_size: int
    num_actions: int | None
    action_size: int | None

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Start N new episodes and return their first observations, (N, S) float32."""
        ...

    def step(self, action: np.ndarray) -> Transition:
        """Apply one action an environment: (N,) integers, or (N, D) floats."""
        ...


class BatchedEnvironment:
    """The bookkeeping that all batched environments share: time limits, ends and new episodes.

    A family of environments says three things: where an episode starts (`first_state`), what an
    action does (`dynamics`), and what of the state can be seen (`observe`). Exactly one of
    `num_actions` (discrete) and `action_size` (continuous) is set. `observation_scale` names the
    typical sizes of the observation's parts, where they differ much; networks divide by them.
    """

    observation_size: int
    num_actions: int | None = None
    action_size: int | None = None
    action_low: float = -1.0
    action_high: float = 1.0
    observation_scale: tuple[float, ...] | None = None
    max_steps: int

    def __init__(self, num_envs: int, seed: int | None = None) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self.num_envs = num_envs
        self.random = np.random.default_rng(seed)
        self.state: np.ndarray | None = None
        self.elapsed = np.zeros(num_envs, dtype=np.int64)

    def first_state(self, count: int) -> np.ndarray:
        """Draw the first states of `count` episodes."""
        raise NotImplementedError

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a new array of next states, the rewards (N,) and which episodes terminated."""
        raise NotImplementedError

    def observe(self, state: np.ndarray) -> np.ndarray:
        """Return the observations of `state`, a new array (N, S) of float32."""
        raise NotImplementedError

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Start N new episodes; a seed restarts the random numbers, none continues them."""
        if seed is not None:
            self.random = np.random.default_rng(seed)
        self.state = self.first_state(self.num_envs)
        self.elapsed[:] = 0
        return self.observe(self.state)

    def step(self, action: np.ndarray) -> Transition:
        """Apply one action an environment; where that ends an episode, begin the next one.

        Raises:
            ValueError: before the first `reset`, or for actions that do not fit.
        """
        if self.state is None:
            raise ValueError("call reset() before the first step()")
        state, reward, terminated = self.dynamics(self.state, self._valid(action))
        self.elapsed += 1
        truncated = (self.elapsed >= self.max_steps) & ~terminated
        next_obs = self.observe(state)
        ended = terminated | truncated
        if ended.any():
            state[ended] = self.first_state(int(ended.sum()))
            self.elapsed[ended] = 0
            obs = self.observe(state)
        else:
            obs = next_obs.copy()
        self.state = state
        return Transition(obs, reward, terminated, truncated, next_obs)

    def _valid(self, action: np.ndarray) -> np.ndarray:
        action = np.asarray(action)
        shape = (self.num_envs,) if self.action_size is None else (self.num_envs, self.action_size)
        if action.shape != shape:
            raise ValueError(f"action must have shape {shape}, got {action.shape}")
        if self.num_actions is not None:
            if (
                action.dtype.kind not in "iu"
                or action.min() < 0
                or action.max() >= self.num_actions
            ):
                raise ValueError(
                    f"actions must be integers from 0 to {self.num_actions - 1}, got {action}"
                )
        elif np.isnan(action).any():
            raise ValueError(f"actions must be numbers, got {action}")
        return action
