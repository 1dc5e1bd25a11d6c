"""What a policy is worth: returns of fresh episodes, and pictures of one.

Policies act as they would be used, with sampled actions; learning from episodes lives elsewhere."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gymnasium
import numpy as np
import torch

from course_lib.environments import VectorEnvironment, make_vector
from course_lib.policies import Policy
from course_lib.rollout import collect_episodes


def evaluate(policy: Policy, environment_id: str, episodes: int = 20, seed: int = 0) -> np.ndarray:
    """Play whole episodes with sampled actions.

    Args:
        policy: the policy; it is not changed, and neither is the training's randomness.
        environment_id: a name known to `make_vector`.
        episodes: how many.
        seed: of the first states and the actions.

    Returns:
        (episodes,) undiscounted returns.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, episodes, seed)
    return collect_episodes(policy, environment, generator).episode_return.numpy()


def record_episode(
    policy: Policy, environment_id: str, seed: int = 0, every: int = 1
) -> list[np.ndarray]:
    """Draw one episode of the single gymnasium environment.

    Args:
        policy: the policy, with sampled actions.
        environment_id: a name known to gymnasium.
        seed: of the first state and the actions.
        every: keep one frame out of this many, and always the first and the last.

    Returns:
        RGB pictures, each (height, width, 3) uint8.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    with without_a_window():
        return list(frames_of_an_episode(policy, environment_id, seed, every))


@contextmanager
def without_a_window() -> Iterator[None]:
    """Let pygame draw into memory: by itself it looks for a screen, and complains without one."""
    driver = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        if driver is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = driver


def frames_of_an_episode(
    policy: Policy, environment_id: str, seed: int, every: int
) -> Iterator[np.ndarray]:
    """Yield the pictures of `record_episode` one after the other."""
    generator = torch.Generator().manual_seed(seed)
    environment = gymnasium.make(environment_id, render_mode="rgb_array")
    obs, _ = environment.reset(seed=seed)
    yield environment.render()
    ended, step_number = False, 0
    while not ended:
        action = policy.sample(torch.from_numpy(obs).unsqueeze(0), generator)[0].numpy()
        obs, _, terminated, truncated, _ = environment.step(action)
        ended, step_number = terminated or truncated, step_number + 1
        if ended or step_number % every == 0:
            yield environment.render()
    environment.close()


def evaluate_agent(
    agent: Callable[[np.ndarray], np.ndarray],
    environment_id: str,
    episodes: int = 20,
    seed: int = 0,
) -> np.ndarray:
    """Play whole episodes with an agent that is any function of what it observes.

    The agent sees observations and nothing else of the environment, which therefore need not run
    in its process: `course grade` steps it on its own side, in episodes that the agent cannot know.

    Args:
        agent: (N, S) float32 observations -> (N,) integers or (N, D) floats, one action a row. N
            is `episodes` all the time; rows of episodes that have ended no longer count.
        environment_id: a name known to `make_vector`.
        episodes: how many; they are played side by side.
        seed: of the first states.

    Returns:
        (episodes,) undiscounted returns.

    Raises:
        ValueError: what the agent returns is not an action a row.
    """
    environment = make_vector(environment_id, episodes, seed)
    episode_return = np.zeros(episodes)
    for _, reward, running in steps_of(agent, environment):
        episode_return += reward * running
    return episode_return


def steps_of(
    agent: Callable[[np.ndarray], np.ndarray], environment: VectorEnvironment
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Play one episode a row, until the last one has ended.

    Yields:
        What was seen (N, S), the reward (N,) and which rows had not ended before (N,) of each step.

    Raises:
        ValueError: what the agent returns is not an action a row.
    """
    obs = environment.reset()
    running = np.ones(environment.num_envs, dtype=bool)
    while running.any():
        action = actions_of(agent(obs.copy()), environment)
        step = environment.step(action)
        yield obs, step.reward, running
        running = running & ~(step.terminated | step.truncated)
        obs = step.obs


def actions_of(answer: object, environment: VectorEnvironment) -> np.ndarray:
    """An agent's answer as actions of this environment; `ValueError` if it is none."""
    action = np.asarray(answer.detach() if isinstance(answer, torch.Tensor) else answer)
    if environment.num_actions is not None:
        wanted, kinds = (environment.num_envs,), "iu"
        what = f"integers from 0 to {environment.num_actions - 1}"
    else:
        wanted, kinds, what = (environment.num_envs, environment.action_size), "f", "floats"
    fits = action.shape == wanted and action.dtype.kind in kinds
    if fits and environment.num_actions is not None:
        fits = bool(((action >= 0) & (action < environment.num_actions)).all())
    elif fits:
        fits = bool(np.isfinite(action).all())
    if not fits:
        raise ValueError(
            f"an agent returns {what} of shape {wanted}, this one returned "
            f"{action.dtype} of shape {action.shape}"
        )
    return action.astype(np.float32) if environment.num_actions is None else action
