"""The table of the PPO paper that lecture [001] shows, on small tasks: what keeps epochs honest."""

from dataclasses import fields, replace
from functools import partial
from math import inf
from typing import Any

from course_lib.algorithms import (
    PPOConfig,
    PPOKLConfig,
    RandomPolicyConfig,
    ppo,
    ppo_kl,
    random_policy,
)
from course_lib.experiments.experiment import Experiment
from course_lib.runs import RUNS, Run

RANDOM = "random policy"
# Average normalised scores of seven MuJoCo tasks and three seeds: Schulman et al. (2017),
# arXiv:1707.06347, table 1; lecture [001], "Proximal Policy Optimization 2".
PUBLISHED: dict[str, float] = {
    "no clipping or penalty": -0.39,
    "clipping, ε = 0.1": 0.76,
    "clipping, ε = 0.2": 0.82,
    "clipping, ε = 0.3": 0.70,
    "adaptive KL, target 0.003": 0.68,
    "adaptive KL, target 0.01": 0.74,
    "adaptive KL, target 0.03": 0.71,
    "fixed KL, β = 0.3": 0.62,
    "fixed KL, β = 1": 0.71,
    "fixed KL, β = 3": 0.72,
    "fixed KL, β = 10": 0.69,
}
CLIPPED = {
    "no clipping or penalty": inf,
    "clipping, ε = 0.1": 0.1,
    "clipping, ε = 0.2": 0.2,
    "clipping, ε = 0.3": 0.3,
}
ADAPTIVE = {
    "adaptive KL, target 0.003": 0.003,
    "adaptive KL, target 0.01": 0.01,
    "adaptive KL, target 0.03": 0.03,
}
FIXED = {
    "fixed KL, β = 0.3": 0.3,
    "fixed KL, β = 1": 1.0,
    "fixed KL, β = 3": 3.0,
    "fixed KL, β = 10": 10.0,
}
# Everything but the row's own line is the same in all rows: the settings of the course's PPO, which
# were found with ε = 0.2.
# Budgets are short: a task that every row has solved says nothing about the rows.
BUDGETS = {
    "Pendulum-v1": ("ppo-pendulum", 24_000),
    "ContinuousCartPole-v0": ("ppo-continuous-cartpole", 16_000),
    "CartPole-v1": ("ppo-cartpole", 12_000),
}


def keep(kl_coef: float, kl: Any, target_kl: float) -> float:
    """The price of moving as it was: a fixed one."""
    return kl_coef


def with_price(config: PPOConfig, **settings: float) -> PPOKLConfig:
    """The same settings for the loop with a penalty."""
    names = {one.name for one in fields(PPOKLConfig)} & {one.name for one in fields(PPOConfig)}
    shared = {name: getattr(config, name) for name in names}
    return PPOKLConfig(**shared, **settings)


def table_run(variant: str, task: str) -> Run:
    """The run of one row on one task.

    Raises:
        ValueError: there is no such row or task.
    """
    if task not in BUDGETS:
        raise ValueError(f"no task is called {task!r}; known are {', '.join(BUDGETS)}")
    name, max_steps = BUDGETS[task]
    config = RUNS[name].config
    if variant in CLIPPED:
        algorithm, config = ppo, replace(config, clip_epsilon=CLIPPED[variant])
    elif variant in ADAPTIVE:
        algorithm, config = ppo_kl, with_price(config, target_kl=ADAPTIVE[variant])
    elif variant in FIXED:
        algorithm, config = partial(ppo_kl, adapt=keep), with_price(config, kl_coef=FIXED[variant])
    elif variant == RANDOM:
        algorithm, config = random_policy, RandomPolicyConfig()
    else:
        known = ", ".join((*PUBLISHED, RANDOM))
        raise ValueError(f"no row is called {variant!r}; known are {known}")
    return Run(f"{variant} on {task}", algorithm, task, config, RUNS[name].threshold, max_steps)


PPO_TABLE = Experiment(
    name="ppo-table",
    question="What keeps several epochs on the same data honest: nothing, a clip or a price?",
    variants=(*PUBLISHED, RANDOM),
    tasks=tuple(BUDGETS),
    seeds=3,
    run=table_run,
    baseline=RANDOM,
)
