"""The lectures that the course follows: their sections, the lessons on them, their slips."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("lectures.json")


@dataclass(frozen=True)
class Section:
    """A part of a lecture. `lessons` are "04" or "04#anchor"; `url` leads into the document."""

    title: str
    anchor: str
    lessons: tuple[str, ...]
    where: str = ""
    url: str = ""


@dataclass(frozen=True)
class Slip:
    """What is wrong in a lecture, in Markdown, and where a lesson looks at it."""

    text: str
    lessons: tuple[str, ...]


@dataclass(frozen=True)
class Lecture:
    """One of the documents. `find` says how to get it where no address is known."""

    number: str
    title: str
    author: str
    where: str
    find: str
    url: str
    sections: tuple[Section, ...]
    slips: tuple[Slip, ...]

    @property
    def anchor(self) -> str:
        """What is linked to on the page of sources."""
        return f"lecture-{self.number}"

    @property
    def name(self) -> str:
        """Author and title, as a citation says them."""
        return f"{self.author}: {self.title}" if self.author else self.title

    def sections_of(self, lesson: str) -> list[Section]:
        """The sections that a lesson follows; the lesson is its number."""
        return [one for one in self.sections if lesson in map(number_of, one.lessons)]


@cache
def all_lectures() -> tuple[Lecture, ...]:
    """All of them, in the order of their numbers."""
    found = json.loads(DATA.read_text(encoding="utf-8"))
    return tuple(lecture(one) for one in found)


def lecture(one: Mapping) -> Lecture:
    """A lecture from its entry in the file."""
    sections = tuple(
        Section(
            title=part["title"],
            anchor=f"lecture-{one['number']}-{place}",
            lessons=tuple(part["lessons"]),
            where=part.get("where", ""),
            url=part.get("url", ""),
        )
        for place, part in enumerate(one["sections"], start=1)
    )
    slips = tuple(Slip(slip["text"], tuple(slip["lessons"])) for slip in one["slips"])
    texts = {key: one.get(key, "") for key in ("number", "title", "author", "where", "find", "url")}
    return Lecture(**texts, sections=sections, slips=slips)


def number_of(target: str) -> str:
    """The lesson's number in "04#anchor"."""
    return target.partition("#")[0]
