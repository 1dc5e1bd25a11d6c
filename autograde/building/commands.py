"""The command `course build`: options in, messages out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from autograde.building.build import Result
    from autograde.building.kernel import CellStart
    from autograde.lesson import Lesson

Lessons = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LESSON]...", help="As 02_reinforce, reinforce or 02. All lessons without it."
    ),
]
CourseFolder = Annotated[
    Path | None,
    typer.Option("--course", metavar="DIR", help="The course. Default: the one you are in."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("build")(build_command)


def build_command(
    lessons: Lessons = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say what is stale and why.")
    ] = False,
    no_execute: Annotated[
        bool, typer.Option("--no-execute", help="Do not run code, even if it changed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Throw edits of worked notebooks away; run all code.")
    ] = False,
    from_notebook: Annotated[
        list[str] | None,
        typer.Option(metavar="LESSON", help="First bring its notebook's edits to the source."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    course: CourseFolder = None,
) -> None:
    """Make the worked and the student notebooks from the lessons' sources.

    Example: `course build 02 05`, or `course build --check` before a commit.
    """
    from autograde.building import build
    from autograde.lesson import find_course, find_lessons

    if check and (force or from_notebook):
        raise typer.BadParameter("--check writes nothing: leave --force and --from-notebook out.")
    root = (course or find_course(Path.cwd())).resolve()
    edited = find_lessons(root, from_notebook) if from_notebook else []
    bring_all_back(edited, quiet=as_json)
    chosen = edited if edited and not lessons else find_lessons(root, lessons or ())
    results = []
    for lesson in chosen:
        with progress(lesson.name, quiet=as_json) as on_cell:
            results.append(
                build.check(lesson)
                if check
                else build.build(lesson, run=not no_execute, force=force, on_cell=on_cell)
            )
        if not as_json:
            print_result(results[-1], check)
    if as_json:
        typer.echo(json.dumps([{**asdict(one), "ok": one.ok} for one in results], indent=2))
    if not all(one.ok for one in results):
        raise typer.Exit(1)


def bring_all_back(lessons: "list[Lesson]", quiet: bool) -> None:
    """Bring the edits of worked notebooks back to their sources."""
    from autograde.building.writeback import bring_back

    for lesson in lessons:
        changed = bring_back(lesson)
        if not quiet:
            told = "now has the notebook's edits" if changed else "has the notebook's text already"
            typer.echo(f"{lesson.relative(lesson.source)} {told}")


class progress:
    """A line that says which cell is running, on a terminal only."""

    def __init__(self, name: str, quiet: bool) -> None:
        from rich.console import Console

        console = Console(stderr=True)
        self.name = name
        self.status = console.status(name) if console.is_terminal and not quiet else None

    def __enter__(self) -> "CellStart":
        if self.status:
            self.status.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()

    def show(self, cell: int, cells: int) -> None:
        """Called before each cell."""
        if self.status:
            self.status.update(f"{self.name}: running cell {cell} of {cells}")


def print_result(result: "Result", check: bool) -> None:
    """One line a lesson, and below it what is wrong."""
    if result.errors:
        state = "failed"
    elif result.stale:
        state = "stale"
    elif check:
        state = "up to date"
    else:
        state = ", ".join(result.written) or "nothing to do"
        state += " (executed)" if result.executed else ""
    typer.echo(f"{result.lesson}: {state}, {result.seconds:.1f} s")
    for kind, lines in (("", result.stale), ("error: ", result.errors)):
        for line in lines:
            typer.echo("  " + f"{kind}{line}".replace("\n", "\n  "))
    for line in result.warnings:
        typer.echo("  " + f"warning: {line}".replace("\n", "\n  "))
