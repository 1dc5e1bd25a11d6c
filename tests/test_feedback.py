"""Feedback: the page that nbconvert would make, picture descriptions included, only sooner."""

import base64
import io
import os

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.converters import GenerateFeedback
from PIL import Image

from autograde.grading.executing import DONE, CellResult, Limits
from autograde.grading.feedback import FeedbackExporter, coloured
from autograde.grading.outcomes import plain_outputs
from autograde.grading.whole_class import grade_class
from tests.accessible import violations
from tests.browser import a_browser
from tests.small_class import SmallClass, ThreadJudges

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One student who draws, prints and writes HTML."""
    made = SmallClass(tmp_path_factory.mktemp("course"))
    own = (
        "import matplotlib.pyplot as plt\n"
        "from IPython.display import HTML, Markdown, display\n"
        "plt.plot([1, 2])\n"
        f"print({HOSTILE!r})\n"
        f"display(HTML({HOSTILE!r}), Markdown({HOSTILE!r}))\n"
        f"raise ValueError({HOSTILE!r})"
    )
    notebook = made.notebook(**made.right_answers(), why_baseline=f"Because $\\frac12$ {HOSTILE}.")
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": own})
    made.hand_in("ada", notebook)
    grade_class(made.room, [made.lesson], limits=Limits(20.0, 60.0), judges=ThreadJudges())
    return made


def page(made):
    """The feedback as it was written."""
    path = made.room.feedback / "ada" / "02_small" / "small.html"
    return path.read_text(encoding="utf-8")


def test_the_page_is_the_one_that_nbgrader_makes_from_the_gradebook(small):
    converter = GenerateFeedback(coursedir=small.room.directory, config=small.room.config)
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    for step in converter.preprocessors:
        exporter.register_preprocessor(step)
    path = small.room.autograded / "ada" / "02_small" / "small.ipynb"
    names = {"assignment": "02_small", "notebook": "small", "student": "ada"}
    resources = {"unique_key": "small", "nbgrader": {**names, "db_url": small.room.db_url}}
    theirs, _ = exporter.from_filename(os.fspath(path), resources=resources)
    assert page(small) == theirs


def test_pictures_of_students_are_shown_and_described(small):
    images = BeautifulSoup(page(small), "html.parser").select("img")
    assert len(images) == 1
    assert images[0]["src"].startswith("data:image/png;base64,")
    assert images[0]["alt"] == "A picture that this cell draws"


def test_no_html_of_a_student_works_on_the_page(small):
    soup = BeautifulSoup(page(small), "html.parser")
    assert not [one for one in soup.select("script") if "alert" in one.text]
    assert not soup.select("[onerror]")
    assert "alert(1)" in soup.get_text()


def test_points_and_messages_are_on_the_page(small):
    text = BeautifulSoup(page(small), "html.parser").get_text()
    assert "Score: 7.0 / 9.0" in text
    assert "✓ reinforce_loss" in text


def test_a_description_that_a_picture_brings_along_is_kept():
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "png")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    output = {
        "output_type": "display_data",
        "data": {"image/png": encoded},
        "metadata": {"image/png": {"alt": "a dot"}},
    }
    (shown,) = plain_outputs(CellResult(DONE, ({"status": "ok", "outputs": [output]},)))
    assert shown.metadata["image/png"]["alt"] == "a dot"


def test_no_script_can_run_and_nothing_is_fetched(small):
    soup = BeautifulSoup(page(small), "html.parser")
    assert soup.select("script") == []
    policy = soup.select_one('meta[http-equiv="Content-Security-Policy"]')["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    places = [one.get("src") or one.get("href") for one in soup.select("[src], link, a[href]")]
    assert all(place.startswith(("#", "data:image/png;base64,")) for place in places)


def test_formulas_are_mathml(small):
    assert BeautifulSoup(page(small), "html.parser").select_one("math mfrac")


def test_very_long_code_is_shown_without_colours():
    shown = coloured("x<1\n" * 10_000, lambda source: "coloured")
    assert shown.startswith('<div class="highlight"><pre>x&lt;1')
    assert coloured("x", lambda source: "coloured") == "coloured"


@pytest.mark.parametrize("text", [" \n" * 100, "." * 200, "x = 1\n" + "\t" * 150 + "y"])
def test_runs_that_take_for_ever_are_shown_without_colours(text):
    assert "<pre>" in coloured(text, lambda source: "coloured")
    assert coloured("# " + "-" * 80 + "\n\n\n    x", lambda source: "coloured") == "coloured"


def test_a_page_has_colours_for_so_much_code_only():
    exporter = FeedbackExporter()
    colour = exporter.environment.filters["highlight_code"]
    exporter.colours_left = 10
    assert "<span" in colour("x = 12")
    assert "<span" not in colour("x = 12")
    assert exporter.from_notebook_node(nbformat.v4.new_notebook())
    assert "<span" in colour("x = 12")


@pytest.mark.slow
def test_the_page_can_be_read_by_everybody(small, tmp_path):
    path = tmp_path / "small.html"
    path.write_text(page(small), encoding="utf-8")
    with a_browser() as browser:
        opened = browser.new_context(bypass_csp=True).new_page()  # axe is a script
        opened.set_viewport_size({"width": 390, "height": 800})
        opened.goto(path.as_uri())
        assert violations(opened) == []
        assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        opened.keyboard.press("Tab")
        focused = "document.activeElement"
        assert opened.evaluate(f"{focused}.tagName") == "A"
        assert opened.evaluate(f"getComputedStyle({focused}).outlineStyle") != "none"
