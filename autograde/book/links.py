"""Citations like [000] and words like "lesson 05" become links; code, formulas and links do not."""

import re
from collections.abc import Mapping

TAG = re.compile(r"(<[^>]+>)")
NAME = re.compile(r"</?([a-zA-Z0-9]+)")
ALONE = {"code", "pre", "a", "math", "summary", "h1", "h2", "h3", "h4", "h5", "h6", "svg"}
CITATION = re.compile(r"\[(\d{3}(?:, \d{3})*)(?=[\];])")
LESSON = re.compile(r"\b([Ll]essons? )(\d\d\b(?:(?:, | and | or | to )\d\d\b)*)")


def link_all(html: str, lectures: Mapping[str, str], lessons: Mapping[str, str]) -> str:
    """The HTML with its citations and names of lessons linked.

    Args:
        html: a fragment with closed tags.
        lectures: from a lecture's number to its title.
        lessons: from a lesson's number to its page; those that are not there stay text.
    """
    parts, inside = [], []
    for part in TAG.split(html):
        if part.startswith("<") and (found := NAME.match(part)):
            note_tag(part, found[1].lower(), inside)
        elif not inside:
            part = LESSON.sub(lambda m: m[1] + numbers(m[2], lessons), part)
            part = CITATION.sub(lambda m: "[" + citations(m[1], lectures), part)
        parts.append(part)
    return "".join(parts)


def note_tag(tag: str, name: str, inside: list[str]) -> None:
    """Keep account of the open elements in which nothing is linked."""
    if name not in ALONE:
        return
    if tag.startswith("</"):
        if name in inside:
            inside.remove(name)
    else:
        inside.append(name)


def numbers(text: str, lessons: Mapping[str, str]) -> str:
    """ "06 and 08" with each known number linked."""
    return re.sub(
        r"\d\d",
        lambda found: (
            f'<a href="{lessons[found[0]]}">{found[0]}</a>' if found[0] in lessons else found[0]
        ),
        text,
    )


def citations(text: str, lectures: Mapping[str, str]) -> str:
    """ "002, 004" with each known number linked."""
    return re.sub(
        r"\d{3}",
        lambda found: (
            f'<a href="sources.html#lecture-{found[0]}" title="{lectures[found[0]]}">{found[0]}</a>'
            if found[0] in lectures
            else found[0]
        ),
        text,
    )
