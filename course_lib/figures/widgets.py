"""Sliders, and beside them a picture of several of their settings, so that the page can be read
without a kernel, too."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from course_lib.figures.page import PAGE_DPI, in_notebook, is_static, png_bytes, show
from course_lib.figures.style import new_figure, styled

Settings = Mapping[str, Any]
IN_A_ROW = 4
PANEL = (2.6, 2.2)
PER_AXIS = 3


def slider(
    draw: Callable[..., None],
    *,
    alt: str,
    static: Sequence[Settings] | None = None,
    title: str = "",
    labels: Mapping[str, str] | None = None,
    size: tuple[float, float] | None = None,
    **ranges: Sequence[Any],
) -> None:
    """Sliders that redraw a picture, and a static picture of some of their settings below.

        slider(lambda axes, gae_lambda: axes.bar(…), alt="…", gae_lambda=[0, 0.5, 0.9, 1])

    Args:
        draw: `draw(axes, **settings)` draws one setting.
        alt: the static picture in words.
        static: the settings in the static picture; some of each range if nothing is said.
        title: the finding of the static picture.
        labels: what ranges are called on the page, such as `{"gae_lambda": "λ"}`.
        size: of the moving picture, in inches.
        ranges: the values that each slider stops at.

    Raises:
        ValueError: there is nothing to move, or a range without values.
    """
    if not ranges or not all(len(values) for values in ranges.values()):
        raise ValueError("name at least one range, with values: slider(…, gae_lambda=[0, 0.5, 1])")
    labels = {name: (labels or {}).get(name, name) for name in ranges}
    if in_notebook() and not is_static():
        show_sliders(draw, ranges, labels, size)
    figure = small_multiples(draw, static or some_settings(ranges), labels, title)
    show(figure, alt)


def show_sliders(
    draw: Callable[..., None],
    ranges: Mapping[str, Sequence[Any]],
    labels: Mapping[str, str],
    size: tuple[float, float] | None,
) -> None:
    """One slider a range, and the picture that they change."""
    import ipywidgets
    from IPython.display import display

    picture = ipywidgets.Image(format="png")
    sliders = {}
    for name, values in ranges.items():
        options, middle = [(shown(value), value) for value in values], values[len(values) // 2]
        sliders[name] = ipywidgets.SelectionSlider(
            options=options, value=middle, description=labels[name]
        )

    def redraw(_: Any = None) -> None:
        settings = {name: one.value for name, one in sliders.items()}
        with styled():
            figure, axes = new_figure(size=size)
            draw(axes, **settings)
        picture.width = round(figure.get_figwidth() * PAGE_DPI)
        picture.value = png_bytes(figure, dpi=PAGE_DPI)

    redraw()
    for one in sliders.values():
        one.observe(redraw, "value")
    bundle = ipywidgets.VBox([*sliders.values(), picture])._repr_mimebundle_()
    display(bundle | {"text/plain": "Sliders appear here while the notebook runs."}, raw=True)


def some_settings(ranges: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """The settings of the static picture: four values of one range, or three by three of two;
    further ranges stay in their middle."""
    most = [IN_A_ROW] if len(ranges) == 1 else [PER_AXIS, PER_AXIS] + [1] * (len(ranges) - 2)
    chosen = [spread(values, count) for values, count in zip(ranges.values(), most, strict=True)]
    return [dict(zip(ranges, values, strict=True)) for values in itertools.product(*chosen)]


def spread(values: Sequence[Any], count: int) -> list[Any]:
    """`count` of the values, evenly spread with both ends; the middle one if it is one."""
    if count >= len(values):
        return list(values)
    if count == 1:
        return [values[len(values) // 2]]
    return [values[round(i * (len(values) - 1) / (count - 1))] for i in range(count)]


def small_multiples(
    draw: Callable[..., None], settings: Sequence[Settings], labels: Mapping[str, str], title: str
) -> Figure:
    """One panel a setting, all with the same axes."""
    words = {
        name: list(dict.fromkeys(shown(one[name]) for one in settings)) for name in settings[0]
    }
    varying = [name for name in words if len(words[name]) > 1]
    columns = len(words[varying[-1]]) if len(varying) == 2 else min(IN_A_ROW, len(settings))
    rows = math.ceil(len(settings) / columns)
    with styled():
        size = (PANEL[0] * columns, PANEL[1] * rows + (0.4 if title else 0))
        figure, grid = new_figure(rows, columns, size=size, sharex=True, sharey=True, squeeze=False)
        for axes, one in itertools.zip_longest(grid.flat, settings):
            if one is None:
                axes.remove()
                continue
            draw(axes, **one)
            setting = ", ".join(f"{labels[name]} = {shown(one[name])}" for name in varying)
            axes.set_title(setting, fontsize=10, fontweight="normal")
            axes.label_outer()
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure


def shown(value: Any) -> str:
    """A value as the page writes it."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)
