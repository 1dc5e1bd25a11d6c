"""The algorithms of the course, one readable training loop a module."""

from course_lib.algorithms.a2c import A2CConfig, a2c
from course_lib.algorithms.natural_gradient import NPGConfig, TNPGConfig, npg, tnpg
from course_lib.algorithms.ppo import PPOConfig, ppo
from course_lib.algorithms.ppo_kl import PPOKLConfig, ppo_kl
from course_lib.algorithms.progress import Progress
from course_lib.algorithms.reinforce import ReinforceConfig, reinforce
from course_lib.algorithms.trpo import TRPOConfig, TRPOLagrangianConfig, trpo, trpo_lagrangian

__all__ = [
    "A2CConfig",
    "NPGConfig",
    "PPOConfig",
    "PPOKLConfig",
    "Progress",
    "ReinforceConfig",
    "TNPGConfig",
    "TRPOConfig",
    "TRPOLagrangianConfig",
    "a2c",
    "npg",
    "ppo",
    "ppo_kl",
    "reinforce",
    "tnpg",
    "trpo",
    "trpo_lagrangian",
]
