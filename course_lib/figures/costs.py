"""What training costs: scores against environment steps and against CPU seconds."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from course_lib.experiments import Results
from course_lib.experiments.aggregates import score_curves
from course_lib.figures.labels import label_ends
from course_lib.figures.methods import (
    FORMS_IN_WORDS,
    SCORE,
    Picture,
    color_for,
    form_of,
    learners,
    mean_of_tasks,
    require_results,
    scope,
)
from course_lib.figures.style import new_figure, styled


def cost_picture(found: Results, title: str | None = None) -> Picture:
    """Mean scores in the course of the training, against environment steps and CPU seconds.

    Args:
        found: the results of an experiment that looked at the clock.
        title: the finding, if not the default.

    Raises:
        ValueError: the experiment has stored no seconds.
    """
    require_results(found)
    score = mean_of_tasks(found, score_curves(found))
    seconds = mean_of_tasks(found, found.cpu_seconds())
    with styled():
        figure, (left, right) = new_figure(1, 2, size=(8.4, 4.4), sharey=True)
        draw_costs(left, right, found, score, seconds)
        ends = seconds[learners(found), -1]
        words = f"The same steps cost {rough(ends.min())} to {rough(ends.max())} CPU seconds"
        figure.suptitle(title or words, x=0.01, ha="left", weight="bold", fontsize=12)
    return Picture(figure, describe_costs(found, score, seconds))


def rough(seconds: float) -> str:
    """Seconds with two digits, in plain numbers."""
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:,.0f}"


def draw_costs(
    left: Axes, right: Axes, found: Results, score: np.ndarray, seconds: np.ndarray
) -> None:
    """Both panels; the names stand in the margin on the right, at the height of the curves' ends.

    Args:
        left, right: the axes of steps and of seconds, with one vertical axis.
        found: the results.
        score, seconds: (variants, points) means.
    """
    names, rows, points = found.experiment.variants, learners(found), found.experiment.points
    for row in rows:
        style = {"color": color_for(names[row]), "linestyle": form_of(names[row])}
        left.plot(100 * np.arange(1, points + 1) / points, score[row], **style)
        right.semilogx(seconds[row], score[row], **style)
        right.plot(seconds[row, -1], score[row, -1], "o", color=style["color"], markersize=5)
    left.set(xlabel="environment steps, % of each task's", ylabel="mean " + SCORE, xlim=(0, 100))
    left.text(
        0.98, 0.02, FORMS_IN_WORDS, transform=left.transAxes, ha="right", va="bottom", fontsize=8.5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )  # fmt: skip
    right.set(xlabel="CPU seconds of one training")
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    label_ends(
        right,
        [(seconds[row, -1], score[row, -1]) for row in rows],
        [names[row] for row in rows],
        [color_for(names[row]) for row in rows],
    )


def describe_costs(found: Results, score: np.ndarray, seconds: np.ndarray) -> str:
    """Where each curve ends."""
    names = found.experiment.variants
    words = "; ".join(
        f"{names[row]}: {score[row, -1]:.2f} after {rough(seconds[row, -1])} s"
        for row in sorted(learners(found), key=lambda row: -score[row, -1])
    )
    return (
        "Mean score against the share of the environment steps, and against CPU seconds on a "
        f"logarithmic axis; {scope(found)}. At the end: {words}."
    )
