"""Results of experiments: stored as JSON, one training a line, and what they come to."""

import json
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path

import numpy as np

from course_lib.experiments.experiment import Experiment, Trial

FOLDER = Path(__file__).parent / "results"
COMMAND = "python -m course_lib.experiments"
PACKAGES = ("torch", "gymnasium", "numpy")
LAST = 3  # evaluations at the end that a final return is the mean of


@dataclass(frozen=True)
class Results:
    """What an experiment found, complete or not.

    Attributes:
        made_by: the command that makes it again.
        experiment: what was asked.
        returns: for each training the mean returns of 20 fresh episodes, at `points` moments.
    """

    made_by: str
    experiment: Experiment
    returns: dict[Trial, list[float | None]]

    @property
    def seeds(self) -> int:
        """How many seeds, from 0 on, every variant has on every task."""
        one = self.experiment
        rows = [(variant, task) for variant in one.variants for task in one.tasks]
        return next(
            seed for seed in count() if any((*row, seed) not in self.returns for row in rows)
        )

    def array(self) -> np.ndarray:
        """(variants, tasks, seeds, points) mean returns of the seeds that are complete.

        A training that broke off counts with the worst return of its task from there on.
        """
        one = self.experiment
        table = np.array(
            [
                [[self.returns[Trial(v, t, s)] for s in range(self.seeds)] for t in one.tasks]
                for v in one.variants
            ],
            dtype=float,
        )
        worst = np.nanmin(table, axis=(0, 2, 3))[None, :, None, None]
        return np.where(np.isnan(table), worst, table)

    def scores(self, last: int = LAST) -> np.ndarray:
        """(variants, tasks, seeds) of the mean over the last evaluations, scaled on each task so
        that the baseline has 0 and the best single training 1.

        Args:
            last: how many evaluations count; all of them for how well it went on the whole.

        Source: the scale is that of Schulman et al. (2017), section 6.1.
        """
        final = self.array()[..., -last:].mean(-1)
        zero = final[self.experiment.variants.index(self.experiment.baseline)].mean(-1)
        best = final.max(axis=(0, 2))
        return (final - zero[:, None]) / (best - zero)[:, None]


def path_of(experiment: Experiment) -> Path:
    """Where an experiment's results are stored."""
    return FOLDER / f"{experiment.name}.json"


def read_results(experiment: Experiment, path: Path | None = None) -> Results:
    """What is stored of an experiment as it is defined now.

    Args:
        experiment: trainings that it does not ask for, or with other settings, are left out.
        path: the file, if it is not the experiment's own.

    Raises:
        ValueError: nothing is stored.
    """
    path = path or path_of(experiment)
    if not path.exists():
        raise ValueError(f"{experiment.name} was not made yet: {COMMAND} {experiment.name}")
    stored = json.loads(path.read_text(encoding="utf-8"))
    wanted = set(experiment.trials())
    current = {
        (variant, task)
        for variant in experiment.variants
        for task in experiment.tasks
        if stored["settings"].get(f"{variant} on {task}") == experiment.fingerprint(variant, task)
    }
    found = {Trial(*one[:3]): one[3] for one in stored["trainings"]}
    kept = {key: one for key, one in found.items() if key in wanted and key[:2] in current}
    return Results(stored["made_by"], experiment, kept)


def write_results(
    experiment: Experiment, returns: dict[Trial, list[float | None]], path: Path | None = None
) -> None:
    """Store what there is; it replaces the old file only when it is complete."""
    path = path or path_of(experiment)
    rows = sorted({trial[:2] for trial in returns}, key=lambda row: row_order(experiment, *row))
    head = {
        "made_by": f"{COMMAND} {experiment.name}",
        "question": experiment.question,
        "versions": {name: version(name).partition("+")[0] for name in PACKAGES},
        "settings": {f"{one} on {task}": experiment.fingerprint(one, task) for one, task in rows},
    }
    in_order = sorted(returns, key=lambda one: (*row_order(experiment, *one[:2]), one.seed))
    lines = [json.dumps([*one, returns[one]], ensure_ascii=False) for one in in_order]
    text = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    text += ',\n "trainings": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
    ) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def row_order(experiment: Experiment, variant: str, task: str) -> tuple[int, int]:
    """Rows stand in the file as in the experiment's table."""
    return experiment.variants.index(variant), experiment.tasks.index(task)
