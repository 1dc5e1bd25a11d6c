"""The command that makes experiments: `python -m course_lib.experiments [NAME …] [--workers N]`.

Interrupt it whenever you like: every training is stored as it ends, and the same command goes on.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib.experiments import EXPERIMENTS
from course_lib.experiments.experiment import Experiment, Trial, returns_of
from course_lib.experiments.results import path_of, read_results, write_results


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
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--again", action="store_true", help="train what is stored, too")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in EXPERIMENTS:
            parser.error(f"no experiment is called {name!r}; known are {names}")
    for option in ("seeds", "workers"):
        number = getattr(options, option)
        if number is not None and number < 1:
            parser.error(f"--{option} must be at least 1, got {number}")
    return options


def train(name: str, trial: Trial) -> list[float | None]:
    """One training, in a process of its own; rounded to what is worth storing."""
    experiment = EXPERIMENTS[name]
    run = experiment.run(trial.variant, trial.task)
    found = returns_of(run, trial.seed, experiment.points)
    return [None if one is None else round(one, 2) for one in found]


def complete(
    executor: Executor,
    experiment: Experiment,
    path: Path,
    again: bool,
    train_one: Callable[[str, Trial], list[float | None]] = train,
) -> None:
    """Train what is missing and store each training as it ends, so that nothing is lost."""
    known = path.exists() and not again
    returns = dict(read_results(experiment, path).returns) if known else {}
    missing = [trial for trial in experiment.trials() if trial not in returns]
    jobs = {executor.submit(train_one, experiment.name, trial): trial for trial in missing}
    for job in tqdm(as_completed(jobs), total=len(jobs), desc=experiment.name, disable=not jobs):
        returns[jobs[job]] = job.result()
        write_results(experiment, returns, path)


def main(arguments: list[str] | None = None) -> None:
    """Make the experiments that the command line asks for."""
    options = parse_arguments(arguments)
    with ProcessPoolExecutor(
        options.workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as executor:
        try:
            for name in options.names or EXPERIMENTS:
                experiment = EXPERIMENTS[name]
                if options.seeds is not None:
                    experiment = replace(experiment, seeds=options.seeds)
                complete(executor, experiment, path_of(experiment), options.again)
        except KeyboardInterrupt:
            executor.shutdown(cancel_futures=True)
            raise SystemExit("Interrupted: what was trained is stored.") from None


if __name__ == "__main__":
    main()
