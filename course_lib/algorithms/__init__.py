"""The algorithms of the course, one readable training loop a module."""

from course_lib.algorithms.a2c import A2CConfig, a2c
from course_lib.algorithms.progress import Progress
from course_lib.algorithms.reinforce import ReinforceConfig, reinforce

__all__ = ["A2CConfig", "Progress", "ReinforceConfig", "a2c", "reinforce"]
