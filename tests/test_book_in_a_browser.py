"""The real book, as its readers meet it: from files, in a browser, by keyboard, on paper."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autograde.book.book import Result, make_book
from autograde.book.lectures import all_lectures
from tests.accessible import OPEN_ALL, violations
from tests.browser import a_browser

ROOT = Path(__file__).resolve().parent.parent
PHONE = {"width": 320, "height": 700}
DEAD_WIDGETS = ("interactive(children", "IntSlider(", "FloatSlider(", "VBox(", "Output()")

pytestmark = pytest.mark.slow


@dataclass
class Made:
    """The book of this course."""

    folder: Path
    result: Result

    @property
    def pages(self) -> list[Path]:
        return sorted(self.folder.glob("*.html"))

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    return Made(folder, make_book(ROOT, folder))


@pytest.fixture(scope="module")
def browser():
    with a_browser() as found:
        yield found


@pytest.fixture
def page(browser):
    """A page that remembers what it asked for and what it complained about."""
    made = browser.new_page(viewport={"width": 1440, "height": 900})
    made.asked, made.complaints = [], []
    made.on("request", lambda request: made.asked.append(request.url))
    made.on("console", lambda message: made.complaints.append(message.text))
    made.on("pageerror", lambda error: made.complaints.append(str(error)))
    yield made
    made.close()


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [given[name] for _, given in self.tags if name in given]


@pytest.fixture(scope="module")
def tags(book):
    return {path.name: Tags(path) for path in book.pages}


def test_every_lesson_with_a_notebook_is_in_the_book(book):
    assert book.result.broken == []
    assert book.result.not_executed == []
    notebooks = {path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb")}
    assert set(book.result.lessons) == notebooks
    assert len(book.result.lessons) >= 13


def test_the_first_page_counts_the_exercises(book):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    counts = dict(re.findall(r"^\| (\d\d) \| \[.*?\| (\d+) \| ready \|$", text, re.MULTILINE))
    wanted = sum(int(counts[name[:2]]) for name in book.result.lessons if name[:2] in counts)
    front = (book.folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r"(\d+) lessons with (\d+) exercises", front)
    assert found[1] == str(len(book.result.lessons))
    assert len(counts) < len(book.result.lessons) or found[2] == str(wanted)


def test_every_link_leads_to_something(book, tags):
    ids = {name: found.all("id") for name, found in tags.items()}
    assert all(len(found) == len(set(found)) for found in ids.values())
    for name, found in tags.items():
        for link in found.all("href") + found.all("src") + found.all("srcset"):
            if re.match("https://|data:,$", link):
                continue
            target, _, anchor = link.partition("#")
            assert (book.folder / (target or name)).is_file(), (name, link)
            assert not anchor or anchor in ids[target or name], (name, link)


def test_the_lectures_sections_lead_into_the_lessons_that_follow_them(book, tags):
    names = {path.name[:2]: path.name for path in book.pages}
    for lecture in all_lectures():
        for part in (*lecture.sections, *lecture.slips):
            for number, _, anchor in (one.partition("#") for one in part.lessons):
                if number in names and anchor:
                    assert anchor in tags[names[number]].all("id"), (lecture.number, number, anchor)


def test_every_lesson_links_to_its_lectures(book, tags):
    for lesson in book.result.lessons:
        links = tags[f"{lesson}.html"].all("href")
        assert any(re.fullmatch(r"sources\.html#lecture-\d{3}-\d+", link) for link in links), lesson


def test_every_picture_has_words_and_no_widget_left_its_remains(book, tags):
    for path in book.pages:
        for tag, given in tags[path.name].tags:
            assert tag != "img" or len(given["alt"]) > 15, (path.name, given["src"])
        text = path.read_text(encoding="utf-8")
        assert not [one for one in DEAD_WIDGETS if one in text], path.name


def test_every_formula_could_be_shown(book):
    for path in book.pages:
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r'<div class="scroll formula"><code>.*', text), path.name
        assert not re.findall(r"\$\$.{0,60}", text), path.name


def test_a_search_leads_to_the_section(page, book):
    page.goto(book.uri("index.html"))
    page.get_by_role("searchbox").fill("leave_one_out")
    page.get_by_role("searchbox").press("Enter")
    page.locator("#results a").first.wait_for()
    assert re.search("sections? holds? “leave_one_out”", page.locator("#found").inner_text())
    page.locator("#results a").first.click()
    assert page.url.endswith("01_log_derivative_trick.html#exercise-6-leave_one_out_surrogate")
    heading = page.get_by_role("heading", name="leave_one_out_surrogate")
    page.wait_for_function("window.scrollY > 500")
    assert heading.bounding_box()["y"] >= 50  # below the bar that stays
    page.go_back()
    page.get_by_role("searchbox").fill("xyzzy")
    assert "Nothing in the book holds" in page.locator("#found").inner_text()
    page.get_by_role("searchbox").fill("natural gradient")
    assert "Lesson 08" in page.locator("#results li").first.inner_text()
    assert page.complaints == []


def test_no_page_asks_anybody_or_complains_and_none_scrolls_sideways_on_a_phone(page, book):
    page.set_viewport_size(PHONE)
    for path in book.pages:
        page.goto(path.as_uri())
        page.evaluate(OPEN_ALL)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path.name
        assert page.locator("main").is_visible()
        pictures = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
        page.wait_for_function(f"{pictures} === 0")
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.complaints == []


@pytest.mark.parametrize(
    "name",
    ["index.html", "sources.html", "search.html?q=baseline", "04_policy_gradient_theorem.html"],
)
def test_axe_finds_nothing_wrong_in_light_and_dark(browser, book, name):
    file, _, query = name.partition("?")
    made = browser.new_page(color_scheme="light")
    made.goto(f"{book.uri(file)}?{query}" if query else book.uri(file))
    assert violations(made) == []
    made.emulate_media(color_scheme="dark")
    assert made.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert violations(made, "color-contrast", "link-in-text-block") == []
    made.close()


def test_the_keyboard_is_enough(page, book):
    page.goto(book.uri("02_reinforce.html"))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the text")
    assert skip.bounding_box()["y"] >= 0
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.locator("details.answer summary").first.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("Enter")
    assert not page.evaluate("document.activeElement.parentElement.open")


def test_what_scrolls_can_be_reached_with_the_keyboard(page, book):
    page.set_viewport_size(PHONE)
    page.goto(book.uri("04_policy_gradient_theorem.html"))
    wide = page.locator("article > .code pre[tabindex='0']").first
    wide.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    assert page.locator(".side details[open]").count() == 0  # folded, so that the text is near


def test_a_link_into_a_fold_opens_it(page, book):
    page.goto(book.uri("02_reinforce.html"))
    page.evaluate("document.querySelector('details.answer .code').id = 'inside'")
    page.evaluate("location.hash = 'inside'")
    page.wait_for_function("document.getElementById('inside').closest('details').open")


def test_paper_shows_what_is_folded_and_no_controls(page, book):
    page.goto(book.uri("04_policy_gradient_theorem.html"))
    inside = page.locator("details.answer .code").first
    assert not inside.is_visible()
    page.emulate_media(media="print")
    assert inside.bounding_box()["height"] > 10
    assert not page.locator(".bar").is_visible()
    assert not page.locator(".side").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details[open]").count() == 0


def test_code_is_copied_and_the_choice_of_light_or_dark_is_kept(browser, book):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(book.uri("04_policy_gradient_theorem.html"))
    frame = page.locator("main > article > .code").first
    frame.hover()
    frame.get_by_role("button", name="Copy this code").click()
    page.wait_for_function("document.querySelector('main .code .copy + *') === null")
    assert page.evaluate("navigator.clipboard.readText()").startswith("mdp = random_mdp(4, 3")
    button = page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    page.goto(book.uri("sources.html"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
    context.close()


def test_animations_stand_still_for_who_asked_for_it_and_can_be_paused(browser, book):
    shown = "document.querySelector('figure.moving img').currentSrc"
    for motion, first, then in (("reduce", True, False), ("no-preference", False, True)):
        page = browser.new_page(reduced_motion=motion)
        page.goto(book.uri("02_reinforce.html"))
        page.wait_for_function(f"{shown}.endsWith('.still.png') === {str(first).lower()}")
        page.get_by_role("button", name=re.compile("the animation")).first.click()
        page.wait_for_function(f"{shown}.endsWith('.still.png') === {str(then).lower()}")
        page.close()
