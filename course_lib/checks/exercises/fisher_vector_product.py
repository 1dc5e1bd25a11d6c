"""The exercise `fisher_vector_product`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.drivers import two_products
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.natural_gradient import fisher_vector_product, flat


def cases(generator: torch.Generator) -> list[Case]:
    """Policies that have moved and that have not; no damping, one state, a vector of zeros."""

    def policy(rows: int, features: int, actions: int, damping: float) -> dict:
        return {
            "obs": normal(generator, rows, features),
            "weight": normal(generator, actions, features),
            "bias": normal(generator, actions),
            "old_logits": 1.5 * normal(generator, rows, actions),
            "vector": normal(generator, actions * (features + 1)),
            "damping": damping,
        }

    home = policy(6, 2, 3, 0.1)
    home["old_logits"] = torch.tanh(home["obs"] @ home["weight"].T + home["bias"])
    still = policy(4, 2, 2, 0.3)
    still["vector"] = torch.zeros_like(still["vector"])
    made = [
        Case("one feature, two actions, logits tanh(obs Wᵀ + b)", policy(3, 1, 2, 0.5)),
        Case("two features, three actions", policy(7, 2, 3, 0.1)),
        Case("at the policy that acted, where the slope is 0", home),
        Case("without damping", policy(5, 3, 2, 0.0), EDGE),
        Case("one state", policy(1, 2, 3, 0.2), EDGE),
        Case("a vector of zeros", still, EDGE),
    ]
    return [Case(one.name, one.inputs, one.part, two_products) for one in made]


def slope(kl: Tensor, parameters) -> Tensor:
    """(D,) ∇KL with a graph."""
    return flat(torch.autograd.grad(kl, list(parameters), create_graph=True))


def hessian(kl: Tensor, parameters) -> Tensor:
    """(D, D) ∇²KL, row by row."""
    first = slope(kl, parameters)
    rows = [flat(torch.autograd.grad(one, list(parameters), retain_graph=True)) for one in first]
    return torch.stack(rows)


def curvature(kl: Tensor, parameters, vector: Tensor) -> Tensor:
    """(D,) ∇²KL · v."""
    return fisher_vector_product(kl, parameters, vector, 0.0)


def damping_forgotten(kl, parameters, vector, damping) -> Tensor:
    return curvature(kl, parameters, vector)


def damping_added_to_all(kl, parameters, vector, damping) -> Tensor:
    return curvature(kl, parameters, vector) + damping


def damping_multiplies(kl, parameters, vector, damping) -> Tensor:
    return (1 + damping) * curvature(kl, parameters, vector)


def damping_subtracted(kl, parameters, vector, damping) -> Tensor:
    return curvature(kl, parameters, vector) - damping * vector


def damping_twice(kl, parameters, vector, damping) -> Tensor:
    return curvature(kl, parameters, vector) + 2 * damping * vector


def blended(kl, parameters, vector, damping) -> Tensor:
    return (1 - damping) * curvature(kl, parameters, vector) + damping * vector


def first_order_only(kl, parameters, vector, damping) -> Tensor:
    return (slope(kl, parameters) * vector + damping * vector).detach()


def slope_alone(kl, parameters, vector, damping) -> Tensor:
    return (slope(kl, parameters) + damping * vector).detach()


def outer_product_of_the_slope(kl, parameters, vector, damping) -> Tensor:
    first = slope(kl, parameters).detach()
    return first * (first @ vector) + damping * vector


def damping_alone(kl, parameters, vector, damping) -> Tensor:
    return damping * vector


def diagonal_only(kl, parameters, vector, damping) -> Tensor:
    return hessian(kl, parameters).diagonal() * vector + damping * vector


def summed_rows(kl, parameters, vector, damping) -> Tensor:
    return hessian(kl, parameters).sum(1) * vector + damping * vector


def sum_without_vector(kl, parameters, vector, damping) -> Tensor:
    return curvature(kl, parameters, torch.ones_like(vector)) + damping * vector


def solved(kl, parameters, vector, damping) -> Tensor:
    matrix = hessian(kl, parameters) + damping * torch.eye(len(vector), dtype=vector.dtype)
    return torch.linalg.lstsq(matrix, vector.unsqueeze(1), driver="gelsd").solution.squeeze(1)


def negative(kl, parameters, vector, damping) -> Tensor:
    return damping * vector - curvature(kl, parameters, vector)


def halved(kl, parameters, vector, damping) -> Tensor:
    return 0.5 * curvature(kl, parameters, vector) + damping * vector


def first_tensor_only(kl, parameters, vector, damping) -> Tensor:
    first, size = parameters[0], parameters[0].numel()
    product = torch.zeros_like(vector)
    product[:size] = curvature(kl, [first], vector[:size])
    return product + damping * vector


def each_tensor_by_itself(kl, parameters, vector, damping) -> Tensor:
    pieces = vector.split([one.numel() for one in parameters])
    own = [curvature(kl, [one], piece) for one, piece in zip(parameters, pieces, strict=True)]
    return torch.cat(own) + damping * vector


def graph_thrown_away(kl, parameters, vector, damping) -> Tensor:
    first = flat(torch.autograd.grad(kl, list(parameters), create_graph=True))
    second = torch.autograd.grad(first @ vector, list(parameters))
    return flat(second) + damping * vector


def squared_slope(kl, parameters, vector, damping) -> Tensor:
    first = slope(kl, parameters)
    second = torch.autograd.grad(first.square() @ vector, list(parameters), retain_graph=True)
    return flat(second) + damping * vector


def with_the_whole_matrix(kl, parameters, vector, damping) -> Tensor:
    """Right: the Hessian is formed, and multiplied."""
    matrix = hessian(kl, parameters)
    return (matrix + damping * torch.eye(len(vector), dtype=vector.dtype)) @ vector


def piece_by_piece(kl, parameters, vector, damping) -> Tensor:
    """Right: the vector is cut like the parameters, the products are added up."""
    parameters = list(parameters)
    slopes = torch.autograd.grad(kl, parameters, create_graph=True)
    pieces = vector.split([one.numel() for one in parameters])
    along = sum((a.flatten() * b).sum() for a, b in zip(slopes, pieces, strict=True))
    second = torch.autograd.grad(along, parameters, retain_graph=True)
    product = torch.cat([one.contiguous().view(-1) for one in second])
    return torch.add(product, vector, alpha=damping)


def damped_before(kl, parameters, vector, damping) -> Tensor:
    """Right: the damping is part of the scalar that is differentiated twice."""
    parameters = list(parameters)
    own = torch.cat([one.flatten() for one in parameters])
    scalar = kl + 0.5 * damping * own.square().sum()
    first = torch.autograd.grad(scalar, parameters, create_graph=True)
    along = torch.cat([one.flatten() for one in first]).dot(vector)
    second = torch.autograd.grad(along, parameters, retain_graph=True)
    return torch.cat([one.flatten() for one in second]).detach()


EXERCISE = Exercise(
    name="fisher_vector_product",
    reference=fisher_vector_product,
    cases=cases,
    statement="two backward passes multiply with a matrix that nobody has to write down",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "damping-forgotten",
            "The damping is missing: add damping · v, or a nearly singular matrix is to be solved.",
            damping_forgotten,
        ),
        Mistake(
            "damping-added-to-all",
            "The damping was added to every element. It stands on the diagonal of a matrix that "
            "multiplies v: damping · v.",
            damping_added_to_all,
        ),
        Mistake(
            "damping-multiplies",
            "The damping multiplies the product. It is added to the diagonal: ∇²KL v + damping v.",
            damping_multiplies,
        ),
        Mistake(
            "damping-subtracted",
            "The damping is subtracted. That makes small eigenvalues negative, where it should "
            "keep them away from 0.",
            damping_subtracted,
        ),
        Mistake("damping-twice", "The damping was added twice; once is enough.", damping_twice),
        Mistake(
            "blended",
            "That is a blend, (1 − damping) F + damping I. The damping is added to F as it is.",
            blended,
        ),
        Mistake(
            "first-order-only",
            "You multiply ∇KL with v, element by element. The slope of the KL divergence is 0 "
            "where it is used; its *curvature* is wanted: take the inner product with v, and "
            "differentiate once more.",
            first_order_only,
        ),
        Mistake(
            "slope-alone",
            "That is the gradient of the KL divergence, which is 0 at the policy that acted. "
            "Multiply it with v and differentiate again.",
            slope_alone,
        ),
        Mistake(
            "outer-product-of-the-slope",
            "That is ∇KL (∇KLᵀ v), an outer product of the mean slope. The Fisher matrix is the "
            "mean of outer products, or the Hessian, and neither is this.",
            outer_product_of_the_slope,
        ),
        Mistake(
            "damping-alone",
            "Only damping · v is left, the curvature is 0. If the vector was detached or ∇KL cut "
            "from its graph, the second derivative finds nothing.",
            damping_alone,
        ),
        Mistake(
            "diagonal-only",
            "Only the diagonal of the Hessian is used. Take the inner product of ∇KL and v first, "
            "and the second derivative of that.",
            diagonal_only,
        ),
        Mistake(
            "rows-summed",
            "You differentiate the sum of ∇KL and multiply with v afterwards. v has to be inside: "
            "∇(∇KL · v).",
            summed_rows,
        ),
        Mistake(
            "vector-ignored",
            "The second derivative is that of the sum of ∇KL: v is not in it. Take ∇KL · v.",
            sum_without_vector,
        ),
        Mistake(
            "solved",
            "You solve the equation. Only the product is asked for; conjugate gradient solves.",
            solved,
        ),
        Mistake("negative", "The sign of the curvature is flipped: F is positive.", negative),
        Mistake(
            "halved",
            "The ½ of ½ δᵀFδ has no place here: the Hessian of the KL divergence is F itself.",
            halved,
        ),
        Mistake(
            "first-tensor-only",
            "Only the first tensor of `parameters` counts. All of them belong to θ, laid one after "
            "the other.",
            first_tensor_only,
        ),
        Mistake(
            "each-tensor-by-itself",
            "Each tensor sees its own part of v only, so how two tensors act together is lost. "
            "Join the slopes into one vector before the inner product.",
            each_tensor_by_itself,
        ),
        Mistake(
            "graph-thrown-away",
            "torch has no graph to go through. The first derivative needs create_graph=True, so "
            "that it can be differentiated; the second needs retain_graph=True, because conjugate "
            "gradient calls your function again with the same KL divergence.",
            graph_thrown_away,
        ),
        Mistake(
            "squared-slope",
            "You differentiate the *squares* of the slope. The inner product ∇KL · v is linear.",
            squared_slope,
        ),
    ),
    variants=(with_the_whole_matrix, piece_by_piece, damped_before),
)
