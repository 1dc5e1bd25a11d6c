"""The exercise `gaussian_score`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.score_functions import gaussian_score


def cases(generator: torch.Generator) -> list[Case]:
    """Three rows to read, more, as many rows as features; one row, one feature; σ = 1."""

    def batch(rows: int, features: int, std: float) -> dict[str, Tensor | float]:
        return {
            "features": normal(generator, rows, features),
            "weights": normal(generator, features),
            "std": std,
            "action": 2 * normal(generator, rows),
        }

    return [
        Case("three rows of two features", batch(3, 2, 0.5)),
        Case("six rows of four features", batch(6, 4, 1.7)),
        Case("as many rows as features", batch(3, 3, 0.8)),
        Case("a single row", batch(1, 3, 0.6), EDGE),
        Case("a single feature", batch(4, 1, 1.5), EDGE),
        Case("σ = 1", batch(3, 2, 1.0), EDGE),
    ]


def distance(features: Tensor, weights: Tensor, action: Tensor) -> Tensor:
    """(B,) a − φᵀw."""
    return action - features @ weights


def sign_flipped(features, weights, std, action) -> Tensor:
    return -gaussian_score(features, weights, std, action)


def std_for_variance(features, weights, std, action) -> Tensor:
    return gaussian_score(features, weights, std, action) * std


def no_variance(features, weights, std, action) -> Tensor:
    return gaussian_score(features, weights, std, action) * std**2


def variance_multiplied(features, weights, std, action) -> Tensor:
    return gaussian_score(features, weights, std, action) * std**4


def mean_ignored(features, weights, std, action) -> Tensor:
    return action.unsqueeze(-1) * features / std**2


def features_forgotten(features, weights, std, action) -> Tensor:
    return distance(features, weights, action) / std**2


def weights_for_features(features, weights, std, action) -> Tensor:
    return distance(features, weights, action).unsqueeze(-1) * weights / std**2


def mean_over_rows(features, weights, std, action) -> Tensor:
    return gaussian_score(features, weights, std, action).mean(0)


def doubled(features, weights, std, action) -> Tensor:
    return 2 * gaussian_score(features, weights, std, action)


def log_prob(features, weights, std, action) -> Tensor:
    square = (distance(features, weights, action) / std).square()
    return -0.5 * square - torch.as_tensor(std * (2 * torch.pi) ** 0.5).log()


def squared_distance(features, weights, std, action) -> Tensor:
    square = distance(features, weights, action).square()
    return square.unsqueeze(-1) * features / std**2


def row_meets_column(features, weights, std, action) -> Tensor:
    means = (features @ weights).unsqueeze(-1)
    return (action - means) @ torch.ones_like(action).unsqueeze(-1) * features / std**2


def gradient_of_density(features, weights, std, action) -> Tensor:
    density = torch.distributions.Normal(features @ weights, std).log_prob(action).exp()
    return density.unsqueeze(-1) * gaussian_score(features, weights, std, action)


def changes_action(features, weights, std, action) -> Tensor:
    action -= features @ weights
    return action.unsqueeze(-1) * features / std**2


def spread_to_the_fourth(features, weights, std, action) -> Tensor:
    return gaussian_score(features, weights, std, action) / std**2


def feature_by_feature(features, weights, std, action) -> Tensor:
    return (action.unsqueeze(-1) - features * weights) * features / std**2


def centred(features, weights, std, action) -> Tensor:
    score = action - features @ weights
    return (score - score.mean()).unsqueeze(-1) * features / std**2


def transposed(features, weights, std, action) -> Tensor:
    return gaussian_score(features, weights, std, action).T


def of_the_spread(features, weights, std, action) -> Tensor:
    scaled = (action - features @ weights) / std
    return (scaled.square() - 1).unsqueeze(-1) * features


def by_autograd(features, weights, std, action) -> Tensor:
    """Right: each row's log-density, differentiated."""
    rows = []
    for row, one in zip(features.detach(), action.detach(), strict=True):
        w = weights.detach().clone().requires_grad_()
        density = torch.distributions.Normal(row @ w, std).log_prob(one)
        rows.append(torch.autograd.grad(density, w)[0])
    return torch.stack(rows)


def with_einsum(features, weights, std, action) -> Tensor:
    """Right: einsum, in float64 inside."""
    means = torch.einsum("bf,f->b", features.double(), weights.double())
    pull = (action.double() - means) / (std * std)
    return torch.einsum("b,bf->bf", pull, features.double()).to(features.dtype)


def row_by_row(features, weights, std, action) -> Tensor:
    """Right: a loop over rows."""
    rows = [
        (a - (phi * weights).sum()) * phi / std**2 for phi, a in zip(features, action, strict=True)
    ]
    return torch.stack(rows)


EXERCISE = Exercise(
    name="gaussian_score",
    reference=gaussian_score,
    cases=cases,
    statement="one vector a row: from the mean towards the action, along its features",
    points={VALUE: 2},
    mistakes=(
        Mistake(
            "sign-flipped",
            "Every score points the wrong way. An action above the mean must pull the mean *up*: "
            "a − φᵀw, not φᵀw − a.",
            sign_flipped,
        ),
        Mistake(
            "std-for-variance",
            "Divided by σ; the derivative of the square has σ² below.",
            std_for_variance,
        ),
        Mistake(
            "no-variance",
            "The division by σ² is missing. The narrower the policy, the more an action tells.",
            no_variance,
        ),
        Mistake(
            "variance-multiplied",
            "You multiply by σ²; it stands below the line.",
            variance_multiplied,
        ),
        Mistake(
            "mean-ignored",
            "The action itself weighs the features. What counts is how far it is from the mean, "
            "a − φᵀw.",
            mean_ignored,
        ),
        Mistake(
            "features-forgotten",
            "That is the derivative with respect to the mean, (B,). The chain rule goes on: the "
            "mean is φᵀw, and its derivative with respect to w is φ.",
            features_forgotten,
        ),
        Mistake(
            "weights-for-features",
            "You multiply with w. The derivative of φᵀw with respect to w is φ.",
            weights_for_features,
        ),
        Mistake(
            "mean-over-rows",
            "The rows were averaged. One score a row is wanted, (B, F): the losses weigh them.",
            mean_over_rows,
        ),
        Mistake(
            "doubled",
            "A factor 2 too many: the derivative of the square brings a 2, and the ½ in front of "
            "it takes it away.",
            doubled,
        ),
        Mistake(
            "log-density",
            "That is the log-density. The score is its gradient with respect to w.",
            log_prob,
        ),
        Mistake(
            "squared-distance",
            "The distance is still squared. Differentiating takes the exponent down.",
            squared_distance,
        ),
        Mistake(
            "broadcast",
            "A column (B, 1) met a row (B,) and became a table (B, B): every action was compared "
            "with every mean. Give both the same shape before you subtract.",
            row_meets_column,
        ),
        Mistake(
            "gradient-of-the-density",
            "That is ∇p, the score times the density. The score is ∇log p = ∇p / p.",
            gradient_of_density,
        ),
        Mistake(
            "spread-to-the-fourth",
            "The distance is divided by σ⁴: σ² was squared once more. `std` is σ.",
            spread_to_the_fourth,
        ),
        Mistake(
            "feature-by-feature",
            "Each feature was subtracted apart. The mean is the sum φᵀw: one number a row.",
            feature_by_feature,
        ),
        Mistake(
            "centred",
            "The batch's mean distance was taken off. Each row stands for itself.",
            centred,
        ),
        Mistake(
            "transposed",
            "The result is transposed: one row for each action, (B, F).",
            transposed,
        ),
        Mistake(
            "of-the-spread",
            "That is the derivative with respect to log σ, times the features. The weights are in "
            "the mean.",
            of_the_spread,
        ),
        Mistake("changes-action", IN_PLACE, changes_action),
    ),
    variants=(by_autograd, with_einsum, row_by_row),
)
