"""The HTML that students get back, made as `nbgrader generate_feedback` makes it."""

import os
from pathlib import Path

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback

from autograde.classroom import Classroom
from autograde.collecting import Submission
from autograde.gradebook import quiet_log, resources_of
from autograde.worked import write_if_new


class FeedbackWriter:
    """Makes feedback with one exporter for the whole class: its templates are compiled once."""

    def __init__(self, room: Classroom) -> None:
        self.room = room
        converter = GenerateFeedback(coursedir=room.directory, config=room.config)
        converter.log = quiet_log()
        self.exporter = HTMLExporter(parent=converter, config=converter.config)
        for step in converter.preprocessors:
            self.exporter.register_preprocessor(step)

    def write(self, submission: Submission, notebook: NotebookNode) -> Path:
        """Write the feedback of one graded notebook."""
        lesson, student = submission.lesson, submission.student
        resources = resources_of(self.room, lesson, student)
        resources["metadata"] = {"name": lesson.slug, "path": os.fspath(self.room.autograded)}
        html, _ = self.exporter.from_notebook_node(notebook, resources=resources)
        path = self.room.feedback / student / lesson.name / f"{lesson.slug}.html"
        write_if_new(path, html)
        return path
