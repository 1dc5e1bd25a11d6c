"""Whether somebody sits before a notebook, or the page is being built."""

import os
import sys

STATIC = "COURSE_STATIC"  # in the environment: the page is being built, nobody sits before it


def is_static() -> bool:
    """Whether the page is being built: sliders and measured times, which differ, are left out."""
    return bool(os.environ.get(STATIC))


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code, so that pictures can be shown."""
    # Without IPython in memory there is no kernel, and importing it would cost a script a second.
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return shell is not None and hasattr(shell, "kernel")
