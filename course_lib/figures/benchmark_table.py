"""The table of a benchmark: mean ± spread of each variant on each task, beside published numbers.

The statistics live in course_lib.experiments.statistics, the form of a table in tables.py."""

from collections.abc import Collection, Mapping

import numpy as np

from course_lib.experiments import Results
from course_lib.experiments.statistics import LEVEL, not_below_best, spread
from course_lib.figures.methods import require_results
from course_lib.figures.tables import MARK, Cell, Rows, show_table

NAMES = {
    "ContinuousCartPole-v0": "CartPole balancing",
    "Pendulum-v1": "Pendulum swing-up",
    "MountainCarContinuous-v0": "Mountain car",
    "ContinuousAcrobot-v0": "Acrobot",
    "DoublePendulum-v0": "Double pendulum",
    "Swimmer-v5": "Swimmer",
    "Hopper-v5": "Hopper",
    "HalfCheetah-v5": "Half-cheetah",
}
Published = Mapping[str, Mapping[str, tuple[float, float]]]


def show_benchmark(
    found: Results,
    last: int = 1,
    published: Published | None = None,
    published_bold: Mapping[str, Collection[str]] | None = None,
    names: Mapping[str, str] | None = None,
    caption: str | None = None,
) -> None:
    """Put the table of an experiment on the page: a row a variant, a column a task.

    Bold, with a mark, is what `not_below_best` cannot tell from the best of its column.

    Args:
        found: the results.
        last: how many of the evaluations at the end count: 1 for what one ends up with, all of
            them for the average over the training.
        published: by task and variant the mean and standard deviation to stand below ours.
        published_bold: by task the variants whose published numbers are bold.
        names: what to call the tasks, if not as in `NAMES`.
        caption: what the numbers are, if the default does not say it.

    Raises:
        ValueError: there is no task on which all variants were trained.
    """
    require_results(found)
    columns, rows = benchmark_rows(
        found, last, published or {}, published_bold or {}, names or NAMES
    )
    show_table(caption or describe_table(found, last, bool(published)), columns, rows)


def benchmark_rows(
    found: Results,
    last: int,
    published: Published,
    published_bold: Mapping[str, Collection[str]],
    names: Mapping[str, str],
) -> tuple[list[str], Rows]:
    """Names of the columns, and the cells of each row."""
    returns, variants = found.array()[..., -last:].mean(-1), found.experiment.variants
    rows: dict[str, list[Cell]] = {variant: [] for variant in variants}
    for task, places in found.places().items():
        ours, bold = returns[:, places], bold_in(returns[:, places])
        for variant, numbers, stands_out in zip(variants, ours, bold, strict=True):
            theirs = published.get(task, {}).get(variant)
            rows[variant].append(
                Cell(
                    mean_and_spread(numbers),
                    bool(stands_out),
                    as_published(*theirs) if theirs else "",
                    theirs is not None and variant in published_bold.get(task, ()),
                )
            )
    return [names.get(task, task) for task in found.places()], rows


def bold_in(returns: np.ndarray) -> np.ndarray:
    """Which rows of (variants, seeds) are not significantly below the best; of one seed none."""
    if returns.shape[-1] < 2:
        return np.zeros(len(returns), dtype=bool)
    return not_below_best(returns)


def mean_and_spread(returns: np.ndarray) -> str:
    """Mean ± standard deviation over seeds; of one seed the return."""
    if len(returns) < 2:
        return rounded(returns[0], returns[0])
    found = spread(returns)
    return plus_minus(float(found.mean), float(found.std))


def plus_minus(mean: float, std: float) -> str:
    """Both numbers, with as many decimals as the spread makes worth reading."""
    return f"{rounded(mean, std)} ± {rounded(std, std)}"


def as_published(mean: float, std: float) -> str:
    """With one decimal, as the paper prints them."""
    return f"{mean:,.1f} ± {std:,.1f}".replace("-", "−")


def rounded(number: float, size: float) -> str:
    """No decimals where `size` is 10 or more, or 0; one from 0.1 on, else two."""
    decimals = 0 if abs(size) >= 10 or size == 0 else 1 if abs(size) >= 0.1 else 2
    return f"{number:z,.{decimals}f}".replace("-", "−")


def describe_table(found: Results, last: int, with_published: bool) -> str:
    """The caption."""
    points = found.experiment.points
    what = "the last evaluation" if last == 1 else f"the last {last} of {points} evaluations"
    what = f"all {points} evaluations of a training" if last >= points else what
    tests = len(found.experiment.variants) - 1
    words = (
        f"Mean return of {what}, ± the standard deviation over {seeds_in_words(found)}. Bold and "
        f"{MARK}: the best of its column, or not significantly below it (Welch's test, one-sided, "
        f"p ≥ {LEVEL:g}; {tests} tests a column, not corrected)."
    )
    if with_published:
        words += " Small, below: the published mean ± standard deviation, from other simulators."
    return words


def seeds_in_words(found: Results) -> str:
    """How many seeds each task has."""
    counts = {task: len(at) for task, at in found.places().items()}
    most = max(counts.values())
    fewer = [
        f"{count} on {NAMES.get(task, task)}" for task, count in counts.items() if count < most
    ]
    return ", ".join([f"{most} seeds", *fewer])
