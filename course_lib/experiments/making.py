"""Making experiments: which trainings are missing, who does them, what is stored when.

Not in __main__.py, which another process cannot import."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib.experiments.experiment import Experiment, Trial, returns_of
from course_lib.experiments.results import read_results, write_results

Returns = list[float | None]


def train(experiment: Experiment, trial: Trial) -> Returns:
    """One training; rounded to what is worth storing."""
    run = experiment.run(trial.variant, trial.task)
    found = returns_of(run, trial.seed, experiment.points)
    return [None if one is None else round(one, 2) for one in found]


def workers(count: int) -> AbstractContextManager[Executor | None]:
    """That many processes, one thread each; `None` for this process alone."""
    if count == 1:
        torch.set_num_threads(1)
        return nullcontext()
    return ProcessPoolExecutor(
        count, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )


def outcomes(
    executor: Executor | None,
    experiment: Experiment,
    trials: Iterable[Trial],
    train_one: Callable[[Experiment, Trial], Returns],
) -> Iterator[tuple[Trial, Returns]]:
    """Each training as it ends."""
    if executor is None:
        for trial in trials:
            yield trial, train_one(experiment, trial)
        return
    jobs = {executor.submit(train_one, experiment, trial): trial for trial in trials}
    for job in as_completed(jobs):
        yield jobs[job], job.result()


def complete(
    executor: Executor | None,
    experiment: Experiment,
    path: Path,
    again: bool,
    train_one: Callable[[Experiment, Trial], Returns] = train,
    only: str | None = None,
) -> None:
    """Train what is missing and store each training as it ends, so that nothing is lost.

    Args:
        executor: who trains; `None` for this process.
        experiment: what is to be complete.
        path: where it is stored.
        again: whether to train what is stored, too.
        train_one: one training.
        only: the task to train on, if not on all of them.
    """
    known = path.exists() and not again
    returns = dict(read_results(experiment, path).returns) if known else {}
    wanted = [trial for trial in experiment.trials() if only in (None, trial.task)]
    missing = [trial for trial in wanted if trial not in returns]
    found = outcomes(executor, experiment, missing, train_one)
    for trial, one in tqdm(found, total=len(missing), desc=experiment.name, disable=not missing):
        returns[trial] = one
        write_results(experiment, returns, path)
