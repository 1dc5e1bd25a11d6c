"""Learning curves: all seeds thin, their median thick, the reference band behind, the goal a line.

Running the training lives in live.py."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from course_lib.figures.history import History, Recorder
from course_lib.figures.style import COLORS, RC, TEXT, color_of, new_figure, styled
from course_lib.runs import RUNS, Band, reference_band

Curves = Sequence[tuple[np.ndarray, np.ndarray]]
Group = History | Band | Sequence[History]
RETURN = "return of an episode"
BAND = (10, 90)  # per cent of the reference seeds that lie below its lower and upper edge


def learning_curve(
    curves: Group | Mapping[str, Group],
    *,
    run: str | None = None,
    threshold: float | None = None,
    metric: str | None = None,
    title: str = "",
    ylabel: str | None = None,
    colors: Mapping[str, str] | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """A figure of returns against environment steps; put it on the page with `show(figure, alt=…)`.

    Args:
        curves: one history (its training episodes are drawn as dots), several seeds of it, a band,
            or any of these by label.
        run: a name in `RUNS`, for its reference band and its threshold.
        threshold: the return that counts as solved, if it is not the run's.
        metric: draw this of `History.metrics` instead of the returns, without band and threshold.
        title: the finding.
        ylabel: what the vertical axis shows, if the default does not fit.
        colors: by label; else a label's first word is looked up in `COLORS`, and what is not there
            takes the colours of the style in turn.
        size: width and height in inches.
    """
    with styled():
        figure, axes = new_figure(size=size)
        if metric is None:
            draw_reference(axes, run, threshold)
        if metric is None and isinstance(curves, History):
            draw_run(axes, curves, curves.label, curves.judged_by)
        else:
            draw_groups(axes, as_groups(curves, metric), colors or {})
        finish_axes(axes, title, ylabel or metric or RETURN)
        zoom(axes, last_step(curves, metric))
        if len(axes.get_legend_handles_labels()[0]) > 1:
            axes.legend(loc="best")
    return figure


def draw_groups(axes: Axes, groups: Mapping[str, Curves], colors: Mapping[str, str]) -> None:
    """Every group in its colour."""
    spare = iter(RC["axes.prop_cycle"].by_key()["color"] * len(groups))
    for label, seeds in groups.items():
        draw_seeds(axes, seeds, colors.get(label) or color_of(label) or next(spare), label)


def as_groups(curves: Group | Mapping[str, Group], metric: str | None) -> dict[str, Curves]:
    """Label → the (steps, values) of each seed."""
    if isinstance(curves, Mapping):
        return {label: as_curves(group, metric) for label, group in curves.items()}
    if isinstance(curves, History):
        return {curves.label: as_curves(curves, metric)}
    if isinstance(curves, Band):
        return {"reference": as_curves(curves, metric)}
    return {curves[0].label: as_curves(curves, metric)} if curves else {}


def as_curves(group: Group, metric: str | None) -> Curves:
    """The (steps, values) of each seed."""
    if isinstance(group, Band):
        return [(group.env_steps, returns) for returns in group.returns]
    histories = [group] if isinstance(group, History) else group
    if metric is None:
        return [(one.env_steps, one.returns) for one in histories]
    return [(one.update_steps, one.metrics[metric]) for one in histories]


def draw_seeds(axes: Axes, curves: Curves, color: str, label: str) -> None:
    """All seeds as thin lines and their median as a thick one; a single seed is the thick one."""
    if len(curves) > 1:
        for steps, values in curves:
            axes.plot(steps, values, color=color, linewidth=0.8, alpha=0.45)
    axes.plot(*median_curve(curves), color=color, linewidth=2.4, label=label)


def median_curve(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
    """The median over seeds, as far as the shortest run goes: beyond, runs that stopped would be
    left out and the median would change its meaning."""
    curves = [(steps, values) for steps, values in curves if len(steps)]
    if not curves:
        return np.array([]), np.array([])
    if len(curves) == 1:
        return curves[0]
    first, last = max(steps[0] for steps, _ in curves), min(steps[-1] for steps, _ in curves)
    grid = np.unique(np.concatenate([steps for steps, _ in curves]))
    grid = grid[(first <= grid) & (grid <= last)]
    return grid, np.median([np.interp(grid, steps, values) for steps, values in curves], axis=0)


def draw_run(axes: Axes, run: History | Recorder, label: str, judged_by: str) -> list[Line2D]:
    """One run: every training episode as a faint dot, and how good the policy was found to be.

    Returns the two artists, so that `update_run` can move them.
    """
    color = color_of(label) or TEXT
    (dots,) = axes.plot(
        [], [], linestyle="", marker=".", markersize=5, color=color, alpha=0.35, zorder=1.5,
        markeredgewidth=0, label="training episodes",
    )  # fmt: skip
    (line,) = axes.plot(
        [], [], color=color, marker="o", markersize=4, linewidth=2.4, label=f"mean of {judged_by}"
    )
    update_run([dots, line], run)
    return [dots, line]


def update_run(artists: list[Line2D], run: History | Recorder) -> None:
    """Draw a run as it is now."""
    artists[0].set_data(run.episode_steps, run.episode_returns)
    artists[1].set_data(run.env_steps, run.returns)
    artists[0].axes.relim()
    artists[0].axes.autoscale_view()


def draw_reference(axes: Axes, run: str | None, threshold: float | None = None) -> None:
    """A run's band and threshold, as far as there are any."""
    band = stored_band(run)
    if band is not None:
        low, high = np.percentile(band.returns, BAND, axis=0)
        label = f"{BAND[1] - BAND[0]} % of {len(band.returns)} reference seeds"
        axes.fill_between(
            band.env_steps, low, high, color=COLORS["reference"], alpha=0.22, linewidth=0,
            label=label,
        )  # fmt: skip
    if threshold is None and run is not None:
        threshold = RUNS[run].threshold
    if threshold is not None:
        draw_threshold(axes, threshold)


def draw_threshold(axes: Axes, threshold: float) -> None:
    """A dashed line, its name on it."""
    axes.axhline(threshold, color="#444444", linewidth=1.2, linestyle=(0, (5, 3)))
    axes.annotate(
        f"solved: {threshold:g}", (0.01, threshold), (0, 3), textcoords="offset points",
        xycoords=axes.get_yaxis_transform(), va="bottom", fontsize=9, color="#444444",
    )  # fmt: skip


def stored_band(run: str | None) -> Band | None:
    """The band of a run, if one is stored; a new run has none until it is made."""
    if run is None:
        return None
    try:
        return reference_band(run)
    except FileNotFoundError:
        return None


def finish_axes(axes: Axes, title: str, ylabel: str) -> None:
    """What the axes say."""
    axes.set(xlabel="environment steps", ylabel=ylabel, title=title)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,.0f}"))
    axes.set_xlim(left=0)
    if axes.dataLim.ymin >= 0:
        axes.set_ylim(bottom=0)


def last_step(curves: Group | Mapping[str, Group], metric: str | None) -> float:
    """Where the last curve ends; 0 if there is none."""
    if isinstance(curves, History):
        return max(curves.update_steps, default=0)
    groups = as_groups(curves, metric).values()
    return max((steps[-1] for seeds in groups for steps, _ in seeds if len(steps)), default=0)


def zoom(axes: Axes, last: float) -> None:
    """End the axes a little after the last curve, for a band may go on much longer, and leave room
    for what stands above the threshold."""
    if last:
        axes.set_xlim(0, 1.04 * last)
    low, high = axes.get_ylim()
    highest = max((text.xy[1] for text in axes.texts), default=low)
    axes.set_ylim(low, max(high, highest + 0.1 * (high - low)))
