"""Results of experiments: stored as JSON, one training a line, and what they come to."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from course_lib.experiments.experiment import Experiment, Trial
from course_lib.experiments.judging import Training

FOLDER = Path(__file__).parent / "results"
COMMAND = "python -m course_lib.experiments"
PACKAGES = ("torch", "gymnasium", "numpy")
LAST = 2  # evaluations at the end that a final return is the mean of


@dataclass(frozen=True)
class Results:
    """What an experiment found, complete or not.

    Attributes:
        made_by: the command that makes it again.
        experiment: what was asked.
        returns: for each training the mean returns of 20 fresh episodes, at `points` moments.
        seconds: for each training the CPU seconds up to these moments, where they were measured.
    """

    made_by: str
    experiment: Experiment
    returns: dict[Trial, list[float | None]]
    seconds: dict[Trial, list[float]] = field(default_factory=dict)

    @property
    def trainings(self) -> dict[Trial, Training]:
        """Returns and seconds of each training together."""
        return {one: Training(self.returns[one], self.seconds.get(one)) for one in self.returns}

    @property
    def columns(self) -> list[tuple[str, int]]:
        """The (task, seed) that every variant was trained on, in the experiment's order."""
        one = self.experiment
        seeds = sorted({trial.seed for trial in self.returns})
        pairs = [(task, seed) for task in one.tasks for seed in seeds]
        return [pair for pair in pairs if all((v, *pair) in self.returns for v in one.variants)]

    def array(self) -> np.ndarray:
        """(variants, columns, points) mean returns.

        A training that broke off counts with the worst return of its task from there on.
        """
        rows = [
            [self.returns[Trial(variant, *column)] for column in self.columns]
            for variant in self.experiment.variants
        ]
        table = np.array(rows, dtype=float)
        for places in self.places().values():
            part = table[:, places]
            table[:, places] = np.where(np.isnan(part), np.nanmin(part), part)
        return table

    def cpu_seconds(self) -> np.ndarray:
        """(variants, columns, points) CPU seconds of training up to each moment, judging left out.

        A training that broke off stays at its last number.

        Raises:
            ValueError: the experiment does not look at the clock.
        """
        if not self.seconds:
            raise ValueError(f"{self.experiment.name} has stored no seconds")
        table = np.zeros((len(self.experiment.variants), len(self.columns), self.experiment.points))
        for row, variant in enumerate(self.experiment.variants):
            for place, column in enumerate(self.columns):
                measured = self.seconds[Trial(variant, *column)] or [0.0]
                table[row, place] = measured[-1]
                table[row, place, : len(measured)] = measured
        return table

    def places(self) -> dict[str, list[int]]:
        """Which columns belong to a task, for each task that has any."""
        found: dict[str, list[int]] = {}
        for place, (task, _) in enumerate(self.columns):
            found.setdefault(task, []).append(place)
        return found

    def scores(self, last: int = LAST) -> np.ndarray:
        """(variants, columns) of the mean over the last evaluations, scaled on each task so that
        the baseline has 0 on average and the best single training 1.

        Args:
            last: how many evaluations count; all of them for how well it went on the whole.

        Source: the scale is that of Schulman et al. (2017), section 6.1.
        """
        final = self.array()[..., -last:].mean(-1)
        baseline = self.experiment.variants.index(self.experiment.baseline)
        for places in self.places().values():
            zero, best = final[baseline, places].mean(), final[:, places].max()
            final[:, places] = (final[:, places] - zero) / (best - zero)
        return final


def path_of(experiment: Experiment) -> Path:
    """Where an experiment's results are stored."""
    return FOLDER / f"{experiment.name}.json"


def read_results(experiment: Experiment, path: Path | None = None) -> Results:
    """What is stored of an experiment as it is defined now.

    Args:
        experiment: rows that it does not have, or has with other settings by now, are left out.
        path: the file, if it is not the experiment's own.

    Raises:
        ValueError: nothing is stored.
    """
    path = path or path_of(experiment)
    if not path.exists():
        raise ValueError(f"{experiment.name} was not made yet: {COMMAND} {experiment.name}")
    stored = json.loads(path.read_text(encoding="utf-8"))
    current = {
        (variant, task)
        for variant in experiment.variants
        for task in experiment.tasks
        if stored["settings"].get(f"{variant} on {task}") == experiment.fingerprint(variant, task)
    }
    found = {Trial(*one[:3]): Training(*one[3:]) for one in stored["trainings"]}
    kept = {trial: one for trial, one in found.items() if trial[:2] in current}
    returns = {trial: one.returns for trial, one in kept.items()}
    seconds = {trial: one.seconds for trial, one in kept.items() if one.seconds is not None}
    return Results(stored["made_by"], experiment, returns, seconds)


def write_results(
    experiment: Experiment, trainings: Mapping[Trial, Training], path: Path | None = None
) -> None:
    """Store what there is; it replaces the old file only when it is complete."""
    path = path or path_of(experiment)
    rows = sorted({trial[:2] for trial in trainings}, key=lambda row: row_order(experiment, *row))
    head = {
        "made_by": f"{COMMAND} {experiment.name}",
        "question": experiment.question,
        "versions": {name: version(name).partition("+")[0] for name in PACKAGES},
        "settings": {f"{one} on {task}": experiment.fingerprint(one, task) for one, task in rows},
    }
    in_order = sorted(trainings, key=lambda one: (*row_order(experiment, *one[:2]), one.seed))
    lines = [json.dumps(line_of(one, trainings[one]), ensure_ascii=False) for one in in_order]
    text = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    text += ',\n "trainings": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
    ) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def line_of(trial: Trial, training: Training) -> list[str | int | list]:
    """What the file says of a training."""
    return [*trial, *(numbers for numbers in training if numbers is not None)]


def row_order(experiment: Experiment, variant: str, task: str) -> tuple[int, int]:
    """Rows stand in the file as in the experiment's table."""
    return experiment.variants.index(variant), experiment.tasks.index(task)
