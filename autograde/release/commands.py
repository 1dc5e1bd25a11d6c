"""The command `course release`: options in, messages out."""

from pathlib import Path
from typing import Annotated

import typer

from autograde.building.commands import CourseFolder, Lessons


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("release")(release_command)


def release_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, empty, or released before.")],
    lessons: Lessons = None,
    course: CourseFolder = None,
) -> None:
    """Write what students of a graded course get: notebooks, and the library without answers.

    Checks work in it on the visible cases, and name mistakes. The hidden cases stay here: points
    are decided by `course grade`. Lessons that are not released are not in it either, but for what
    a released lesson's training needs of them.

    Example: `course release ~/for-students 02 05`
    """
    from autograde.lesson import find_course, find_lessons
    from autograde.release.package import release

    root = (course or find_course(Path.cwd())).resolve()
    chosen = [lesson for lesson in find_lessons(root, lessons or ()) if lesson.source.exists()]
    target = folder.expanduser().resolve()
    names = release(root, target, chosen)
    typer.echo(f"The student edition of {', '.join(one.name for one in chosen)} is in {target}:")
    typer.echo("  " + ", ".join(names))
    typer.echo("Students start with: python3 start.py")
