"""Environments of the course, batched for training and single for watching.

Importing this package registers the single ones with gymnasium."""

from course_lib.environments.probes import PROBES
from course_lib.environments.registry import BATCHED, make_vector, register_environments
from course_lib.environments.vector import BatchedEnvironment, Transition, VectorEnvironment

__all__ = [
    "BATCHED",
    "PROBES",
    "BatchedEnvironment",
    "Transition",
    "VectorEnvironment",
    "make_vector",
]

register_environments()
