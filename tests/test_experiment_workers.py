"""Who trains an experiment: processes here that may die, and a real cluster of dask."""

import contextlib
import json
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from course_lib.experiments import __main__ as command
from course_lib.experiments import making, workers
from course_lib.experiments.results import read_results
from tests.test_experiments import CARTPOLE, SMALL, numbers
from tests.test_grading_cluster import program


def dies(experiment, trial):
    """Stands for a training; the second kills its process."""
    if trial == ("0.2", CARTPOLE, 0):
        os.kill(os.getpid(), signal.SIGTERM)
    return numbers(experiment, trial)


@pytest.mark.slow
def test_a_process_that_dies_costs_its_own_training_only(tmp_path):
    path = tmp_path / "small.json"
    executor = workers.LocalWorkers(1)
    try:
        failed = making.complete(executor, SMALL, path, again=False, train_one=dies)
    finally:
        executor.shutdown(cancel_futures=True)
    assert list(failed) == [("0.2", CARTPOLE, 0)]
    assert "its process ended" in failed["0.2", CARTPOLE, 0]
    assert len(read_results(SMALL, path).returns) == 3


def dies_once(experiment, trial, folder):
    """Stands for a training; the second kills its worker when it is first tried."""
    if trial == ("0.2", CARTPOLE, 0):
        with contextlib.suppress(FileExistsError):
            (Path(folder) / "tried").touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
    return numbers(experiment, trial)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A scheduler with two workers, each a process of its own."""
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    known = ("--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard")
    with contextlib.ExitStack() as running:
        running.enter_context(program("dask_scheduler", *known, "--port", "0", folder=folder))
        until = time.monotonic() + 90
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.2)
        for _ in range(2):
            worker = program("dask_worker", *known, "--nthreads", "1", "--no-nanny", folder=folder)
            running.enter_context(worker)
        yield json.loads(file.read_text())["address"]


def number_of_workers(address, at_least):
    """How many workers the cluster has, once it has so many."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(at_least, timeout=120)
        return len(client.scheduler_info()["workers"])


@pytest.mark.slow
def test_a_cluster_trains_also_when_a_worker_dies(address, tmp_path):
    path = tmp_path / "small.json"
    train_one = partial(dies_once, folder=tmp_path)
    assert number_of_workers(address, at_least=2) == 2
    with workers.cluster(address) as executor:
        failed = making.complete(executor, SMALL, path, again=False, train_one=train_one)
    assert failed == {}
    assert (tmp_path / "tried").exists()
    assert number_of_workers(address, at_least=1) == 1
    wanted = {trial: numbers(SMALL, trial) for trial in SMALL.trials()}
    assert read_results(SMALL, path).trainings == wanted


def test_an_address_where_nobody_answers_is_one_clear_message():
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with (
        pytest.raises(ValueError, match=r"there is no scheduler at tcp://127\.0\.0\.1:1 "),
        workers.cluster("tcp://127.0.0.1:1", patience=0.5),
    ):
        pass


def test_a_cluster_that_cannot_be_used_ends_the_command_with_a_message(monkeypatch):
    @contextlib.contextmanager
    def nobody(address):
        raise ValueError(f"the scheduler at {address} has no workers")
        yield

    monkeypatch.setattr(command, "cluster", nobody)
    with pytest.raises(SystemExit, match="Error: the scheduler at tcp://far:1 has no workers"):
        command.main(["benchmark", "--scheduler", "tcp://far:1"])


def test_a_cluster_without_workers_or_with_other_code_is_refused():
    with pytest.raises(ValueError, match="tcp://near:1 has no workers"):
        workers.check_workers({}, "tcp://near:1")
    workers.check_workers({"tcp://far:2": workers.library_digest()}, "tcp://near:1")
    with pytest.raises(ValueError, match="tcp://far:2 does not have this version"):
        workers.check_workers({"tcp://far:2": "another"}, "tcp://near:1")
