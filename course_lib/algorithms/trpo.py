"""TRPO: a trust region that is kept, by a line search or by a price on leaving it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.algorithms.local_problem import LocalProblem
from course_lib.algorithms.natural_gradient import TNPGConfig, natural_direction
from course_lib.algorithms.optimising import share_left
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.algorithms.trust_region import TrustRegionConfig, trust_region
from course_lib.reference import (
    conjugate_gradient,
    fisher_vector_product,
    line_search,
    natural_step,
    trpo_multiplier,
)


@dataclass(frozen=True)
class TRPOConfig(TNPGConfig):
    """Settings of `trpo`; the defaults learn CartPole-v1.

    Attributes:
        backtrack_ratio: the factor by which the line search shortens a step.
        max_backtracks: how many lengths it tries.
        decay_steps: environment steps over which `max_kl` falls to 0; `None` keeps it.
    """

    backtrack_ratio: float = 0.8
    max_backtracks: int = 10
    decay_steps: int | None = None


@dataclass(frozen=True)
class TRPOLagrangianConfig(TrustRegionConfig):
    """Settings of `trpo_lagrangian`; the defaults learn CartPole-v1.

    Attributes:
        ascent_steps: gradient steps on the policy an update, each over the whole batch.
        learning_rate: Adam's step size for them.
        multiplier: λ, the price of a nat in the first update.
        multiplier_step_size: of λ's own ascent.
    """

    ascent_steps: int = 20
    learning_rate: float = 3e-3
    multiplier: float = 1.0
    multiplier_step_size: float = 10.0


def trpo(
    environment_id: str,
    config: TRPOConfig,
    seed: int,
    solve: Callable[..., Tensor] = conjugate_gradient,
    product: Callable[..., Tensor] = fisher_vector_product,
    step: Callable[[Tensor, Tensor, float], Tensor] = natural_step,
    search: Callable[..., tuple[Tensor, bool]] = line_search,
    **functions: Callable[..., Any],
) -> Iterator[Progress]:
    """Trust region policy optimisation: the natural step, shortened until it keeps its promise.

    Args:
        environment_id, config, seed: as in `trust_region`.
        solve, product, step, search: the functions of lesson 08, by default the reference.
        functions: more of them, by the names of `trust_region`'s arguments.

    Source: Schulman et al. (2015), arXiv:1502.05477; lecture 001, "Trust Region Policy
    Optimization".
    """

    def improve(problem: LocalProblem) -> dict[str, float]:
        acted_before = (problem.update - 1) * config.num_steps * config.num_envs
        max_kl = config.max_kl * share_left(acted_before, config.decay_steps)
        direction = natural_direction(problem, config, solve, product)
        parameters, accepted = search(
            problem.objective, problem.kl, problem.parameters,
            step(problem.gradient, direction, max_kl),
            max_kl, config.backtrack_ratio, config.max_backtracks,
        )  # fmt: skip
        problem.move_to(parameters)
        return {"accepted": float(accepted)}

    return trust_region(environment_id, config, seed, improve, **functions)


def trpo_lagrangian(
    environment_id: str,
    config: TRPOLagrangianConfig,
    seed: int,
    multiplier: Callable[..., float] = trpo_multiplier,
    **functions: Callable[..., Any],
) -> Iterator[Progress]:
    """TRPO with the constraint as a price: up with L − λ KL by θ, down with it by λ.

    Args:
        environment_id, config, seed: as in `trust_region`.
        multiplier: the function of lesson 08 that moves λ, by default the reference.
        functions: more of them, by the names of `trust_region`'s arguments.

    Source: lecture 001, "Trust Region Policy Optimization" (L(θ', λ)).
    """
    price = config.multiplier
    optimizer = None

    def improve(problem: LocalProblem) -> dict[str, float]:
        nonlocal price, optimizer
        if optimizer is None:
            optimizer = torch.optim.Adam(problem.weights, config.learning_rate, fused=True)
        for _ in range(config.ascent_steps):
            # 1. The policy climbs what it gains, minus the price of how far it has gone.
            kl, gain = problem.mean_kl(), problem.gain()
            loss = price * kl - gain
            require_finite(problem.update, loss, kl=kl, gain=gain)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

            # 2. The price rises while the policy is too far, and falls while it is near.
            price = multiplier(
                price, problem.mean_kl().detach(), config.max_kl, config.multiplier_step_size
            )
        return {"multiplier": price}

    return trust_region(environment_id, config, seed, improve, **functions)
