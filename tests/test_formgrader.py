"""`course formgrader` in a browser, on the invented class: written answers are graded by hand."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager

import pytest

from autograde.building import build
from autograde.cli import main
from autograde.grading import gradebook, judges
from autograde.grading.whole_class import grade_class
from autograde.invented.demo import LIMITS, open_demo
from tests.browser import a_browser
from tests.sample_course import REPOSITORY
from tests.small_class import SmallClass, ThreadJudges

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="grading needs processes that fork"),
]
STUDENT, COMMENT = "mei.tanaka", "Say what b < 1 does to the *variance*."


def command(*arguments):
    """Run a command of the course here."""
    with pytest.raises(SystemExit) as caught:
        main(list(map(str, arguments)))
    assert caught.value.code == 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The invented class of a course with one small lesson, graded by `course demo`."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    made.lesson.student.parent.mkdir(parents=True)
    made.lesson.student.write_text(made.released, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges, "LocalJudges", ThreadJudges)
        patch.setattr(build, "build", lambda lesson: build.Result(lesson.name))
        command("demo", "--course", made.room.root)
    return made


@contextmanager
def server(root, log):
    """`course formgrader --demo` at work, what it says in a file; the address that it names."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    words = ["formgrader", "--demo", "--no-browser", "--port", str(port)]
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "autograde.cli", *words],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "JUPYTER_TOKEN": "secret"},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield address_in(log, port, process)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def address_in(log, port, process):
    """Where the server says that it is: formgrader, not JupyterLab itself."""
    until = time.monotonic() + 120
    while not (found := re.search(rf"http://127.0.0.1:{port}/\S+", log.read_text("utf-8"))):
        assert process.poll() is None and time.monotonic() < until, log.read_text("utf-8")
        time.sleep(0.3)
    address, _, token = found[0].partition("?")
    assert (address, token) == (f"http://127.0.0.1:{port}/formgrader", "token=...")
    return address


def asked(address):
    """What the server answers."""
    with urllib.request.urlopen(f"{address}?token=secret", timeout=60) as answer:
        return json.loads(answer.read())


def grade_by_hand(page):
    """Give points and a comment to the written answer, as a person does."""
    points = page.locator("input.score#why-baseline")
    points.wait_for(state="visible")
    points.fill("1.5")
    with page.expect_response(lambda one: "/api/grade/" in one.url) as saved:
        points.press("Tab")
    assert saved.value.ok
    comment = page.locator("textarea#why-baseline-comment")
    comment.fill(COMMENT)
    with page.expect_response(lambda one: "/api/comment/" in one.url) as saved:
        comment.press("Tab")
    assert saved.value.ok


def test_a_written_answer_is_graded_by_hand_and_stays_graded(demo, tmp_path):
    room, outside, trouble = open_demo(demo.room.root), [], []
    with server(demo.room.root, tmp_path / "log") as address, a_browser() as browser:
        listed = asked(f"{address}/api/submitted_notebooks/02_small/small")
        names = {one["student"]: one["id"] for one in listed}
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.on("request", lambda one: outside.append(one.url))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda one: trouble.append(one.text) if one.type == "error" else None)
        # From the list of lessons to the submissions, as the guide says.
        page.goto(f"{address}?token=secret")
        page.get_by_role("link", name="Manual Grading").first.click()
        page.get_by_role("link", name="02_small").first.click()
        page.get_by_role("link", name="small", exact=True).first.click()
        page.get_by_role("link", name="Submission #1", exact=True).click()
        page.locator("textarea.comment").first.wait_for()
        # One student's answer, and what is there when the page is opened again.
        page.goto(f"{address}/submissions/{names[STUDENT]}/?index=0")
        grade_by_hand(page)
        page.reload()
        page.wait_for_function("document.querySelector('input.score#why-baseline').value == '1.5'")
        assert page.locator("textarea#why-baseline-comment").input_value() == COMMENT
        page.screenshot(path=tmp_path / "graded.png", full_page=True)
        for one in names.values():  # Nothing that a student wrote acts.
            page.goto(f"{address}/submissions/{one}/?index=0")
            page.locator("textarea.comment").first.wait_for()
    assert all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in outside)
    assert trouble == []
    kept(demo, room, tmp_path)


def kept(demo, room, pictures):
    """The points are in the report, survive another run of the grader, and stand in feedback."""
    assert by_hand(demo, room) == (1.5, False)
    path = next((room.submitted / STUDENT / "02_small").glob("*.ipynb"))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "A last word."})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    found = grade_class(room, [demo.lesson], judges=ThreadJudges(), limits=LIMITS)
    assert found.graded == 1
    assert by_hand(demo, room) == (1.5, True)  # Kept, and marked for another look.
    page = room.feedback / STUDENT / "02_small" / "small.html"
    assert "what b &lt; 1 does to the <em>variance</em>" in page.read_text(encoding="utf-8")
    command("report", "--demo", "--course", demo.room.root)
    look_at_the_report(room, pictures)


def by_hand(demo, room):
    """The points of the written answer, and whether it waits for a person."""
    grades = gradebook.saved_grades(room, demo.lesson)
    (one,) = (g for g in grades if (g.student, g.grade_id) == (STUDENT, "why-baseline"))
    return one.points, one.needs_manual_grade


def look_at_the_report(room, pictures):
    """The points by hand are on its page, and each name leads to what is said of it."""
    with a_browser() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto((room.report / "index.html").as_uri())
        row = page.get_by_role("row").filter(
            has=page.get_by_role("rowheader", name=STUDENT, exact=True)
        )
        assert "8.5" in row.first.inner_text()
        page.screenshot(path=pictures / "report.png", full_page=True)
        row.first.get_by_role("link", name=STUDENT).click()
        assert page.get_by_text("what b < 1 does to the").is_visible()
        page.screenshot(path=pictures / "feedback.png", full_page=True)
        page.go_back()
        link = page.get_by_role("link", name="needs a look").first
        target = link.get_attribute("href")
        link.click()
        assert page.url.endswith(target)
        assert page.locator(f"[id='{target[1:]}']").is_visible()
