"""Grades the class of attackers beside honest students, and gathers what there is to look at."""

import re
import time
from pathlib import Path

from nbconvert.exporters import HTMLExporter

from autograde.grading.executing import Limits
from autograde.grading.judges import LocalJudges
from autograde.grading.records import Record
from autograde.grading.report import csv_path, html_path, write_report
from autograde.grading.saving import autograded_path, feedback_path
from autograde.grading.submissions import Submission as HandedIn
from autograde.grading.whole_class import Outcome, grade_class
from tests.red_team import (
    agents,
    breaking,
    escaping,
    exhausting,
    forging,
    frames,
    injecting,
    reading,
)
from tests.red_team.bait import baited
from tests.red_team.course import RedCourse
from tests.red_team.evidence import Aftermath, as_formgrader_shows, first_output, processes_of
from tests.red_team.submission import LOSS, TD_ERROR, Submission

LIMITS = Limits(cell_seconds=6.0, notebook_seconds=30.0)
MODULES = (forging, frames, reading, escaping, exhausting, breaking, injecting, agents)
ALL = {one.name: one for module in MODULES for one in module.SUBMISSIONS}
FAMILIES = tuple(dict.fromkeys(one.family for one in ALL.values()))
WHERE = "import os\nprint('scratch:', os.getcwd())"
LOSSES = {"reinforce_loss": LOSS, "td_error": TD_ERROR}
ACTS = {"capstone_agent": 10.0, "td_error": TD_ERROR}
LENT = {"pathwise_estimate": 2.0, "agent": 1.0}
HONEST = (
    Submission("aa", "be honest", WHERE, "right", points=LOSSES),
    Submission("zz", "be honest, last", WHERE, "right", points=LOSSES),
    Submission("zz agent", "be honest in acting", WHERE, "right", lesson="agent", points=ACTS),
    Submission("zz lent", "be honest elsewhere", WHERE, "right", lesson="lent", points=LENT),
)
STRAYS = ("=1+1", "<img src=x onerror=alert(1)>", "[red]x[", "\x1b]0;pwned\x07", "..evil")


class Clock:
    """How long each submission takes, from the one before until it is saved."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last: float | None = None

    def __call__(self, record: Record, graded: bool) -> None:
        now = time.monotonic()
        if self.last is not None:
            self.seconds[record.student] = now - self.last
        self.last = now


def attacked(folder: Path) -> Aftermath:
    """Everybody's work, graded by one judge, one after the other, and then once more."""
    course, clock = RedCourse(folder), Clock()
    with baited() as bait:
        for one in (*HONEST, *ALL.values()):
            course.hand_in(one, bait.code)
        for name in STRAYS:
            (course.room.submitted / name).write_text("x")
        found = aftermath(course, grade(course, clock))
        found.seconds = clock.seconds
        found.again = grade(course).graded
        found.survivors = processes_of(found.scratches)
        found.written, found.heard = bait.written(), bait.heard()
        found.secret = bait.word
    return found


def grade(course: RedCourse, clock: Clock | None = None) -> Outcome:
    """The class by one judge, so that whoever comes later meets what was left behind."""
    judges = LocalJudges(1)
    return grade_class(course.room, course.lessons, limits=LIMITS, judges=judges, on_record=clock)


def aftermath(course: RedCourse, outcome: Outcome) -> Aftermath:
    """Records and pages of all students."""
    write_report(course.room, course.lessons, outcome.strays)
    exporter = HTMLExporter(config=course.room.config)
    found = Aftermath({one.student: one for one in outcome.records})
    for one in (*HONEST, *ALL.values()):
        handed_in = HandedIn(one.name, course.lesson(one.lesson), course.room.submitted)
        graded = autograded_path(course.room, handed_in)
        found.pages[one.name] = feedback_path(course.room, handed_in).read_text(encoding="utf-8")
        found.outputs[one.name] = first_output(graded)
        if one in injecting.SUBMISSIONS:
            found.by_hand[one.name] = as_formgrader_shows(graded, exporter)
    texts = " ".join(found.outputs[one.name] for one in HONEST)
    found.scratches = re.findall(r"scratch: (\S+)/scratch-", texts)
    found.report = html_path(course.room).read_text(encoding="utf-8")
    found.csv = csv_path(course.room).read_text(encoding="utf-8")
    return found
