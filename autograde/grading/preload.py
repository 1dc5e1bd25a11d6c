"""What every submission needs, imported once in the process that the workers are forked from.

Only that process imports this module. Nothing here may compute with torch: a pool of threads does
not survive a fork.
"""

import contextlib
import importlib
import os

os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    MPLBACKEND="module://matplotlib_inline.backend_inline",
    SDL_VIDEODRIVER="dummy",
)
MODULES = (
    "numpy",
    "torch",
    "matplotlib.pyplot",
    "course_lib.checks",
    "course_lib.environments",
    "course_lib.figures",
    "autograde.grading.recording",
    "autograde.grading.worker",
)
for name in MODULES:
    with contextlib.suppress(ImportError):  # A worker that needs it will say what is missing.
        importlib.import_module(name)
