"""The exercise `gradient_variance`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import gradient_variance


def cases(generator: torch.Generator) -> list[Case]:
    """Four gradients to read, more, as many as parameters; two of them, one parameter, all same."""

    def batch(samples: int, size: int) -> dict[str, Tensor]:
        scale = torch.arange(1, size + 1, dtype=torch.float64)
        return {"gradient": scale * normal(generator, samples, size) + 1}

    return [
        Case("four gradients of two parameters", batch(4, 2)),
        Case("nine gradients of five parameters", batch(9, 5)),
        Case("as many gradients as parameters", batch(3, 3)),
        Case("two gradients", batch(2, 3), EDGE),
        Case("a single parameter", batch(5, 1), EDGE),
        Case("all gradients the same", {"gradient": torch.ones(4, 3).double()}, EDGE),
    ]


def divided_by_n(gradient: Tensor) -> Tensor:
    return gradient.var(0, correction=0).sum()


def mean_over_parameters(gradient: Tensor) -> Tensor:
    return gradient.var(0).mean()


def one_a_parameter(gradient: Tensor) -> Tensor:
    return gradient.var(0)


def over_parameters(gradient: Tensor) -> Tensor:
    return gradient.var(1).sum() if gradient.shape[1] > 1 else gradient.sum() * 0


def of_all_numbers(gradient: Tensor) -> Tensor:
    return gradient.var()


def standard_deviation(gradient: Tensor) -> Tensor:
    return gradient.std(0).sum()


def root_of_the_sum(gradient: Tensor) -> Tensor:
    return gradient.var(0).sum().sqrt()


def second_moment(gradient: Tensor) -> Tensor:
    return gradient.square().sum() / (len(gradient) - 1)


def mean_square_length(gradient: Tensor) -> Tensor:
    return gradient.square().sum(1).mean()


def of_the_lengths(gradient: Tensor) -> Tensor:
    return gradient.norm(dim=1).var()


def not_divided(gradient: Tensor) -> Tensor:
    return (gradient - gradient.mean(0)).square().sum()


def of_the_mean(gradient: Tensor) -> Tensor:
    return gradient_variance(gradient) / len(gradient)


def covariances_too(gradient: Tensor) -> Tensor:
    return gradient.sum(1).var()


def mean_of_everything(gradient: Tensor) -> Tensor:
    return (gradient - gradient.mean()).square().sum() / (len(gradient) - 1)


def changes_gradient(gradient: Tensor) -> Tensor:
    gradient -= gradient.mean(0)
    return gradient.square().sum() / (len(gradient) - 1)


def length_of_the_variances(gradient: Tensor) -> Tensor:
    return gradient.var(0).norm()


def noisiest_parameter(gradient: Tensor) -> Tensor:
    return gradient.var(0).max()


def from_the_first(gradient: Tensor) -> Tensor:
    return (gradient - gradient[0]).square().sum() / (len(gradient) - 1)


def by_the_formula(gradient: Tensor) -> Tensor:
    """Right: centred, squared, summed, divided."""
    centred = gradient - gradient.mean(0, keepdim=True)
    return (centred * centred).sum(0).div(len(gradient) - 1).sum()


def trace_of_the_covariance(gradient: Tensor) -> Tensor:
    """Right: the trace of the covariance matrix."""
    if gradient.shape[1] == 1:
        return torch.cov(gradient.T)
    return torch.cov(gradient.T).diagonal().sum()


def from_pairs(gradient: Tensor) -> Tensor:
    """Right: half the mean squared distance of two different samples, in float64 inside."""
    wide, n = gradient.double(), len(gradient)
    distance = (wide.unsqueeze(0) - wide.unsqueeze(1)).square().sum()
    return (distance / (2 * n * (n - 1))).to(gradient.dtype)


EXERCISE = Exercise(
    name="gradient_variance",
    reference=gradient_variance,
    cases=cases,
    statement="how far single gradients scatter, all parameters together",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "divided-by-n",
            "The squares are divided by n. The mean was fitted to the same samples: n − 1.",
            divided_by_n,
        ),
        Mistake(
            "mean-over-parameters",
            "The parameters' variances are averaged. The total variance, as in [004], is their "
            "sum.",
            mean_over_parameters,
        ),
        Mistake(
            "one-a-parameter",
            "One variance for each parameter came out, (D,). Sum them: one number is wanted.",
            one_a_parameter,
        ),
        Mistake(
            "over-parameters",
            "The variance runs along a row, over the parameters of one sample. What scatters are "
            "the samples: axis 0.",
            over_parameters,
        ),
        Mistake(
            "of-all-numbers",
            "All numbers were thrown together. Each parameter has its own mean, and differences "
            "between parameters are no noise.",
            of_all_numbers,
        ),
        Mistake(
            "standard-deviation",
            "Standard deviations were added. Variances add up; their roots do not.",
            standard_deviation,
        ),
        Mistake(
            "root-of-the-sum",
            "The square root at the end is too much: that is a length. The variance is its square.",
            root_of_the_sum,
        ),
        Mistake(
            "second-moment",
            "The mean was not subtracted: a large gradient without any noise would look noisy.",
            second_moment,
        ),
        Mistake(
            "mean-square-length",
            "That is the mean squared length of a gradient, E|g|². The variance is what is left "
            "after |E g|² is taken off (with n − 1 below).",
            mean_square_length,
        ),
        Mistake(
            "of-the-lengths",
            "That is the variance of the gradients' *lengths*. Two gradients of the same length "
            "may point in opposite directions.",
            of_the_lengths,
        ),
        Mistake(
            "not-divided",
            "The squares are summed over the samples and not divided by n − 1.",
            not_divided,
        ),
        Mistake(
            "of-the-mean",
            "That is the variance of the *mean* gradient, smaller by a factor n. The variance of a "
            "single sample's gradient was asked for.",
            of_the_mean,
        ),
        Mistake(
            "variance-of-the-sum",
            "The parameters were added before the variance was taken, so covariances count too, "
            "and may cancel everything.",
            covariances_too,
        ),
        Mistake(
            "one-mean-for-all",
            "One mean was subtracted from all parameters. Each has its own.",
            mean_of_everything,
        ),
        Mistake(
            "length-of-the-variances",
            "The variances were put together like the components of a vector. Add them up.",
            length_of_the_variances,
        ),
        Mistake(
            "noisiest-parameter",
            "That is the largest of the parameters' variances. Add all of them up.",
            noisiest_parameter,
        ),
        Mistake(
            "from-the-first",
            "The distances are measured from the first sample. They are measured from the mean.",
            from_the_first,
        ),
        Mistake("changes-gradient", IN_PLACE, changes_gradient),
    ),
    variants=(by_the_formula, trace_of_the_covariance, from_pairs),
)
