"""A course whose only lesson asks for an agent, and agents of all kinds, for tests of grading."""

from pathlib import Path

import nbformat

from autograde.building.source import read_source
from autograde.building.student import student_text
from autograde.grading.classroom import open_classroom
from tests.sample_course import make_course
from tests.small_class import SmallClass, cell, without_markers

SETUP = "import numpy as np\nimport torch\n\nfrom course_lib import check\n"
# The linear feedback that is best for small angles (LQR, weights 0.01, 1, 1, 0.01, 0.1, 0.1; 10).
LINEAR = '''def capstone_agent(obs):
    """(N, 8) observations to (N, 1) pushes."""
    ### BEGIN SOLUTION
    x, sin1, sin2, _, _, velocity, speed1, speed2 = obs.T
    push = 9.95 * np.arcsin(sin1) - 10.15 * np.arcsin(sin2) + 0.71 * speed1 - 1.72 * speed2
    return (push - 0.02 * x - 0.07 * velocity)[:, None]
    ### END SOLUTION
'''
RULE = without_markers(LINEAR)
NOTHING = "def capstone_agent(obs):\n    return np.zeros((len(obs), 1))\n"
CHECK = (
    'check(capstone_agent, exercise="capstone_agent")\n### BEGIN HIDDEN TESTS\n'
    'check(capstone_agent, hidden=True, exercise="capstone_agent")\n### END HIDDEN TESTS'
)
SOURCE = (
    "# %% [markdown]\n# # Whose agent is best?\n\n"
    + cell("code", "setup", SETUP, locked=True)
    + "# %% [markdown]\n# Hand in an agent.\n\n"
    + cell("code", "capstone-agent", LINEAR, solution=True)
    + cell("code", "check-capstone-agent", CHECK, points=10, grade=True, locked=True)
)


class CapstoneClass(SmallClass):
    """The lesson and its students' notebooks in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.lesson = make_course(folder, SOURCE, "13_capstone")
        self.worked = read_source(self.lesson)
        nbformat.write(self.worked, self.lesson.worked)
        self.released = student_text(self.worked, self.lesson)
        self.room = open_classroom(folder)

    def hand_in_agent(self, student: str, agent: str | None) -> Path:
        """A notebook with this agent in it; None leaves the stub."""
        answers = {} if agent is None else {"capstone_agent": agent}
        return self.hand_in(student, self.notebook(**answers), "capstone.ipynb")
