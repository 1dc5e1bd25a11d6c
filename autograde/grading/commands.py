"""The commands that grade a class: options in, tables and exit codes out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograde.building.commands import CourseFolder, Lessons, print_result
from autograde.errors import CourseError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from autograde.grading.classroom import Classroom
    from autograde.grading.judges import Judges
    from autograde.grading.results import LessonResults
    from autograde.grading.whole_class import Outcome
    from autograde.lesson import Lesson

NEEDS_A_LOOK, INTERRUPTED = 3, 130
MOST_CHANGES = 20
NO_FORKS = """
The lessons are built. Grading needs Linux, macOS or WSL 2, so no invented class is graded here:
`course doctor` says more. All else works.
Open the course:  python start.py lab"""
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        envvar="COURSE_DB",
        help="The gradebook, as SQLAlchemy names it. [sqlite:///autograde/gradebook.db]",
    ),
]
Demo = Annotated[bool, typer.Option("--demo", help="The invented class of `course demo`.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("grade")(grade_command)
    app.command("report")(report_command)
    app.command("demo")(demo_command)
    app.command("formgrader")(formgrader_command)


def grade_command(
    lessons: Lessons = None,
    submitted: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Holds STUDENT/LESSON/slug.ipynb. [autograde/submitted]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions at the same time. [one a CPU]")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Grade on a dask cluster: tcp://HOST:8786."),
    ] = None,
    database: Database = None,
    cell_timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Seconds a cell may take.")
    ] = 30.0,
    notebook_timeout: Annotated[
        float, typer.Option(min=1.0, metavar="S", help="Seconds a notebook may take.")
    ] = 300.0,
    everything: Annotated[
        bool, typer.Option("--everything", help="Run the lesson's pictures and examples too.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Grade again what has not changed.")
    ] = False,
    trusted: Annotated[
        bool,
        typer.Option(
            "--trust-submissions", help="Grade although this system cannot keep them from harm."
        ),
    ] = False,
    as_json: AsJson = False,
    course: CourseFolder = None,
) -> None:
    """Grade what was handed in, into nbgrader's gradebook, with feedback and a report.

    Only what has changed is graded again; Ctrl-C keeps what is done.

    Example: `course grade 02 --submitted ~/collected --workers 4`

    Exit codes: 0 all graded; 3 all graded, but some work needs a look (a file that cannot be read,
    a cell that hung or ended its process); 1 failed; 2 bad request; 130 interrupted.
    """
    from autograde.grading.executing import Limits

    root, chosen = find(course, lessons)
    room = classroom(root, demo=False, database=database)
    limits = Limits(cell_timeout, notebook_timeout, everything, trusted)
    judges = judges_for(workers, scheduler)
    outcome = run(room, chosen, limits, submitted, judges, force=force, quiet=as_json)
    finish(room, root, outcome, as_json=as_json)
    raise typer.Exit(exit_code(outcome))


def report_command(
    as_json: AsJson = False,
    demo: Demo = False,
    database: Database = None,
    course: CourseFolder = None,
) -> None:
    """Write the report again, for instance after grading by hand in formgrader.

    Example: `course report`
    """
    from autograde.grading.as_json import tables_json
    from autograde.grading.report import csv_path, html_path, write_report
    from autograde.lesson import all_lessons

    root, _ = find(course, None)
    room = classroom(root, demo=demo, database=database)
    tables = write_report(room, all_lessons(root))
    if as_json:
        typer.echo(tables_json(tables))
        return
    show(tables)
    typer.echo(f"Report: {html_path(room)}\nCSV:    {csv_path(room)}")


def demo_command(course: CourseFolder = None) -> None:
    """Grade an invented class, to see what grading looks like. A real class is never touched.

    Example: `course demo`
    """
    from autograde.building.build import build
    from autograde.grading.executing import missing_walls
    from autograde.grading.report import html_path
    from autograde.invented.demo import LIMITS, make_demo
    from autograde.lesson import find_course, find_lessons

    root = (course or find_course(Path.cwd())).resolve()
    lessons = [lesson for lesson in find_lessons(root) if lesson.source.exists()]
    for lesson in lessons:
        result = build(lesson)
        print_result(result, check=False)
        if result.errors:
            raise typer.Exit(1)
    if not hasattr(os, "fork"):
        typer.echo(NO_FORKS)
        return
    room = make_demo(root, lessons)
    judges = judges_for(None, None)
    missing = judges.submit(missing_walls, None)
    outcome = run(room, lessons, LIMITS, None, judges, force=False, quiet=False)
    finish(room, root, outcome, as_json=False)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    typer.echo(about_walls(missing))
    typer.echo(
        f"\nThe invented class is in {room.submitted}; what its students read is in "
        f"{room.feedback}.\n"
        f"Open the report:  {html_path(room).as_uri()}\n"
        "Grade by hand:    course formgrader --demo   (.venv/bin/course, or Scripts on Windows)\n"
        "Open the course:  python3 start.py lab"
    )


def about_walls(missing: "Future[tuple[str, ...]]") -> str:
    """What a judge found out about the walls between the submissions and this machine."""
    if missing.cancelled() or missing.exception() is not None:
        return "\nWhether this machine can grade strangers' work: course doctor"
    if not missing.result():
        return "\nEach submission ran behind walls: no files, no network, no other programs."
    return (
        f"\nThis machine does not have all walls: missing {', '.join(missing.result())}. The "
        "invented class is harmless and was graded all the same; a real one would be refused. "
        "What that means and what helps: course doctor"
    )


def formgrader_command(
    demo: Demo = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address; open nothing.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: the first free one from 8888.")
    ] = None,
    database: Database = None,
    course: CourseFolder = None,
) -> None:
    """Open nbgrader's formgrader, to read submissions and to grade written answers by hand.

    Example: `course formgrader --no-browser`
    """
    from autograde.grading.formgrader import start_formgrader
    from autograde.invented.demo import demo_folder

    root, _ = find(course, None)
    room = classroom(root, demo=demo, database=database)
    folder = demo_folder(root) if demo else root
    started = start_formgrader(root, folder, room.db_url, browser=not no_browser, port=port)
    raise typer.Exit(started)


def find(course: Path | None, names: list[str] | None) -> "tuple[Path, list[Lesson]]":
    """The course's folder, and the lessons that are meant."""
    from autograde.lesson import find_course, find_lessons

    root = (course or find_course(Path.cwd())).resolve()
    chosen = find_lessons(root, names or ())
    if not names:
        chosen = [lesson for lesson in chosen if lesson.worked.exists()]
    if not chosen:
        raise CourseError("No lesson is built yet. Build them with: course build", exit_code=1)
    return root, chosen


def classroom(root: Path, *, demo: bool, database: str | None) -> "Classroom":
    """The real class, its gradebook elsewhere if one is named; or the invented one."""
    from autograde.grading.classroom import open_classroom
    from autograde.invented.demo import demo_folder, open_demo

    if not demo:
        return open_classroom(root, database=database)
    if not demo_folder(root).exists():
        raise CourseError("There is no invented class yet. Make it with: course demo")
    return open_demo(root)


def judges_for(workers: int | None, scheduler: str | None) -> "Judges":
    """Processes on this machine, or a cluster."""
    from autograde.grading.judges import ClusterJudges, LocalJudges

    if workers and scheduler:
        raise CourseError("--workers is for this machine, --scheduler for a cluster: choose one.")
    return ClusterJudges(scheduler) if scheduler else LocalJudges(workers)


def run(
    room: "Classroom",
    lessons: "list[Lesson]",
    limits: object,
    submitted: Path | None,
    judges: "Judges",
    *,
    force: bool,
    quiet: bool,
) -> "Outcome":
    """Grade with a progress bar."""
    from autograde.grading.terminal import grading_bar
    from autograde.grading.whole_class import grade_class

    with grading_bar(quiet=quiet) as bar:
        return grade_class(
            room,
            lessons,
            submitted=submitted,
            judges=judges,
            limits=limits,
            force=force,
            on_start=bar.start,
            on_record=bar.step,
        )


def finish(room: "Classroom", root: Path, outcome: "Outcome", *, as_json: bool) -> None:
    """Write the report and say what was done."""
    from autograde.grading.as_json import outcome_json
    from autograde.grading.report import html_path, write_report
    from autograde.lesson import all_lessons

    tables = write_report(room, all_lessons(root), outcome.strays)
    if as_json:
        typer.echo(outcome_json(outcome, room))
        return
    show(tables)
    for note in outcome.strays:
        typer.echo(f"Not graded: {note.text}")
    show_changes(room, outcome)
    typer.echo(
        f"Graded {outcome.graded}, unchanged {outcome.unchanged}, "
        f"needing a look {outcome.problems}. Report: {html_path(room)}"
    )
    if outcome.interrupted:
        typer.echo("Interrupted: what is done is saved; the same command goes on from here.")


def show_changes(room: "Classroom", outcome: "Outcome") -> None:
    """Whose points are other than before; of many, the first ones."""
    from autograde.grading.differences import changes_path, in_words

    lines = in_words(outcome.changes)
    if lines:
        typer.echo(f"Points that changed: {len(lines)}. All of them: {changes_path(room)}")
        for line in lines[:MOST_CHANGES]:
            typer.echo(f"  {line}")


def show(tables: "list[LessonResults]") -> None:
    """Print a table a lesson."""
    from rich.console import Console

    from autograde.grading.terminal import grades_table

    for table in tables:
        Console().print(grades_table(table))


def exit_code(outcome: "Outcome") -> int:
    """0, or what asks for attention."""
    if outcome.interrupted:
        return INTERRUPTED
    return NEEDS_A_LOOK if outcome.problems else 0
