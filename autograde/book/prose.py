"""A lesson's Markdown as HTML: formulas as MathML, headings that can be linked, wide tables."""

import re
from dataclasses import dataclass, field
from html import escape, unescape

from nbconvert.filters.markdown_mistune import MarkdownWithMath

from autograde.book.breaking import inline_formula
from autograde.grading.prose import SafeRenderer

TAG = re.compile(r"<[^>]*>")
MATH = re.compile(r"<math.*?</math>", re.DOTALL)
POINTS = re.compile(r" · \d+ points?\b.*")


@dataclass(frozen=True)
class Heading:
    """A heading of a page: level (1 to 6), what is linked to, and its text without points."""

    level: int
    anchor: str
    text: str


@dataclass
class Headings:
    """The headings of one page; no two have the same anchor."""

    found: list[Heading] = field(default_factory=list)
    taken: set[str] = field(default_factory=lambda: {"main", "q", "contents", "on-this-page"})

    def add(self, level: int, html: str) -> Heading:
        """Note a heading and give it an anchor."""
        text = POINTS.sub("", plain(html))
        base = slug(text) or "section"
        anchor, number = base, 1
        while anchor in self.taken:
            number += 1
            anchor = f"{base}-{number}"
        self.taken.add(anchor)
        self.found.append(Heading(level, anchor, text))
        return self.found[-1]


class BookRenderer(SafeRenderer):
    """Feedback's renderer, with anchors for headings and room for tables."""

    def __init__(self, headings: Headings) -> None:
        super().__init__(escape=False, allow_harmful_protocols=None)
        self.headings = headings

    def heading(self, text: str, level: int, **_: object) -> str:
        """A heading that can be linked."""
        made = self.headings.add(level, text)
        return f'<h{level} id="{made.anchor}">{text}</h{level}>\n'

    def table(self, text: str) -> str:
        """A table that scrolls by itself where it is too wide."""
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        """A cell; an empty one at the head of a column is no heading."""
        name = "th" if head and text.strip() else "td"
        kind = f' class="{align}"' if align else ""
        scope = ' scope="col"' if name == "th" else ""
        return f"<{name}{scope}{kind}>{text}</{name}>\n"

    def inline_math(self, body: str) -> str:
        """A formula in a line, which may be broken into several."""
        return inline_formula(body.strip())

    def block_math(self, body: str) -> str:
        """A formula on lines of its own, which scrolls too."""
        return f'<div class="scroll formula">{super().block_math(body)}</div>'

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code in a text."""
        return f'<div class="code">{super().block_code(code, info or "python")}</div>'


def to_html(source: str, headings: Headings) -> str:
    """The HTML of a Markdown cell; its headings are added to the page's."""
    return MarkdownWithMath(renderer=BookRenderer(headings)).render(source)


def plain(html: str) -> str:
    """The words of some HTML; of a formula, its source."""
    with_formulas = MATH.sub(lambda found: formula_source(found[0]), html)
    return " ".join(unescape(TAG.sub("", with_formulas)).split())


def formula_source(math: str) -> str:
    """What a formula was written as."""
    found = re.search(r'alttext="([^"]*)"', math)
    return escape(unescape(found[1])) if found else ""


def slug(text: str) -> str:
    """A heading as the end of an address: lower case, hyphens between the words."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")
