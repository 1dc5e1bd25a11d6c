"""A student's first hour in a browser: the real command, JupyterLab, a kernel, no network."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Locator, expect
from playwright.sync_api import Page as Tab

from course_lib.checks import all_questions
from course_lib.desk.places import Page
from course_lib.desk.records import load_records
from tests.browser import a_browser

ROOT = Path(__file__).resolve().parents[1]
LESSON = Page("00_agents_and_returns")
TOKEN = "a-test"
PATIENCE = 40_000  # ms
EXERCISE = """def trajectory_log_prob(log_p0, log_prob, log_transition):
    return log_p0 + {}
"""
QUESTION = """def answer_two_ends():
    return "{}"
"""
TRAINING = """from course_lib.figures import train
from course_lib.runs import RUNS
history = train(RUNS["a2c-cartpole"].start(0), run="a2c-cartpole", max_steps=12_000)"""
PANEL = "from course_lib import progress; progress()"
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets.map(
    one => one.model.getMetadata("nbgrader")?.grade_id ?? "")"""
GO_TO = """place => { const page = jupyterapp.shell.currentWidget.content;
    page.mode = "command"; page.activeCellIndex = place; return page.scrollToItem(place); }"""
RUN_ABOVE = "() => jupyterapp.commands.execute('notebook:run-all-above')"
SCREEN = {"width": 1280, "height": 900}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("student") / "my course"


@pytest.fixture(scope="module")
def address(workspace, tmp_path_factory) -> Iterator[str]:
    """JupyterLab as `course lab` starts it; where it opens."""
    home = tmp_path_factory.mktemp("home")
    (home / ".jupyter").mkdir()
    config = "c.LabApp.expose_app_in_browser = True\n"  # for the test to press menus by name
    (home / ".jupyter" / "jupyter_lab_config.py").write_text(config)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    variables = {"HOME": str(home), "PYTHONPATH": str(ROOT), "JUPYTER_TOKEN": TOKEN}
    variables |= {"COURSE_STATIC": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "autograde.cli", "lab", "--workspace", str(workspace)]
    log = home / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*command, "--no-browser", "--port", str(port)],
            cwd=ROOT, env={**os.environ, **variables}, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield waited_for_address(process, log)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def waited_for_address(process: subprocess.Popen, log: Path) -> str:
    """The address that JupyterLab prints when it is ready."""
    for _ in range(300):
        found = re.search(r"http://127\.0\.0\.1\S+", log.read_text(errors="replace"))
        if found:
            return found[0]
        assert process.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace"))


class Student:
    """Somebody at a keyboard, in one notebook."""

    def __init__(self, tab: Tab, folder: Path) -> None:
        self.tab, self.folder, self.pictures = tab, folder, 0

    def go_to(self, name: str | int) -> Locator:
        """Select a cell, by its grade_id or its place; what is seen of it."""
        place = name if isinstance(name, int) else self.tab.evaluate(CELLS).index(name)
        self.tab.evaluate(GO_TO, place)
        return self.tab.locator(".jp-Cell.jp-mod-active")

    def write(self, name: str | int, text: str) -> Locator:
        """Put a text into a cell, by the keyboard, and run it; its output."""
        cell = self.go_to(name)
        cell.locator(".cm-content").click()
        self.tab.keyboard.press("ControlOrMeta+a")
        self.tab.keyboard.insert_text(text)
        self.tab.keyboard.press("ControlOrMeta+Enter")
        return cell.locator(".jp-OutputArea")

    def run(self, name: str | int) -> Locator:
        """Run a cell; its output."""
        output = self.go_to(name).locator(".jp-OutputArea")
        self.tab.keyboard.press("ControlOrMeta+Enter")
        return output

    def sees(self, output: Locator, *texts: str) -> None:
        """Wait until an output says all of this."""
        for text in texts:
            expect(output).to_contain_text(text, timeout=PATIENCE)
        self.look()

    def look(self) -> None:
        """Keep a picture of the screen, for whoever has to find out why a test failed."""
        self.pictures += 1
        self.tab.screenshot(path=self.folder / f"{self.pictures}.png")


def test_a_student_s_first_hour_offline(address, workspace, tmp_path):
    elsewhere, complaints = [], []
    with a_browser() as browser:
        tab = browser.new_page(viewport=SCREEN)
        tab.on("request", lambda one: elsewhere.append(one.url) if is_elsewhere(one.url) else None)
        tab.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        student = Student(tab, tmp_path)
        welcome(student, address)
        answers(student)
        figures(student)
        shows_the_panel_before_and_after_a_restart(student, workspace)
    assert elsewhere == []
    assert complaints == []


def is_elsewhere(url: str) -> bool:
    """Whether a request leaves this machine."""
    return urlparse(url).scheme not in ("data", "blob") and urlparse(url).hostname != "127.0.0.1"


def welcome(student: Student, address: str) -> None:
    """The first page, without news and menus; its link opens the lesson."""
    tab = student.tab
    tab.goto(address.replace("...", TOKEN))
    page = tab.locator(".jp-MarkdownViewer")
    student.sees(page, "How it works", "Begin with lesson 00", "0 of 23")
    assert tab.get_by_text("Formgrader").count() == 0
    assert (
        tab.get_by_text("Would you like to get notified about official Jupyter news").count() == 0
    )
    page.get_by_role("link", name="Agents, trajectories and returns", exact=True).click()
    expect(tab.locator(".jp-NotebookPanel")).to_be_visible(timeout=PATIENCE)
    tab.wait_for_function("() => jupyterapp.shell.currentWidget?.content?.widgets?.length > 20")
    expect(tab.locator(".jp-StatusBar-Widget, #jp-main-statusbar")).to_contain_text(
        "Idle", timeout=PATIENCE
    )
    assert tab.get_by_text("Validate").count() == 0


def answers(student: Student) -> None:
    """A wrong function, a right one, a concept question: each says what is to be known."""
    tab = student.tab
    student.go_to("trajectory-log-prob")
    tab.evaluate(RUN_ABOVE)
    student.write("trajectory-log-prob", EXERCISE.format("log_prob.sum(0)"))
    output = student.run("check-trajectory-log-prob")
    student.sees(output, "✗ trajectory_log_prob", "came out", "wanted")
    student.write("trajectory-log-prob", EXERCISE.format("(log_prob + log_transition).sum(0)"))
    output = student.run("check-trajectory-log-prob")
    student.sees(output, "✓ trajectory_log_prob", "Lesson 00: 2 of 23 points so far.")
    student.sees(output, "Next: Think · answer_two_ends")
    question = all_questions()["two_ends"]
    student.write("answer-two-ends", QUESTION.format(question.right))
    student.sees(student.run("check-answer-two-ends"), "✓", "3 of 23 points")


def figures(student: Student) -> None:
    """What the first half draws: an agent's video, mathematics, a slider that moves a picture."""
    tab = student.tab
    student.go_to("check-discounted-return")
    tab.evaluate(RUN_ABOVE)
    names = tab.evaluate(CELLS)
    video = student.go_to(names.index("answer-two-ends") - 2).locator("img")
    assert video.evaluate("one => one.complete && one.naturalWidth > 100")
    assert len(video.get_attribute("alt")) > 20
    assert tab.locator("mjx-container").count() > 0
    slider = names.index("horizon") + 1
    student.run(names.index("horizon"))
    output = student.run(slider)
    handle = output.locator(".noUi-handle")
    handle.wait_for(timeout=PATIENCE)
    picture = output.locator("img.widget-image")
    before = picture.get_attribute("src")
    handle.press("ArrowLeft")
    expect(picture).not_to_have_attribute("src", before, timeout=PATIENCE)
    student.look()


def shows_the_panel_before_and_after_a_restart(student: Student, workspace: Path) -> None:
    """What was earned is in a file, not in the kernel."""
    tab = student.tab
    student.go_to("check-answer-two-ends")
    tab.evaluate("() => jupyterapp.commands.execute('notebook:insert-cell-below')")
    place = tab.evaluate(CELLS).index("check-answer-two-ends") + 1
    output = student.write(place, TRAINING)
    student.sees(output, "s of training")
    ended = re.compile("Learning curve")
    expect(output.locator("img")).to_have_attribute("alt", ended, timeout=PATIENCE)
    output = student.write(place, PANEL)
    student.sees(output, "3 of 23 points", "✓ passed", "Exercise 1 · trajectory_log_prob")
    tab.keyboard.press("ControlOrMeta+s")
    tab.evaluate("() => { jupyterapp.commands.execute('notebook:restart-kernel'); }")
    tab.locator(".jp-Dialog button.jp-mod-accept").click()
    student.run("setup")
    output = student.run(place)
    student.sees(output, "3 of 23 points")
    records = load_records(workspace)
    assert records["trajectory_log_prob"].tries == 2
    assert records["trajectory_log_prob"].passes and records["answer_two_ends"].passes
    assert PANEL in LESSON.mine(workspace).read_text(encoding="utf-8")
