"""The commands `course export` and `course extend`: options in, messages out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograde.building.commands import CourseFolder, Lessons
from autograde.errors import CourseError
from autograde.grading.commands import AsJson, Database, Demo, classroom, find

if TYPE_CHECKING:
    from autograde.grading.returning import Returned

SHOWN = 10
HINTS = {
    "moodle": "They go into moodle-gradebook.csv: Grades, Import, CSV file; there, say what "
    "`student` is (username, ID number or e-mail address).",
    "canvas": "Canvas looks for them by SIS Login ID: their names here have to be those.",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("export")(export_command)
    app.command("extend")(extend_command)


def export_command(
    lessons: Lessons = None,
    platform: Annotated[
        str, typer.Option("--platform", metavar="NAME", help="moodle or canvas.")
    ] = "moodle",
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to write. [autograde/export]")
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The assignment, as Canvas exports it: 'Name (1234)'."),
    ] = None,
    unfinished: Annotated[
        bool,
        typer.Option("--unfinished", help="Also points of those whose answers wait for a person."),
    ] = False,
    as_json: AsJson = False,
    demo: Demo = False,
    database: Database = None,
    course: CourseFolder = None,
) -> None:
    """Write points, and for Moodle feedback, in the files that a learning platform imports.

    Example: `course export 02 --platform moodle`
    """
    from autograde.grading.returning import export

    root, chosen = find(course, lessons)
    if title and len(chosen) != 1:
        raise CourseError("--title names one assignment: name one lesson, too.")
    room = classroom(root, demo=demo, database=database)
    folder = (to or room.base / "export").resolve()
    found = export(room, chosen, platform, folder, title=title, unfinished=unfinished)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2, default=str))
        return
    for one in found:
        typer.echo(in_words(one, platform))


def in_words(one: "Returned", platform: str) -> str:
    """What was written for a lesson, who is left out, what to do with it."""
    lines = [f"{one.lesson}: {one.students} students, {one.possible:g} points possible."]
    lines += [f"  {path}" for path in one.files]
    if one.unnumbered:
        lines.append(f"  Without a number of {platform.capitalize()}: {names(one.unnumbered)}.")
        lines.append(f"  {HINTS[platform]}")
    if one.waiting:
        lines.append(f"  Left out, as answers wait for a person: {names(one.waiting)}.")
        lines.append("  Grade them with `course formgrader`, or add --unfinished.")
    return "\n".join(lines)


def names(students: tuple[str, ...]) -> str:
    """The first names, and how many more."""
    more = f" and {len(students) - SHOWN} more" if len(students) > SHOWN else ""
    return ", ".join(students[:SHOWN]) + more


def extend_command(
    student: Annotated[str, typer.Argument(help="As in the report.")],
    lesson: Annotated[str, typer.Argument(help="As 02_reinforce, reinforce or 02.")],
    days: Annotated[float, typer.Option(min=0, help="After the due date; 0 takes it back.")],
    database: Database = None,
    course: CourseFolder = None,
) -> None:
    """Let a student hand in later. The next `course grade` takes it into account.

    Example: `course extend ada.lovelace 02 --days 3`
    """
    from autograde.grading.gradebook import grant_extension

    root, (chosen,) = find(course, [lesson])
    room = classroom(root, demo=False, database=database)
    until = grant_extension(room, chosen, student, days)
    if not days:
        typer.echo(f"{student} has no extension for {chosen.name} any more.")
    elif until is None:
        typer.echo(f"{student}: {days:g} days more for {chosen.name}, which has no due date yet.")
    else:
        typer.echo(f"{student} may hand in {chosen.name} until {until:%Y-%m-%d %H:%M} UTC.")
    typer.echo("Grade again, so that it counts: course grade " + chosen.name[:2])
