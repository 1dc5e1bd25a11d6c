"""The command line of the student edition: `python -m course_lib.desk lab | progress | …`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from course_lib.desk.commands import run_lab, run_progress, run_submit, run_upgrade
from course_lib.desk.errors import DeskError
from course_lib.desk.places import DEFAULT, told


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. An error is one message, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an old console can show it, whatever it says
    options = vars(parser().parse_args(arguments))
    run = options.pop("run")
    try:
        return run(**options)
    except DeskError as error:
        print(f"course: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ncourse: interrupted. Run the same command again.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    made = argparse.ArgumentParser(
        prog="course", description="Policy gradients: work through the lessons.", allow_abbrev=False
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_lab, add_progress, add_upgrade, add_submit):
        command = add(commands)
        command.add_argument(
            "--workspace", type=Path, metavar="DIR", help=f"where you work; else {DEFAULT}"
        )
    return made


def add_lab(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """JupyterLab."""
    command = commands.add_parser(
        "lab", help="open the course in JupyterLab", epilog=f"Example: {told('lab')}"
    )
    command.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the address; open nothing"
    )
    command.add_argument("--port", type=int, help="default: the first free one from 8888")
    command.set_defaults(run=run_lab)
    return command


def add_progress(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """What is done."""
    command = commands.add_parser(
        "progress", help="say what is done in each lesson", epilog=f"Example: {told('progress')}"
    )
    command.add_argument("--json", dest="as_json", action="store_true", help="print JSON")
    command.set_defaults(run=run_progress)
    return command


def add_upgrade(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """New versions."""
    command = commands.add_parser(
        "upgrade",
        help="take new versions of lessons over, with your answers",
        epilog=f"Example: {told('upgrade 02')}",
    )
    command.add_argument("lessons", nargs="*", metavar="LESSON", help="as 02; all without it")
    command.add_argument(
        "--force", action="store_true", help="put the lesson's own cells back, new version or not"
    )
    command.set_defaults(run=run_upgrade)
    return command


def add_submit(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Handing in."""
    command = commands.add_parser(
        "submit", help="write the file to hand in", epilog=f"Example: {told('submit 02')}"
    )
    command.add_argument("lesson", metavar="LESSON", help="as 02")
    command.add_argument("--yes", action="store_true", help="also if something is missing")
    command.add_argument("--zip", dest="as_zip", action="store_true", help="as an archive")
    command.set_defaults(run=run_submit)
    return command


if __name__ == "__main__":
    sys.exit(main())
