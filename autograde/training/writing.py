"""What a training leaves in its folder: curve.png, curve.csv and a policy a seed."""

import csv
import io
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from autograde.training.choosing import Choice
from autograde.training.training import SeedResult
from course_lib.catalogue import settings_of
from course_lib.figures.curves import learning_curve
from course_lib.figures.page import png_bytes
from course_lib.saved_policies import save_policy

PNG, CSV = "curve.png", "curve.csv"
LINE = 62  # characters of a title that fit into the picture


def write_all(folder: Path, choice: Choice, results: list[SeedResult]) -> list[Path]:
    """Write all that there is to these seeds, each file replaced when its new contents are ready.

    Returns:
        The files.
    """
    policies = [path for each in results for path in write_policy(folder, choice, each)]
    return write_curves(folder, choice, results) + policies


def write_policy(folder: Path, choice: Choice, result: SeedResult) -> list[Path]:
    """The policy of one seed, if there is one that has weights."""
    policy = result.history.policy
    if result.problem is not None or not hasattr(policy, "state_dict"):
        return []
    path = folder / f"policy-{result.seed}.pt"
    draft = path.with_suffix(".part")
    save_policy(draft, policy, choice.algorithm, choice.run.environment_id, choice.run.config)
    return [draft.replace(path)]


def write_curves(folder: Path, choice: Choice, results: list[SeedResult]) -> list[Path]:
    """The learning curves of all seeds, to look at and to calculate with."""
    histories = [result.history for result in results if len(result.history.returns)]
    if not histories:
        return []
    figure = learning_curve(
        histories, run=choice.run_name, threshold=choice.run.threshold,
        title=finding(choice, results),
    )  # fmt: skip
    replace_bytes(folder / PNG, png_bytes(figure))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["seed", "env_steps", "mean_return"])
    for result in results:
        points = zip(result.history.env_steps, result.history.returns, strict=True)
        writer.writerows([result.seed, *point] for point in points)
    replace_bytes(folder / CSV, table.getvalue().encode())
    return [folder / PNG, folder / CSV]


def replace_bytes(path: Path, contents: bytes) -> None:
    """Write a file; an old one is replaced only when the new one is complete."""
    draft = path.with_suffix(".part")
    draft.write_bytes(contents)
    draft.replace(path)


def finding(choice: Choice, results: list[SeedResult]) -> str:
    """The title of the curve, in lines that fit above it."""
    if choice.run.threshold is not None:
        solved = sum(result.history.solved_at is not None for result in results)
        text = f"{choice.title}: {solved} of {len(results)} seeds solved"
    else:
        means = [result.mean for result in results if result.mean is not None]
        text = f"{choice.title}: " + (
            f"median return at the end {np.median(means):.0f}" if means else "broken off"
        )
    return textwrap.fill(text, LINE)


def as_data(choice: Choice, results: list[SeedResult], files: list[Path]) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "algorithm": choice.algorithm.name,
        "environment": choice.run.environment_id,
        "run": choice.run_name,
        "settings": settings_of(choice.run.config),
        "threshold": choice.run.threshold,
        "max_steps": choice.run.max_steps,
        "seeds": [
            {
                "seed": result.seed,
                "ended": result.history.ended,
                "problem": result.problem,
                "env_steps": result.env_steps,
                "solved_at": result.history.solved_at,
                "seconds": round(result.history.seconds, 3),
                "steps_per_second": round(result.speed),
                "mean_return": result.mean,
                "standard_error": result.standard_error,
            }
            for result in results
        ],
        "files": [str(path) for path in files],
    }
