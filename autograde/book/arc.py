"""The course in one picture: a line of lessons, and an arc to each from what it builds on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from autograde.book.chapter import Chapter

STEP, RADIUS, MARGIN = 56, 17, 30
PARTS = (
    ("What there is to climb", ("00", "01")),
    ("The policy gradient", ("02", "03", "04")),
    ("A critic, and other people's data", ("05", "06", "07")),
    ("How far a step may go", ("08", "09")),
    ("Other aims, other worlds", ("10", "11", "12")),
    ("What would you pick?", ("13",)),
)


@dataclass(frozen=True)
class Part:
    """Some lessons in a row, and what they are about."""

    title: str
    chapters: tuple[Chapter, ...]


def parts_of(chapters: Sequence[Chapter]) -> list[Part]:
    """The parts of the course that are in this book; what is in none comes last."""
    known = {number for _, numbers in PARTS for number in numbers}
    found = [
        Part(title, tuple(one for one in chapters if one.number in numbers))
        for title, numbers in PARTS
    ]
    found.append(Part("More", tuple(one for one in chapters if one.number not in known)))
    return [part for part in found if part.chapters]


def drawing(chapters: Sequence[Chapter]) -> str:
    """The picture as SVG: numbers on a line, arcs from earlier to later lessons."""
    places = {one.number: MARGIN + STEP * place for place, one in enumerate(chapters)}
    ends = [(need, one.number) for one in chapters for need in one.needs if need in places]
    reach = max((places[later] - places[earlier] for earlier, later in ends), default=0)
    line = MARGIN + reach * 0.32
    width, height = 2 * MARGIN + STEP * max(len(chapters) - 1, 0), line + MARGIN
    arcs = "".join(arc(places[earlier], places[later], line) for earlier, later in ends)
    dots = "".join(
        f'<circle cx="{at}" cy="{line:.0f}" r="{RADIUS}"/>'
        f'<text x="{at}" y="{line + 5:.0f}">{number}</text>'
        for number, at in places.items()
    )
    return (
        f'<svg class="arc" viewBox="0 0 {width} {height:.0f}" role="img" '
        f'aria-label="{escape(in_words(ends))}">{arcs}{dots}</svg>'
    )


def arc(start: int, end: int, line: float) -> str:
    """A line that leaves one lesson upwards and comes down on another."""
    top = line - RADIUS - 0.42 * (end - start)
    foot = line - RADIUS
    return f'<path d="M{start} {foot:.0f} C{start} {top:.0f} {end} {top:.0f} {end} {foot:.0f}"/>'


def in_words(ends: Sequence[tuple[str, str]]) -> str:
    """The picture for who does not see it."""
    needs: dict[str, list[str]] = {}
    for earlier, later in ends:
        needs.setdefault(later, []).append(earlier)
    told = (f"{later} builds on {' and '.join(some)}" for later, some in needs.items())
    return "The lessons in a row, with arcs to each from those it builds on: " + "; ".join(told)


def names(chapters: Sequence[Chapter]) -> Mapping[str, str]:
    """From a lesson's number to its page."""
    return {one.number: one.page for one in chapters}
