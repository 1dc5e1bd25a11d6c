"""Environments of the course, batched for training and single for watching.

Importing this package registers the single ones with gymnasium."""

from course_lib.environments.grid_worlds import grid_world, two_way_maze
from course_lib.environments.lqr import ScalarLQR
from course_lib.environments.probes import PROBES
from course_lib.environments.registry import BATCHED, make_vector, register_environments
from course_lib.environments.tabular import Layout, TabularEnvironment, TabularMDP, random_mdp
from course_lib.environments.vector import BatchedEnvironment, Transition, VectorEnvironment

__all__ = [
    "BATCHED",
    "PROBES",
    "BatchedEnvironment",
    "Layout",
    "ScalarLQR",
    "TabularEnvironment",
    "TabularMDP",
    "Transition",
    "VectorEnvironment",
    "grid_world",
    "make_vector",
    "random_mdp",
    "two_way_maze",
]

register_environments()
