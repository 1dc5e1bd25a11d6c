"""The natural policy gradient: the whole Fisher matrix (NPG), or products with it only (TNPG)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.algorithms.local_problem import LocalProblem
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.algorithms.trust_region import TrustRegionConfig, trust_region
from course_lib.reference import (
    conjugate_gradient,
    fisher_matrix,
    fisher_vector_product,
    natural_step,
)


@dataclass(frozen=True)
class NPGConfig(TrustRegionConfig):
    """Settings of `npg`; a small network, for the matrix has as many entries as its size squared.

    Attributes: those of `TrustRegionConfig`.
    """

    hidden: tuple[int, ...] = (16,)


@dataclass(frozen=True)
class TNPGConfig(TrustRegionConfig):
    """Settings of `tnpg`.

    Attributes:
        iterations: steps of conjugate gradient.
        tolerance: it stops earlier, when the squared residual is below this.
    """

    iterations: int = 10
    tolerance: float = 1e-10


def npg(
    environment_id: str,
    config: NPGConfig,
    seed: int,
    fisher: Callable[[Tensor], Tensor] = fisher_matrix,
    step: Callable[[Tensor, Tensor, float], Tensor] = natural_step,
    **functions: Callable[..., Any],
) -> Iterator[Progress]:
    """Natural policy gradient: form the Fisher matrix, solve with it, take the step.

    Args:
        environment_id, config, seed: as in `trust_region`.
        fisher, step: the functions of lesson 08, by default the reference.
        functions: more of them, by the names of `trust_region`'s arguments.

    Source: Kakade (2001); lecture 001, "Natural Policy Gradient".
    """

    def improve(problem: LocalProblem) -> dict[str, float]:
        # 1. How log π changes with the parameters, and its mean outer product.
        matrix = fisher(problem.scores())
        damped = matrix + config.damping * torch.eye(len(matrix))

        # 2. The steepest direction where distance is measured in nats.
        direction = torch.linalg.solve(damped, problem.gradient)

        # 3. As far as the limit allows; nobody looks whether the true KL divergence agrees.
        problem.move_to(problem.parameters + step(problem.gradient, direction, config.max_kl))
        return {}

    return trust_region(environment_id, config, seed, improve, **functions)


def tnpg(
    environment_id: str,
    config: TNPGConfig,
    seed: int,
    solve: Callable[..., Tensor] = conjugate_gradient,
    product: Callable[..., Tensor] = fisher_vector_product,
    step: Callable[[Tensor, Tensor, float], Tensor] = natural_step,
    **functions: Callable[..., Any],
) -> Iterator[Progress]:
    """Truncated natural policy gradient: a few steps of conjugate gradient, no matrix.

    Args:
        environment_id, config, seed: as in `trust_region`.
        solve, product, step: the functions of lesson 08, by default the reference.
        functions: more of them, by the names of `trust_region`'s arguments.

    Source: Schulman et al. (2015), appendix C; lecture 001, "Truncated Natural Policy Gradient".
    """

    def improve(problem: LocalProblem) -> dict[str, float]:
        direction = natural_direction(problem, config, solve, product)
        problem.move_to(problem.parameters + step(problem.gradient, direction, config.max_kl))
        return {}

    return trust_region(environment_id, config, seed, improve, **functions)


def natural_direction(
    problem: LocalProblem,
    config: TNPGConfig,
    solve: Callable[..., Tensor],
    product: Callable[..., Tensor],
) -> Tensor:
    """(D,) x with F x ≈ g, by products with the Fisher matrix F alone.

    Raises:
        ValueError: the KL divergence is not finite.
    """
    kl = problem.mean_kl()
    require_finite(problem.update, kl, kl=kl)
    return solve(
        lambda vector: product(kl, problem.weights, vector, config.damping),
        problem.gradient, config.iterations, config.tolerance,
    )  # fmt: skip
