"""What few seeds can tell: the power of a test, and who is best among how many."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from course_lib.experiments.statistics import LEVEL, power, share_best
from course_lib.figures.labels import spread_apart
from course_lib.figures.methods import Picture, color_for, percent
from course_lib.figures.style import COLORS, new_figure, shades, styled

POWER_SEEDS = (3, 5, 10, 20)


def power_picture(seeds: Sequence[int] = POWER_SEEDS, title: str | None = None) -> Picture:
    """How often Welch's test notices a difference, by its size and the number of seeds.

    Args:
        seeds: of each of the two variants, one curve each.
        title: the finding, if not the default.
    """
    difference = np.linspace(0, 4, 33)
    curves = {count: power(difference, count) for count in seeds}
    at_one = {count: float(np.interp(1, difference, curve)) for count, curve in curves.items()}
    few = 5 if 5 in curves else min(curves)
    with styled():
        figure, axes = new_figure(size=(7.0, 3.6))
        draw_power(axes, difference, curves)
        axes.set_title(
            title or f"{few} seeds show a lead of one deviation in {percent(at_one[few])} of cases"
        )
    words = "; ".join(
        f"with {count} seeds {percent(at_one[count])} of differences of one standard deviation are "
        f"noticed, 80 % from {np.interp(0.8, curve, difference):.1f} on"
        for count, curve in curves.items()
    )
    return Picture(figure, f"Power of Welch's one-sided test at {LEVEL:g}: {words}.")


def draw_power(axes: Axes, difference: np.ndarray, curves: Mapping[int, np.ndarray]) -> None:
    """One curve a number of seeds, which stands on it."""
    heights = spread_apart([0.5] * len(curves), 0.16, 0.05, 0.95)[::-1]
    colors = shades(len(curves))
    for (count, curve), color, height in zip(curves.items(), colors, heights, strict=True):
        axes.plot(difference, curve, color=color)
        axes.text(
            np.interp(height, curve, difference), height, f"{count} seeds", color=color,
            ha="center", va="center", weight="bold", fontsize=10,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    axes.axhline(LEVEL, color=COLORS["reference"], linestyle=":", linewidth=1.2)
    axes.text(3.98, LEVEL + 0.01, "false alarms", color=COLORS["reference"], ha="right", fontsize=9)
    axes.set(
        xlabel="true difference, in standard deviations from seed to seed", xlim=(0, 4),
        ylabel=f"noticed (p < {LEVEL:g})", ylim=(0, 1.02),
    )  # fmt: skip


def draw_share_best(
    axes: Axes, returns: np.ndarray, names: Sequence[str], seeds: int, show: int = 5
) -> None:
    """Bars: how often each variant has the highest mean of so many of its seeds.

    For a slider: `slider(lambda axes, seeds: draw_share_best(axes, returns, names, seeds), …)`.

    Args:
        axes: to draw on.
        returns: (variants, all seeds) of one task.
        names: (variants,).
        seeds: how many are drawn of each variant's, without replacement.
        show: how many variants, those with the highest means of all seeds, the highest on top.
    """
    share = share_best(returns, seeds)
    order = np.argsort(-np.asarray(returns).mean(-1), kind="stable")[:show]
    axes.barh(
        range(len(order)), share[order], height=0.65, color=[color_for(names[row]) for row in order]
    )
    for place, row in enumerate(order):
        axes.text(share[row] + 0.02, place, percent(share[row]), va="center", fontsize=9)
    axes.set_yticks(range(len(order)), [names[row] for row in order])
    axes.set(xlim=(0, 1.18), ylim=(len(order) - 0.5, -0.5), xlabel="share of draws it is best in")
    axes.set_xticks([0, 0.5, 1])
    axes.grid(axis="y", visible=False)
