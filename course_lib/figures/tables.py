"""Tables on the page: as HTML that takes the page's own colours, and as text for terminals."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from course_lib.figures.page import in_notebook

MARK = "*"  # says in every form what bold type says on the page


class Cell(NamedTuple):
    """One cell of a table.

    Attributes:
        text: what it says.
        bold: whether that stands out.
        below: a second, smaller line.
        bold_below: whether the second line stands out.
    """

    text: str = ""
    bold: bool = False
    below: str = ""
    bold_below: bool = False


Rows = Mapping[str, Sequence[Cell]]


def show_table(caption: str, columns: Sequence[str], rows: Rows) -> None:
    """Put a table on the page; outside a notebook print it.

    Args:
        caption: what the numbers are, and what bold means.
        columns: the names of the columns.
        rows: the cells of each row, by its name.

    Raises:
        ValueError: a row has another number of cells than there are columns.
    """
    text = text_table(caption, columns, rows)
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/html": html_table(caption, columns, rows), "text/plain": text}, raw=True)


def html_table(caption: str, columns: Sequence[str], rows: Rows) -> str:
    """The table as HTML: no colours of its own, so that it can be read on dark and light pages.

    It may be wider than the page: then it scrolls by itself, with the keyboard too.
    """
    require_full_rows(columns, rows)
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{html.escape(name)}</th>'
        + "".join(html_cell(cell) for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    return (
        f'<div tabindex="0" role="region" aria-label="{html.escape(caption)}" '
        'style="overflow-x:auto"><table style="font-variant-numeric:tabular-nums">'
        '<caption style="text-align:left;caption-side:top;color:inherit">'
        f"{html.escape(caption)}</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def html_cell(cell: Cell) -> str:
    """One cell, its second line below."""
    text = html_number(cell.text, cell.bold)
    if cell.below:
        text += f"<br><small>{html_number(cell.below, cell.bold_below)}</small>"
    return f'<td style="text-align:right;white-space:nowrap">{text}</td>'


def html_number(text: str, bold: bool) -> str:
    """Text that may stand out: by its weight, and by a mark that is read aloud.

    Other text has a space where the mark would be, so that the digits stand below each other.
    """
    return f"<strong>{html.escape(text)}{MARK}</strong>" if bold else f"{html.escape(text)}&nbsp;"


def text_table(caption: str, columns: Sequence[str], rows: Rows) -> str:
    """The table in fixed-width type; second lines stand below the first ones."""
    require_full_rows(columns, rows)
    lines = [["", *columns]]
    for name, cells in rows.items():
        lines.append([name, *(marked(cell.text, cell.bold) for cell in cells)])
        if any(cell.below for cell in cells):
            lines.append(["", *(marked(cell.below, cell.bold_below) for cell in cells)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns) + 1)]
    printed = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    ]
    return "\n".join([caption, *printed])


def marked(text: str, bold: bool) -> str:
    """Text with a mark behind it, or a space, so that the digits stand below each other."""
    return f"{text}{MARK}" if bold else f"{text} "


def require_full_rows(columns: Sequence[str], rows: Rows) -> None:
    """One cell a column in each row."""
    for name, cells in rows.items():
        if len(cells) != len(columns):
            raise ValueError(f"{name!r} has {len(cells)} cells for {len(columns)} columns")
