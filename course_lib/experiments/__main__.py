"""The command that makes experiments: `python -m course_lib.experiments [NAME …] [--workers N]`.

Interrupt it whenever you like: every training is stored as it ends, and the same command goes on.
"""

import argparse
import os
import sys
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import replace

from course_lib.experiments import EXPERIMENTS
from course_lib.experiments.making import complete, why_not
from course_lib.experiments.results import path_of
from course_lib.experiments.workers import cluster, workers

EXAMPLES = """examples:
  python -m course_lib.experiments ppo-table --workers 2
  python -m course_lib.experiments benchmark --task Pendulum-v1 --variant PPO --variant SAC
  python -m course_lib.experiments benchmark --scheduler tcp://10.0.0.7:8786"""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.experiments",
        description="Train what is missing of each experiment and store its results.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(EXPERIMENTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {names}; default all")
    parser.add_argument("--seeds", type=int, help="how many seeds, if not the experiment's own")
    parser.add_argument("--task", action="append", help="this task only; may be repeated")
    parser.add_argument("--variant", action="append", help="this row only; may be repeated")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--scheduler", help="train on a dask cluster, such as tcp://10.0.0.7:8786")
    parser.add_argument("--again", action="store_true", help="train what is stored, too")
    return parser


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; a mistake in it ends the program with a message."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    options.names = options.names or list(EXPERIMENTS)
    for name in options.names:
        if name not in EXPERIMENTS:
            parser.error(f"no experiment is called {name!r}; known are {', '.join(EXPERIMENTS)}")
        experiment = EXPERIMENTS[name]
        for task in options.task or ():
            if task not in experiment.tasks:
                parser.error(f"{name} has the tasks {', '.join(experiment.tasks)}; not {task!r}")
            if (reason := why_not(task)) and not options.scheduler:
                parser.error(reason)
        for variant in options.variant or ():
            if variant not in experiment.variants:
                rows = ", ".join(experiment.variants)
                parser.error(f"{name} has the rows {rows}; not {variant!r}")
    for option in ("seeds", "workers"):
        number = getattr(options, option)
        if number is not None and number < 1:
            parser.error(f"--{option} must be at least 1, got {number}")
    return options


def make(executor: Executor | None, name: str, options: argparse.Namespace) -> bool:
    """Complete one experiment; whether all went well."""
    experiment = EXPERIMENTS[name]
    if options.seeds:
        experiment = replace(experiment, seeds=options.seeds, fewer_seeds={})
    tasks = options.task or experiment.tasks
    if not options.scheduler:
        left_out = {task: reason for task in tasks if (reason := why_not(task))}
        for reason in left_out.values():
            print(f"{name}: left out: {reason}", file=sys.stderr)
        tasks = [task for task in tasks if task not in left_out]
    path = path_of(experiment)
    failed = complete(
        executor, experiment, path, options.again, tasks=tasks, variants=options.variant
    )
    for trial, reason in failed.items():
        print(f"{name}: failed: {trial}: {reason}", file=sys.stderr)
    return not failed


def who_trains(options: argparse.Namespace) -> AbstractContextManager[Executor | None]:
    """A cluster if one is named; else this machine."""
    return cluster(options.scheduler) if options.scheduler else workers(options.workers)


def main(arguments: list[str] | None = None) -> None:
    """Make the experiments that the command line asks for."""
    options = parse_arguments(arguments)
    try:
        with who_trains(options) as executor:
            went_well = [make(executor, name, options) for name in options.names]
    except KeyboardInterrupt:
        raise SystemExit("Interrupted: what was trained is stored.") from None
    except ValueError as error:
        raise SystemExit(f"Error: {error}") from None
    if not all(went_well):
        raise SystemExit("The same command trains again what failed; the rest is stored.")


if __name__ == "__main__":
    main()
