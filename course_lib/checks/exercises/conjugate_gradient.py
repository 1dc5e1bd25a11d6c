"""The exercise `conjugate_gradient`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.callables import Matrix
from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.natural_gradient import conjugate_gradient


def cases(generator: torch.Generator) -> list[Case]:
    """Too few steps, and enough; a tolerance that ends it early, nothing to solve, no step."""

    def system(size: int, iterations: int, tolerance: float = 1e-10) -> dict:
        root = normal(generator, size, size)
        matrix = root @ root.T / size + 0.5 * torch.eye(size, dtype=torch.float64)
        return {
            "matvec": Matrix(matrix),
            "b": 2 * normal(generator, size),
            "iterations": iterations,
            "tolerance": tolerance,
        }

    early, late = system(6, 6), system(5, 5)
    early["tolerance"] = 0.02 * float(early["b"] @ early["b"])
    late["tolerance"] = 0.9 * float(late["b"] @ late["b"])
    zero, small = system(3, 3), system(4, 4)
    zero["b"] = torch.zeros(3, dtype=torch.float64)
    small["tolerance"] = 1.5 * float(small["b"] @ small["b"])
    return [
        Case("three unknowns, two steps", system(3, 2)),
        Case("five unknowns, three steps", system(5, 3)),
        Case("four unknowns, as many steps: exact", system(4, 4)),
        Case("more steps than it takes", system(3, 9), EDGE),
        Case("a tolerance that is reached early", early, EDGE),
        Case("a tolerance just below the first residual", late, EDGE),
        Case("a tolerance that holds before the first step", small, EDGE),
        Case("nothing to solve: b = 0", zero, EDGE),
        Case("no step at all", system(3, 0), EDGE),
        Case("one unknown", system(1, 1), EDGE),
    ]


def solve(matvec, b, iterations, tolerance, *, alpha=None, beta=None, residual_step=1.0, step=1.0,
          first_stop=True, later_stop=True, square=True):  # fmt: skip
    """What all wrong versions share: conjugate gradient with one thing exchanged."""
    x, residual = torch.zeros_like(b), b.clone()
    direction, old = residual.clone(), residual @ residual
    for i in range(iterations):
        size = old if square else old.sqrt()
        if (first_stop if i == 0 else later_stop) and size < tolerance:
            break
        image = matvec(direction)
        length = alpha(old, direction, image) if alpha else old / (direction @ image)
        x = x + step * length * direction
        residual = residual - residual_step * length * image
        new = residual @ residual
        direction = residual + (beta(new, old) if beta else new / old) * direction
        old = new
    return x, residual, direction


def starts_at_b(matvec, b, iterations, tolerance) -> Tensor:
    return b + solve(matvec, b, iterations, tolerance)[0]


def length_upside_down(matvec, b, iterations, tolerance) -> Tensor:
    return solve(
        matvec, b, iterations, tolerance, alpha=lambda old, p, image: (p @ image) / old
    )[0]  # fmt: skip


def matrix_forgotten(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, alpha=lambda old, p, image: old / (p @ p))[0]


def fixed_length(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, alpha=lambda old, p, image: 0.1)[0]


def minus_step(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, step=-1.0)[0]


def residual_kept(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, residual_step=0.0)[0]


def residual_grows(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, residual_step=-1.0)[0]


def beta_upside_down(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, beta=lambda new, old: old / new)[0]


def steepest_descent(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, beta=lambda new, old: 0.0)[0]


def beta_of_lengths(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, beta=lambda new, old: (new / old).sqrt())[0]


def beta_minus(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, beta=lambda new, old: -new / old)[0]


def one_step(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, min(iterations, 1), tolerance)[0]


def one_step_more(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations + 1, tolerance)[0]


def exact_solution(matvec, b, iterations, tolerance) -> Tensor:
    matrix = torch.stack([matvec(one) for one in torch.eye(len(b), dtype=b.dtype)])
    return torch.linalg.solve(matrix, b)


def returns_residual(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance)[1]


def returns_direction(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance)[2]


def length_not_squared(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, square=False)[0]


def no_tolerance(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, first_stop=False, later_stop=False)[0]


def first_step_always(matvec, b, iterations, tolerance) -> Tensor:
    return solve(matvec, b, iterations, tolerance, first_stop=False)[0]


def product_only(matvec, b, iterations, tolerance) -> Tensor:
    return matvec(b)


def writes_into_b(matvec, b, iterations, tolerance) -> Tensor:
    x, residual, direction = torch.zeros_like(b), b, b.clone()
    old = residual @ residual
    for _ in range(iterations):
        if old < tolerance:
            break
        image = matvec(direction)
        length = old / (direction @ image)
        x += length * direction
        residual -= length * image
        new = residual @ residual
        direction, old = residual + new / old * direction, new
    return x


def residual_anew(matvec, b, iterations, tolerance) -> Tensor:
    """Right: the residual is computed anew in every step, directions are made conjugate."""
    x, direction = torch.zeros_like(b), None
    for _ in range(iterations):
        residual = b - matvec(x)
        if residual.dot(residual) < tolerance:
            return x
        if direction is not None:
            image = matvec(direction)
            against = residual.dot(image) / direction.dot(image)
            residual = residual - against * direction
        direction = residual
        image = matvec(direction)
        x = x + (b - matvec(x)).dot(direction) / direction.dot(image) * direction
    return x


def krylov(matvec, b, iterations, tolerance) -> Tensor:
    """Right: the best point of each space that b, Ab, A²b … span, in float64 inside."""
    x, basis = torch.zeros_like(b), []
    for _ in range(min(iterations, len(b))):
        residual = b - matvec(x)
        if residual @ residual < tolerance:
            break
        for one in basis:
            residual = residual - (residual @ one) * one
        basis.append(residual / residual.norm())
        span = torch.stack(basis).double()
        images = torch.stack([matvec(one) for one in basis]).double()
        x = torch.linalg.solve(span @ images.T, span @ b.double()) @ span
        x = x.to(b.dtype)
    return x


def with_early_return(matvec, b, iterations, tolerance) -> Tensor:
    """Right: inner products as sums, the stop at the end of a step, b = 0 by itself."""
    x, r = b * 0, b.clone()
    if float((r * r).sum()) < tolerance:
        return x
    p, rr = r.clone(), (r * r).sum()
    for _ in range(iterations):
        Ap = matvec(p)
        alpha = rr / (p * Ap).sum()
        x, r = torch.add(x, p * alpha), torch.sub(r, Ap * alpha)
        rr_next = (r * r).sum()
        if float(rr_next) < tolerance:
            return x
        p, rr = r + p * (rr_next / rr), rr_next
    return x


EXERCISE = Exercise(
    name="conjugate_gradient",
    reference=conjugate_gradient,
    cases=cases,
    statement="no step is undone by a later one, and it knows when to stop",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "starts-at-b",
            "x starts at b, the residual as if it started at 0. Begin with x = 0, r = b.",
            starts_at_b,
        ),
        Mistake(
            "length-upside-down",
            "α is upside down: rᵀr / pᵀAp. Steep directions need short steps.",
            length_upside_down,
        ),
        Mistake(
            "matrix-forgotten-in-the-length",
            "α is rᵀr / pᵀp: the matrix is missing. How far to go along p depends on the curvature "
            "there, pᵀAp.",
            matrix_forgotten,
        ),
        Mistake(
            "fixed-length",
            "Every step has the same α. It is computed anew: rᵀr / pᵀAp.",
            fixed_length,
        ),
        Mistake("minus-step", "x moves against p. It goes along it: x + α p.", minus_step),
        Mistake(
            "residual-kept",
            "The residual is never brought up to date, so every step is the first one again: "
            "r ← r − α A p.",
            residual_kept,
        ),
        Mistake(
            "residual-grows",
            "The residual grows: r + α A p. What the step has explained is taken off: r − α A p.",
            residual_grows,
        ),
        Mistake(
            "beta-upside-down",
            "β is upside down: the new rᵀr divided by the old one.",
            beta_upside_down,
        ),
        Mistake(
            "steepest-descent",
            "The next direction is the residual itself (β = 0). That is steepest descent: each "
            "step spoils part of what the one before has done. p ← r + β p.",
            steepest_descent,
        ),
        Mistake(
            "beta-of-lengths",
            "β is the ratio of the residuals' lengths. It is that of their squares, rᵀr.",
            beta_of_lengths,
        ),
        Mistake(
            "beta-minus",
            "β has the wrong sign: p ← r + β p, which keeps a part of the old direction.",
            beta_minus,
        ),
        Mistake(
            "one-step",
            "It ends after its first step. Is a `return` or a `break` inside the loop?",
            one_step,
        ),
        Mistake(
            "one-step-more",
            "It takes one step more than `iterations` allows.",
            one_step_more,
        ),
        Mistake(
            "exact-solution",
            "The exact solution came out however few steps were allowed. Forming the matrix is "
            "what conjugate gradient is there to avoid.",
            exact_solution,
        ),
        Mistake(
            "returns-the-residual",
            "You return the residual, what is still unexplained. The solution is x.",
            returns_residual,
        ),
        Mistake(
            "returns-the-direction",
            "You return the last direction. The solution is x.",
            returns_direction,
        ),
        Mistake(
            "length-not-squared",
            "The residual's length is compared with `tolerance`. Its *square* is, rᵀr.",
            length_not_squared,
        ),
        Mistake(
            "no-tolerance",
            "`tolerance` is not looked at. Once rᵀr has become 0 the next α is 0/0, and everything "
            "NaN.",
            no_tolerance,
        ),
        Mistake(
            "first-step-always",
            "The first step is taken without a look at the residual. If rᵀr is below `tolerance` "
            "already, x = 0 is the answer; with b = 0 your first α is 0/0.",
            first_step_always,
        ),
        Mistake(
            "product-only",
            "That is A b. The equation A x = b is to be solved for x.",
            product_only,
        ),
        Mistake("writes-into-b", IN_PLACE, writes_into_b),
    ),
    variants=(residual_anew, krylov, with_early_return),
)
