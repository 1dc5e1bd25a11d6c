"""The table of `course progress` on a terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from course_lib.desk.outline import EXERCISE, QUESTION, WRITTEN
from course_lib.desk.panel import next_line
from course_lib.desk.standing import Standing, number, of


def print_table(found: list[Standing], workspace: Path) -> None:
    """One row a lesson, and the sum."""
    table = Table(title=f"Progress in {workspace}", title_justify="left", show_footer=True)
    points, possible = sum(one.points for one in found), sum(one.possible for one in found)
    table.add_column("Lesson", footer="All")
    for name in ("Exercises", "Questions", "Written"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(
        "Points", justify="right", no_wrap=True, footer=f"{number(points)} of {number(possible)}"
    )
    table.add_column("Next", no_wrap=True)
    for one in found:
        left = one.next.title.split(" · ")[0] if one.next else "✓ done"
        table.add_row(
            f"{one.outline.lesson[:2]} {one.outline.title}",
            *(of(one.done(kind)) for kind in (EXERCISE, QUESTION, WRITTEN)),
            f"{number(one.points)} of {number(one.possible)}",
            left,
        )
    console = Console(markup=False, highlight=False)
    console.print(table)
    started = next((one for one in found if one.next), None)
    console.print(next_line(started) if started else "Everything is done.")
