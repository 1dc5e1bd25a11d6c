"""What every judge needs, imported once in the process that the judges are forked from.

Only that process imports this module. Nothing here may compute with torch: a pool of threads does
not survive a fork.
"""

import contextlib
import gc
import importlib
import os
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C while it starts is the grader's, too.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
for name in ("numpy", "torch", "course_lib.checks", "autograde.grading.judge"):
    with contextlib.suppress(ImportError):  # The judge that needs it will say what is missing.
        importlib.import_module(name)
gc.collect()
gc.freeze()  # The collector would go through all of it again and again, in every judge.
