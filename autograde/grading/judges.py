"""The judges: processes here, or a cluster of dask, behind one `concurrent.futures` executor.

A judge that dies costs the submission that it was at one more try, alone; who brings down a judge
when alone has none to blame it on.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Any, Protocol, TypeVar

from autograde.errors import CourseError
from autograde.grading.changes import code_digest
from autograde.grading.jobs import Job
from autograde.grading.judge import Graded, run_task, start_judge
from autograde.grading.pool import JudgePool

AHEAD = 2  # jobs on their way for each judge, so that none has to wait
Result = TypeVar("Result")


class JudgeDied(Exception):
    """The judge of a submission ended twice without a result."""


class Judges(Protocol):
    """Whatever runs tasks side by side."""

    count: int
    died: tuple[type[BaseException], ...]

    def submit(self, function: Callable[[Any], Result], task: Any) -> "Future[Result]":
        """Start a task as soon as a judge is free."""

    def restart(self) -> None:
        """Judges have died: see to it that there are new ones."""

    def close(self) -> None:
        """End all judges at once, whatever they are doing."""


class LocalJudges:
    """Processes on this machine. They end by themselves when this process does."""

    died = (BrokenExecutor,)

    def __init__(self, count: int | None = None, method: str | None = None) -> None:
        self.count = count or cpu_count()
        self.context = context(method)
        self.executor: JudgePool | None = None

    def submit(self, function: Callable[[Any], Result], task: Any) -> "Future[Result]":
        """Start a task; processes are started as they are needed."""
        if self.executor is None:
            self.executor = JudgePool(self.count, self.context, start_judge)
        return self.executor.submit(function, task)

    def restart(self) -> None:
        """Nothing to do: where a judge has died, the next task starts another one."""

    def close(self) -> None:
        """End the processes."""
        if self.executor is not None:
            self.executor.shutdown(cancel_futures=True)
            self.executor = None


class ClusterJudges:
    """Workers of a dask cluster, which have to be of the same version of the course."""

    def __init__(self, address: str, patience: float = 15.0) -> None:
        try:
            from distributed import Client
            from distributed.scheduler import KilledWorker
        except ImportError:
            raise CourseError(
                "Grading on a cluster needs dask.distributed. Install it with: "
                "pip install -c constraints.txt -e .[cluster]"
            ) from None
        self.died = (KilledWorker,)
        try:
            self.client = Client(address, timeout=patience, set_as_default=False)
        except (OSError, ValueError) as error:
            raise CourseError(
                f"There is no scheduler at {address} ({error}). Start one with `dask scheduler`, "
                "and workers with `dask worker ADDRESS --nthreads 1`."
            ) from None
        try:
            self.check_workers(address)
        except BaseException:
            self.client.close()
            raise
        self.executor = self.client.get_executor(pure=False)

    def check_workers(self, address: str) -> None:
        """Refuse a cluster without workers, and workers that would grade otherwise than we."""
        versions = self.client.run(code_digest, on_error="return")
        if not versions:
            raise CourseError(
                f"The scheduler at {address} has no workers. Start some with "
                f"`dask worker {address} --nthreads 1` where this course is installed."
            )
        for worker, version in versions.items():
            if version != code_digest():
                raise CourseError(
                    f"The worker {worker} does not have this version of the course: grades could "
                    "differ. Install the same version there, then start that worker again."
                )
        self.count = len(versions)

    def submit(self, function: Callable[[Any], Result], task: Any) -> "Future[Result]":
        """Start a task somewhere."""
        return self.executor.submit(function, task)

    def restart(self) -> None:
        """dask starts its workers again by itself, as long as there is a scheduler."""
        if self.client.status != "running":
            raise CourseError(
                "The connection to the cluster is lost. What is graded so far is saved; the same "
                "command goes on from there.",
                exit_code=1,
            )

    def close(self) -> None:
        """Cancel what is not done, and leave the cluster as it was."""
        self.executor.shutdown(wait=False)
        self.client.close()


def run_jobs(judges: Judges, jobs: Iterator[Job]) -> Iterator[tuple[Job, "Graded | Exception"]]:
    """Run the jobs side by side; each with its result, or with what was raised instead."""
    waiting: dict[Future[Graded], Job] = {}
    left = True
    while left or waiting:
        while left and len(waiting) < AHEAD * judges.count:
            following = next(jobs, None)
            left = following is not None
            if following is not None:
                waiting[judges.submit(run_task, following.task)] = following
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        lost = [waiting[future] for future in done if has_died(judges, future)]
        if lost:
            done, _ = wait(waiting)  # The others have died with it, or will be done soon.
            lost = [waiting[future] for future in done if has_died(judges, future)]
        for future in done:
            if not has_died(judges, future):
                yield waiting[future], result_of(future)
            del waiting[future]
        if lost:
            judges.restart()
            yield from ((job, alone(judges, job)) for job in lost)


def has_died(judges: Judges, future: "Future[Graded]") -> bool:
    """Whether the judge ended before it had a result."""
    return future.cancelled() or isinstance(future.exception(), judges.died)


def result_of(future: "Future[Graded]") -> "Graded | Exception":
    """The result, or what was raised."""
    error = future.exception()
    if error is None:
        return future.result()
    return error if isinstance(error, Exception) else RuntimeError(repr(error))


def alone(judges: Judges, job: Job) -> "Graded | Exception":
    """Run a job while no other runs: if the judge dies again, this submission is the reason."""
    future = judges.submit(run_task, job.task)
    wait([future])
    if not has_died(judges, future):
        return result_of(future)
    judges.restart()
    return JudgeDied("the judge that graded it ended twice without a result")


def cpu_count() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def context(method: str | None = None) -> Any:
    """Forks of a process that has torch already, where the system can fork; else fresh ones."""
    methods = multiprocessing.get_all_start_methods()
    chosen = method or ("forkserver" if "forkserver" in methods else "spawn")
    made = multiprocessing.get_context(chosen)
    if chosen == "forkserver":
        made.set_forkserver_preload(["autograde.grading.judge_preload"])
    return made
