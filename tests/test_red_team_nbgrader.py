"""A handful of the attackers, graded by nbgrader's own command: they get what `course grade` gives.

All of them meet the same step there; what is tried here is that no other way leads around it.
"""

import nbformat
import pytest

from autograde.grading import gradebook
from tests.red_team.attack import ALL, HONEST
from tests.red_team.bait import baited
from tests.red_team.course import RedCourse
from tests.red_team.evidence import first_output
from tests.test_grading_nbgrader import nbgrader
from tests.walled import needs_walls

pytestmark = pytest.mark.slow
CHOSEN = (
    "forging-check", "forging-asserts", "forging-shell", "forging-later", "forging-memory",
    "reading-variables", "reading-home", "escaping-writes", "escaping-abstract",
    "exhausting-pixels", "breaking-alarms", "injecting-displays", "injecting-attached",
)  # fmt: skip
STUDENTS = (*HONEST[:2], *(ALL[name] for name in CHOSEN))


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    """The course, the bait's word, and what was found outside, after `nbgrader autograde`."""
    needs_walls()
    course = RedCourse(tmp_path_factory.mktemp("red-nbgrader"))
    with baited() as bait:
        for one in STUDENTS:
            course.hand_in(one, bait.code)
        nbgrader(course.room.root, "generate_assignment", "02_loss", "--force")
        nbgrader(course.room.root, "autograde", "02_loss", "--force")
        return course, bait.word, (bait.written(), bait.heard())


@pytest.mark.parametrize("one", STUDENTS, ids=lambda one: one.name)
def test_nbgrader_gives_them_what_their_honest_part_is_worth(after, one):
    course, word, _ = after
    grades = gradebook.saved_grades(course.room, course.lesson("loss"))
    mine = [each for each in grades if each.student == one.name]
    names = {each.grade_id: each.grade_id.removeprefix("check-").replace("-", "_") for each in mine}
    assert {names[each.grade_id]: each.points for each in mine if each.points} == one.points
    path = course.room.autograded / one.name / "02_loss" / "loss.ipynb"
    text = path.read_text(encoding="utf-8")
    assert word not in text
    if one.attempt:
        assert "held" in first_output(path) and "THROUGH" not in first_output(path)
    if one.name == "exhausting-pixels":
        assert "100,000 × 100,000 pixels" in text
    kinds = {kind for cell in nbformat.reads(text, 4).cells for kind in kinds_of(cell)}
    assert kinds <= {"text/plain", "image/png"}


def kinds_of(cell):
    """The kinds of what a cell shows."""
    return [kind for one in cell.get("outputs", ()) for kind in one.get("data", ())]


def test_nothing_got_out(after):
    assert after[2] == ([], [])
