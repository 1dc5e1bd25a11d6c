"""Making experiments: which trainings are missing, what is stored when, what becomes of failures.

Not in __main__.py, which another process cannot import. Who trains is in workers.py."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor, as_completed
from functools import partial
from pathlib import Path

from tqdm import tqdm

from course_lib.environments import make_vector
from course_lib.experiments.experiment import Experiment, Trial
from course_lib.experiments.judging import Training
from course_lib.experiments.results import read_results, write_results


def train(experiment: Experiment, trial: Trial) -> Training:
    """One training; rounded to what is worth storing."""
    run = experiment.run(trial.variant, trial.task)
    returns, seconds = experiment.measure(run, trial.seed, experiment.points)
    returns = [None if one is None else round(one, 2) for one in returns]
    return Training(returns, None if seconds is None else [round(one, 2) for one in seconds])


def why_not(task: str) -> str | None:
    """What a task lacks to be trained on here, such as an extra that is not installed."""
    try:
        make_vector(task, 1)
    except ValueError as error:
        return str(error)
    return None


def outcomes(
    executor: Executor | None,
    trials: Iterable[Trial],
    train_one: Callable[[Trial], Training],
) -> Iterator[tuple[Trial, Callable[[], Training]]]:
    """Each training as it ends, behind a call that returns it or raises what it failed with."""
    if executor is None:
        for trial in trials:
            yield trial, partial(train_one, trial)
        return
    jobs = {executor.submit(train_one, trial): trial for trial in trials}
    for job in as_completed(jobs):
        yield jobs[job], job.result


def missing_trials(
    experiment: Experiment,
    known: Collection[Trial],
    tasks: Collection[str] | None,
    variants: Collection[str] | None,
) -> list[Trial]:
    """What is still to be trained, of these tasks and rows; `None` for all of them."""
    return [
        trial
        for trial in experiment.trials()
        if trial not in known
        and (tasks is None or trial.task in tasks)
        and (variants is None or trial.variant in variants)
    ]


def complete(
    executor: Executor | None,
    experiment: Experiment,
    path: Path,
    again: bool,
    train_one: Callable[[Experiment, Trial], Training] = train,
    tasks: Collection[str] | None = None,
    variants: Collection[str] | None = None,
) -> dict[Trial, str]:
    """Train what is missing and store each training as it ends, so that nothing is lost.

    Args:
        executor: who trains; `None` for this process.
        experiment: what is to be complete.
        path: where it is stored.
        again: whether to train what is stored, too; each is kept until the new one has ended.
        train_one: one training.
        tasks, variants: those to train, if not all of them.

    Returns:
        Why each training that failed did so; the others are stored all the same.
    """
    trainings = dict(read_results(experiment, path).trainings) if path.exists() else {}
    known = () if again else trainings
    missing = missing_trials(experiment, known, tasks, variants)
    failed: dict[Trial, str] = {}
    found = outcomes(executor, missing, partial(train_one, experiment))
    for trial, result in tqdm(found, total=len(missing), desc=experiment.name, disable=not missing):
        try:
            trainings[trial] = result()
        except Exception as error:
            failed[trial] = f"{type(error).__name__}: {error}"
        else:
            write_results(experiment, trainings, path)
    return failed
