"""Labels that stand beside what they name, apart from each other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from course_lib.figures.style import FAINT


def spread_apart(places: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Places that are moved as little as possible, in the same order and `gap` apart.

    Args:
        places: where labels would like to stand.
        gap: the least distance of two neighbours; less, if there is no room for it.
        low, high: no label stands outside.
    """
    places = np.asarray(places, dtype=float)
    count = len(places)
    gap = min(gap, (high - low) / max(count - 1, 1))
    order = np.argsort(places, kind="stable")
    # Without the gaps, neighbours that overlap are pooled at their mean: a monotone regression.
    pools: list[list[float]] = []
    for rank, place in enumerate(places[order]):
        pools.append([place - rank * gap, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (first, one), (second, two) = pools[-2:]
            pools[-2:] = [[(first * one + second * two) / (one + two), one + two]]
    level = np.repeat([pool[0] for pool in pools], [int(pool[1]) for pool in pools])
    moved = level.clip(low, high - (count - 1) * gap) + gap * np.arange(count)
    return moved[np.argsort(order, kind="stable")]


def label_ends(
    axes: Axes,
    ends: Sequence[tuple[float, float]],
    labels: Sequence[str],
    colors: Sequence[str],
    fontsize: float = 9,
) -> None:
    """Write labels into the margin on the right of the axes, each with a thin line to its point.

    Call it when the limits of the axes are final.

    Args:
        ends: (x, y) of the points, in the axes' data.
        labels, colors: one a point.
        fontsize: in points; labels are so far apart that they do not touch.
    """
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height / axes.figure.dpi * 72  # points, before any layout
    gap = 1.15 * fontsize / height * (high - low)
    heights = spread_apart([y for _, y in ends], gap, low, high)
    for (x, y), place, label, color in zip(ends, heights, labels, colors, strict=True):
        axes.annotate(
            label, (x, y), (1.03, place), textcoords=axes.get_yaxis_transform(), color=color,
            fontsize=fontsize, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "shrinkA": 1,
                        "shrinkB": 3},
        )  # fmt: skip
