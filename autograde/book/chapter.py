"""A lesson as a chapter of the book: what its notebook says of itself, and its page's text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from nbformat import NotebookNode

from autograde.book.cells import Body, add_cells
from autograde.book.media import Picture
from autograde.book.prose import Heading
from autograde.building.worked import read_worked
from autograde.errors import CourseError
from autograde.lesson import Lesson

TITLE = re.compile(r"\*\*Lesson (\d\d) · (.+?)\*\*(?: · (.+))?")
NEEDS = re.compile(r"^.*\*\*You need\*\*(.*)$", re.MULTILINE)
SECTION = re.compile(r'(?=<h[123] id="[^"]*">)')
ANCHOR = re.compile(r'<h[123] id="([^"]*)">')
ANSWERS = r'<details class="answer">.*?</details>|<details><summary>Hint.*?</details>'
NOT_SEARCHED = re.compile(rf"{ANSWERS}|<pre.*?</pre>|<summary>.*?</summary>", re.DOTALL)
IN_A_LINE = re.compile(r"</?(?:a|b|code|em|i|m\w+|span|strong|wbr)\b[^>]*>")
EFFORT = re.compile(r"\d+ points? · \d+ minutes · difficulty \S+ \w+")
EXERCISE = re.compile(r"\bExercise (\d+)\b")
ASIDE = ("Think", "Predict")


@dataclass(frozen=True)
class Chapter:
    """A lesson of the book.

    Args:
        lesson: where it comes from.
        title: as in "REINFORCE".
        question: its first heading.
        effort: time and points, as the notebook says them.
        needs: the numbers of the lessons it builds on.
        parts: its text, a piece of HTML a cell.
        headings: in their order.
        pictures: all that it shows.
        executed: whether its code was run.
    """

    lesson: Lesson
    title: str
    question: str
    effort: str
    needs: tuple[str, ...]
    parts: tuple[str, ...]
    headings: tuple[Heading, ...]
    pictures: tuple[Picture, ...]
    executed: bool

    @property
    def number(self) -> str:
        """As in 04."""
        return self.lesson.name[:2]

    @property
    def page(self) -> str:
        """The file's name."""
        return f"{self.lesson.name}.html"

    @property
    def exercises(self) -> int:
        """How many exercises it has; a capstone is one."""
        texts = [heading.text for heading in self.headings]
        numbers = {one[1] for one in map(EXERCISE.search, texts) if one}
        return len(numbers) + sum("Capstone" in one for one in texts)

    @property
    def contents(self) -> list[tuple[Heading, list[Heading]]]:
        """The page's sections, each with what is in it; what only asks is left out."""
        found: list[tuple[Heading, list[Heading]]] = []
        for heading in self.headings:
            if heading.level == 2:
                found.append((heading, []))
            elif heading.level == 3 and found and not heading.text.startswith(ASIDE):
                found[-1][1].append(heading)
        return found


def read_chapter(lesson: Lesson) -> Chapter | None:
    """A lesson's chapter; None if it has no worked notebook.

    Raises:
        CourseError: the notebook cannot be read or shown.
    """
    notebook = read_worked(lesson)
    if notebook is None:
        return None
    try:
        return chapter(lesson, notebook)
    except CourseError as error:
        raise CourseError(f"{lesson.relative(lesson.worked)}: {error}", 1) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"{lesson.relative(lesson.worked)} cannot be shown ({type(error).__name__}: {error}). "
            f"Make it anew with: course build --force {lesson.name}",
            1,
        ) from None


def chapter(lesson: Lesson, notebook: NotebookNode) -> Chapter:
    """The chapter of a notebook."""
    body = Body()
    add_cells(body, notebook.cells)
    texts = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title, needs = TITLE.search(texts), NEEDS.search(texts)
    first = next((one.text for one in body.headings.found if one.level == 1), "")
    name = lesson.slug.replace("_", " ").capitalize()
    numbers = re.findall(r"\b\d\d\b", needs[1]) if needs else []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return Chapter(
        lesson=lesson,
        title=title[2] if title else name,
        question=first or name,
        effort=(title[3] or "") if title else "",
        needs=tuple(sorted({one for one in numbers if one < lesson.name[:2]})),
        parts=tuple(body.parts),
        headings=tuple(body.headings.found),
        pictures=tuple(body.pictures),
        executed=not code or any(cell.execution_count for cell in code),
    )


def search_entries(page: str, chapter_name: str, html: str) -> Iterator[dict[str, str]]:
    """What is searched for on a page, a section at a time: address, heading, words."""
    for part in SECTION.split(html):
        found = ANCHOR.match(part)
        if not found:
            continue
        heading, _, rest = part.partition("</h")
        yield {
            "page": f"{page}#{found[1]}",
            "level": part[2],
            "chapter": chapter_name,
            "title": words(heading),
            "text": EFFORT.sub("", words(NOT_SEARCHED.sub(" ", rest.partition(">")[2]))),
        }


def words(html: str) -> str:
    """The words of some HTML, with single spaces, as they are read."""
    text = re.sub(r"<[^>]*>", " ", IN_A_LINE.sub("", html))
    return " ".join(unescape(text).split())
