"""From the worked notebook to the student's, through nbgrader's own preprocessors."""

from copy import deepcopy
from functools import cache
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor, SaveCells
from traitlets.config import Config, PyFileConfigLoader

from autograde.building.source import RECORD
from autograde.errors import CourseError
from autograde.lesson import Lesson

CONFIG = "nbgrader_config.py"


class ForgetBuild(NbGraderPreprocessor):
    """Takes `course build`'s record of the worked notebook out of the student's notebook."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Drop the record; nothing else of the notebook's metadata changes."""
        nb.metadata.pop(RECORD, None)
        return nb, resources


@cache
def load_config(root: Path) -> Config:
    """The settings in `nbgrader_config.py`, as nbgrader itself would load them."""
    if not (root / CONFIG).exists():
        raise CourseError(f"{root / CONFIG} is missing: it says how nbgrader sees the course.")
    return PyFileConfigLoader(CONFIG, path=str(root)).load_config()


@cache
def exporter(root: Path) -> NotebookExporter:
    """nbgrader's `generate_assignment` without the step that writes to the gradebook."""
    config = deepcopy(load_config(root))
    steps = config.GenerateAssignment.preprocessors
    config.Exporter.default_preprocessors = []
    made = NotebookExporter(config=config)
    for step in steps:
        if not issubclass(step, SaveCells):
            made.register_preprocessor(step)
    return made


def student_text(worked: NotebookNode, lesson: Lesson) -> str:
    """The student's notebook as the text of its file, byte for byte what nbgrader writes."""
    names = {"assignment": lesson.name, "notebook": lesson.slug, "student": "."}
    resources = {"unique_key": lesson.slug, "nbgrader": names}
    text, _ = exporter(lesson.root).from_notebook_node(worked, resources=resources)
    return text
