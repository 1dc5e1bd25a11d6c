"""Pictures of a benchmark's scores: intervals and performance profiles.

Each returns the figure and its alternative text: `show(*intervals_picture(found))`. What training
costs is in costs.py, what few seeds can tell in luck.py, the table in benchmark_table.py."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from course_lib.experiments import Results
from course_lib.experiments.aggregates import (
    Interval,
    bootstrap_interval,
    interquartile_mean,
    performance_profile,
)
from course_lib.figures.methods import (
    SCORE,
    Picture,
    color_for,
    form_of,
    learners,
    mean_of_tasks,
    percent,
    require_results,
    scope,
    tasks_of,
)
from course_lib.figures.style import FAINT, new_figure, styled

OPEN = {"color": "white", "markeredgecolor": "black", "zorder": 4}
MARKS = "dot, bar: interquartile mean, 95 % interval; diamond: mean\nthin marks: single trainings"
CURVE_POINTS = 201
FEW_SEEDS = 3
NAMED = 3
MOST_NAMED = 6


def intervals_picture(found: Results, last: int = 1, title: str | None = None) -> Picture:
    """Interquartile means of all variants with 95 % intervals, the best on top; and their means.

    The interquartile mean leaves the worst quarter of the trainings out. With few tasks that may
    be a whole task, which a method never learns: then its mean is far to the left.

    Args:
        found: the results.
        last: how many evaluations at the end make a score; see `Results.scores`.
        title: the finding, if not the default.
    """
    require_results(found)
    scores, tasks, names = found.scores(last), tasks_of(found), found.experiment.variants
    intervals = [bootstrap_interval(interquartile_mean, row, tasks) for row in scores]
    means = mean_of_tasks(found, scores)
    order = sorted(learners(found), key=lambda row: -intervals[row].value)
    with styled():
        figure, axes = new_figure(size=(7.0, 1.3 + 0.27 * len(order)))
        for place, row in enumerate(order):
            draw_interval(axes, place, scores[row], intervals[row], color_for(names[row]))
        axes.plot(means[order], range(len(order)), "D", markersize=5, **OPEN)
        axes.set_yticks(range(len(order)), [names[row] for row in order])
        axes.set(
            xlabel=f"{SCORE}; {scope(found)}\n{MARKS}", ylim=(len(order) - 0.4, -0.6),
            title=title or lead(found, order, intervals),
        )  # fmt: skip
        axes.grid(axis="y", visible=False)
    words = "; ".join(
        f"{names[row]} {intervals[row].value:.2f} ({intervals[row].low:.2f} to "
        f"{intervals[row].high:.2f}), mean {means[row]:.2f}"
        for row in order
    )
    return Picture(
        figure,
        "One row for each method: its interquartile mean as a dot, the 95 % bootstrap interval as "
        f"a bar, its mean as a diamond, single trainings as faint marks; {scope(found)}. {words}.",
    )


def draw_interval(
    axes: Axes, place: int, scores: np.ndarray, interval: Interval, color: str
) -> None:
    """One row: single trainings faint, the interval, its value."""
    axes.plot(scores, np.full(len(scores), place), "|", color=color, alpha=0.3, markersize=9)
    axes.plot((interval.low, interval.high), (place, place), color=color, linewidth=3.5)
    axes.plot(
        interval.value, place, "o", color=color, markersize=8, markeredgecolor="white", zorder=3
    )


def lead(found: Results, order: Sequence[int], intervals: Sequence[Interval]) -> str:
    """Who has the highest number, and how many intervals overlap the leader's."""
    name, first = found.experiment.variants[order[0]], intervals[order[0]]
    if min(map(len, found.places().values())) < FEW_SEEDS:
        return f"{name} scores highest, from too few seeds for an interval"
    count = sum(intervals[row].high >= first.low for row in order[1:])
    if not count:
        return f"{name} is ahead, its interval apart from all others"
    others = "one interval overlaps" if count == 1 else f"{count} intervals overlap"
    return f"{name} scores highest; {others} with its own"


def profile_picture(
    found: Results,
    variants: Sequence[str] | None = None,
    last: int = 1,
    title: str | None = None,
) -> Picture:
    """Performance profiles: the share of trainings with more than a score, for every score.

    Args:
        found: the results.
        variants: those to be named and drawn with their 95 % band, at most six; the three with the
            highest interquartile means if nothing is said. The others stay grey.
        last: how many evaluations at the end make a score.
        title: the finding, if not the default.

    Raises:
        ValueError: there is no such variant, there are more than six, or there are no results.
    """
    require_results(found)
    scores, names = found.scores(last), found.experiment.variants
    chosen = chosen_rows(found, scores, variants)
    grid = np.linspace(min(0.0, scores[learners(found)].min()), 1.0, CURVE_POINTS)
    bands = {names[row]: profile_band(found, scores[row], grid) for row in chosen}
    with styled():
        figure, axes = new_figure(size=(7.0, 3.8))
        for row in set(learners(found)) - set(chosen):
            axes.step(grid, performance_profile(scores[row], grid), color=FAINT, linewidth=1)
        for name, band in bands.items():
            draw_profile(axes, grid, band, name)
        name_profiles(axes, grid, {name: band.value for name, band in bands.items()})
        axes.set(
            xlabel=SCORE.replace("score", "score τ", 1), xlim=(grid[0], 1),
            ylabel="share of trainings above τ", ylim=(-0.02, 1.02),
            title=title or most_at(0.9, scores, chosen, names),
        )  # fmt: skip
    return Picture(figure, describe_profiles(found, scores, chosen))


def profile_band(found: Results, scores: np.ndarray, grid: np.ndarray) -> Interval:
    """One variant's profile with its interval at each score."""
    return bootstrap_interval(
        lambda runs: performance_profile(runs, grid), scores, tasks_of(found), draws=500
    )


def most_at(threshold: float, scores: np.ndarray, rows: Sequence[int], names: Sequence[str]) -> str:
    """Whose share of trainings above a score is largest."""
    shares = {names[row]: float(performance_profile(scores[row], [threshold])[0]) for row in rows}
    first = max(shares, key=shares.__getitem__)
    return f"Above {threshold:g} most often: {first}, in {percent(shares[first])} of its trainings"


def chosen_rows(found: Results, scores: np.ndarray, variants: Sequence[str] | None) -> list[int]:
    """The rows to be named, the best first."""
    names = found.experiment.variants
    unknown = [name for name in variants or () if name not in names]
    if unknown or (variants is not None and not 1 <= len(variants) <= MOST_NAMED):
        raise ValueError(
            f"name one to {MOST_NAMED} of {', '.join(names)}, not {list(unknown or variants)}"
        )
    rows = learners(found) if variants is None else [names.index(name) for name in variants]
    rows = sorted(rows, key=lambda row: -interquartile_mean(scores[row]))
    return rows[:NAMED] if variants is None else rows


def draw_profile(axes: Axes, grid: np.ndarray, band: Interval, name: str) -> None:
    """One named curve with its band."""
    color = color_for(name)
    axes.fill_between(grid, band.low, band.high, step="pre", color=color, alpha=0.15, linewidth=0)
    axes.step(grid, band.value, color=color, linestyle=form_of(name), linewidth=2.2)


def name_profiles(axes: Axes, grid: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    """Each name left of its own curve, at heights of its own, so that names do not meet."""
    heights = np.linspace(0.85, 0.25, len(curves))
    for (name, curve), height in zip(curves.items(), heights, strict=True):
        x = grid[max(int((curve > height).sum()) - 1, 0)]
        axes.annotate(
            name, (x, height), (-7, 0), textcoords="offset points", color=color_for(name),
            fontsize=10, weight="bold", va="center", ha="right",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
        )  # fmt: skip


def describe_profiles(found: Results, scores: np.ndarray, chosen: Sequence[int]) -> str:
    """The profile in words: how many trainings reach half and nine tenths."""
    names = found.experiment.variants
    words = "; ".join(
        "{}: {} above 0.5, {} above 0.9".format(
            names[row], *map(percent, performance_profile(scores[row], [0.5, 0.9]))
        )
        for row in chosen
    )
    return (
        f"Share of trainings with more than a score, for all scores; {scope(found)}. {words}. "
        "Bands are 95 % bootstrap intervals; the other methods are grey."
    )
