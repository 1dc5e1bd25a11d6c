"""The exercise `max_likelihood_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, uniform
from course_lib.checks.exercise import VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.reinforce import max_likelihood_loss


def cases(generator: torch.Generator) -> list[Case]:
    """A batch and a block of steps and episodes, square and not, densities above 1, one action."""

    def case(name: str, *shape: int) -> Case:
        return Case(name, {"log_prob": log_probs(generator, *shape)})

    def densities(*shape: int) -> dict[str, Tensor]:
        return {"log_prob": uniform(generator, -1.0, 2.0, *shape)}

    return [
        case("three actions", 3),
        case("seven steps of four episodes", 7, 4),
        case("as many steps as episodes", 5, 5),
        Case("densities, some above 1", densities(5)),
        Case("densities, some above 1, of steps and episodes", densities(4, 3)),
        case("one action", 1),
    ]


def sign_flipped(log_prob: Tensor) -> Tensor:
    return log_prob.mean()


def summed(log_prob: Tensor) -> Tensor:
    return -log_prob.sum()


def summed_over_time(log_prob: Tensor) -> Tensor:
    return -log_prob.sum(0).mean()


def one_an_episode(log_prob: Tensor) -> Tensor:
    return -log_prob.mean(0, keepdim=True)


def one_an_action(log_prob: Tensor) -> Tensor:
    return -log_prob


def probability(log_prob: Tensor) -> Tensor:
    return -log_prob.exp().mean()


def log_of_the_mean(log_prob: Tensor) -> Tensor:
    return -log_prob.exp().mean().log()


def squared_error(log_prob: Tensor) -> Tensor:
    return (1 - log_prob.exp()).square().mean()


def expected_surprise(log_prob: Tensor) -> Tensor:
    return -(log_prob.exp() * log_prob).mean()


def log_prob_detached(log_prob: Tensor) -> Tensor:
    return -log_prob.detach().mean()


def with_a_loop(log_prob: Tensor) -> Tensor:
    """Right: one action after the other."""
    total = log_prob.new_zeros(())
    for one in log_prob.reshape(-1):
        total = total - one
    return total / log_prob.numel()


def in_double(log_prob: Tensor) -> Tensor:
    """Right: a dot product with equal weights, in float64 inside."""
    flat = log_prob.double().flatten()
    weight = torch.full_like(flat, 1 / flat.numel())
    return torch.dot(weight, -flat).to(log_prob.dtype)


def of_the_likelihood(log_prob: Tensor) -> Tensor:
    """Right: the logarithm of the geometric mean of the likelihoods."""
    return -torch.log(log_prob.exp().prod() ** (1 / log_prob.numel()))


EXERCISE = Exercise(
    name="max_likelihood_loss",
    reference=max_likelihood_loss,
    cases=cases,
    statement="going downhill makes what was done more likely",
    points={VALUE: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: going downhill on the mean log-likelihood makes the demonstrated "
            "actions rarer. A loss is minimised, so it is the *negative* log-likelihood.",
            sign_flipped,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, summed),
        Mistake(
            "sum-over-time",
            "You sum over time and take the mean over episodes, as the REINFORCE losses do. Here "
            "every action counts the same: the mean over all elements.",
            summed_over_time,
        ),
        Mistake(
            "one-an-episode",
            "The mean was taken over the first axis only. A loss is one number, of shape (): the "
            "mean over all elements.",
            one_an_episode,
        ),
        Mistake(
            "no-mean",
            "One number an action comes out, and backward() needs a scalar: take the mean.",
            one_an_action,
        ),
        Mistake(
            "probability",
            "You take the mean of the probabilities, not of their logarithms. Then an action that "
            "the policy thinks impossible gets almost no gradient; the logarithm is what makes "
            "rare demonstrations count.",
            probability,
        ),
        Mistake(
            "log-of-the-mean",
            "The logarithm stands outside the mean. The likelihood of the data is a *product* over "
            "actions, so its logarithm is a sum of logarithms: log first, then mean.",
            log_of_the_mean,
        ),
        Mistake(
            "squared-error",
            "That is the squared distance of the probabilities from 1. It is a loss, but not the "
            "likelihood: its gradient vanishes where the policy is most wrong.",
            squared_error,
        ),
        Mistake(
            "entropy-like",
            "Each log-probability is weighted by its own probability. That is how an entropy is "
            "made; in the likelihood every action that was taken counts fully.",
            expected_surprise,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
    ),
    variants=(with_a_loop, in_double, of_the_likelihood),
)
