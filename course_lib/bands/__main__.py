"""The command that makes reference bands: `python -m course_lib.bands [RUN …] [--seeds N]`."""

import argparse
import os
import tempfile
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from course_lib.bands import band_path
from course_lib.bands.record import grid, learning_curve
from course_lib.runs import RUNS


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; a mistake in it ends the program with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.bands",
        description="Train each run with many seeds and store the band of its learning curves.",
        epilog="Example: python -m course_lib.bands a2c-cartpole --seeds 20",
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}; default all")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds (default 20)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--again", action="store_true", help="train seeds that are stored, too")
    options = parser.parse_args(arguments)
    for run in options.runs:
        if run not in RUNS:
            parser.error(f"no run is called {run!r}; known are {', '.join(RUNS)}")
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {options.seeds}")
    return options


def stored_curves(path: Path, env_steps: np.ndarray) -> dict[int, np.ndarray]:
    """The curves by seed that `path` holds for this grid; none if it holds another one."""
    if not path.exists():
        return {}
    with np.load(path) as stored:
        if not np.array_equal(stored["env_steps"], env_steps):
            return {}
        return dict(zip(stored["seed"].tolist(), stored["returns"], strict=True))


def store_curves(path: Path, env_steps: np.ndarray, curves: dict[int, np.ndarray]) -> None:
    """Write a band; it replaces the old one only when it is complete."""
    seeds = sorted(curves)
    returns = np.stack([curves[seed] for seed in seeds])
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(file, env_steps=env_steps, seed=np.array(seeds), returns=returns)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def make_band(executor: Executor, name: str, num_seeds: int, path: Path, again: bool) -> None:
    """Train the seeds that are missing and store each as it finishes, so that nothing is lost."""
    env_steps = grid(RUNS[name])
    curves = {} if again else stored_curves(path, env_steps)
    missing = [seed for seed in range(num_seeds) if seed not in curves]
    jobs = {executor.submit(learning_curve, RUNS[name], seed): seed for seed in missing}
    for job in tqdm(as_completed(jobs), total=len(jobs), desc=name, disable=not jobs):
        curves[jobs[job]] = job.result()
        store_curves(path, env_steps, curves)


def main(arguments: list[str] | None = None) -> None:
    """Make the bands that the command line asks for."""
    options = parse_arguments(arguments)
    with ProcessPoolExecutor(
        options.workers, initializer=torch.set_num_threads, initargs=(1,)
    ) as executor:
        for name in options.runs or RUNS:
            make_band(executor, name, options.seeds, band_path(name), options.again)


if __name__ == "__main__":
    main()
