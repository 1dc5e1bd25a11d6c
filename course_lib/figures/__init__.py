"""Pictures with one look: `use_style`, `new_figure`, `show`, `COLORS`, `learning_curve`, `train`,
`show_agent`."""

from course_lib.figures.curves import learning_curve
from course_lib.figures.history import History
from course_lib.figures.live import train
from course_lib.figures.page import show
from course_lib.figures.style import COLORS, new_figure, shades, use_style
from course_lib.figures.video import save_agent, show_agent

__all__ = [
    "COLORS",
    "History",
    "learning_curve",
    "new_figure",
    "save_agent",
    "shades",
    "show",
    "show_agent",
    "train",
    "use_style",
]
