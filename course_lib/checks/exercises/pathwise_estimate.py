"""The exercise `pathwise_estimate`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.callables import Bowl
from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, SUM_FOR_MEAN
from course_lib.reference.score_functions import pathwise_estimate


def cases(generator: torch.Generator) -> list[Case]:
    """Bowls of two, three and four dimensions; as many samples as dimensions; one of each."""

    def batch(samples: int, dims: int) -> dict[str, object]:
        centre = normal(generator, dims)
        return {
            "f": Bowl(centre, uniform(generator, 0.5, 2.0, dims)),
            "mean": normal(generator, dims),
            "log_std": 0.4 * normal(generator, dims) - 0.3,
            "noise": normal(generator, samples, dims),
        }

    return [
        Case("four samples of two dimensions", batch(4, 2)),
        Case("nine samples of four dimensions", batch(9, 4)),
        Case("as many samples as dimensions", batch(3, 3)),
        Case("a single sample", batch(1, 2), EDGE),
        Case("a single dimension", batch(5, 1), EDGE),
    ]


def f_at_the_mean(f, mean, log_std, noise) -> Tensor:
    return f(mean.expand_as(noise)).mean()


def spread_forgotten(f, mean, log_std, noise) -> Tensor:
    return f(mean + noise).mean()


def exp_forgotten(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std * noise).mean()


def log_variance(f, mean, log_std, noise) -> Tensor:
    return f(mean + (0.5 * log_std).exp() * noise).mean()


def variance(f, mean, log_std, noise) -> Tensor:
    return f(mean + (2 * log_std).exp() * noise).mean()


def mean_forgotten(f, mean, log_std, noise) -> Tensor:
    return f(log_std.exp() * noise).mean()


def noise_subtracted(f, mean, log_std, noise) -> Tensor:
    return f(mean - log_std.exp() * noise).mean()


def mean_of_samples_first(f, mean, log_std, noise) -> Tensor:
    return f((mean + log_std.exp() * noise).mean(0, keepdim=True)).mean()


def sum_for_mean(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std.exp() * noise).sum()


def not_averaged(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std.exp() * noise)


def samples_detached(f, mean, log_std, noise) -> Tensor:
    return f((mean + log_std.exp() * noise).detach()).mean()


def through_the_mean_only(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std.exp().detach() * noise).mean()


def through_the_spread_only(f, mean, log_std, noise) -> Tensor:
    return f(mean.detach() + log_std.exp() * noise).mean()


def score_function(f, mean, log_std, noise) -> Tensor:
    sample = (mean + log_std.exp() * noise).detach()
    log_prob = torch.distributions.Normal(mean, log_std.exp()).log_prob(sample).sum(-1)
    return (f(sample) * log_prob).mean()


def loss(f, mean, log_std, noise) -> Tensor:
    return -f(mean + log_std.exp() * noise).mean()


def scaled_mean(f, mean, log_std, noise) -> Tensor:
    return f((mean + noise) * log_std.exp()).mean()


def changes_noise(f, mean, log_std, noise) -> Tensor:
    result = f(mean + log_std.exp() * noise.clone()).mean()
    noise *= log_std.detach().exp()
    return result


def score_added(f, mean, log_std, noise) -> Tensor:
    x = mean + log_std.exp() * noise
    scaled = (x.detach() - mean) / log_std.exp()
    log_prob = -(0.5 * scaled.square() + log_std).sum(-1)
    return (f(x) + f(x).detach() * log_prob).mean()


def parameters_exchanged(f, mean, log_std, noise) -> Tensor:
    return f(log_std + mean.exp() * noise).mean()


def first_sample_only(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std.exp() * noise)[0]


def one_spread_for_all(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std.exp().mean() * noise).mean()


def noise_centred(f, mean, log_std, noise) -> Tensor:
    return f(mean + log_std.exp() * (noise - noise.mean(0))).mean()


def noise_of_its_own(f, mean, log_std, noise) -> Tensor:
    own = torch.randn(noise.shape, generator=torch.Generator().manual_seed(1), dtype=noise.dtype)
    return pathwise_estimate(f, mean, log_std, own)


def one_by_one(f, mean, log_std, noise) -> Tensor:
    """Right: one sample at a time."""
    values = [f((mean + log_std.exp() * one).unsqueeze(0)) for one in noise]
    return torch.cat(values).sum() / len(noise)


def with_rsample(f, mean, log_std, noise) -> Tensor:
    """Right: torch's multiply-add, and the mean as a sum over the number."""
    sample = torch.addcmul(mean.expand_as(noise), noise, torch.exp(log_std).expand_as(noise))
    return torch.sum(f(sample)) / noise.shape[0]


def with_a_diagonal(f, mean, log_std, noise) -> Tensor:
    """Right: a diagonal matrix for the spread."""
    return f(noise @ torch.diag(log_std.exp()) + mean.unsqueeze(0)).mean()


EXERCISE = Exercise(
    name="pathwise_estimate",
    reference=pathwise_estimate,
    cases=cases,
    statement="the samples move with the parameters, so the slope of f itself says where to go",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("mean", "log_std"),
    mistakes=(
        Mistake(
            "samples-detached",
            "The value is right, but the samples were cut from their graph. The whole point is "
            "that μ + σ ε *moves* when μ and σ do: leave it in the graph (torch's `rsample`, not "
            "`sample`).",
            samples_detached,
        ),
        Mistake(
            "through-the-mean-only",
            "The value is right, but the gradient of the spread is cut off: σ must be able to "
            "move, too.",
            through_the_mean_only,
        ),
        Mistake(
            "through-the-spread-only",
            "The value is right, but the gradient of the mean is cut off.",
            through_the_spread_only,
        ),
        Mistake(
            "score-function",
            "That is the score-function surrogate: f times the log-density. Here f is evaluated at "
            "μ + σ ε, and the gradient runs through f.",
            score_function,
        ),
        Mistake(
            "f-at-the-mean",
            "f is evaluated at the mean. E[f(x)] is not f(E[x]) unless f is linear: add the noise.",
            f_at_the_mean,
        ),
        Mistake(
            "spread-forgotten",
            "The noise has standard deviation 1 whatever σ is. Multiply it with exp(log_std).",
            spread_forgotten,
        ),
        Mistake(
            "exp-forgotten",
            "The noise is multiplied by log σ. The standard deviation is its exponential.",
            exp_forgotten,
        ),
        Mistake(
            "log-variance",
            "`log_std` is read as the logarithm of the variance. It is that of σ.",
            log_variance,
        ),
        Mistake(
            "variance-for-std",
            "The noise is multiplied by σ². Standard normal noise times σ has the spread σ.",
            variance,
        ),
        Mistake(
            "mean-forgotten",
            "The mean is not added to the noise, so every sample lies around 0: μ + σ ε.",
            mean_forgotten,
        ),
        Mistake(
            "noise-subtracted",
            "μ − σ ε has the same distribution, but with the noise that was given it is another "
            "sample: μ + σ ε was asked for.",
            noise_subtracted,
        ),
        Mistake(
            "mean-scaled-too",
            "The mean is multiplied by σ as well. Only the noise is: μ + σ ε.",
            scaled_mean,
        ),
        Mistake(
            "samples-averaged-first",
            "The samples are averaged before f. The mean of f is wanted, not f of the mean.",
            mean_of_samples_first,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sum_for_mean),
        Mistake("not-averaged", "One number a sample came out. Average them.", not_averaged),
        Mistake(
            "a-loss",
            "There is a minus in front. The estimate of E[f] itself was asked for.",
            loss,
        ),
        Mistake(
            "score-added",
            "The score function's term was added to the path's. Each of the two alone has the "
            "whole gradient as its mean; together they count it twice.",
            score_added,
        ),
        Mistake(
            "parameters-exchanged",
            "`mean` and `log_std` have changed places.",
            parameters_exchanged,
        ),
        Mistake(
            "first-sample-only",
            "Only the first sample is used. Average f over all of them.",
            first_sample_only,
        ),
        Mistake(
            "one-spread-for-all",
            "All dimensions got the mean spread. Each has its own σ.",
            one_spread_for_all,
        ),
        Mistake(
            "noise-centred",
            "The noise's mean was taken off. Then the samples are no longer independent; use the "
            "noise as it is.",
            noise_centred,
        ),
        Mistake(
            "noise-of-its-own",
            "The function draws noise of its own. Use `noise`, so that the same noise gives the "
            "same estimate.",
            noise_of_its_own,
        ),
        Mistake("changes-noise", IN_PLACE, changes_noise),
    ),
    variants=(one_by_one, with_rsample, with_a_diagonal),
)
