"""From chapters and lectures to the files of the book."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograde.book.arc import drawing, parts_of
from autograde.book.chapter import Chapter, search_entries
from autograde.book.lectures import Lecture, all_lectures
from autograde.book.links import link_all
from autograde.book.prose import Headings, to_html

STATIC = ("book.css", "book.js", "search.js")


@dataclass(frozen=True)
class Target:
    """A place in a lesson: the lesson's number, the address if it is in the book, and the name."""

    number: str
    href: str
    name: str = ""


class Book:
    """The chapters of a book and what links them."""

    def __init__(self, chapters: Sequence[Chapter]) -> None:
        self.chapters = list(chapters)
        self.lectures = all_lectures()
        self.pages = {one.number: one.page for one in chapters}
        self.names = {one.number: one.name for one in self.lectures}
        self.entries: list[dict[str, str]] = []
        environment = Environment(
            loader=PackageLoader("autograde.book"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["inline"] = inline
        environment.globals |= {"chapters": self.chapters, "target": self.target}
        self.template = environment.get_template

    def target(self, name: str) -> Target:
        """Where "04#anchor" leads: into the chapter, to its top, or nowhere in this book."""
        number, _, anchor = name.partition("#")
        chapter = next((one for one in self.chapters if one.number == number), None)
        if chapter is None:
            return Target(number, "")
        heading = next((one for one in chapter.headings if one.anchor == anchor), None)
        if heading is None:
            return Target(number, chapter.page, chapter.title)
        name = re.sub(r"^\d+ · ", "", heading.text)
        return Target(number, f"{chapter.page}#{anchor}", name)

    def files(self) -> dict[str, bytes]:
        """All files by their names."""
        made = {"index.html": self.front(), "sources.html": self.sources()}
        for place, chapter in enumerate(self.chapters):
            made[chapter.page] = self.chapter(place)
        made["search.html"] = self.template("search.html.j2").render(here="search.html")
        index = json.dumps(self.entries, ensure_ascii=False, separators=(",", ":"))
        made["static/search-index.js"] = f"window.BOOK = {index};\n"
        as_bytes = {name: text.encode() for name, text in made.items()}
        for name in STATIC:
            as_bytes[f"static/{name}"] = static(name)
        for chapter in self.chapters:
            for picture in chapter.pictures:
                as_bytes |= picture.files()
        return as_bytes

    def front(self) -> str:
        """The first page."""
        return self.template("index.html.j2").render(
            here="index.html",
            parts=parts_of(self.chapters),
            drawing=Markup(drawing(self.chapters)),
            exercises=sum(one.exercises for one in self.chapters),
        )

    def chapter(self, place: int) -> str:
        """The page of a lesson."""
        chapter = self.chapters[place]
        others = {number: page for number, page in self.pages.items() if number != chapter.number}
        head, *rest = (link_all(part, self.names, others) for part in chapter.parts or ("",))
        name = f"Lesson {chapter.number} · {chapter.title}"
        self.entries += search_entries(chapter.page, name, head + "".join(rest))
        around = [None, *self.chapters, None]
        return self.template("lesson.html.j2").render(
            here=chapter.page,
            chapter=chapter,
            head=Markup(head),
            text=Markup("".join(rest)),
            follows=followed(self.lectures, chapter.number),
            before=around[place],
            after=around[place + 2],
        )

    def sources(self) -> str:
        """The page of the lectures."""
        page = self.template("sources.html.j2").render(here="sources.html", lectures=self.lectures)
        self.entries += search_entries("sources.html", "Sources", page)
        return page


def followed(lectures: Sequence[Lecture], number: str) -> list[tuple[Lecture, list]]:
    """The lectures that a lesson follows, with their sections."""
    found = ((one, one.sections_of(number)) for one in lectures)
    return [(one, sections) for one, sections in found if sections]


def inline(markdown: str) -> Markup:
    """A line of Markdown without the paragraph around it."""
    html = to_html(markdown, Headings()).strip()
    return Markup(html.removeprefix("<p>").removesuffix("</p>"))


def static(name: str) -> bytes:
    """A style or a script."""
    return (package_files("autograde.book") / "static" / name).read_bytes()
