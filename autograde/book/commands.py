"""The command `course book`: options in, messages out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograde.building.commands import CourseFolder
from autograde.errors import CourseError

if TYPE_CHECKING:
    from autograde.book.book import Result

FOLDER = "book"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("book")(book_command)


def book_command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="New, empty, or an earlier book. Default: the folder book in the course.",
        ),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in your browser.")] = False,
    course: CourseFolder = None,
) -> None:
    """Make a book of the worked lessons: pages to read, without a server or a network.

    Solutions, hints and answers are folded; the search works offline. Lessons without a worked
    notebook are left out. Only files that changed are written.

    Example: `course book ~/policy-gradients-book --open`
    """
    from autograde.book.book import make_book
    from autograde.lesson import find_course

    began = time.perf_counter()
    root = (course or find_course(Path.cwd())).resolve()
    target = (folder or root / FOLDER).expanduser().resolve()
    try:
        result = make_book(root, target)
    except KeyboardInterrupt:
        raise CourseError("Interrupted. Run it again: it takes up what is there.", 130) from None
    tell(result, target, time.perf_counter() - began)
    if open_it:
        typer.launch((target / "index.html").as_uri())
    if result.broken:
        raise typer.Exit(1)


def tell(result: "Result", target: Path, seconds: float) -> None:
    """Say what is there and what is not."""
    for name in result.missing:
        typer.echo(f"{name}: no worked notebook yet (course build {name}); left out")
    for name in result.not_executed:
        typer.echo(f"{name}: was not executed (course build {name}); shown without results")
    for message in result.broken:
        typer.echo(f"left out: {message}", err=True)
    written = result.written
    typer.echo(
        f"{len(result.lessons)} lessons, {result.size / 1e6:.1f} MB, {seconds:.1f} s: "
        f"{written.changed} of {written.files} files written, {written.removed} removed"
    )
    typer.echo(f"Read it: {target / 'index.html'}")
