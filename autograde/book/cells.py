"""Cells as HTML: code in colours, answers folded, outputs without what a page cannot show."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape

from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode

from autograde.book.media import Picture
from autograde.book.prose import Headings, to_html
from autograde.errors import CourseError
from autograde.grading.mathml import mathml

COLOURS = Highlight2HTML(pygments_lexer="ipython3")
MARKER = re.compile(r"^\s*#+ (BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)\s*$\n?", re.MULTILINE)
BEGIN_SOLUTION = re.compile(r"^\s*### BEGIN SOLUTION\s*$", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SLIDER = re.compile(r"^slider\(|\bslider\($", re.MULTILINE)
FOLDED_FROM = 8  # lines of code that only draw a figure
QUESTION = "answer_"  # how functions that choose a letter are called
SLIDER_NOTE = '<p class="note">In the notebook this picture has a slider.</p>'


@dataclass
class Body:
    """A page's text while it is made: its parts, headings and pictures."""

    parts: list[str] = field(default_factory=list)
    headings: Headings = field(default_factory=Headings)
    pictures: list[Picture] = field(default_factory=list)


def add_cells(body: Body, cells: Iterable[NotebookNode]) -> None:
    """Add the cells; what checks an answer goes into the answer's fold."""
    cells = list(cells)
    while cells:
        cell = cells.pop(0)
        if cell.cell_type == "markdown":
            add_markdown(body, cell)
        elif cell.cell_type == "code" and is_solution(cell):
            checks = [cells.pop(0)] if cells and is_check(cells[0]) else []
            body.parts.append(answer(body, cell, checks))
        elif cell.cell_type == "code":
            body.parts.append(code_cell(body, cell))


def add_markdown(body: Body, cell: NotebookNode) -> None:
    """Add a text; an answer to a question in words is folded."""
    html = to_html(MARKER.sub("", cell.source), body.headings)
    if is_solution(cell):
        html = fold("answer", "What a good answer says, and how it is marked", html)
    body.parts.append(html)


def about(cell: NotebookNode) -> dict:
    """What nbgrader knows of a cell."""
    return cell.metadata.get("nbgrader", {})


def is_solution(cell: NotebookNode) -> bool:
    """Whether a student writes this cell."""
    return bool(about(cell).get("solution"))


def is_check(cell: NotebookNode) -> bool:
    """Whether this cell checks the one before it."""
    return cell.cell_type == "code" and bool(about(cell).get("grade")) and not is_solution(cell)


def answer(body: Body, cell: NotebookNode, checks: list[NotebookNode]) -> str:
    """What is given of an exercise, and folded below it the answer and what the check says.

    Of a question with letters, the letter and its reason: the check says both.
    """
    said = "".join(outputs(body, check) for check in checks)
    name = re.search(r"^(?:def|class) (\w+)", cell.source, re.MULTILINE)
    if name and name[1].startswith(QUESTION) and said:
        return fold("answer", "Answer", said)
    start = BEGIN_SOLUTION.search(cell.source)
    given = cell.source[: start.start()].rstrip() if start else ""
    inside = code(MARKER.sub("", cell.source)) + outputs(body, cell)
    inside += "".join(code(MARKER.sub("", check.source)) for check in checks) + said
    title = f"Answer: <code>{name[1]}</code>" if name else "Answer"
    return (code(given) if given else "") + fold("answer", title, inside)


def code_cell(body: Body, cell: NotebookNode) -> str:
    """A cell's code and what it showed; code that only prepares or draws is folded."""
    shown, below = code(MARKER.sub("", cell.source)), outputs(body, cell)
    if about(cell).get("grade_id") == "setup":
        shown = fold("code-fold", "The set-up of this lesson", shown)
    elif is_drawing(cell):
        shown = fold("code-fold", "The code of this figure", shown)
    note = SLIDER_NOTE if SLIDER.search(cell.source) and "<figure" in below else ""
    return shown + below + note


def is_drawing(cell: NotebookNode) -> bool:
    """Whether it is given, long, and makes a picture."""
    pictures = any("image/png" in output.get("data", {}) for output in cell.outputs)
    locked = bool(about(cell).get("locked"))
    return locked and pictures and len(cell.source.splitlines()) >= FOLDED_FROM


def fold(kind: str, title: str, inside: str) -> str:
    """What is opened by who wants to see it."""
    return f'<details class="{kind}"><summary>{title}</summary>\n{inside}</details>\n'


@lru_cache(maxsize=4096)
def code(source: str) -> str:
    """Python in colours, in a frame to which the copy button is added."""
    coloured = COLOURS(source.strip("\n"))
    inside = coloured[coloured.index("<pre>") + 5 : coloured.rindex("</pre>")]
    return f'<div class="code"><pre><code>{inside}</code></pre></div>\n'


def outputs(body: Body, cell: NotebookNode) -> str:
    """Everything that the cell showed."""
    return "".join(one_output(body, output) for output in cell.outputs)


def one_output(body: Body, output: NotebookNode) -> str:
    """One output: text, an error, a picture or HTML; what only a widget could show is left out."""
    if output.output_type == "stream":
        return printed(output.text)
    if output.output_type == "error":
        return printed("\n".join(output.traceback), "out error")
    data = output.data
    if "image/png" in data:
        picture = picture_of(output)
        body.pictures.append(picture)
        return picture.html() + "\n"
    if "text/html" in data:
        return f'<div class="out scroll">{data["text/html"]}</div>\n'
    if "text/markdown" in data:
        return f'<div class="out">{to_html(data["text/markdown"], body.headings)}</div>\n'
    if "text/latex" in data:
        formula = mathml(data["text/latex"].strip("$ \n"), display=True)
        return f'<div class="out scroll">{formula}</div>\n'
    return printed(data.get("text/plain", ""))


def picture_of(output: NotebookNode) -> Picture:
    """The picture of an output with its alternative text."""
    details = output.metadata.get("image/png", {})
    try:
        png = base64.b64decode(output.data["image/png"], validate=False)
    except (binascii.Error, ValueError):
        raise CourseError("one of its pictures is damaged; make the notebook anew", 1) from None
    alt = details.get("alt") or output.data.get("text/plain", "")
    return Picture(png, "" if alt.startswith("<") else alt, details.get("width"))


def printed(text: str, kind: str = "out") -> str:
    """What was printed; nothing for nothing."""
    text = ANSI.sub("", text).strip("\n")
    kind += "" if "\n" in text else " line"  # one line is prose and may wrap; more are a table
    return f'<pre class="{kind}">{escape(text, quote=False)}</pre>\n' if text.strip() else ""
