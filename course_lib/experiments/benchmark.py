"""The benchmark of lecture [001] on the course's own tasks: who learns what from as many steps?"""

from typing import Any

from course_lib.algorithms import (
    A2CConfig,
    CEMConfig,
    CMAESConfig,
    DDPGConfig,
    PPOConfig,
    RandomPolicyConfig,
    ReinforceConfig,
    REPSConfig,
    RWRConfig,
    SACConfig,
    TD3Config,
    TNPGConfig,
    TRPOConfig,
    a2c,
    cem,
    cma_es,
    ddpg,
    ppo,
    random_policy,
    reinforce,
    reps,
    rwr,
    sac,
    td3,
    tnpg,
    trpo,
)
from course_lib.experiments.experiment import Experiment
from course_lib.experiments.judging import budgeted_training
from course_lib.runs import Run

RANDOM = "Random"
MUJOCO = ("Swimmer-v5", "Hopper-v5", "HalfCheetah-v5")  # where the extra `mujoco` is installed
BUDGETS = {
    "ContinuousCartPole-v0": 100_000,
    "Pendulum-v1": 100_000,
    "MountainCarContinuous-v0": 100_000,
    "ContinuousAcrobot-v0": 100_000,
    "DoublePendulum-v0": 100_000,
    **dict.fromkeys(MUJOCO, 100_000),
}
GAMMA = 0.99
ON_POLICY = {"gamma": GAMMA, "num_envs": 16, "num_steps": 128}
REPLAY = {
    "gamma": GAMMA,
    "num_envs": 16,
    "num_steps": 8,
    "num_updates": 16,
    "batch_size": 128,
    "random_steps": 1_000,
    "return_steps": 5,
}
NOISE = {"noise_std": 0.3, "first_noise_std": 1.0, "explore_steps": 50_000, "all_explore": False}
SETTINGS: dict[str, tuple[Any, Any]] = {
    RANDOM: (random_policy, RandomPolicyConfig()),
    "REINFORCE": (reinforce, ReinforceConfig()),
    "TNPG": (tnpg, TNPGConfig(**ON_POLICY)),
    "RWR": (rwr, RWRConfig(episodes_per_update=16, hidden=(64, 64), learning_rate=0.005)),
    "REPS": (reps, REPSConfig(**ON_POLICY)),
    "TRPO": (trpo, TRPOConfig(**ON_POLICY)),
    "CEM": (cem, CEMConfig(population=20, hidden=(8,))),
    "CMA-ES": (cma_es, CMAESConfig(hidden=(8,))),
    "DDPG": (ddpg, DDPGConfig(**REPLAY, **NOISE)),
    "A2C": (a2c, A2CConfig()),
    "PPO": (ppo, PPOConfig(**ON_POLICY)),
    "TD3": (td3, TD3Config(**REPLAY, **NOISE)),
    "SAC": (sac, SACConfig(**REPLAY)),
}


def benchmark_run(variant: str, task: str) -> Run:
    """The run of one algorithm on one task.

    Raises:
        ValueError: there is no such algorithm or task.
    """
    if task not in BUDGETS:
        raise ValueError(f"no task is called {task!r}; known are {', '.join(BUDGETS)}")
    if variant not in SETTINGS:
        raise ValueError(f"no row is called {variant!r}; known are {', '.join(SETTINGS)}")
    algorithm, config = SETTINGS[variant]
    return Run(f"{variant} on {task}", algorithm, task, config, None, BUDGETS[task])


BENCHMARK = Experiment(
    name="benchmark",
    question="Which algorithm learns which task, from the same number of steps?",
    variants=tuple(SETTINGS),
    tasks=tuple(BUDGETS),
    seeds=10,
    run=benchmark_run,
    baseline=RANDOM,
    points=10,
    measure=budgeted_training,
    fewer_seeds=dict.fromkeys(MUJOCO, 3),
)
