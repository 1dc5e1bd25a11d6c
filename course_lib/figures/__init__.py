"""Pictures with one look, alternative text for each, and trainings that can be watched.

use_style()                                    the look for every figure of a notebook
new_figure(rows=1, columns=1, size=None, **subplots) -> (Figure, axes)
COLORS: method -> colour;  shades(count) -> colours of one method under several settings
show(figure, alt)                              a figure on the page
train(progress, *, run=None, max_steps=None, label=None, environment_id=None, threshold=None,
      stop_when_solved=True, quiet=False) -> History
learning_curve(curves, *, run=None, threshold=None, metric=None, title="", ylabel=None,
      colors=None, size=None) -> Figure        curves: History, list, Band, or any by label
describe_curves(histories) -> str              alternative text for it
show_agent(policy, environment_id, seed=0, *, every=None, max_frames=100, scale=0.5, alt=None)
save_agent(path, policy, environment_id, seed=0, *, every=None, max_frames=100, scale=0.5)
show_ends(terminated, truncated, title="", alt=None)
slider(draw, *, alt, static=None, title="", labels=None, size=None, **ranges)
"""

from course_lib.figures.curves import learning_curve
from course_lib.figures.diagrams import show_ends
from course_lib.figures.history import History
from course_lib.figures.live import train
from course_lib.figures.page import show
from course_lib.figures.style import COLORS, new_figure, shades, use_style
from course_lib.figures.video import save_agent, show_agent
from course_lib.figures.widgets import slider
from course_lib.figures.words import describe_curves

__all__ = [
    "COLORS",
    "History",
    "describe_curves",
    "learning_curve",
    "new_figure",
    "save_agent",
    "shades",
    "show",
    "show_agent",
    "show_ends",
    "slider",
    "train",
    "use_style",
]
