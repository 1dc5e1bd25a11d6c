"""The exercise `sample_gaussian`: its cases, and what goes wrong with it."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.drawing import uniform
from course_lib.checks.drivers import GAUSSIAN_DRAWS as DRAWS
from course_lib.checks.drivers import (
    draw_again,
    kind,
    repeat_draw,
    rows_differ,
    sample_mean,
    sample_std,
    share_within_one_std,
    std_of_the_sum,
)
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake, Seed
from course_lib.reference.distributions import sample_gaussian


def cases(generator: torch.Generator) -> list[Case]:
    """Shape and type, moments for both shapes of log_std, then what the generator decides."""
    seed = Seed(int(torch.randint(1000, (), generator=generator)))
    small = torch.tensor([[0.0, 1.0], [2.0, -0.5], [0.3, 0.3]], dtype=torch.float64)
    mean = uniform(generator, -2.0, 2.0, 2, 3)
    shared = torch.tensor([-0.7, 0.1, 0.3], dtype=torch.float64)
    own = shared + uniform(generator, -0.1, 0.1, 2, 3)
    many = {"mean": torch.zeros(64, 2, dtype=torch.float64), "log_std": shared[:2]}

    def case(name: str, call: Callable, log_std: Tensor = own) -> Case:
        inputs = {"mean": mean, "log_std": log_std, "generator": seed}
        return Case(f"{name}, {DRAWS} draws a row", inputs, call=call)

    first = {"mean": small, "log_std": shared[:2], "generator": seed}
    return [
        Case("type and shape, three rows of two dimensions", first, call=kind),
        case("the mean", sample_mean),
        case("the standard deviation", sample_std),
        case("the standard deviation, log_std shared by all rows", sample_std, shared),
        case("the share of draws within one σ", share_within_one_std),
        case("the standard deviation of the sum of the first two dimensions", std_of_the_sum),
        Case("64 equal rows", {**many, "generator": seed}, call=rows_differ),
        Case(
            "two generators with the same seed, torch's global seed changed in between",
            {**many, "generator": seed},
            EDGE,
            repeat_draw,
        ),
        Case("one generator, used again and again", {**many, "generator": seed}, EDGE, draw_again),
    ]


def mean_only(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean.detach().clone()


def unit_spread(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + noise_like(mean, generator)


def forgets_mean(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return log_std.exp() * noise_like(mean, generator)


def forgets_exp(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + log_std * noise_like(mean, generator)


def exp_twice(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + log_std.exp().exp() * noise_like(mean, generator)


def log_variance(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + (0.5 * log_std).exp() * noise_like(mean, generator)


def variance_for_std(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + (2 * log_std).exp() * noise_like(mean, generator)


def uniform_noise(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + log_std.exp() * torch.rand(mean.shape, generator=generator, dtype=mean.dtype)


def one_noise_a_row(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + log_std.exp() * noise_like(mean[:, :1], generator)


def one_noise_for_all_rows(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return mean + log_std.exp() * noise_like(mean[0], generator)


def clipped(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return sample_gaussian(mean, log_std, generator).clamp(-1, 1)


def global_randomness(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return torch.distributions.Normal(mean, log_std.exp()).sample()


def seeded_inside(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    return sample_gaussian(mean, log_std, torch.Generator().manual_seed(0))


def noise_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of the same shape and type."""
    return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)


def with_torch_normal(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    """Right: torch's own sampler."""
    return torch.normal(mean, log_std.exp().expand_as(mean), generator=generator)


def dimension_by_dimension(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> Tensor:
    """Right: a loop over action dimensions, in float64 inside, with a gradient."""
    std = log_std.double().exp().expand_as(mean)
    columns = [
        mean[:, d] + std[:, d] * noise_like(std[:, d], generator) for d in range(mean.shape[1])
    ]
    return torch.stack(columns, -1).to(mean.dtype)


EXERCISE = Exercise(
    name="sample_gaussian",
    reference=sample_gaussian,
    cases=cases,
    statement="mean, spread and independence are right, and all of it comes from your generator",
    points={VALUE: 1},
    absolute_tolerance=1e-3,
    sampling_noise=0.12,
    mistakes=(
        Mistake(
            "mean-only",
            "No noise is added: that is the action of a policy that has stopped trying. Without "
            "variation there is nothing to compare, and nothing to learn.",
            mean_only,
        ),
        Mistake(
            "unit-spread",
            "`log_std` is not used: the noise has σ = 1 whatever the policy has learned. Multiply "
            "it by σ = exp(log_std).",
            unit_spread,
        ),
        Mistake(
            "forgets-mean",
            "The noise has the right spread, but `mean` is not added, so all states get the same "
            "actions.",
            forgets_mean,
        ),
        Mistake(
            "forgets-exp",
            "log_std multiplies the noise as it is. It is a logarithm, so that a network may give "
            "any number: σ = exp(log_std) is the spread, always positive.",
            forgets_exp,
        ),
        Mistake(
            "exp-twice",
            "The exponential is taken twice. That is the slip in the lecture's code, read "
            "literally: `exp(sigma)`. What the network gives is log σ; one exp makes it σ.",
            exp_twice,
        ),
        Mistake(
            "log-variance",
            "You take exp(½ · log_std), as if the logarithm of the variance had been given. It is "
            "that of the standard deviation: σ = exp(log_std).",
            log_variance,
        ),
        Mistake(
            "variance-for-std",
            "The noise is multiplied by σ², the variance. A standard normal number times σ has the "
            "standard deviation σ.",
            variance_for_std,
        ),
        Mistake(
            "uniform-noise",
            "The noise comes from torch.rand: uniform on [0, 1), with mean ½. A Gaussian needs "
            "torch.randn, with mean 0 and both signs.",
            uniform_noise,
        ),
        Mistake(
            "one-noise-a-row",
            "All dimensions of an action share one random number, so they always move together. "
            "log_prob treats them as independent: draw noise of the shape of mean, (B, D).",
            one_noise_a_row,
        ),
        Mistake(
            "one-noise-for-all-rows",
            "All rows share the same noise, so the whole batch tries the same thing. Draw noise of "
            "the shape of mean, (B, D).",
            one_noise_for_all_rows,
        ),
        Mistake(
            "clipped",
            "The action is clipped inside. Then log_prob belongs to an action that was not drawn. "
            "Leave clipping to the environment, or use a Beta policy, which needs none.",
            clipped,
        ),
        Mistake(
            "global-randomness",
            "Mean and spread are right, but the noise comes from torch's global random numbers, so "
            "a run cannot be repeated from its seed. Hand `generator` to torch.randn or "
            "torch.normal (torch.distributions cannot take one).",
            global_randomness,
        ),
        Mistake(
            "seeded-inside",
            "A generator is made and seeded inside, so every call draws the same noise: the same "
            "push at each step of an episode. Use the generator you are given.",
            seeded_inside,
        ),
    ),
    variants=(with_torch_normal, dimension_by_dimension),
)
