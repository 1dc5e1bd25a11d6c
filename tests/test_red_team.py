"""A class of attackers beside honest students: each earns what its honest part is worth."""

import os
import re
from pathlib import Path

import pytest

from tests.browser import a_browser
from tests.red_team import injecting
from tests.red_team.attack import ALL, FAMILIES, HONEST, LIMITS, attacked
from tests.red_team.bait import ATTEMPT, baited
from tests.red_team.evidence import dangers
from tests.sample_course import REPOSITORY
from tests.walled import needs_walls, outside

pytestmark = pytest.mark.slow
SECONDS = LIMITS.notebook_seconds + 20  # with reading it and writing the feedback
BLOCK = re.compile(r"<!-- red-team: begin -->\n(.*?)\n<!-- red-team: end -->", re.DOTALL)


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    """What is there when the whole class is graded."""
    needs_walls()
    return attacked(tmp_path_factory.mktemp("red-team"))


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_submission_earns_what_its_honest_part_is_worth(after, name):
    assert after.earned(ALL[name]) == ALL[name].points


@pytest.mark.parametrize("name", [name for name, one in ALL.items() if one.says])
def test_the_report_says_what_happened(after, name):
    assert ALL[name].says in after.notes(ALL[name])
    assert name in after.report


def attempts():
    """The names of all attempts; those that are known to get through have to, until mended."""
    for name, one in ALL.items():
        known = [pytest.mark.xfail(strict=True, reason=one.still)] if one.still else []
        if one.attempt:
            yield pytest.param(name, marks=known)


@pytest.mark.parametrize("name", list(attempts()))
def test_no_attempt_gets_through(after, name):
    assert "held" in after.outputs[name] and "THROUGH" not in after.outputs[name]


@pytest.mark.parametrize("name", [n for n, one in ALL.items() if one.attempt and one.outside])
def test_outside_every_attempt_gets_through(name, tmp_path):
    with baited() as bait:
        done = outside(f"{bait.code}{ATTEMPT}{ALL[name].attempt}", cwd=tmp_path,
                       pass_fds=[bait.names["descriptor"]], env=dict(os.environ))  # fmt: skip
        for path in bait.written():
            Path(path).rmdir() if os.path.isdir(path) else os.remove(path)
    assert done


@pytest.mark.parametrize("name", [name for name, one in ALL.items() if one.naive])
def test_a_grader_in_the_same_process_is_fooled(name):
    one = ALL[name]
    child = os.fork()
    if child == 0:
        names = {"__name__": "__main__"}
        try:
            for text in (one.first, "import torch\nfrom course_lib import check", one.loss,
                         "check(reinforce_loss)\ncheck(reinforce_loss, hidden=True)"):  # fmt: skip
                exec(text, names)
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("one", HONEST, ids=lambda one: one.name)
def test_the_neighbours_grades_are_what_they_were(after, one):
    assert after.earned(one) == one.points
    noted = {note.code for note in after.records[one.name].notes}
    assert noted == ({"agent"} if one.lesson == "agent" else set())


def test_no_page_is_larger_than_a_browser_takes(after):
    assert max(map(len, after.pages.values())) < 20_000_000


def test_no_picture_has_more_pixels_than_a_browser_can_hold(after):
    assert "it is 100,000 × 100,000 pixels large" in after.pages["exhausting-pixels"]
    assert "data:image/png;base64,iVBOR" not in after.pages["exhausting-pixels"]
    assert "data:image/png;base64,iVBOR" in after.pages["exhausting-gallery"]


def test_nothing_is_left_behind(after):
    assert (after.survivors, after.written, after.heard) == ([], [], [])
    assert after.scratches
    assert not any(os.path.exists(folder) for folder in after.scratches)


def test_no_submission_takes_longer_than_it_may(after):
    longest = max(after.seconds, key=after.seconds.get)
    assert after.seconds[longest] < SECONDS, longest


def test_no_submission_has_to_be_graded_anew_in_the_next_run(after):
    assert after.again == 0


@pytest.mark.parametrize("name", ALL)
def test_nothing_on_a_page_can_act(after, name):
    assert list(dangers(after.pages[name])) == []
    assert "Content-Security-Policy" in after.pages[name]


@pytest.mark.parametrize("name", [one.name for one in injecting.SUBMISSIONS])
def test_nothing_can_act_where_it_is_graded_by_hand(after, name):
    assert list(dangers(after.by_hand[name])) == []


def test_nothing_on_the_report_can_act(after):
    assert list(dangers(after.report)) == []


def test_no_value_of_the_table_is_a_formula(after):
    cells = [cell.strip('"') for line in after.csv.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell[:1] in ("=", "@", "\t")]


def test_nothing_runs_in_a_browser(after, tmp_path):
    asked = []
    with a_browser() as browser:
        page = browser.new_page()
        page.on("dialog", lambda dialog: asked.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda request: asked.append(request.url))
        for name in [*injecting_names(), "the report"]:
            file = tmp_path / "page.html"
            file.write_text(after.pages.get(name, after.report), encoding="utf-8")
            page.goto(file.as_uri())
            assert page.evaluate("window.pwned") is None, name
            assert injecting.MARK not in page.title()
            for link in page.query_selector_all("a[href]"):
                assert not link.get_attribute("href").startswith(("javascript:", "data:")), name
    assert [url for url in asked if not url.startswith(("file:", "data:image/"))] == []


def injecting_names():
    """Those whose text wants to act."""
    return [one.name for one in injecting.SUBMISSIONS]


def test_the_readme_shows_what_came_of_it(after):
    wanted = after.table(list(ALL.values()))
    shown = BLOCK.search((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert shown, f"README.md has no block of the red team; it should hold\n{wanted}"
    assert shown[1] == wanted


def test_there_are_enough_submissions_of_each_family():
    assert len(ALL) >= 75
    assert len(FAMILIES) == 6
    assert all(sum(one.family == family for one in ALL.values()) >= 10 for family in FAMILIES)
