"""The natural gradient: Fisher matrices, products with them, and the equations they pose."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_not_negative,
    require_same_shape,
    require_shape,
)


def fisher_matrix(score: Tensor) -> Tensor:
    """The Fisher information matrix from sampled scores.

        F = 1/n Σ_i g_i g_iᵀ,   g = ∇log π(a|s),   KL(π_θ‖π_{θ+δ}) ≈ ½ δᵀ F δ

    Args:
        score: (n, D) one score a row.

    Returns:
        (D, D) symmetric, no eigenvalue below 0.

    Raises:
        ValueError: `score` is not a matrix with at least one row.

    Source: Amari (1998); lecture 001, "Natural Policy Gradient".
    """
    require_dimensions("score", score, 2)
    require_at_least("the number of scores", len(score), 1)
    return score.mT @ score / len(score)


def fisher_vector_product(
    kl: Tensor, parameters: Sequence[Tensor], vector: Tensor, damping: float
) -> Tensor:
    """A product with the Fisher matrix, which is never formed.

        (∇²KL + damping · I) v,   ∇²KL · v = ∇( (∇KL)ᵀ v )

    At the point where the two distributions agree, the Hessian of the KL divergence is the Fisher
    matrix. Two passes of autograd give its product with v; D² numbers are never needed.

    Args:
        kl: () the mean KL divergence from the policy as it was (detached) to the policy as it is.
            Its graph survives, for the next product.
        parameters: a sequence of the tensors that kl depends on, D entries in all.
        vector: (D,) v, in the order of `parameters`.
        damping: added to the diagonal, at least 0; keeps the matrix well conditioned.

    Returns:
        (D,) the product, without a gradient.

    Raises:
        ValueError: kl is not a scalar, `vector` does not fit, or the damping is negative.

    Source: Pearlmutter (1994); Schulman et al. (2015), arXiv:1502.05477, appendix C.1; lecture 001,
    "Truncated Natural Policy Gradient".
    """
    parameters = tuple(parameters)
    require_shape("kl", kl, ())
    require_shape("vector", vector, (sum(parameter.numel() for parameter in parameters),))
    require_not_negative("damping", damping)
    vector = vector.detach()
    with torch.enable_grad():
        slope = flat(torch.autograd.grad(kl, parameters, create_graph=True, materialize_grads=True))
        along = slope @ vector
    product = torch.autograd.grad(along, parameters, retain_graph=True, materialize_grads=True)
    return flat(product) + damping * vector


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """(D,) all entries of the tensors, one after the other."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


@torch.no_grad()
def conjugate_gradient(
    matvec: Callable[[Tensor], Tensor], b: Tensor, iterations: int, tolerance: float
) -> Tensor:
    """Solve A x = b for a symmetric positive definite A that is known by its products alone.

        α = rᵀr / pᵀAp,   x ← x + α p,   r ← r − α A p,   β = r'ᵀr' / rᵀr,   p ← r + β p

    from x = 0, r = p = b. Each direction is conjugate to all before it, so no step is undone, and
    D steps would be exact; a few are enough for a direction to go in.

    Args:
        matvec: v (D,) → A v (D,).
        b: (D,) the right-hand side.
        iterations: at most this many steps.
        tolerance: stop, also before the first step, when rᵀr is below it.

    Returns:
        (D,) x, without a gradient.

    Raises:
        ValueError: `b` is not a vector, `matvec` changes its shape, or a number is negative.

    Source: Hestenes and Stiefel (1952); lecture 001, "Truncated Natural Policy Gradient".
    """
    require_dimensions("b", b, 1)
    require_at_least("iterations", iterations, 0)
    require_not_negative("tolerance", tolerance)
    x, residual = torch.zeros_like(b), b
    direction, squared_norm = residual, residual @ residual
    for _ in range(iterations):
        if squared_norm < tolerance or squared_norm == 0:
            break
        image = matvec(direction)
        require_shape("matvec(direction)", image, tuple(b.shape))
        step = squared_norm / (direction @ image)
        x = x + step * direction
        residual = residual - step * image
        previous, squared_norm = squared_norm, residual @ residual
        direction = residual + squared_norm / previous * direction
    return x


def natural_step(gradient: Tensor, direction: Tensor, max_kl: float) -> Tensor:
    """The longest step along the natural gradient whose KL divergence stays within the limit.

        step = x sqrt(2 ε / (gᵀ x)),   x = F⁻¹ g   ⇒   ½ stepᵀ F step = ε

    If gᵀx is not positive, x is no direction of ascent (CG was stopped too early, or F is not
    positive definite), and the step is zero.

    Args:
        gradient: (D,) g.
        direction: (D,) x, solving F x = g.
        max_kl: ε ≥ 0.

    Returns:
        (D,) the step to add to the parameters.

    Raises:
        ValueError: the two tensors differ in shape, or ε is negative.

    Source: Schulman et al. (2015), appendix C; lecture 001, "Natural Policy Gradient", where the
    step size reads sqrt(2ε/(gᵀ F g)): it must be sqrt(2ε/(gᵀ F⁻¹ g)).
    """
    require_dimensions("gradient", gradient, 1)
    require_same_shape(gradient=gradient, direction=direction)
    require_not_negative("max_kl", max_kl)
    slope = gradient @ direction
    if not slope > 0:
        return torch.zeros_like(direction)
    # Two roots, since 2ε/(gᵀx) overflows float32 where the policy is nearly certain.
    return direction * ((2 * max_kl) ** 0.5 / slope.sqrt())
