"""What pictures of a benchmark share: the look of methods, the rows, how much is behind."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from course_lib.experiments import Results
from course_lib.figures.style import COLORS, TEXT, color_of

SCORE = "score (0: random policy, 1: best training)"
# Lines say by their form what a method learns from; colour alone would not do for thirteen.
SOLID, DASHED, DOTTED = "-", (0, (5, 1.5)), (0, (1, 1.2))
FORMS = {"ddpg": DASHED, "td3": DASHED, "sac": DASHED} | dict.fromkeys(
    ("rwr", "reps", "cem", "cma", "random"), DOTTED
)
FORMS_IN_WORDS = "dashed: learns from a replay buffer\ndotted: search or weighted regression"


class Picture(NamedTuple):
    """A figure and what it shows in words: the two arguments of `show`."""

    figure: Figure
    alt: str


def color_for(variant: str) -> str:
    """A method's colour in this course; dark grey for those that have none."""
    return color_of(variant) or (COLORS["reference"] if variant == "Random" else TEXT)


def form_of(variant: str) -> str | tuple:
    """Solid, dashed or dotted."""
    return FORMS.get(variant.lower().partition("-")[0], SOLID)


def percent(share: float) -> str:
    """A share as one reads it."""
    return f"{100 * share:.0f} %"


def require_results(found: Results) -> None:
    """At least one task on which all variants were trained."""
    if not found.columns:
        raise ValueError(
            f"{found.experiment.name} has no task and seed that all of its variants were trained "
            f"on; complete it: {found.made_by}"
        )


def learners(found: Results) -> list[int]:
    """The rows of all variants but the baseline."""
    one = found.experiment
    return [row for row, name in enumerate(one.variants) if name != one.baseline]


def tasks_of(found: Results) -> list[str]:
    """The task of each column."""
    return [task for task, _ in found.columns]


def mean_of_tasks(found: Results, values: np.ndarray) -> np.ndarray:
    """The mean over seeds, then over tasks, so that more seeds are no more weight.

    (variants, columns, …) → (variants, …).
    """
    return np.mean([values[:, places].mean(1) for places in found.places().values()], axis=0)


def scope(found: Results) -> str:
    """How much stands behind one number of a variant."""
    places = found.places()
    seeds = sorted({len(at) for at in places.values()})
    each = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    tasks = "1 task" if len(places) == 1 else f"{len(places)} tasks"
    return f"{tasks}, {each} seeds each"
