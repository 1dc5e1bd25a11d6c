"""nbgrader's own commands, unchanged, on what `course build` makes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import SaveCells

from autograde.building.build import build
from autograde.building.kernel import execute
from autograde.building.student import ForgetBuild, exporter, load_config
from autograde.lesson import Lesson, all_lessons
from tests.sample_course import REPOSITORY, make_course

ANSWER = "    import sys\n    print('careful', file=sys.stderr)\n    return x * x"
STUB = '    raise NotImplementedError("Write your code here, then run the cell below.")'
each_lesson = pytest.mark.parametrize("one", all_lessons(REPOSITORY), ids=lambda one: one.name)


def nbgrader(root: Path, *arguments: str) -> None:
    """Run a command as an instructor would, in the course's folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> Lesson:
    made = make_course(tmp_path_factory.mktemp("course"))
    assert build(made).errors == []
    return made


@pytest.fixture(scope="module")
def graded(lesson) -> Path:
    """The folder of a course in which Ann has handed in one right answer, by nbgrader alone."""
    ours = lesson.student.read_bytes()
    nbgrader(lesson.root, "generate_assignment", lesson.name, "--force")
    assert lesson.student.read_bytes() == ours
    submitted = lesson.root / "autograde" / "submitted" / "ann" / lesson.name
    submitted.mkdir(parents=True)
    notebook = nbformat.read(lesson.student, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(STUB, ANSWER)
    nbformat.write(notebook, submitted / lesson.student.name)
    nbgrader(lesson.root, "autograde", lesson.name)
    nbgrader(lesson.root, "generate_feedback", lesson.name)
    return lesson.root / "autograde"


def copy_of(lesson: Lesson, folder: Path) -> Lesson:
    """One lesson in a course of its own, so that nbgrader writes nothing into the repository."""
    shutil.copyfile(REPOSITORY / "nbgrader_config.py", folder / "nbgrader_config.py")
    shutil.copytree(lesson.source.parent, folder / "solutions" / lesson.name)
    (folder / "autograde").mkdir()
    return Lesson(folder, lesson.name)


def test_the_steps_are_nbgraders_own_and_one_more():
    steps = load_config(REPOSITORY).GenerateAssignment.preprocessors
    assert steps == [*GenerateAssignment.class_traits()["preprocessors"].default(), ForgetBuild]


def test_our_export_leaves_out_the_gradebook_only():
    ours = [type(step) for step in exporter(REPOSITORY)._preprocessors]
    theirs = load_config(REPOSITORY).GenerateAssignment.preprocessors
    assert ours == [step for step in theirs if step is not SaveCells]


def test_no_python_file_can_be_released():
    assert "*.py" in load_config(REPOSITORY).CourseDirectory.ignore


@pytest.mark.slow
def test_the_released_folder_is_what_generate_assignment_makes(lesson, graded):
    files = [path for path in lesson.root.glob("notebooks/**/*") if path.is_file()]
    assert files == [lesson.student]


@pytest.mark.slow
@each_lesson
def test_every_lesson_is_what_generate_assignment_makes(one, tmp_path):
    copy = copy_of(one, tmp_path)
    nbgrader(tmp_path, "generate_assignment", copy.name)
    assert copy.student.read_bytes() == one.student.read_bytes()
    assert [path.name for path in copy.student.parent.iterdir()] == [copy.student.name]


@pytest.mark.slow
def test_a_right_answer_that_writes_to_stderr_keeps_its_points(graded, tmp_path):
    nbgrader(graded.parent, "export", f"--to={tmp_path / 'grades.csv'}")
    header, row = (tmp_path / "grades.csv").read_text().strip().split("\n")
    grade = dict(zip(header.split(","), row.split(","), strict=True))
    # The check earns its 2 points; the written answer's 3 are given by hand.
    assert (grade["student_id"], grade["raw_score"], grade["max_score"]) == ("ann", "2.0", "5.0")


@pytest.mark.slow
def test_experiments_do_not_run_when_grading(graded):
    text = (graded / "autograded" / "ann" / "00_squares" / "squares.ipynb").read_text("utf-8")
    cells = json.loads(text)["cells"]
    outputs = {"".join(cell["source"]): cell.get("outputs") for cell in cells}
    assert outputs['print("long run", square(5))'] == []
    assert any("✓ right" in json.dumps(one, ensure_ascii=False) for one in outputs.values() if one)


@pytest.mark.slow
def test_feedback_shows_neither_hidden_tests_nor_mark_schemes(graded):
    page = (graded / "feedback" / "ann" / "00_squares" / "squares.html").read_text("utf-8")
    assert "square" in page
    assert [word for word in ("hidden_case", "sign argument", "BEGIN ") if word in page] == []


def untouched_page(lesson: Lesson) -> nbformat.NotebookNode:
    """The student's notebook, nothing written into it, without the long experiments."""
    notebook = nbformat.read(lesson.student, as_version=4)
    notebook.cells = [
        cell for cell in notebook.cells if "experiment" not in cell.metadata.get("tags", [])
    ]
    for cell in notebook.cells:  # a failed check is what we expect here
        cell.metadata.pop("nbgrader", None)
    return notebook


@pytest.mark.slow
def test_an_untouched_page_runs_from_top_to_bottom(lesson):
    execute(untouched_page(lesson), lesson)


@pytest.mark.slow
@each_lesson
def test_every_lessons_untouched_page_runs_from_top_to_bottom(one):
    execute(untouched_page(one), one)
