"""The command `course doctor`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from autograde.wall.doctor import Diagnosis


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("doctor")(doctor_command)


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is missing here, and whether this machine can grade strangers' work without harm.

    Looks at the system, Python, the packages and their versions, and whether there is a browser.

    Starts a worker as `course grade` does, and tries from inside to read answers, to write into
    others' work, to reach the network, to disturb other processes, and to use up the machine.

    Example: `course doctor`

    Exit codes: 0 every wall holds and nothing is missing; 1 not so.
    """
    from autograde.wall.doctor import about_this_machine, examine

    found = examine()
    if as_json:
        typer.echo(json.dumps(as_data(found), indent=1))
    else:
        typer.echo(about_this_machine(found.machine))
        typer.echo(in_words(found))
    raise typer.Exit(0 if found.safe and not found.machine.missing else 1)


def in_words(found: "Diagnosis") -> str:
    """The findings for a person."""
    from autograde import machine

    lines = machine.in_words(found.machine)
    for one in found.findings:
        if one.through:
            lines.append(f"✗ From inside, one can {one.probe.name}: {one.probe.means}.")
        else:
            lines.append(f"✓ From inside, one cannot {one.probe.name}.")
    lines += [f"✗ This wall is not up: {name}." for name in found.missing_walls]
    lines += [found.trouble] if found.trouble else []
    if found.findings and not found.grouped:
        lines += [
            "· There are no control groups for you here: memory is limited for each process of a",
            "  submission, not for all of them together. When it runs out, they are ended first.",
        ]
    if found.safe:
        lines.append("Strangers' work can be graded here: what it can harm is its own result.")
    elif not found.able:
        lines += ["`course grade` cannot work here.", *found.repairs]
    else:
        lines += [
            "Do not grade strangers' work here: `course grade` refuses to. With",
            "--trust-submissions it grades all the same, with the walls that there are.",
            *found.repairs,
        ]
    return "\n".join(lines)


def as_data(found: "Diagnosis") -> dict:
    """The findings for a program."""
    return {
        "machine": asdict(found.machine),
        "safe": found.safe,
        "able": found.able,
        "walls": list(found.walls),
        "missing_walls": found.missing_walls,
        "control_groups": found.grouped,
        "trouble": found.trouble,
        "probes": [
            {"name": one.probe.name, "wall": one.probe.wall, "through": one.through}
            for one in found.findings
        ],
        "repairs": [] if found.safe else found.repairs,
    }
