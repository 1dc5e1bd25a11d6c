"""A course with one small lesson and notebooks handed in for it, for the tests of grading."""

import functools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import nbgrader.api

from autograde.building.source import read_source
from autograde.building.student import student_text
from autograde.grading.classroom import Classroom, open_classroom
from autograde.lesson import Lesson
from tests.sample_course import make_course

# For every new gradebook nbgrader starts a program that takes a second; here once is enough.
nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)


def cell(kind: str, grade_id: str, text: str, *, points: int | None = None, **flags: bool) -> str:
    """A cell of a source with nbgrader's metadata."""
    about = {"grade": False, "locked": False, "solution": False, **flags}
    about |= {"grade_id": grade_id, "schema_version": 3}
    about |= {} if points is None else {"points": points}
    mark = "# %% [markdown] " if kind == "markdown" else "# %% "
    tags = ' tags=["raises-exception"]' if points and kind == "code" else ""
    return f"{mark}nbgrader={json.dumps(about, sort_keys=True)}{tags}\n{text}\n\n"


def exercise(name: str, points: int, solution: str) -> str:
    """An answer cell and the check of it."""
    dashed = name.replace("_", "-")
    test = (
        f"check({name})\n### BEGIN HIDDEN TESTS\ncheck({name}, hidden=True)\n### END HIDDEN TESTS"
    )
    return cell("code", dashed, solution, solution=True) + cell(
        "code", f"check-{dashed}", test, points=points, grade=True, locked=True
    )


REINFORCE = '''def reinforce_loss(log_prob, reward, gamma):
    """The loss whose gradient is the REINFORCE estimate."""
    ### BEGIN SOLUTION
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    episode_return = (discount.unsqueeze(1) * reward).sum(0)
    return -(episode_return * log_prob.sum(0)).mean()
    ### END SOLUTION
'''
ADVANTAGE = '''def generalized_advantage(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
):
    """Advantages that bootstrap at a time limit and not after the end."""
    ### BEGIN SOLUTION
    delta = reward + gamma * next_value * ~terminated - value
    carry = gamma * gae_lambda * ~(terminated | truncated)
    rows, last = [], torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        last = delta[t] + carry[t] * last
        rows.insert(0, last)
    return torch.stack(rows)
    ### END SOLUTION
'''
SOURCE = (
    "# %% [markdown]\n# # Which action was it?\n\n"
    + cell(
        "code",
        "setup",
        "import torch\n\nfrom course_lib import check\n\ntorch.set_num_threads(1)",
        locked=True,
    )
    + "# %% [markdown]\n# First the loss.\n\n"
    + exercise("reinforce_loss", 3, REINFORCE)
    + "# %% [markdown]\n# What do you expect?\n\n"
    + "# %%\nnumbers = torch.arange(3)\nprint(numbers.sum().item())\n\n"
    + '# %% [markdown]\n# Now a long run.\n\n# %% tags=["experiment"]\n'
    + 'raise RuntimeError("experiments must not run when grading")\n\n'
    + "# %% [markdown]\n# Then the advantage.\n\n"
    + exercise("generalized_advantage", 4, ADVANTAGE)
    + cell(
        "markdown",
        "why-baseline",
        "# Because it does not change the expectation.",
        points=2,
        grade=True,
        solution=True,
    )
)


class ThreadJudges:
    """Judges in this process: nothing has to start, so that many small classes are graded soon."""

    died = ()

    def __init__(self, count: int | None = None) -> None:
        self.count = count or 2
        self.executor = ThreadPoolExecutor(self.count)

    def submit(self, function, task):
        return self.executor.submit(function, task)

    def restart(self) -> None:
        raise AssertionError("a thread cannot die")

    def close(self) -> None:
        self.executor.shutdown(cancel_futures=True)


class SmallClass:
    """One lesson and its students' notebooks in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.lesson: Lesson = make_course(folder, SOURCE, "02_small")
        worked = read_source(self.lesson)
        nbformat.write(worked, self.lesson.worked)
        self.worked = worked
        self.released = student_text(worked, self.lesson)
        self.room: Classroom = open_classroom(folder)

    def notebook(self, **answers: str) -> dict:
        """The released notebook with these answers, by grade_id with underscores."""
        notebook = json.loads(self.released)
        for one in notebook["cells"]:
            name = one["metadata"].get("nbgrader", {}).get("grade_id", "").replace("-", "_")
            if name in answers:
                one["source"] = answers[name]
        return notebook

    def right_answers(self) -> dict[str, str]:
        """The worked solutions, without their markers."""
        return {
            "reinforce_loss": without_markers(REINFORCE),
            "generalized_advantage": without_markers(ADVANTAGE),
        }

    def hand_in(
        self, student: str, notebook: dict | str | bytes, name: str = "small.ipynb"
    ) -> Path:
        """Put a notebook (or whatever is given as one) into the student's folder."""
        path = self.room.submitted / student / self.lesson.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(notebook) if isinstance(notebook, dict) else notebook
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def without_markers(text: str) -> str:
    """A solution as a student would have written it."""
    return "".join(line for line in text.splitlines(True) if "### " not in line)
