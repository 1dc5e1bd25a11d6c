"""The command `course train`: options in, lines, files and exit codes out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograde.errors import CourseError

if TYPE_CHECKING:
    from autograde.training.choosing import Choice

FAILED, INTERRUPTED = 1, 130


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("train")(train_command)


def train_command(
    algorithm: Annotated[
        str | None,
        typer.Argument(metavar="[ALGORITHM]", help="Or the name of a run, as ppo-cartpole."),
    ] = None,
    environment_id: Annotated[
        str | None,
        typer.Option("--env", metavar="ID", help="The course's or gymnasium's name of it."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many seeds.")] = 3,
    first: Annotated[int, typer.Option("--seed", min=0, help="The first of them.")] = 0,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Environment steps a seed. [the run's]"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting, as learning_rate=1e-3."),
    ] = None,
    to_the_end: Annotated[
        bool, typer.Option("--to-the-end", help="Use all steps, even if the goal is reached.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write. [trained/ALGORITHM-ID]"),
    ] = None,
    list_all: Annotated[
        bool, typer.Option("--list", help="List algorithms and environments, train nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Train an algorithm in an environment: a learning curve, policies, and what they are worth.

    The settings are those of the course's run of that algorithm there, else the algorithm's
    defaults. Ctrl-C keeps what was learned. `course_lib.saved_policies.load_policy` reads a policy.

    Example: `course train ppo --env CartPole-v1 --seeds 5 --set learning_rate=1e-3`

    Exit codes: 0 done; 1 a training broke off; 2 bad request; 130 interrupted.
    """
    if list_all:
        print_list(as_json=as_json)
        return
    if algorithm is None:
        raise CourseError("Say which algorithm, as in: course train ppo --env CartPole-v1. "
                          "All of them: course train --list")  # fmt: skip
    from autograde.training.choosing import choose, writable_folder

    choice = choose(algorithm, environment_id, steps, settings or [])
    name = f"{choice.algorithm.name}-{choice.run.environment_id}".replace("/", "-")
    folder = writable_folder(out or Path("trained") / name)
    ends = run(choice, range(first, first + seeds), folder, as_json, to_the_end)
    if "interrupted" in ends:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(FAILED if "failed" in ends else 0)


def run(choice: "Choice", seeds: range, folder: Path, as_json: bool, to_the_end: bool) -> set[str]:
    """Train, print a line a seed, and write everything again after each: nothing gets lost.

    Returns:
        How the seeds ended, as in `History.ended`.
    """
    from autograde.training.terminal import Bars, headline, seed_line
    from autograde.training.training import train_seeds
    from autograde.training.writing import as_data, write_all, write_curves, write_policy

    say = (lambda text: None) if as_json else typer.echo
    results, curves, policies = [], [], []
    interrupted = False
    say(headline(choice))
    try:
        for result in train_seeds(choice, seeds, Bars(quiet=as_json), to_the_end=to_the_end):
            results.append(result)
            policies += write_policy(folder, choice, result)
            curves = write_curves(folder, choice, results)
            say(seed_line(result))
        files = curves + policies
    except KeyboardInterrupt:  # between two seeds, or while writing
        interrupted, files = True, write_all(folder, choice, results)
    if as_json:
        typer.echo(json.dumps(as_data(choice, results, files), indent=2))
    elif files:
        say(f"In {folder}: {', '.join(path.name for path in files)}")
    ends = {result.history.ended for result in results}
    return ends | {"interrupted"} if interrupted else ends


def print_list(*, as_json: bool) -> None:
    """Which algorithms and environments there are."""
    from rich.console import Console

    from autograde.training.terminal import listing, tables

    if as_json:
        typer.echo(json.dumps(listing(), indent=2))
        return
    for table in tables():
        Console().print(table)
    typer.echo("Any other of gymnasium's environments with numbers as observations works, too.")
