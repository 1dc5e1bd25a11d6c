"""The algorithms of the course, one readable training loop a module."""

from course_lib.algorithms.a2c import A2CConfig, a2c
from course_lib.algorithms.cem import CEMConfig, cem
from course_lib.algorithms.cma_es import CMAESConfig, cma_es
from course_lib.algorithms.ddpg import DDPGConfig, ddpg
from course_lib.algorithms.dpo import DPOConfig, dpo
from course_lib.algorithms.dqn import DQNConfig, dqn
from course_lib.algorithms.grpo import GRPOConfig, grpo
from course_lib.algorithms.natural_gradient import NPGConfig, TNPGConfig, npg, tnpg
from course_lib.algorithms.off_policy_actor_critic import (
    OffPolicyActorCriticConfig,
    off_policy_actor_critic,
)
from course_lib.algorithms.ppo import PPOConfig, ppo
from course_lib.algorithms.ppo_kl import PPOKLConfig, ppo_kl
from course_lib.algorithms.progress import Progress
from course_lib.algorithms.q_prop import QPropConfig, q_prop
from course_lib.algorithms.random_policy import RandomPolicyConfig, random_policy
from course_lib.algorithms.reinforce import ReinforceConfig, reinforce
from course_lib.algorithms.reinforce_baseline import ReinforceBaselineConfig, reinforce_baseline
from course_lib.algorithms.reps import REPSConfig, reps
from course_lib.algorithms.rwr import RWRConfig, rwr
from course_lib.algorithms.sac import SACConfig, sac
from course_lib.algorithms.sac_v import SACVConfig, sac_v
from course_lib.algorithms.soft_q_learning import SoftQLearningConfig, soft_q_learning
from course_lib.algorithms.td3 import TD3Config, td3
from course_lib.algorithms.trpo import TRPOConfig, TRPOLagrangianConfig, trpo, trpo_lagrangian
from course_lib.algorithms.world_model import WorldModelConfig, world_model

__all__ = [
    "A2CConfig",
    "CEMConfig",
    "CMAESConfig",
    "DDPGConfig",
    "DPOConfig",
    "DQNConfig",
    "GRPOConfig",
    "NPGConfig",
    "OffPolicyActorCriticConfig",
    "PPOConfig",
    "PPOKLConfig",
    "Progress",
    "QPropConfig",
    "REPSConfig",
    "RWRConfig",
    "RandomPolicyConfig",
    "ReinforceBaselineConfig",
    "ReinforceConfig",
    "SACConfig",
    "SACVConfig",
    "SoftQLearningConfig",
    "TD3Config",
    "TNPGConfig",
    "TRPOConfig",
    "TRPOLagrangianConfig",
    "WorldModelConfig",
    "a2c",
    "cem",
    "cma_es",
    "ddpg",
    "dpo",
    "dqn",
    "grpo",
    "npg",
    "off_policy_actor_critic",
    "ppo",
    "ppo_kl",
    "q_prop",
    "random_policy",
    "reinforce",
    "reinforce_baseline",
    "reps",
    "rwr",
    "sac",
    "sac_v",
    "soft_q_learning",
    "td3",
    "tnpg",
    "trpo",
    "trpo_lagrangian",
    "world_model",
]
