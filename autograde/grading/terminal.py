"""What grading shows in a terminal: a progress bar with the time left, and the table of grades."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograde.grading.records import Record
from autograde.grading.report import number
from autograde.grading.results import LessonResults, Row


class GradingBar:
    """A bar that moves with each submission; silent where nobody is watching."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
        )
        hidden = quiet or not console.is_terminal
        self.progress = Progress(*columns, console=console, transient=True, disable=hidden)
        self.task = self.progress.add_task("Grading", total=None)

    def start(self, total: int) -> None:
        """Called once the number of submissions is known."""
        self.progress.update(self.task, total=total)

    def step(self, record: Record, graded: bool) -> None:
        """Called for each submission."""
        self.progress.update(self.task, advance=1, description=f"Graded {escape(record.student)}")


@contextmanager
def grading_bar(*, quiet: bool) -> Iterator[GradingBar]:
    """A bar on standard error while the class is graded."""
    bar = GradingBar(Console(stderr=True), quiet=quiet)
    with bar.progress:
        yield bar


def grades_table(results: LessonResults) -> Table:
    """One line a student: points, mistakes by name, remarks."""
    table = Table(title=results.lesson.name, title_justify="left", title_style="bold")
    table.add_column("student", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("by hand", justify="right", no_wrap=True)
    table.add_column("known mistakes", overflow="fold")
    table.add_column("notes", overflow="fold")
    for row in results.rows:
        table.add_row(*(escape(text) for text in line(row)))
    possible = number(results.handed_in[0].possible)
    table.add_section()
    table.add_row("mean", f"{number(results.mean)} / {possible}", "", "", "", style="bold")
    return table


def line(row: Row) -> tuple[str, str, str, str, str]:
    """The texts of a student's line."""
    if not row.handed_in:
        return row.student, "—", "", "", "not handed in"
    mistakes = ", ".join(one.mistake for one in row.scores if one.mistake)
    codes = ", ".join(dict.fromkeys(note.code for note in row.notes))
    points = f"{number(row.points)} / {number(row.possible)}"
    return row.student, points, number(row.by_hand), mistakes, codes
