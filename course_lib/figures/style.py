"""One look for all pictures of the course: colours by method, sizes, an empty figure.

Putting a figure on the page lives in page.py."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito's palette, which colour-blind readers can tell apart (yellow is too pale for lines),
# and three of Paul Tol's "muted" scheme. A colour belongs to one method in all lessons.
COLORS: Mapping[str, str] = MappingProxyType(
    {
        "reinforce": "#E69F00",
        "a2c": "#0072B2",
        "trpo": "#009E73",
        "ppo": "#CC79A7",
        "dqn": "#999933",
        "ddpg": "#56B4E9",
        "td3": "#332288",
        "sac": "#882255",
        "wrong": "#D55E00",
        "reference": "#767676",
        "exact": "#000000",
    }
)
TEXT = "#222222"
FAINT = "#BBBBBB"
# Matplotlib's "cividis", dark to light, without its palest third, which vanishes on white.
SHADES = (0.0, 0.7)

RC: Mapping[str, Any] = MappingProxyType(
    {
        "figure.figsize": (7.0, 3.6),
        "figure.dpi": 100,
        "figure.facecolor": "white",
        "figure.constrained_layout.use": True,
        "savefig.facecolor": "white",
        "font.family": "DejaVu Sans",
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.labelsize": 11,
        "axes.labelcolor": TEXT,
        "axes.edgecolor": "#555555",
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": matplotlib.cycler(
            color=[COLORS[name] for name in ("a2c", "reinforce", "trpo", "ppo", "ddpg", "wrong")]
        ),
        "grid.color": "#E6E6E6",
        "grid.linewidth": 0.8,
        "text.color": TEXT,
        "xtick.color": "#444444",
        "ytick.color": "#444444",
        "xtick.labelsize": 10,
        "ytick.labelsize": 10,
        "legend.frameon": False,
        "legend.fontsize": 10,
        "lines.linewidth": 2.0,
        "lines.solid_capstyle": "round",
    }
)


def use_style() -> None:
    """Give every figure that is made from now on the course's look, `plt.subplots()` included.

    A lesson calls it once, in its first cell.
    """
    matplotlib.rcParams.update(RC)


@contextmanager
def styled() -> Iterator[None]:
    """The course's look for what is drawn inside, and the settings as they were afterwards."""
    with matplotlib.rc_context(dict(RC)):
        yield


def new_figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None, **subplots: Any
) -> tuple[Figure, Any]:
    """An empty figure in the course's look, and its axes as `plt.subplots` would return them.

    Unlike pyplot's, it does not appear by itself at the end of a cell: `show(figure, alt=…)` puts
    it on the page.

    Args:
        rows, columns: how many axes.
        size: width and height in inches, 100 points of the page each.
        subplots: further arguments of `Figure.subplots`, such as `sharey=True`.
    """
    with styled():
        figure = Figure(figsize=size)
        return figure, figure.subplots(rows, columns, **subplots)


def color_of(name: str) -> str | None:
    """The colour of the method that a label begins with, such as "a2c, λ = 0.95"; else `None`."""
    words = name.lower().replace("-", " ").replace(",", " ").split()
    return COLORS.get(words[0]) if words else None


def shades(count: int) -> list[str]:
    """Colours from dark to light for one method under several settings, such as values of λ."""
    first, last = SHADES
    places = [first + (last - first) * i / max(count - 1, 1) for i in range(count)]
    return [matplotlib.colors.to_hex(matplotlib.colormaps["cividis"](place)) for place in places]
