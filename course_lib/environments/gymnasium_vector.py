"""Any gymnasium environment with box observations as a batch that the course's loops can step.

The environments are stepped one after the other; where speed counts, cartpole.py and its
neighbours have the same physics for all of them at once."""

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from course_lib.environments.vector import BatchedEnvironment, Transition

EXTRAS = ("mujoco", "box2d")  # gymnasium's folders of these names need our extras of these names
LARGEST_SCALE = 1e3  # larger bounds say nothing about the observations that occur


class GymnasiumVector(BatchedEnvironment):
    """N gymnasium environments of one name behind the interface of `BatchedEnvironment`.

    Observations are flattened; half their range is their `observation_scale`, where they have one.
    Actions outside their bounds are clipped. Where all dimensions have the same finite bounds,
    actions are in these units; else [−1, 1] is stretched to each dimension's own bounds, and a
    dimension without bounds is passed on as it is.

    Args:
        environment_id: a name known to `gymnasium.make`.
        num_envs: N.
        seed: of the first states and everything random after them; `None` draws a fresh one.

    Raises:
        ValueError: observations or actions of another kind, a package that is not installed, or
            `num_envs` below 1.
    """

    def __init__(self, environment_id: str, num_envs: int, seed: int | None = None) -> None:
        super().__init__(num_envs, seed)
        self.environment_id = environment_id
        self._vector = SyncVectorEnv(
            [lambda: make_single(environment_id)] * num_envs,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        self._is_seeded = False
        self.max_steps = self._vector.envs[0].spec.max_episode_steps
        self._read_observations(self._vector.single_observation_space)
        self._read_actions(self._vector.single_action_space)

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Start N new episodes; a seed restarts the random numbers, none continues them."""
        if seed is not None:
            self.random = np.random.default_rng(seed)
        seeds = None
        if seed is not None or not self._is_seeded:
            # Drawn, not counted up: else seeds 0 and 1 would share all environments but one.
            seeds = self.random.integers(2**31, size=self.num_envs).tolist()
            self._is_seeded = True
        obs, _ = self._vector.reset(seed=seeds)
        self.state = obs
        return self.observe(obs)

    def step(self, action: np.ndarray) -> Transition:
        """Apply one action an environment; where that ends an episode, begin the next one.

        Raises:
            ValueError: before the first `reset`, or for actions that do not fit.
        """
        if self.state is None:
            raise ValueError("call reset() before the first step()")
        action = self._translated(self._valid(action))
        self.state, reward, terminated, truncated, info = self._vector.step(action)
        obs = self.observe(self.state)
        next_obs = obs.copy()
        for i in np.flatnonzero(terminated | truncated):
            next_obs[i] = np.ravel(info["final_obs"][i])
        return Transition(
            obs, reward.astype(np.float32), terminated, truncated & ~terminated, next_obs
        )

    def observe(self, state: np.ndarray) -> np.ndarray:
        """(N, …) as gymnasium has it → (N, S) float32, a new array."""
        return np.array(state, dtype=np.float32).reshape(self.num_envs, -1)

    def close(self) -> None:
        """Let go of windows and simulators."""
        self._vector.close()

    def _read_observations(self, space: spaces.Space) -> None:
        if not isinstance(space, spaces.Box):
            raise ValueError(f"{self.environment_id} has observations {space}; a Box is needed")
        self.observation_size = int(np.prod(space.shape))
        half_range = (space.high.astype(np.float64) - space.low).ravel() / 2
        says_something = (half_range > 0) & (half_range < LARGEST_SCALE)
        if says_something.any():
            self.observation_scale = tuple(np.where(says_something, half_range, 1.0).tolist())

    def _read_actions(self, space: spaces.Space) -> None:
        if isinstance(space, spaces.Discrete):
            self.num_actions, self._first_action = int(space.n), int(space.start)
            return
        if not isinstance(space, spaces.Box):
            raise ValueError(
                f"{self.environment_id} has actions {space}; a Box or a Discrete is needed"
            )
        self.action_size = int(np.prod(space.shape))
        self._low, self._high = (
            bound.astype(np.float64).ravel() for bound in (space.low, space.high)
        )
        self._stretched = np.isfinite(self._low) & np.isfinite(self._high)
        if self._stretched.all() and np.ptp(self._low) == np.ptp(self._high) == 0:
            self.action_low, self.action_high = float(self._low[0]), float(self._high[0])
            self._stretched[:] = False

    def _translated(self, action: np.ndarray) -> np.ndarray:
        """The action as gymnasium wants it: its numbering, bounds, shape and dtype."""
        if self.num_actions is not None:
            return action + self._first_action
        low, high, where = self._low, self._high, self._stretched
        action = action.astype(np.float64)
        stretch = (high - low)[where]
        action[:, where] = low[where] + (action[:, where] + 1) / 2 * stretch
        space = self._vector.action_space
        return action.clip(low, high).reshape(space.shape).astype(space.dtype)


def make_single(environment_id: str) -> gymnasium.Env:
    """One environment; `ValueError` that says what to install if a package is missing."""
    try:
        return gymnasium.make(environment_id, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        folders = str(gymnasium.spec(environment_id).entry_point).split(".")
        for extra in EXTRAS:
            if extra in folders:
                raise ValueError(
                    f"{environment_id} needs the extra {extra!r}, which is not installed: "
                    f'pip install -c constraints.txt -e ".[{extra}]"'
                ) from error
        raise ValueError(f"{environment_id} cannot be made: {error}") from error
