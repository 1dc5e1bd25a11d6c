"""The command that makes experiments: `python -m course_lib.experiments [NAME …] [--workers N]`.

Interrupt it whenever you like: every training is stored as it ends, and the same command goes on.
"""

import argparse
import os
from dataclasses import replace

from course_lib.experiments import EXPERIMENTS
from course_lib.experiments.making import complete, workers
from course_lib.experiments.results import path_of


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; a mistake in it ends the program with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.experiments",
        description="Train what is missing of each experiment and store its results.",
        epilog="Example: python -m course_lib.experiments ppo-table --workers 2",
    )
    names = ", ".join(EXPERIMENTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {names}; default all")
    parser.add_argument("--seeds", type=int, help="how many seeds, if not the experiment's own")
    parser.add_argument("--task", help="this task only")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--again", action="store_true", help="train what is stored, too")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in EXPERIMENTS:
            parser.error(f"no experiment is called {name!r}; known are {names}")
        if options.task is not None and options.task not in EXPERIMENTS[name].tasks:
            parser.error(f"{name} has the tasks {', '.join(EXPERIMENTS[name].tasks)}")
    for option in ("seeds", "workers"):
        number = getattr(options, option)
        if number is not None and number < 1:
            parser.error(f"--{option} must be at least 1, got {number}")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Make the experiments that the command line asks for."""
    options = parse_arguments(arguments)
    with workers(options.workers) as executor:
        try:
            for name in options.names or EXPERIMENTS:
                experiment = EXPERIMENTS[name]
                seeds = options.seeds or experiment.seeds
                experiment = replace(experiment, seeds=seeds)
                path, task = path_of(experiment), options.task
                complete(executor, experiment, path, options.again, only=task)
        except KeyboardInterrupt:
            if executor is not None:
                executor.shutdown(cancel_futures=True)
            raise SystemExit("Interrupted: what was trained is stored.") from None


if __name__ == "__main__":
    main()
