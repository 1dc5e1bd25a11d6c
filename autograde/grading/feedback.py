"""The HTML that students get back, as `nbgrader generate_feedback` makes it, but faster.

It needs no gradebook: points and comments are put into the notebook from what is known of them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from html import escape
from typing import Any

from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    Execute,
    GetGrades,
    SaveAutoGrades,
)
from traitlets.config import Config

from autograde.grading.graded_source import grade_id
from autograde.grading.incidents import late_note
from autograde.grading.notes import Note
from autograde.grading.outcomes import Score
from autograde.grading.prose import markdown2html
from autograde.grading.quiet import quiet_log

MAX_COLOURED = 10_000
MAX_COLOURS = 80_000  # characters of a page
# Runs for which the patterns that find colours take a time that grows with the square.
RUNS = re.compile(r"\s{100}|([^\w\s])\1{99}")
NO_RESPONSE = "No response."
SCRIPT = re.compile(r"<script\b.*?</script>\s*", re.DOTALL | re.IGNORECASE)
HEAD = '<meta charset="utf-8" />'
POLICY = (
    '\n<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
)
VIEWPORT = '\n<meta name="viewport" content="width=device-width, initial-scale=1">'
PANEL, LANDMARK = '<div class="panel-heading">', '<div class="panel-heading" role="banner">'
# The gradebook is not here; the metadata is the lesson's, and was looked at when that was saved.
LEFT_OUT = (Execute, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata)


@dataclass(frozen=True)
class Earlier:
    """What people have entered in formgrader: scores, extra credit, comments, by grade_id; and
    how much later than the others this student may hand in.
    """

    scores: dict[str, float] = field(default_factory=dict)
    extra: dict[str, float] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    extension: timedelta | None = None

    def points(self, one: Score) -> float:
        """The points of a cell as the gradebook counts them."""
        found = self.scores.get(one.grade_id, one.points or 0.0)
        return found + self.extra.get(one.grade_id, 0.0)


class FeedbackExporter(HTMLExporter):
    """nbconvert's exporter with safe prose, and without what takes most of its time in a class.

    Code that many notebooks share is coloured once; and the finished page is not parsed and printed
    again, which nbconvert does to describe pictures without a description: here all have one. Nor
    is the notebook validated after each step: it was made here.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._validate_preprocessor = lambda notebook, step: None
        colour = Highlight2HTML(pygments_lexer="ipython3", parent=self)
        remembered = lru_cache(maxsize=4096)(lambda source: coloured(source, colour))
        self.colours_left = MAX_COLOURS
        self.register_filter(
            "highlight_code",
            lambda source, **_: remembered(source) if self.can_colour(source) else in_black(source),
        )
        self.register_filter("markdown2html", markdown2html)

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and the resources it was made with. No script can run on it."""
        self.colours_left = MAX_COLOURS
        resources = self._init_resources(resources)
        widgets = WidgetsDataTypeFilter(
            notebook_metadata=self._nb_metadata, parent=self, resources=resources
        )
        self.register_filter("filter_data_type", widgets)
        html, resources = TemplateExporter.from_notebook_node(self, nb, resources, **options)
        return for_reading(SCRIPT.sub("", html)), resources

    def can_colour(self, source: str) -> bool:
        """Whether this page has colours left for so much code."""
        self.colours_left -= len(source)
        return self.colours_left >= 0


def for_reading(html: str) -> str:
    """nbgrader's page with what it lacks: a policy, a language, a landmark, a phone's width."""
    html = html.replace("<html>", '<html lang="en">', 1).replace(PANEL, LANDMARK, 1)
    return html.replace(HEAD, HEAD + VIEWPORT + POLICY, 1)


def coloured(source: str, colour: Callable[[str], str]) -> str:
    """Code in colours; very long or odd text in black, for colouring it would take for ever."""
    if len(source) > MAX_COLOURED or RUNS.search(source):
        return in_black(source)
    return colour(source)


def in_black(source: str) -> str:
    """Code without colours."""
    return f'<div class="highlight"><pre>{escape(source)}</pre></div>'


class FeedbackPages:
    """Makes the feedback of one lesson with one exporter: its templates are compiled once."""

    def __init__(
        self, slug: str, config: Config, exporter: type[HTMLExporter] = FeedbackExporter
    ) -> None:
        self.slug = slug
        self.penalties = AssignLatePenalties(config=config, log=quiet_log())
        self.penalties.init_plugin()
        self.steps = [
            step(config=config, log=quiet_log())
            for step in Autograde(config=config).autograde_preprocessors
            if not issubclass(step, LEFT_OUT)
        ]
        converter = GenerateFeedback(config=config)
        converter.log = quiet_log()
        self.exporter = exporter(parent=converter, config=converter.config)
        for step in converter.preprocessors:
            if step is not GetGrades:
                self.exporter.register_preprocessor(step)

    def penalty(
        self, student: str, scores: Sequence[Score], earlier: Earlier, seconds_late: float
    ) -> tuple[float, list[Note]]:
        """The points that lateness costs, and a note on it."""
        if seconds_late <= 0:
            return 0.0, []
        total = sum(earlier.points(one) for one in scores)
        plugin = self.penalties.plugin_inst
        found = plugin.late_submission_penalty(student, total, seconds_late) or 0.0
        penalty = min(max(found, 0.0), total)
        return penalty, late_note(seconds_late, penalty)

    def tidied(self, notebook: NotebookNode, lesson: str, student: str) -> NotebookNode:
        """The notebook after those of nbgrader's steps that need no gradebook."""
        names = {"assignment": lesson, "notebook": self.slug, "student": student}
        resources = {"unique_key": self.slug, "nbgrader": names}
        for step in self.steps:
            notebook, resources = step(notebook, resources)
        return notebook

    def page(
        self,
        notebook: NotebookNode,
        student: str,
        scores: Iterable[Score],
        earlier: Earlier,
        penalty: float,
    ) -> str:
        """The feedback on a tidied notebook, into which points and comments are put."""
        known = {one.grade_id: one for one in scores}
        put_grades(notebook, known, earlier)
        about = {
            "notebook": self.slug,
            "student": student,
            "score": sum(earlier.points(one) for one in known.values()) - penalty,
            "max_score": sum(one.possible for one in known.values()),
            "late_penalty": penalty,
        }
        resources = {"unique_key": self.slug, "nbgrader": about}
        resources["metadata"] = {"name": self.slug, "path": ""}
        html, _ = self.exporter.from_notebook_node(notebook, resources=resources)
        return html


def put_grades(notebook: NotebookNode, known: Mapping[str, Score], earlier: Earlier) -> None:
    """What nbgrader's `GetGrades` reads from the gradebook: comments, scores, points."""
    for cell in notebook.cells:
        about, name = cell.metadata.get("nbgrader"), grade_id(cell)
        if utils.is_solution(cell):
            about["comment"] = earlier.comments.get(name, automatic_comment(cell))
        if utils.is_grade(cell) and name in known:
            about["score"] = earlier.points(known[name])
            about["points"] = known[name].possible


def automatic_comment(cell: NotebookNode) -> str | None:
    """What nbgrader says about an answer that is still the stub."""
    checksum = cell.metadata.nbgrader.get("checksum")
    return NO_RESPONSE if checksum == utils.compute_checksum(cell) else None
