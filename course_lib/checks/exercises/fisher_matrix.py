"""The exercise `fisher_matrix`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.natural_gradient import fisher_matrix


def cases(generator: torch.Generator) -> list[Case]:
    """Scores with a mean of their own, square too; one sample, one parameter, scores of zero."""

    def batch(samples: int, size: int) -> dict[str, Tensor]:
        scale = torch.arange(1, size + 1, dtype=torch.float64)
        return {"score": scale * normal(generator, samples, size) + 0.4}

    return [
        Case("four scores of two parameters", batch(4, 2)),
        Case("nine scores of three parameters", batch(9, 3)),
        Case("as many scores as parameters", batch(3, 3)),
        Case("fewer scores than parameters", batch(2, 4), EDGE),
        Case("a single score", batch(1, 3), EDGE),
        Case("a single parameter", batch(5, 1), EDGE),
    ]


def not_divided(score: Tensor) -> Tensor:
    return score.T @ score


def one_less(score: Tensor) -> Tensor:
    return score.T @ score / max(len(score) - 1, 1)


def between_samples(score: Tensor) -> Tensor:
    return score @ score.T / len(score)


def over_parameters(score: Tensor) -> Tensor:
    return score.T @ score / score.shape[1]


def of_the_mean(score: Tensor) -> Tensor:
    mean = score.mean(0)
    return torch.outer(mean, mean)


def covariance(score: Tensor) -> Tensor:
    centred = score - score.mean(0)
    return centred.T @ centred / len(score)


def diagonal_only(score: Tensor) -> Tensor:
    return torch.diag(score.square().mean(0))


def diagonal_vector(score: Tensor) -> Tensor:
    return score.square().mean(0)


def one_a_sample(score: Tensor) -> Tensor:
    return torch.einsum("ni,nj->nij", score, score)


def negative(score: Tensor) -> Tensor:
    return -fisher_matrix(score)


def inverse(score: Tensor) -> Tensor:
    return torch.linalg.pinv(fisher_matrix(score))


def unit_scores(score: Tensor) -> Tensor:
    return fisher_matrix(score / score.norm(dim=1, keepdim=True))


def damped(score: Tensor) -> Tensor:
    return fisher_matrix(score) + torch.eye(score.shape[1], dtype=score.dtype)


def divided_inside(score: Tensor) -> Tensor:
    return fisher_matrix(score / len(score))


def inner_products(score: Tensor) -> Tensor:
    return score.square().sum(1).mean()


def changes_score(score: Tensor) -> Tensor:
    score /= len(score) ** 0.5
    return score.T @ score


def by_einsum(score: Tensor) -> Tensor:
    """Right: both indices by name."""
    return torch.einsum("ni,nj->ij", score, score) / score.shape[0]


def one_by_one(score: Tensor) -> Tensor:
    """Right: one outer product after the other, in float64 inside."""
    total = torch.zeros(score.shape[1], score.shape[1], dtype=torch.float64)
    for row in score.double():
        total += torch.outer(row, row)
    return (total / len(score)).to(score.dtype)


def mean_of_products(score: Tensor) -> Tensor:
    """Right: all outer products at once, then their mean."""
    return (score[:, :, None] * score[:, None, :]).mean(0)


EXERCISE = Exercise(
    name="fisher_matrix",
    reference=fisher_matrix,
    cases=cases,
    statement="the mean outer product of the scores measures steps in nats",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "not-divided",
            "The products are added and not divided by n. With twice the data the policy would "
            "seem twice as sensitive.",
            not_divided,
        ),
        Mistake(
            "one-less",
            "The sum is divided by n − 1. Nothing was estimated before: the scores' mean is known "
            "to be 0 and is not subtracted. Divide by n.",
            one_less,
        ),
        Mistake(
            "between-samples",
            "That is the table of inner products between samples, (n, n). Parameters meet "
            "parameters: scoreᵀ score, (D, D).",
            between_samples,
        ),
        Mistake(
            "over-parameters",
            "The sum is divided by the number of parameters. It runs over the samples: divide by "
            "their number, n.",
            over_parameters,
        ),
        Mistake(
            "of-the-mean",
            "That is the outer product of the *mean* score, a matrix of rank one that tends to 0: "
            "the scores' mean is 0. Take the mean of the outer products.",
            of_the_mean,
        ),
        Mistake(
            "covariance",
            "The samples' mean was subtracted. The expected score is 0 exactly, so what you take "
            "off is noise: F = E[g gᵀ].",
            covariance,
        ),
        Mistake(
            "diagonal-only",
            "Everything off the diagonal is gone. How two parameters act together is what the "
            "natural gradient corrects for.",
            diagonal_only,
        ),
        Mistake(
            "diagonal-vector",
            "The mean squares came out, (D,): the diagonal alone. The whole matrix is (D, D).",
            diagonal_vector,
        ),
        Mistake(
            "one-a-sample",
            "A matrix for each sample came out. Take their mean.",
            one_a_sample,
        ),
        Mistake(
            "negative",
            "The sign is flipped. F is the *negative* mean Hessian of log π, and the *positive* "
            "mean outer product of its gradient.",
            negative,
        ),
        Mistake(
            "inverse",
            "That is the inverse. F itself is asked for; later nothing is inverted either, but an "
            "equation is solved.",
            inverse,
        ),
        Mistake(
            "unit-scores",
            "The scores were brought to length 1. Their length says how strongly the policy reacts "
            "in that state.",
            unit_scores,
        ),
        Mistake(
            "damped",
            "The identity was added. Damping comes later, and is much smaller.",
            damped,
        ),
        Mistake(
            "divided-inside",
            "You divided the scores by n before multiplying, so the result is divided by n² and "
            "not by n.",
            divided_inside,
        ),
        Mistake(
            "inner-products",
            "One number came out: the mean squared length, which is the trace of F.",
            inner_products,
        ),
        Mistake("changes-score", IN_PLACE, changes_score),
    ),
    variants=(by_einsum, one_by_one, mean_of_products),
)
