"""The commands `course lab`, `progress`, `upgrade` and `submit`: options in, messages out.

What they do is in `course_lib.desk`, which the student edition has as well.
"""

from pathlib import Path
from typing import Annotated

import typer

from autograde.building.commands import CourseFolder, Lessons

Workspace = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where you work. Default: ~/policy-gradients."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("lab")(lab_command)
    app.command("progress")(progress_command)
    app.command("upgrade")(upgrade_command)
    app.command("submit")(submit_command)


def course_root(course: Path | None) -> Path:
    """The course that was named, else the one that one is in."""
    from autograde.lesson import find_course

    return (course or find_course(Path.cwd())).resolve()


def lab_command(
    workspace: Workspace = None,
    worked: Annotated[
        bool, typer.Option("--worked", help="Open the worked course instead, to read.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address; open nothing.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: the first free one from 8888.")
    ] = None,
    course: CourseFolder = None,
) -> None:
    """Open the course in JupyterLab, in a folder of your own that updates never write over.

    Example: `course lab --workspace ~/my-course --no-browser`
    """
    from course_lib.desk.commands import run_lab

    root = course_root(course)
    code = run_lab(workspace, course=root, worked=worked, browser=not no_browser, port=port)
    raise typer.Exit(code)


def progress_command(
    workspace: Workspace = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is done in each lesson, and what comes next.

    Example: `course progress`
    """
    from course_lib.desk.commands import run_progress

    raise typer.Exit(run_progress(workspace, as_json=as_json))


def upgrade_command(
    lessons: Lessons = None,
    workspace: Workspace = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Put the lesson's own cells back, new version or not."),
    ] = False,
    course: CourseFolder = None,
) -> None:
    """Take new versions of lessons over, with your answers; the old notebooks are kept.

    Example: `course upgrade 02`
    """
    from course_lib.desk.commands import run_upgrade

    root = course_root(course)
    raise typer.Exit(run_upgrade(lessons or (), workspace, course=root, force=force))


def submit_command(
    lesson: Annotated[str, typer.Argument(metavar="LESSON", help="As 02_reinforce or 02.")],
    workspace: Workspace = None,
    yes: Annotated[bool, typer.Option("--yes", help="Also if something is missing.")] = False,
    as_zip: Annotated[
        bool, typer.Option("--zip", help="As an archive with the lesson's folder in it.")
    ] = False,
) -> None:
    """Write the file to hand in; say first what is missing in it.

    Example: `course submit 02`
    """
    from course_lib.desk.commands import run_submit

    raise typer.Exit(run_submit(lesson, workspace, yes=yes, as_zip=as_zip))
