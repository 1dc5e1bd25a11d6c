"""The steps of `nbgrader autograde` that are ours, so that it finds the points of `course grade`.

`nbgrader_config.py` puts them in the place of nbgrader's own: the notebook is rebuilt from the
lesson, and its cells are run and scored as a judge does it. nbgrader's own steps save the result.
"""

from pathlib import Path

from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearHiddenTests, Execute, NbGraderPreprocessor
from traitlets import Bool, Float

from autograde.grading.classroom import Classroom
from autograde.grading.executing import Limits
from autograde.grading.graded_source import graded_source
from autograde.grading.judge import become_a_judge, run_and_score
from autograde.grading.lots import Lots, agent_notes, class_lots, plays_agents
from autograde.grading.notes import bounded_notes
from autograde.grading.reading import student_cell
from autograde.grading.rebuilding import Rebuilt, add_heading, rebuild
from autograde.lesson import Lesson, find_course
from course_lib.checks.agent_tasks import graded_with

Resources = dict[str, dict[str, str]]


class Rebuild(NbGraderPreprocessor):
    """Lifts the student's cells into the lesson's notebook; points, checks and ids are its own."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The notebook that is graded, with notes on what was odd about the student's."""
        rebuilt = rebuilt_from(self, nb, resources)
        add_heading(rebuilt.notebook, bounded_notes(rebuilt.notes))
        return rebuilt.notebook, resources


class GradeCells(Execute):
    """Runs the cells of a rebuilt notebook in a worker and writes the points as outputs."""

    notebook_seconds = Float(300.0, min=1.0, help="Seconds a notebook may take.").tag(config=True)
    trust_submissions = Bool(
        False, help="Grade although this system cannot keep the submissions from harm."
    ).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: Resources, retries: int | None = None
    ) -> tuple[NotebookNode, Resources]:
        """The notebook with outputs in which nbgrader finds the points."""
        become_a_judge()
        rebuilt = rebuilt_from(self, nb, resources)
        limits = Limits(float(self.timeout), self.notebook_seconds, trusted=self.trust_submissions)
        lots = lots_of(self) if plays_agents(rebuilt.notebook) else Lots.drawn()
        with graded_with(lots.episodes) as trials:
            _, notes, _ = run_and_score(rebuilt, ClearHiddenTests(config=self.config), limits)
        notes += agent_notes(trials, lots.names, resources["nbgrader"].get("student", ""))
        add_heading(rebuilt.notebook, bounded_notes(notes))
        return rebuilt.notebook, resources


def rebuilt_from(step: NbGraderPreprocessor, nb: NotebookNode, resources: Resources) -> Rebuilt:
    """The lesson's notebook with the cells of this one in it."""
    source = graded_source(Lesson(course_of(step), resources["nbgrader"]["assignment"]))
    cells = [made for cell in nb.cells if (made := student_cell(cell))]
    return rebuild(source, cells, ClearHiddenTests(config=step.config))


def course_of(step: NbGraderPreprocessor) -> Path:
    """The course's folder."""
    return find_course(Path(step.config.CourseDirectory.get("root") or Path.cwd()))


def lots_of(step: NbGraderPreprocessor) -> Lots:
    """What was drawn for the class that these settings are of."""
    directory = CourseDirectory(config=step.config)
    return class_lots(Classroom(course_of(step), step.config, directory).state)
