"""The course that is attacked: three small lessons, and notebooks handed in for them."""

import json
from pathlib import Path

import nbformat

from autograde.building.source import read_source
from autograde.building.student import student_text
from autograde.grading.classroom import open_classroom
from autograde.lesson import Lesson
from tests.capstone_class import CHECK, LINEAR, RULE
from tests.red_team.bait import ATTEMPT
from tests.red_team.submission import LOSS, TD_ERROR, Notebook, Submission, code_cell
from tests.sample_course import make_course
from tests.small_class import REINFORCE, cell, exercise, without_markers

SETUP = "import torch\n\nfrom course_lib import check\n"
TD = '''def td_error(reward, value, next_value, terminated, gamma):
    """What one step says about the value."""
    ### BEGIN SOLUTION
    return reward + gamma * next_value * ~terminated - value
    ### END SOLUTION
'''
PATHWISE = '''def pathwise_estimate(f, mean, log_std, noise):
    """mean f(μ + σ ε)."""
    ### BEGIN SOLUTION
    return f(mean + log_std.exp() * noise).mean()
    ### END SOLUTION
'''
AGENT = '''def agent(obs):
    """Push to the side that the pole falls to."""
    ### BEGIN SOLUTION
    return (obs @ np.array([0.02, 0.05, 1.0, 0.3]) > 0).astype(int)
    ### END SOLUTION
'''
EVALUATES = 'assert evaluate_agent(agent, "CartPole-v1", episodes=2, seed=5).mean() > 100'
WRITTEN = "# Because the score's mean is zero."
SOURCES = {
    "02_loss": "# %% [markdown]\n# # Who attacks?\n\n"
    + cell("code", "setup", SETUP, locked=True)
    + exercise("reinforce_loss", int(LOSS), REINFORCE)
    + exercise("td_error", int(TD_ERROR), TD)
    + cell("markdown", "why", WRITTEN, points=2, grade=True, solution=True),
    "03_lent": "# %% [markdown]\n# # What is lent?\n\n"
    + cell(
        "code",
        "setup",
        f"import numpy as np\n{SETUP}from course_lib.evaluation import evaluate_agent\n",
        locked=True,
    )
    + exercise("pathwise_estimate", 2, PATHWISE)
    + cell("code", "agent", AGENT, solution=True)
    + cell("code", "check-agent", EVALUATES, points=1, grade=True, locked=True),
    "13_agent": "# %% [markdown]\n# # Who acts?\n\n"
    + cell("code", "setup", f"import numpy as np\n{SETUP}", locked=True)
    + cell("code", "capstone-agent", LINEAR, solution=True)
    + cell("code", "check-capstone-agent", CHECK, points=10, grade=True, locked=True)
    + exercise("td_error", int(TD_ERROR), TD),
}
RIGHT = {
    "reinforce-loss": without_markers(REINFORCE),
    "td-error": without_markers(TD),
    "pathwise-estimate": without_markers(PATHWISE),
    "agent": without_markers(AGENT),
    "capstone-agent": RULE,
}
FIRST, LAST = "mine-first", "mine-last"


class RedCourse:
    """The lessons in a folder, and what is handed in for them."""

    def __init__(self, folder: Path) -> None:
        self.lessons = [make_lesson(folder, name) for name in SOURCES]
        self.released = {}
        for lesson in self.lessons:
            worked = read_source(lesson)
            nbformat.write(worked, lesson.worked)
            self.released[lesson.slug] = student_text(worked, lesson)
        self.room = open_classroom(folder)

    def lesson(self, slug: str) -> Lesson:
        """The lesson with this name."""
        return next(one for one in self.lessons if one.slug == slug)

    def notebook(self, one: Submission, bait: str) -> Notebook:
        """What a submission hands in, before any damage."""
        notebook = json.loads(self.released[one.lesson])
        answers = {
            "reinforce-loss": one.loss,
            "td-error": one.td_error or "right",
            "why": one.prose,
        }
        if one.lesson == "lent":
            answers = {"pathwise-estimate": one.loss or "right", "agent": "right"}
        if one.lesson == "agent":
            answers = {"capstone-agent": one.loss, "td-error": "right"}
        answers["agent"] = one.first if "def agent" in one.first else "right"
        for found in notebook["cells"]:
            name = found["metadata"].get("nbgrader", {}).get("grade_id", "")
            text = answers.get(name)
            if text:
                found["source"] = RIGHT[name] if text == "right" else text
        first = "" if "def agent" in one.first else one.first
        if one.attempt:
            first = f"{bait}{ATTEMPT}{one.attempt}\nprint('THROUGH' if through else 'held')"
        if first:
            notebook["cells"].insert(0, code_cell(first, FIRST))
        if one.last:
            notebook["cells"].append(code_cell(one.last, LAST))
        return notebook

    def hand_in(self, one: Submission, bait: str = "") -> Path:
        """Put a submission into its student's folder."""
        notebook = self.notebook(one, bait)
        damaged = one.damage(notebook) if one.damage else notebook
        lesson = self.lesson(one.lesson)
        path = (
            self.room.submitted / one.name / lesson.name / (one.file_name or f"{lesson.slug}.ipynb")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(damaged, Path):
            path.symlink_to(damaged)
            return path
        text = json.dumps(damaged) if isinstance(damaged, dict) else damaged
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def make_lesson(folder: Path, name: str) -> Lesson:
    """One lesson; the first brings the course's settings along."""
    if not (folder / "autograde").exists():
        return make_course(folder, SOURCES[name], name)
    lesson = Lesson(folder, name)
    lesson.source.parent.mkdir(parents=True)
    lesson.source.write_text(SOURCES[name], encoding="utf-8")
    return lesson
