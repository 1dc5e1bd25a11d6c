"""A class of any size that hands in one lesson, for measuring what grading costs."""

import shutil
from itertools import cycle
from pathlib import Path

import nbformat
from nbgrader import utils

from autograde.grading.graded_source import grade_id
from autograde.invented import sample_answers as answers
from autograde.invented.sample_class import without_markers
from autograde.lesson import Lesson, find_lessons
from tests.benchmarks.process_tree import ROOT

# nbgrader as it is without this course: its own steps, its own folders.
PLAIN = """
from nbgrader.converters import Autograde, GenerateFeedback
c = get_config()
load_subconfig("nbgrader_config.py", path={root!r})
c.Autograde.sanitize_preprocessors = Autograde.class_traits()["sanitize_preprocessors"].default()
c.Autograde.autograde_preprocessors = Autograde.class_traits()["autograde_preprocessors"].default()
c.CourseDirectory.submitted_directory = "autograde/submitted"
c.CourseDirectory.autograded_directory = "plain/autograded"
c.CourseDirectory.db_url = "sqlite:///{root}/plain/gradebook.db"
"""


def make_class(folder: Path, lesson: str, students: int) -> Lesson:
    """A course with one lesson and a class: right, wrong, half done, nothing that hangs."""
    (source,) = find_lessons(ROOT, [lesson])
    for kind in (source.worked.parent, source.student.parent):
        shutil.copytree(kind, folder / kind.relative_to(ROOT))
    shutil.copyfile(ROOT / "nbgrader_config.py", folder / "nbgrader_config.py")
    (folder / "plain").mkdir()
    (folder / "plain" / "nbgrader_config.py").write_text(PLAIN.format(root=str(folder)))
    copy = Lesson(folder, source.name)
    worked = nbformat.read(copy.worked, as_version=4)
    solutions = {grade_id(cell): cell.source for cell in worked.cells if utils.is_solution(cell)}
    kinds = cycle([{}, {"reinforce-loss": answers.SIGN_FLIPPED}, {"half": "yes"}, {}])
    for number, instead in zip(range(students), kinds, strict=False):
        hand_in(copy, f"student{number:04}", solutions, instead)
    return copy


def hand_in(lesson: Lesson, student: str, solutions: dict[str, str], instead: dict) -> None:
    """One student's notebook, unlike all others by a comment."""
    notebook = nbformat.read(lesson.student, as_version=4)
    cells = [cell for cell in notebook.cells if utils.is_solution(cell)]
    for cell in cells[: len(cells) // 2 if "half" in instead else None]:
        text = without_markers(instead.get(grade_id(cell), solutions[grade_id(cell)]))
        cell.source = f"{text}\n# {student}\n" if cell.cell_type == "code" else text
    path = lesson.root / "autograde" / "submitted" / student / lesson.name / lesson.student.name
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
