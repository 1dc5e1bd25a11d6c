"""The command `course`. Each group of commands registers itself; what is slow is imported later."""

import contextlib
import sys
from collections.abc import Sequence

import typer

from autograde.building import commands as build_commands
from autograde.errors import CourseError
from autograde.grading import commands as grade_commands
from autograde.grading import returning_commands as return_commands
from autograde.release import commands as release_commands
from autograde.training import commands as train_commands
from autograde.wall import commands as wall_commands

app = typer.Typer(
    name="course",
    help="Policy gradients: build the lessons, work through them, grade a class.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for group in (
    build_commands, grade_commands, return_commands, release_commands, train_commands, wall_commands
):  # fmt: skip
    group.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error of the course's own is one message, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # Something else may have taken its place.
            stream.reconfigure(errors="replace")  # An old console, or a file on Windows.
    try:
        app(args=None if arguments is None else list(arguments), prog_name="course")
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
