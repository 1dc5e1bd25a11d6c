"""nbgrader's own commands, and formgrader, work beside ours on the same gradebook."""

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import determine_grade, is_grade

from autograde.grading import gradebook
from autograde.grading.executing import Limits
from autograde.grading.formgrader import formgrader_command
from autograde.grading.nbgrader_steps import GradeCells
from autograde.grading.whole_class import grade_class
from autograde.wall import workers
from tests.browser import a_browser
from tests.sample_course import REPOSITORY
from tests.small_class import SmallClass, ThreadJudges

pytestmark = pytest.mark.slow
LIMITS = Limits(cell_seconds=20.0, notebook_seconds=60.0)


def environment():
    """This Python's programs first on PATH, and the packages of this repository."""
    programs = os.fspath(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY)}


def nbgrader(root, *arguments):
    """Run one of nbgrader's commands in the course; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Three students: right, wrong, partly right with a cell twice; graded by us."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    right = made.right_answers()
    wrong = right["reinforce_loss"].replace("return -(", "return (")
    made.hand_in("ada", made.notebook(**right, why_baseline="Because."))
    hostile = "$\\frac12$ <script>alert(1)</script> [read](javascript:alert(2))"
    made.hand_in("bob", made.notebook(**{**right, "reinforce_loss": wrong}, why_baseline=hostile))
    partly = right["reinforce_loss"].replace("log_prob.sum(0)", "log_prob.detach().sum(0)")
    doubled = made.notebook(**{**right, "reinforce_loss": partly})
    doubled["cells"].append(doubled["cells"][3])  # which stops nbgrader's own steps
    made.hand_in("cyn", doubled)
    grade_class(made.room, [made.lesson], limits=LIMITS, judges=ThreadJudges())
    return made


def saved(made):
    """Points by student and cell."""
    found = gradebook.saved_grades(made.room, made.lesson)
    return {(one.student, one.grade_id): one.points for one in found}


WANTED = {
    ("ada", "check-reinforce-loss"): 3,
    ("ada", "check-generalized-advantage"): 4,
    ("ada", "why-baseline"): 0,
    ("bob", "check-reinforce-loss"): 0,
    ("bob", "check-generalized-advantage"): 4,
    ("bob", "why-baseline"): 0,
    ("cyn", "check-reinforce-loss"): 2,  # the value is right, the gradient is not
    ("cyn", "check-generalized-advantage"): 4,
    ("cyn", "why-baseline"): 0,
}


def test_nbgraders_commands_work_on_what_we_graded(small):
    root = small.room.root
    assert saved(small) == WANTED
    ours = (small.room.feedback / "bob" / "02_small" / "small.html").read_text(encoding="utf-8")
    nbgrader(root, "generate_feedback", "02_small", "--force")
    html = (small.room.feedback / "bob" / "02_small" / "small.html").read_text(encoding="utf-8")
    assert html == ours
    assert "The sign is flipped" in html
    assert "hidden=True" not in html
    nbgrader(root, "export", "--to=grades.csv")
    with open(root / "grades.csv", encoding="utf-8") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"ada": 7, "bob": 4, "cyn": 6}


def test_nbgraders_autograde_finds_the_same_points_as_ours(small):
    root = small.room.root
    nbgrader(root, "generate_assignment", "02_small", "--force")
    nbgrader(root, "autograde", "02_small", "--force")
    assert saved(small) == WANTED
    outcome = grade_class(
        small.room, [small.lesson], limits=LIMITS, force=True, judges=ThreadJudges()
    )
    assert saved(small) == WANTED
    assert outcome.problems == 0


def test_our_step_refuses_where_a_wall_is_missing_unless_it_is_told_to_trust(small, monkeypatch):
    monkeypatch.setattr(workers, "REQUIRED", (*workers.REQUIRED, "a moat"))
    resources = {"nbgrader": {"assignment": "02_small"}}

    def step(**options):
        found = GradeCells(config=small.room.config, **options)
        notebook = nbformat.from_dict(small.notebook(**small.right_answers()))
        return found.preprocess(notebook, resources)[0]

    with pytest.raises(workers.WallsMissing, match="a moat"):
        step()
    checked = {
        cell.metadata.nbgrader.grade_id: determine_grade(cell)
        for cell in step(trust_submissions=True).cells
        if is_grade(cell) and cell.cell_type == "code"
    }
    assert checked == {"check-reinforce-loss": (3, 3), "check-generalized-advantage": (4, 4)}


def test_formgrader_opens_on_what_we_graded(small, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = formgrader_command(small.room.root, browser=False, port=port)
    with open(tmp_path / "log", "wb") as log, running(command, small.room.root, log):
        submissions = json.loads(fetch(port, "formgrader/api/submissions/02_small"))
        scores = {one["student"]: one["score"] for one in submissions}
        assert scores == {"ada": 7, "bob": 4, "cyn": 6}
        assert [one["needs_manual_grade"] for one in submissions] == [True, True, False]
        assert "nbgrader" in fetch(port, "formgrader/gradebook/02_small/small")
        listed = json.loads(fetch(port, "formgrader/api/submitted_notebooks/02_small/small"))
        identity = next(one["id"] for one in listed if one["student"] == "bob")
        page = fetch(port, f"formgrader/submissions/{identity}/?index=0")
        assert "The sign is flipped" in page
        look_at(f"http://127.0.0.1:{port}/formgrader/submissions/{identity}/?token=secret")


def look_at(address):
    """Open a student's work as a person who grades it: formulas, no script of the student's."""
    outside, trouble = [], []
    with a_browser() as browser:
        page = browser.new_page()
        page.on("request", lambda one: outside.append(one.url))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.goto(address)
        page.wait_for_function("window.MathJax && MathJax.loaded")
        assert page.locator("math mfrac").first.is_visible()
        assert page.get_by_text("alert(1)").first.is_visible()
        assert page.locator("a[href^=javascript]").count() == 0
    assert all(url.startswith(("http://127.0.0.1:", "data:")) for url in outside)
    assert trouble == []


@contextlib.contextmanager
def running(command, folder, log):
    """The server while the test runs; its token is "secret"."""
    process = subprocess.Popen(
        [*command, "--IdentityProvider.token=secret"],
        cwd=folder,
        env=environment(),
        stdout=log,
        stderr=log,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def fetch(port, path):
    """A page of the server, as soon as it answers."""
    mark = "&" if "?" in path else "?"
    address = f"http://127.0.0.1:{port}/{path}{mark}token=secret"
    until = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return answer.read().decode("utf-8")
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
