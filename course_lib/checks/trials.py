"""Plays an agent in many episodes at once and writes down what came of it.

Whatever an agent does wrong becomes an `AgentTrouble` with a sentence that says what and where.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.checks.agent_tasks import AgentTask, Trial
from course_lib.checks.outcome import line_of
from course_lib.environments import make_vector
from course_lib.evaluation import steps_of

EVERY = 4  # steps of the first episode that are left out between two that are kept
NUMBERS = (bool, int, float, np.number, np.bool)


class AgentTrouble(Exception):
    """What an agent did that ends its trial.

    Attributes:
        kind: the trouble's short name, with hyphens.
        text: what happened, and what to do about it.
        detail: what else there is to say, in words that the agent may have chosen: it could tell
            there what it saw.
    """

    def __init__(self, kind: str, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.kind, self.text, self.detail = kind, text, detail


class Watched:
    """An agent that is timed, and whose answers are looked at and cut to the bounds."""

    def __init__(
        self, agent: Callable, task: AgentTask, low: float, high: float, size: int
    ) -> None:
        self.agent, self.task, self.size = agent, task, size
        self.low, self.high = low, high
        self.clock = clock_of(agent)
        self.calls = self.outside = self.total = 0
        self.cpu_seconds = 0.0

    def begin(self) -> None:
        """Let an agent that keeps a state forget it."""
        try:
            if hasattr(self.agent, "reset"):
                self.agent.reset()
        except Exception as error:
            raise raised(self.agent, error, "in its reset()") from None

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        self.calls += 1
        before = self.clock()
        try:
            with torch.no_grad():
                answer = self.agent(obs)
        except Exception as error:
            raise raised(self.agent, error, f"at step {self.calls}") from None
        self.cpu_seconds += self.clock() - before
        if self.cpu_seconds > self.task.cpu_seconds:
            raise self.slow()
        action = self.as_actions(answer, len(obs))
        self.outside += int(((action < self.low) | (action > self.high)).sum())
        self.total += action.size
        return action.clip(self.low, self.high)

    def as_actions(self, answer: Any, rows: int) -> np.ndarray:
        """The answer as float64 (rows, D); of another shape, it is not even copied."""
        wanted = (rows, self.size)
        action = as_numbers(answer)
        if action is None:
            what = "None: is the `return` missing?" if answer is None else type(answer).__name__
            text = f"returned no array of numbers; wanted: one of shape {wanted}"
            raise self.trouble("no-actions", text, f"It returned {what}")
        if action.shape != wanted:
            text = f"returned actions of a wrong shape; wanted: {wanted}, a row an episode"
            fits = action.size == rows * self.size
            hint = f": `.reshape(-1, {self.size})` would do" if fits else ""
            raise self.trouble("wrong-shape", text, f"Theirs was {action.shape}{hint}")
        action = action.astype(np.float64)
        if not np.isfinite(action).all():
            where = int(np.argwhere(~np.isfinite(action))[0, 0])
            text = f"returned an action that is not finite (episode {where}): its weights, or a"
            raise self.trouble("not-finite", f"{text} division, may have overflowed")
        return action

    def trouble(self, kind: str, text: str, detail: str = "") -> AgentTrouble:
        """The same with the step at which it happened."""
        where = f"It happened at step {self.calls}."
        return AgentTrouble(kind, f"Your agent {text}. {where}", detail and f"{detail}.")

    def slow(self) -> AgentTrouble:
        """Too much time."""
        each = 1000 * self.cpu_seconds / self.calls
        return AgentTrouble(
            "slow",
            f"Your agent took {self.cpu_seconds:.1f} s of CPU time for {self.calls} calls, "
            f"{each:.0f} ms each; all calls together have {self.task.cpu_seconds:g} s. A call "
            "gets all episodes at once: compute with whole arrays, and learn nothing while acting.",
        )


def play(agent: Callable, task: AgentTask, episodes: int, seed: int | list[int]) -> Trial:
    """Let an agent play so many episodes of a task at once.

    Args:
        agent: (N, S) float32 observations → (N, D) actions, of N episodes side by side. Row i is
            episode i from the first call to the last. An agent that keeps a state between calls
            has a method `reset()`, which is called before the first.
        task: the environment and what may be used up.
        episodes: N.
        seed: of the first states.

    Raises:
        AgentTrouble: the agent raises, is too slow, or its answer is no action a row.
        NotImplementedError: there is no agent yet.
    """
    environment = make_vector(task.environment_id, episodes, seed)
    bounds = environment.action_low, environment.action_high
    watched = Watched(agent, task, *bounds, environment.action_size)
    watched.begin()
    returns, lengths, path = np.zeros(episodes), np.zeros(episodes, dtype=int), []
    for obs, reward, running in steps_of(watched, environment):
        if running[0] and (watched.calls - 1) % (EVERY + 1) == 0:
            path.append(tuple(round(float(one), 3) for one in obs[0]))
        returns += reward * running
        lengths += running
    return Trial(
        task.name,
        tuple(round(float(one), 3) for one in returns),
        float((lengths >= environment.max_steps).mean()),
        watched.outside / watched.total,
        round(watched.cpu_seconds, 3),
        tuple(path),
        hashlib.sha256(repr((seed, episodes)).encode()).hexdigest()[:16],
    )


def clock_of(agent: Callable) -> Callable[[], float]:
    """What tells the CPU seconds that the agent uses.

    Here those of this thread: idle threads of torch and NumPy that wait for work burn time, too,
    which is not the agent's. An agent in another process has a `cpu_seconds` of its own.
    """
    return agent.cpu_seconds if hasattr(type(agent), "cpu_seconds") else time.thread_time


def raised(agent: Callable, error: Exception, where: str) -> Exception:
    """An error of the agent's as trouble; of an agent that is not written, as it is."""
    if isinstance(error, NotImplementedError):
        return error
    known = type(error).__module__ == "builtins"
    kind = type(error).__name__ if known else "an error"
    said = f"{type(error).__name__}: {error}"
    line = line_of(agent, error)
    return AgentTrouble(
        "raises", f"Your agent raised {kind} {where}.", f"{said}, in {line}." if line else said
    )


def as_numbers(answer: Any) -> np.ndarray | None:
    """An array, a tensor, or lists of numbers as an array; None for anything else."""
    if isinstance(answer, Tensor):
        known = not answer.is_complex() and answer.dtype is not torch.bfloat16
        return answer.numpy(force=True) if known else None
    if isinstance(answer, list | tuple):
        rows = [as_numbers(one) for one in answer]
        same = len({None if row is None else row.shape for row in rows}) == 1
        return np.array(rows) if same and rows[0] is not None else None
    if isinstance(answer, NUMBERS):
        try:
            return np.array(float(answer))
        except (OverflowError, TypeError):  # 10**400, or a complex number
            return None
    known = isinstance(answer, np.ndarray) and answer.dtype.kind in "fiub"
    return answer if known else None
