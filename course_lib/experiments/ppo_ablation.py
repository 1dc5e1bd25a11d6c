"""PPO with one detail of its implementation changed at a time."""

from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from course_lib.algorithms import PPOConfig, RandomPolicyConfig, random_policy
from course_lib.experiments.detailed_ppo import DetailedPPOConfig, detailed_ppo
from course_lib.experiments.experiment import Experiment
from course_lib.experiments.ppo_table import BUDGETS, RANDOM
from course_lib.runs import RUNS, Run

PLAIN = "PPO of this course"
DECAY = "step size decays to 0"
CHANGES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        PLAIN: {},
        "advantages not normalised": {"normalize": False},
        "torch's initial weights": {"orthogonal": False},
        DECAY: {},
        "value loss clipped, ε = 0.2": {"value_clip": 0.2},
        "raw observations": {"observations": "raw"},
        "observations by running statistics": {"observations": "running statistics"},
    }
)


def ablation_run(variant: str, task: str) -> Run:
    """The run of one row on one task.

    Raises:
        ValueError: there is no such row or task.
    """
    if task not in BUDGETS:
        raise ValueError(f"no task is called {task!r}; known are {', '.join(BUDGETS)}")
    name, max_steps = BUDGETS[task]
    if variant == RANDOM:
        return Run(variant, random_policy, task, RandomPolicyConfig(), None, max_steps)
    if variant not in CHANGES:
        raise ValueError(f"no row is called {variant!r}; known are {', '.join((*CHANGES, RANDOM))}")
    known = {one.name: getattr(RUNS[name].config, one.name) for one in fields(PPOConfig)}
    decay_steps = max_steps if variant == DECAY else None
    config = DetailedPPOConfig(**{**known, "decay_steps": decay_steps})
    config = replace(config, **CHANGES[variant])
    threshold = RUNS[name].threshold
    return Run(f"{variant} on {task}", detailed_ppo, task, config, threshold, max_steps)


PPO_ABLATION = Experiment(
    name="ppo-ablation",
    question="Which details of PPO's implementation matter on small tasks?",
    variants=(*CHANGES, RANDOM),
    tasks=tuple(BUDGETS),
    seeds=3,
    run=ablation_run,
    baseline=RANDOM,
)
