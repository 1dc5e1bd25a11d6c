"""A lesson as it is graded: the student's stubs, with hidden tests, points and checksums."""

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, SaveCells
from traitlets.config import Config

from autograde.building.source import RECORD
from autograde.building.student import load_config
from autograde.errors import CourseError
from autograde.lesson import Lesson


def graded_source(lesson: Lesson) -> NotebookNode:
    """What nbgrader's `generate_assignment` holds when it saves the cells to the gradebook.

    Raises:
        CourseError: the worked notebook is missing or damaged.
    """
    try:
        worked = nbformat.read(lesson.worked, as_version=4)
    except FileNotFoundError:
        raise CourseError(
            f"{lesson.relative(lesson.worked)} is missing: the lesson is not built. "
            f"Build it with `course build {lesson.name}`."
        ) from None
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise CourseError(
            f"{lesson.relative(lesson.worked)} is not a notebook ({error}). "
            f"Build it again with `course build {lesson.name} --force`."
        ) from None
    config = Config(load_config(lesson.root))
    config.Exporter.default_preprocessors = []
    exporter = NotebookExporter(config=config)
    steps = config.GenerateAssignment.preprocessors
    for step in steps[: steps.index(SaveCells)]:
        exporter.register_preprocessor(step)
    names = {"assignment": lesson.name, "notebook": lesson.slug, "student": "."}
    text, _ = exporter.from_notebook_node(worked, resources={"nbgrader": names})
    source = nbformat.reads(text, as_version=4)
    source.metadata.pop(RECORD, None)
    return source


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name of a cell, or an empty string."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def is_experiment(cell: NotebookNode) -> bool:
    """Whether the cell is a long run that is not repeated when grading."""
    return "experiment" in cell.metadata.get("tags", [])


def visible_text(cell: NotebookNode, clear: ClearHiddenTests) -> str:
    """The cell's text as the student got it, without its hidden tests."""
    visible, _ = hidden_split(cell.source, clear)
    return visible


def hidden_split(text: str, clear: ClearHiddenTests) -> tuple[str, str]:
    """The lines outside and the lines inside the hidden regions."""
    outside: list[str] = []
    inside: list[str] = []
    current = outside
    for line in text.split("\n"):
        if clear.begin_test_delimeter in line:
            current = inside
        elif clear.end_test_delimeter in line:
            current = outside
        else:
            current.append(line)
    return "\n".join(outside), "\n".join(inside)
