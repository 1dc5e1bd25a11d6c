"""What the leaderboard compares with: random actions, and the agent of the lesson's worked answer.

Both play the class's own fresh episodes. What came of it is kept: it changes with the episodes or
the answer only.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict

import nbformat
import numpy as np

from autograde.building.worked import write_if_new
from autograde.grading.classroom import Classroom
from autograde.grading.graded_source import grade_id
from autograde.lesson import Lesson
from course_lib.checks.agent_tasks import AgentTask, Trial

RANDOM, COURSE = "random actions", "the course's agent"


def reference_trials(
    room: Classroom, lesson: Lesson, task: AgentTask, seed: int
) -> dict[str, Trial]:
    """The trials of the references by name; the course's own only if its answer holds a policy."""
    text = worked_answer(lesson, task)
    parts = [task.name, task.environment_id, task.fresh_episodes, seed, text]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    path = room.state / f"references-{task.name}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] == key:
            return {name: Trial.read(one) for name, one in stored["trials"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    trials = played(task, seed, text)
    trials_text = {name: asdict(one) for name, one in trials.items()}
    write_if_new(path, json.dumps({"key": key, "trials": trials_text}) + "\n")
    return trials


def worked_answer(lesson: Lesson, task: AgentTask) -> str:
    """The worked answer as text; empty if the lesson is not built."""
    try:
        cells = nbformat.read(lesson.worked, as_version=4).cells
    except (OSError, ValueError):
        return ""
    name = task.name.replace("_", "-")
    return next((cell.source for cell in cells if grade_id(cell) == name), "")


def played(task: AgentTask, seed: int, text: str) -> dict[str, Trial]:
    """Let the references play; one that cannot, as its answer is for another task, is left out."""
    from course_lib.checks.agent_checking import fresh_seed
    from course_lib.checks.trials import AgentTrouble, play
    from course_lib.environments import make_vector

    environment = make_vector(task.environment_id, 1)
    agents = {RANDOM: random_agent(environment.action_low, environment.action_high,
                                   environment.action_size)}  # fmt: skip
    policy = policy_in(text)
    if policy is not None:
        agents[COURSE] = policy
    drawn, trials = fresh_seed(task, seed), {}
    for name, one in agents.items():
        with contextlib.suppress(AgentTrouble):
            trials[name] = play(one, task, task.fresh_episodes, drawn)
    return trials


def random_agent(low: float, high: float, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Actions drawn from all that are allowed."""
    dice = np.random.default_rng(0)
    return lambda obs: dice.uniform(low, high, (len(obs), size))


def policy_in(answer: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """The policy whose text stands in an answer, if one does. The answer is read, not run."""
    from course_lib.policy_text import LINE, TITLE, agent_from_text

    lines = [line.strip() for line in answer.splitlines()]
    found = [line for line in lines if TITLE.fullmatch(line) or LINE.fullmatch(line)]
    try:
        return agent_from_text("\n".join(found))
    except ValueError:
        return None
