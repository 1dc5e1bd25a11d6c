"""The demonstration: an invented class in `autograde/demo`, with a gradebook of its own.

The folder belongs to the demonstration alone and may be deleted at any time; a real class's
submissions and grades are never touched.
"""

import hashlib
import json
import shutil
from pathlib import Path

from autograde.building.student import CONFIG, load_config
from autograde.building.worked import write_if_new
from autograde.grading import gradebook
from autograde.grading.classroom import Classroom, open_classroom
from autograde.grading.executing import Limits
from autograde.grading.graded_source import grade_id, graded_source
from autograde.invented.sample_class import DUE, sample_class
from autograde.lesson import Lesson

FOLDER = Path("autograde") / "demo"
LIMITS = Limits(cell_seconds=8.0, notebook_seconds=60.0, trusted=True)
SETTINGS = '''"""The invented class, as nbgrader sees it; `course demo` made this."""

c = get_config()  # noqa: F821
load_subconfig("{config}", path={root!r})  # noqa: F821
c.CourseDirectory.course_id = "policy-gradients-demo"
c.CourseDirectory.submitted_directory = "{folder}/submitted"
c.CourseDirectory.autograded_directory = "{folder}/autograded"
c.CourseDirectory.feedback_directory = "{folder}/feedback"
c.CourseDirectory.db_url = "sqlite:///{root}/{folder}/gradebook.db"
'''


def demo_folder(root: Path) -> Path:
    """Where the demonstration's class is."""
    return root / FOLDER


def open_demo(root: Path) -> Classroom:
    """The invented class, its settings written if need be."""
    folder = demo_folder(root)
    place = {"config": CONFIG, "root": root.as_posix(), "folder": FOLDER.as_posix()}
    write_if_new(folder / CONFIG, SETTINGS.format(**place))
    write_if_new(folder / ".gitignore", "*\n")
    load_config.cache_clear()
    return open_classroom(root, folder)


def make_demo(root: Path, lessons: list[Lesson]) -> Classroom:
    """Write the invented class to its folder and set the due dates; what is right stays as it is.

    Raises:
        CourseError: a lesson is not built.
    """
    folder = demo_folder(root)
    files = sample_class(lessons)
    known = folder / ".state" / "cells.json"
    cells = graded_cells(lessons)
    if folder.exists() and (not known.exists() or known.read_text(encoding="utf-8") != cells):
        shutil.rmtree(folder)  # The old gradebook has other cells than the lessons have now.
    room = open_demo(root)
    write_if_new(known, cells)
    for path in room.submitted.rglob("*"):
        if path.is_file() and path.relative_to(room.submitted).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        write_if_new(room.submitted / name, text)
    for lesson in lessons:
        gradebook.set_due_date(room, lesson, DUE)
    return room


def graded_cells(lessons: list[Lesson]) -> str:
    """A text that changes when graded cells come or go: nbgrader cannot change those later."""
    names = {
        lesson.name: [grade_id(cell) for cell in graded_source(lesson).cells if grade_id(cell)]
        for lesson in lessons
    }
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest() + "\n"
