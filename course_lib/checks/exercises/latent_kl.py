"""The exercise `latent_kl`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.reference.divergences import gaussian_kl
from course_lib.reference.world_models import latent_kl


def cases(generator: torch.Generator) -> list[Case]:
    """Some rows above and some below the free nats; none free, all free; one σ for all rows."""
    return [
        Case("four rows, some below the free nats", given(generator, 4, 2, 1.5)),
        Case("six rows of three dimensions", given(generator, 6, 3, 2.5)),
        Case("as many rows as dimensions", given(generator, 3, 3, 1.0)),
        Case("one σ for all rows", given(generator, 5, 2, 1.0, shared=True)),
        Case("nothing is free", given(generator, 4, 2, 0.0), EDGE),
        Case("everything is free", given(generator, 4, 2, 1_000.0), EDGE),
        Case("a single row", given(generator, 1, 3, 0.5), EDGE),
    ]


def given(
    generator: torch.Generator, rows: int, size: int, free: float, shared: bool = False
) -> dict:
    """The inputs of one case: rows from near to far, so that `free` parts them."""
    shape = (size,) if shared else (rows, size)
    away = torch.linspace(0.2, 2.0, rows, dtype=torch.float64).unsqueeze(-1)
    prior_mean = normal(generator, rows, size)
    sign = normal(generator, rows, size).sign()
    return {
        "posterior_mean": prior_mean + away * sign,
        "posterior_log_std": uniform(generator, -0.6, 0.1, *shape),
        "prior_mean": prior_mean,
        "prior_log_std": uniform(generator, -0.2, 0.5, *shape),
        "free_nats": free,
    }


def other_way_round(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    return latent_kl(prior_mean, prior_log_std, posterior_mean, posterior_log_std, free_nats)


def nothing_free(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    return latent_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std, 0.0)


def clamped_after_the_mean(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return divergence.mean().clamp(min=free_nats)


def each_dimension(posterior_mean, posterior_log_std, prior_mean, prior_log_std) -> Tensor:
    """(B, D) the divergence of each dimension."""
    ratio = (2 * (posterior_log_std - prior_log_std)).exp()
    distance = (posterior_mean - prior_mean).square() * (-2 * prior_log_std).exp()
    return 0.5 * (ratio + distance - 1) - posterior_log_std + prior_log_std


def free_in_each_dimension(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    each = each_dimension(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return each.clamp(min=free_nats).sum(-1).mean()


def mean_over_dimensions(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    each = each_dimension(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return each.mean(-1).clamp(min=free_nats).mean()


def free_nats_subtracted(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return (divergence - free_nats).clamp(min=0).mean()


def at_most(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return divergence.clamp(max=free_nats).mean()


def summed(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    whole = latent_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats)
    return len(posterior_mean) * whole


def standard_prior(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    zero = torch.zeros_like(prior_mean) + 0 * prior_mean
    return latent_kl(posterior_mean, posterior_log_std, zero, 0 * prior_log_std, free_nats)


def means_only(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    distance = (posterior_mean - prior_mean) * (-prior_log_std).exp()
    divergence = 0.5 * distance.square().sum(-1) + 0 * posterior_log_std.sum()
    return divergence.clamp(min=free_nats).mean()


def variance_as_std(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    return latent_kl(
        posterior_mean, 0.5 * posterior_log_std, prior_mean, 0.5 * prior_log_std, free_nats
    )


def prior_held(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    return latent_kl(
        posterior_mean, posterior_log_std, prior_mean.detach(), prior_log_std.detach(), free_nats
    )


def posterior_held(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    return latent_kl(
        posterior_mean.detach(), posterior_log_std.detach(), prior_mean, prior_log_std, free_nats
    )


def gradient_everywhere(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return (divergence + (free_nats - divergence).clamp(min=0).detach()).mean()


def by_distributions(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    """Right: torch's divergence of two Normals."""
    posterior = Normal(posterior_mean, posterior_log_std.exp().expand_as(posterior_mean))
    prior = Normal(prior_mean, prior_log_std.exp().expand_as(prior_mean))
    divergence = kl_divergence(posterior, prior).sum(-1)
    return torch.maximum(divergence, torch.full_like(divergence, free_nats)).mean()


def written_out(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    """Right: the closed form, row by row, with `where` for the free nats."""
    each = each_dimension(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    rows = [row.sum() if row.sum() > free_nats else row.sum() * 0 + free_nats for row in each]
    return sum(rows) / len(rows)


def no_minus_one(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return (divergence + 0.5 * posterior_mean.shape[-1]).clamp(min=free_nats).mean()


def free_nats_added(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return (divergence + free_nats).mean()


def nothing_paid_below(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    divergence = gaussian_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return torch.where(divergence > free_nats, divergence, 0.0).mean()


EXERCISE = Exercise(
    name="latent_kl",
    reference=latent_kl,
    cases=cases,
    statement="what the encoder adds to the prediction costs its nats, the first few are free",
    points={VALUE: 2, GRADIENT: 1},
    gradient=("posterior_mean", "posterior_log_std", "prior_mean", "prior_log_std"),
    mistakes=(
        Mistake(
            "other-way-round",
            "That is KL(prior‖posterior). Wanted is KL(posterior‖prior): what the encoder knows "
            "beyond the prediction, weighed with the encoder's probabilities.",
            other_way_round,
        ),
        Mistake(
            "nothing-free",
            "The free nats are not used: max(KL, free_nats) of each row.",
            nothing_free,
        ),
        Mistake(
            "clamped-after-the-mean",
            "The maximum is taken of the mean. Take it row by row: else one far row makes all the "
            "near ones pay.",
            clamped_after_the_mean,
        ),
        Mistake(
            "free-in-each-dimension",
            "Every dimension gets its own free nats. Here they are for all dimensions together: "
            "sum first.",
            free_in_each_dimension,
        ),
        Mistake(
            "mean-over-dimensions",
            "The dimensions are averaged. Divergences of independent dimensions add up.",
            mean_over_dimensions,
        ),
        Mistake(
            "free-nats-subtracted",
            "The free nats are subtracted. The gradient is right, the value is not: max(KL, free).",
            free_nats_subtracted,
        ),
        Mistake(
            "at-most",
            "A minimum stands where a maximum belongs: rows that are far would pay nothing more.",
            at_most,
        ),
        Mistake(
            "summed",
            "The rows are added up. Take their mean, so that the batch size does not matter.",
            summed,
        ),
        Mistake(
            "standard-prior",
            "The divergence is taken to N(0, 1), as in an ordinary autoencoder. Here the prior is "
            "the transition's prediction.",
            standard_prior,
        ),
        Mistake(
            "means-only",
            "Only the distance of the means is counted. The widths differ as well: log σ ratio and "
            "σ²/σ² belong to the divergence.",
            means_only,
        ),
        Mistake(
            "log-variance",
            "`log_std` is used as log σ². It is log σ.",
            variance_as_std,
        ),
        Mistake(
            "prior-held",
            "The value is right, but the prior was cut from its graph. The transition learns its "
            "predictions from this very term.",
            prior_held,
        ),
        Mistake(
            "posterior-held",
            "The value is right, but the encoder was cut from its graph. It should move towards "
            "what can be predicted.",
            posterior_held,
        ),
        Mistake(
            "free-nats-still-pull",
            "The value is right, but rows below the free nats still have a gradient. What is free "
            "must not pull: a maximum with a constant has slope 0 there.",
            gradient_everywhere,
        ),
        Mistake(
            "no-minus-one",
            "The −1 is missing in each dimension: for two equal Gaussians the divergence must "
            "be 0.",
            no_minus_one,
        ),
        Mistake(
            "free-nats-added",
            "The free nats are added. They are a floor: a row pays its divergence or the free "
            "nats, whichever is larger.",
            free_nats_added,
        ),
        Mistake(
            "nothing-paid-below",
            "Rows below the free nats pay 0. They have no slope, but their price is "
            "free_nats: max(KL, free_nats), so that the loss has no jump.",
            nothing_paid_below,
        ),
    ),
    variants=(by_distributions, written_out),
)
