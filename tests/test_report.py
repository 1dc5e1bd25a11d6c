"""The report: the right numbers, nothing that acts in a browser, nothing from the network."""

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from autograde.grading.notes import Note
from autograde.grading.outcomes import BY_HAND, ERROR, NOT_WRITTEN, PARTLY, RIGHT, WRONG, Score
from autograde.grading.report import (
    HEADER,
    SIGNS,
    as_text,
    feedback_link,
    grades_csv,
    number,
    questions_csv,
    render,
    sign,
)
from autograde.grading.results import LessonResults, MistakeCount, Row
from autograde.lesson import Lesson
from tests.accessible import violations
from tests.browser import a_browser

HOSTILE = "<script>alert('x')</script>"


def scores(loss, advantage, written=None, mistake=None, status=RIGHT, message=""):
    """The scores of one student in two exercises and a written answer."""
    return (
        Score("check-loss", "loss", loss, 3, status, mistake, message),
        Score("check-advantage", "advantage", advantage, 4, RIGHT if advantage else NOT_WRITTEN),
        Score("why", "why", written, 2, BY_HAND),
    )


@pytest.fixture
def table():
    """Three students, one of whom handed nothing in."""
    late = Note("late", f"Handed in late by {HOSTILE}.")
    broken = Note("time-limit", "A cell was stopped.", problem=True)
    rows = [
        Row("ada", scores(3, 4, 1.5)),
        Row("bob", scores(0, 4, None, "sign-flipped", WRONG, HOSTILE), (late, broken), 0.4),
        Row("cyn", scores(1.5, 0, None, "sign-flipped", PARTLY)),
        Row("dan", handed_in=False),
    ]
    return LessonResults(Lesson(root=None, name="02_small"), rows)


class Page(HTMLParser):
    """Collects a page's tags and texts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.texts.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def test_totals_take_the_penalty_off_and_count_open_points(table):
    ada, bob, cyn, _ = table.rows
    assert (ada.points, ada.by_hand, ada.possible) == (8.5, 0, 9)
    assert (bob.points, bob.by_hand) == (0 + 4 - 0.4, 2)
    assert (cyn.points, cyn.by_hand) == (1.5, 2)


def test_a_penalty_never_makes_points_negative():
    assert Row("ada", scores(0, 0), penalty=5.0).points == 0


def test_means_are_over_those_who_handed_in(table):
    assert table.mean == pytest.approx((8.5 + 3.6 + 1.5) / 3)
    assert table.exercise_mean(0) == pytest.approx((3 + 0 + 1.5) / 3)
    assert table.exercise_mean(2) == 1.5  # Only ada's has been graded by hand.


def test_mistakes_are_counted_with_who_made_them(table):
    assert table.mistakes == [MistakeCount("loss", "sign-flipped", ("bob", "cyn"))]


def test_the_page_shows_students_points_mistakes_notes_and_strays(table):
    page = Page(render([table], [Note("stray", "grades.txt is no student.", problem=True)]))
    for wanted in ("ada", "8.5 of 9", "sign- flipped", "bob, cyn", "A cell was stopped."):
        assert wanted in page.text
    assert "needs a look" in page.text
    assert "not handed in" in page.text
    assert "grades.txt is no student." in page.text


def test_nothing_from_a_student_acts_on_the_page(table):
    page = Page(render([table]))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "iframe", "link", "base")]
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert HOSTILE in page.text  # As text, to be read.


def test_the_page_needs_no_network(table):
    html = render([table])
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:|//)", html)
    assert "default-src 'none'" in html


def test_every_link_on_the_page_leads_somewhere(table):
    page = Page(render([table]))
    ids = {given["id"] for _, given in page.tags if "id" in given}
    links = [given["href"] for tag, given in page.tags if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    feedback = [f"../feedback/{name}/02_small/small.html" for name in ("ada", "bob", "cyn")]
    others = [link for link in links if not link.startswith("#")]
    assert others == ["grades.csv", "questions.csv", *feedback]


def test_a_link_to_feedback_is_of_plain_letters():
    assert feedback_link("Zoë <b>", Lesson(root=None, name="02_small")) == (
        "../feedback/Zo%C3%AB%20%3Cb%3E/02_small/small.html"
    )


def test_tables_can_be_read_aloud_and_scrolled_by_keyboard(table):
    page = Page(render([table]))
    heads = [given for tag, given in page.tags if tag == "th"]
    assert heads
    assert all(given.get("scope") in ("col", "row") for given in heads)
    regions = [given for _, given in page.tags if given.get("role") == "region"]
    assert regions
    assert all(given["tabindex"] == "0" and given["aria-label"] for given in regions)
    assert page.tags.count(("caption", {})) == 3


def test_no_status_is_told_by_colour_alone(table):
    assert len(set(SIGNS.values())) == len(SIGNS)
    assert sign(ERROR) == "!"
    html = render([table])
    for status in (RIGHT, PARTLY, WRONG, NOT_WRITTEN, BY_HAND):
        assert f">{status}</span>" in html


def test_the_page_has_the_numbers_of_each_question(table):
    text = Page(render([table])).text
    # Shares 3/3, 0/3 and 1.5/3 of the first question; two of the second are right.
    assert "loss 50 % — 1 of 3 sign- flipped (2)" in text
    assert "advantage 67 % — 2 of 3 1" in text


def test_near_copies_are_pointed_out_with_a_warning(table):
    assert "None." in Page(render([table])).text
    marks = tuple(f"{number:012x}" for number in range(30))
    table.rows[0] = replace(table.rows[0], fingerprint=marks)
    table.rows[2] = replace(table.rows[2], fingerprint=marks)
    text = Page(render([table])).text
    assert "ada and cyn: 100 %" in text
    assert "Similarity is no proof of copying" in text


def test_the_csv_of_questions_has_one_line_a_question(table):
    lines = list(csv.DictReader(io.StringIO(questions_csv([table]))))
    assert [line["exercise"] for line in lines] == ["loss", "advantage", "why"]
    assert (lines[0]["lesson"], lines[0]["facility"], lines[0]["mistake"]) == (
        "02_small",
        "0.5",
        "sign-flipped",
    )
    assert lines[0]["discrimination"] == ""


@pytest.mark.slow
def test_the_page_opens_in_a_browser_without_a_script_or_the_network(table, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(render([table]), encoding="utf-8")
    asked, complaints = [], []
    with a_browser() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        assert page.get_by_role("heading", name="Report on a class").is_visible()
        assert page.get_by_role("rowheader", name="ada").first.is_visible()
        page.locator("summary", has_text="bob").click()
        assert page.get_by_text(HOSTILE, exact=True).is_visible()
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0  # wide tables scroll by themselves
    assert asked == [path.as_uri()]
    assert complaints == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_by_everybody(table, tmp_path, scheme):
    marks = tuple(f"{number:012x}" for number in range(30))
    table.rows[0] = replace(table.rows[0], fingerprint=marks)
    table.rows[2] = replace(table.rows[2], fingerprint=marks)
    path = tmp_path / "index.html"
    path.write_text(render([table], [Note("stray", "A stray file.")]), encoding="utf-8")
    with a_browser() as browser:
        context = browser.new_context(bypass_csp=True, color_scheme=scheme)  # axe is a script
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(path.as_uri())
        assert violations(page) == []
        region = page.get_by_role("region", name="Points in 02_small")
        region.focus()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")


@pytest.mark.slow
def test_paper_shows_the_whole_report(table, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(render([table]), encoding="utf-8")
    with a_browser() as browser:
        page = browser.new_page(viewport={"width": 700, "height": 900})
        page.goto(path.as_uri())
        assert not page.get_by_text(HOSTILE, exact=True).is_visible()
        page.emulate_media(media="print")
        assert page.locator("dd pre").first.bounding_box()["height"] > 10


def test_a_report_on_nothing_says_so():
    assert "Nothing has been graded yet." in render([])


def test_the_csv_has_one_line_a_student_and_exercise(table):
    lines = list(csv.DictReader(io.StringIO(grades_csv([table]))))
    assert tuple(lines[0]) == HEADER
    assert len(lines) == 3 * 3 + 1
    bob = next(one for one in lines if one["student"] == "bob")
    assert (bob["exercise"], bob["points"], bob["possible"]) == ("loss", "0", "3")
    assert (bob["mistake"], bob["late_penalty"], bob["status"]) == ("sign-flipped", "0.4", WRONG)
    assert "A cell was stopped." in bob["notes"]
    assert next(one for one in lines if one["status"] == BY_HAND)["points"] in ("1.5", "")
    assert lines[-1]["status"] == "not handed in"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_text_is_a_formula_for_a_spreadsheet(value):
    assert as_text(value) == "'" + value
    assert as_text("ada") == "ada"


@pytest.mark.parametrize(
    ("points", "shown"), [(3.0, "3"), (2.5, "2.5"), (1 / 3, "0.33"), (10.0, "10"), (None, "—")]
)
def test_points_are_written_without_needless_zeros(points, shown):
    assert number(points) == shown
