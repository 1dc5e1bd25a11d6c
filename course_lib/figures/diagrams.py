"""Diagrams of data: where the episodes of a rollout end."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from course_lib.figures.page import show
from course_lib.figures.style import TEXT, new_figure, styled

INSIDE, TERMINATED, CUT = "f", "t", "c"
# What a cell looks like: the letters and the hatching say it without the colours.
CELLS: dict[str, dict[str, Any]] = {
    INSIDE: {"facecolor": "#F2F2F2", "edgecolor": "#C8C8C8"},
    TERMINATED: {"facecolor": TEXT, "edgecolor": TEXT},
    CUT: {"facecolor": "#BFE1F6", "edgecolor": "#0072B2", "hatch": "////"},
}
MEANING = {
    INSIDE: "the episode goes on",
    TERMINATED: "terminated: nothing to bootstrap from",
    CUT: "cut by the time limit: bootstrap, then a new episode",
}
MOST_STEPS = 64


def show_ends(terminated: Any, truncated: Any, title: str = "", alt: str | None = None) -> None:
    """Draw which steps of a rollout end an episode, and how.

    Args:
        terminated, truncated: (T, N) or (T,) booleans, tensors or arrays; time first. A step that
            is both is terminated.
        title: the finding.
        alt: the picture in words, if the list of the ends is not enough.

    Raises:
        ValueError: the shapes differ, or there are more than 64 steps to draw.
    """
    letters = end_letters(terminated, truncated)
    steps, envs = letters.shape
    with styled():
        figure, axes = new_figure(size=(min(7.0, 3.4 + 0.2 * steps), 1.6 + 0.34 * envs))
        draw_ends(axes, letters)
        axes.set_title(title)
        used = [letter for letter in MEANING if (letters == letter).any()]
        handles = [Patch(label=f"{letter}: {MEANING[letter]}", **CELLS[letter]) for letter in used]
        figure.legend(handles=handles, loc="outside lower left", ncols=1, handleheight=1.2)
        show(figure, alt or describe_ends(letters))


def end_letters(terminated: Any, truncated: Any) -> np.ndarray:
    """(T, N) letters: f inside an episode, t where it terminated, c where it was cut."""
    terminated, truncated = (np.asarray(ends, dtype=bool) for ends in (terminated, truncated))
    if terminated.shape != truncated.shape or terminated.ndim not in (1, 2):
        raise ValueError(
            "terminated and truncated must have one shape (T,) or (T, N), "
            f"got {terminated.shape} and {truncated.shape}"
        )
    if len(terminated) > MOST_STEPS:
        raise ValueError(f"at most {MOST_STEPS} steps can be drawn, got {len(terminated)}")
    letters = np.where(terminated, TERMINATED, np.where(truncated, CUT, INSIDE))
    return letters.reshape(len(letters), -1)


def draw_ends(axes: Axes, letters: np.ndarray) -> None:
    """One row an environment, time from left to right."""
    steps, envs = letters.shape
    for (t, env), letter in np.ndenumerate(letters):
        axes.add_patch(Rectangle((t - 0.5, env - 0.5), 1, 1, linewidth=0.8, **CELLS[letter]))
        axes.text(
            t, env, letter, ha="center", va="center", fontsize=9 if steps <= 32 else 6,
            color="white" if letter == TERMINATED else TEXT,
            weight="normal" if letter == INSIDE else "bold",
            bbox={"facecolor": "#BFE1F6", "edgecolor": "none", "pad": 1} if letter == CUT else None,
        )  # fmt: skip
    axes.set(xlim=(-0.6, steps - 0.4), ylim=(envs - 0.4, -0.6), xlabel="step t of the rollout")
    axes.set_yticks(range(envs), [f"environment {env}" for env in range(envs)])
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def describe_ends(letters: np.ndarray) -> str:
    """The picture in words."""
    steps, envs = letters.shape
    rows = []
    for env in range(envs):
        ends = [
            f"{'terminated' if letter == TERMINATED else 'cut'} at step {t}"
            for t, letter in enumerate(letters[:, env])
            if letter != INSIDE
        ]
        rows.append(f"environment {env}: {', '.join(ends) or 'no end'}")
    return f"Ends of episodes in a rollout of {steps} steps. {'; '.join(rows)}."
