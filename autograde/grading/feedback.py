"""The HTML that students get back, made as `nbgrader generate_feedback` makes it, but faster."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback

from autograde.building.worked import write_if_new
from autograde.grading.classroom import Classroom
from autograde.grading.collecting import Submission
from autograde.grading.gradebook import quiet_log, resources_of


class FeedbackExporter(HTMLExporter):
    """nbconvert's exporter without two things that take most of its time in a class.

    Code that many notebooks share is coloured once; and the finished page is not parsed and printed
    again, which nbconvert does to describe pictures without a description: here all have one.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        colour = Highlight2HTML(pygments_lexer="ipython3", parent=self)
        remembered = lru_cache(maxsize=4096)(lambda source: colour(source))
        self.register_filter("highlight_code", lambda source, **_: remembered(source))

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and the resources it was made with."""
        resources = self._init_resources(resources)
        widgets = WidgetsDataTypeFilter(
            notebook_metadata=self._nb_metadata, parent=self, resources=resources
        )
        self.register_filter("filter_data_type", widgets)
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)


class FeedbackWriter:
    """Makes feedback with one exporter for the whole class: its templates are compiled once."""

    def __init__(self, room: Classroom, exporter: type[HTMLExporter] = FeedbackExporter) -> None:
        self.room = room
        converter = GenerateFeedback(coursedir=room.directory, config=room.config)
        converter.log = quiet_log()
        self.exporter = exporter(parent=converter, config=converter.config)
        for step in converter.preprocessors:
            self.exporter.register_preprocessor(step)

    def page(self, submission: Submission, notebook: NotebookNode) -> str:
        """The feedback on one graded notebook."""
        resources = resources_of(self.room, submission.lesson, submission.student)
        name = submission.lesson.slug
        resources["metadata"] = {"name": name, "path": os.fspath(self.room.autograded)}
        html, _ = self.exporter.from_notebook_node(notebook, resources=resources)
        return html

    def write(self, submission: Submission, notebook: NotebookNode) -> Path:
        """Write the feedback on one graded notebook."""
        lesson = submission.lesson
        path = self.room.feedback / submission.student / lesson.name / f"{lesson.slug}.html"
        write_if_new(path, self.page(submission, notebook))
        return path
