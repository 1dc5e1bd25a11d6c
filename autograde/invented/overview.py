"""Draws the picture of the README from what the course really says.

A check's message, a training run in front of its reference band, and the invented class's report:
run `course demo`, then `python -m autograde.invented.overview`.
"""

import csv
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from autograde.errors import CourseError
from autograde.invented.demo import FOLDER
from autograde.lesson import find_course
from course_lib.checks import CheckFailed, check
from course_lib.checks.exercises.generalized_advantage import truncation_as_termination
from course_lib.figures import train
from course_lib.figures.curves import draw_reference, draw_run, finish_axes, zoom
from course_lib.figures.style import styled
from course_lib.runs import RUNS

RUN = "a2c-continuous-cartpole"
LESSON = "02_reinforce"
CELLS = {
    "right": ("✓", "#D9EFE2"),
    "partly right": ("◐", "#FFF3CD"),
    "wrong": ("✗", "#FADBD5"),
    "not written": ("–", "#E9EAEE"),
}
OTHER = ("!", "#E9EAEE")


def failed_message() -> str:
    """What a student reads who treats a time limit as the end of the world."""
    try:
        check(truncation_as_termination, exercise="generalized_advantage")
    except CheckFailed as failed:
        return str(failed)
    raise AssertionError("a known mistake passed")


def draw_message(axes: Axes) -> None:
    """The message, as the notebook shows it."""
    lines = [line[:94] + " …" * (len(line) > 94) for line in failed_message().split("\n")]
    axes.axis("off")
    axes.set_title("A check looks at values and gradients, and names the mistake")
    axes.text(
        0.0, 0.98, "\n".join(lines), family="DejaVu Sans Mono", fontsize=7.2, va="top",
        linespacing=1.45, transform=axes.transAxes,
    )  # fmt: skip


def draw_training(axes: Axes) -> None:
    """One training run of the reference functions, in front of the band of 20 seeds."""
    torch.set_num_threads(1)
    history = train(RUNS[RUN].start(seed=0), run=RUN, label="a2c, your functions", quiet=True)
    draw_reference(axes, RUN, None)
    draw_run(axes, history, history.label, history.judged_by)
    finish_axes(axes, "Your own functions train the agent", "return of an episode")
    zoom(axes, float(history.env_steps[-1]))
    axes.legend(loc="lower right")


def draw_class(axes: Axes, path: Path) -> None:
    """Student × exercise: a sign, the mistake's name."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["lesson"] == LESSON]
    left_out = ("answer", "written")
    rows = [row for row in rows if row["exercise"] and not row["exercise"].startswith(left_out)]
    students = list(dict.fromkeys(row["student"] for row in rows))
    exercises = list(dict.fromkeys(row["exercise"] for row in rows))
    for row in rows:
        x, y = exercises.index(row["exercise"]), students.index(row["student"])
        sign, color = CELLS.get(row["status"], OTHER)
        axes.add_patch(Rectangle((x, y), 0.97, 0.94, facecolor=color, edgecolor="none"))
        axes.text(x + 0.5, y + 0.36, sign, ha="center", va="center", fontsize=9)
        name = row["mistake"] or ("" if row["status"] in CELLS else row["status"])
        axes.text(x + 0.5, y + 0.76, name, ha="center", va="center", fontsize=5.6)
    axes.set(xlim=(0, len(exercises)), ylim=(len(students), 0))
    axes.set_xticks([i + 0.5 for i in range(len(exercises))], exercises, rotation=18, ha="right")
    axes.set_yticks([i + 0.5 for i in range(len(students))], students)
    axes.tick_params(length=0, labelsize=8)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title("The instructor sees who made which mistake (invented class)")


def main() -> None:
    """Write `autograde/overview.png`."""
    root = find_course(Path.cwd())
    grades = root / FOLDER / "report" / "grades.csv"
    if not grades.exists():
        raise CourseError("The invented class is not graded yet: run `course demo` first.")
    with styled():
        figure = Figure(figsize=(13.2, 9.4))
        grid = figure.add_gridspec(2, 2, width_ratios=(1.3, 1), height_ratios=(0.8, 1))
        draw_message(figure.add_subplot(grid[0, 0]))
        draw_training(figure.add_subplot(grid[0, 1]))
        draw_class(figure.add_subplot(grid[1, :]), grades)
        figure.savefig(root / "autograde" / "overview.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
