"""Markdown to HTML for pages that are opened by others than their writer.

Formulas become MathML, so that they need no script; links lead to web pages only; pictures are
part of the page or left out. HTML of the lesson's own stays: a student's is made text before.
"""

import re
from functools import lru_cache
from html import escape
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograde.grading.mathml import mathml
from autograde.grading.pictures import is_harmless

MAX_LENGTH = 30_000
WEB = re.compile(r"(https?:|mailto:|#|[\w./-]+$)", re.IGNORECASE)


class SafeRenderer(IPythonRenderer):
    """nbconvert's renderer without anything that acts or calls home."""

    def block_math(self, body: str) -> str:
        """A formula on lines of its own."""
        return mathml(body.strip(), display=True)

    def inline_math(self, body: str) -> str:
        """A formula in a line."""
        return mathml(body.strip())

    def latex_environment(self, name: str, body: str) -> str:
        """A formula that says itself where it begins and ends."""
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    def block_mermaidjs(self, code: str) -> str:
        """A diagram's source: drawing it would take a script."""
        return self.block_code(code)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link to the web or within the course; others are shown as text."""
        if not WEB.match(url):
            return f"{text} ({escape(url)})"
        return super().link(text, url, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture that the page holds itself; others would be fetched, and tell who reads."""
        if is_harmless(url):
            return super().image(text, url, title)
        return f"[picture: {text}]"


@lru_cache(maxsize=4096)
def markdown2html(source: str, **_: Any) -> str:
    """The HTML of a cell, a comment or an answer; a very long one stays as it is.

    Some patterns of Markdown take time that grows with the square of the length.
    """
    if len(source) > MAX_LENGTH:
        return f"<pre>{escape(source)}</pre>"
    renderer = SafeRenderer(escape=False, allow_harmful_protocols=None)
    return MarkdownWithMath(renderer=renderer).render(source)
