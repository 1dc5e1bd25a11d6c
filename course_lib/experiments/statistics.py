"""What a few seeds can tell: means with their spread, a test against the best, and its power.

Scores of many tasks together are in aggregates.py."""

from typing import NamedTuple

import numpy as np
import torch

LEVEL = 0.05
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


class Spread(NamedTuple):
    """A mean over seeds and the two things that "±" may mean.

    Attributes:
        mean: over the seeds.
        std: the standard deviation from seed to seed, with n − 1: how much luck one training has.
        standard_error: std/√n: how far this mean may be from that of all possible seeds.
        seeds: n.
    """

    mean: np.ndarray
    std: np.ndarray
    standard_error: np.ndarray
    seeds: int


def spread(returns: np.ndarray) -> Spread:
    """Mean, standard deviation and standard error over the last axis, the seeds.

    Raises:
        ValueError: there is one seed only, which has no spread, or a return that is not finite.
    """
    returns = require_seeds(returns)
    seeds = returns.shape[-1]
    std = returns.std(-1, ddof=1)
    return Spread(returns.mean(-1), std, std / seeds**0.5, seeds)


def require_seeds(returns: np.ndarray) -> np.ndarray:
    """As an array of float64 with two seeds or more along its last axis, all finite."""
    returns = np.asarray(returns, dtype=np.float64)
    if not returns.ndim or returns.shape[-1] < 2:
        raise ValueError(f"a spread needs two seeds or more, got shape {returns.shape}")
    if not np.isfinite(returns).all():
        raise ValueError("some returns are not finite: say first what such a seed counts as")
    return returns


def student_t_tail(t: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """P(T > t) for Student's t distribution with so many degrees of freedom; they broadcast.

    With T = √ν cot φ the density is proportional to sin^(ν−1) φ:

        P(T > t) = Γ((ν+1)/2) / (√π Γ(ν/2)) · ∫₀^φ sin^(ν−1),   tan φ = √ν/t

    by Gauss and Legendre's rule in u, φ' = φ u³, which is smooth where ν is no whole number. The
    relative error is below 10⁻⁶ for 1 ≤ ν ≤ 200, the range of tests with few seeds.
    """
    t, degrees = np.broadcast_arrays(np.asarray(t, float), np.asarray(degrees, float))
    half = torch.as_tensor(degrees / 2)
    factor = (torch.lgamma(half + 0.5) - torch.lgamma(half)).exp().numpy() / np.pi**0.5
    angle = np.arctan2(np.sqrt(degrees), t)[..., None]
    node = (NODES + 1) / 2
    power = np.sin(angle * node**3) ** (degrees[..., None] - 1)
    return factor * (power * angle * 3 * node**2 * WEIGHTS / 2).sum(-1)


def welch_p_value(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Welch's test, one-sided: is the mean of `lower` below that of `upper`?

        t = (x̄_u − x̄_l)/√(s_u²/n_u + s_l²/n_l), and p = P(T > t) if both means are equal in truth

    The two spreads need not be equal. Degrees of freedom are Welch and Satterthwaite's. Where
    neither varies, p is 0, ½ or 1.

    Args:
        lower, upper: (…, n_l) and (…, n_u) returns, one a seed. The seeds need not correspond.

    Returns:
        (…) p-values; a two-sided test would double the smaller of p and 1 − p.

    Source: Welch (1947), "The generalization of Student's problem".
    """
    one, two = spread(lower), spread(upper)
    difference = two.mean - one.mean
    square1, square2 = one.standard_error**2, two.standard_error**2
    total = square1 + square2
    varies = total > 0
    safe = np.where(varies, total, 1.0)
    below = square1**2 / (one.seeds - 1) + square2**2 / (two.seeds - 1)
    degrees = np.where(varies, safe**2 / np.where(varies, below, 1.0), 1.0)
    p_value = student_t_tail(difference / np.sqrt(safe), degrees)
    return np.where(varies, p_value, 0.5 - 0.5 * np.sign(difference))


def p_against_best(returns: np.ndarray) -> np.ndarray:
    """For each variant the p-value of "its mean is below that of the best", the highest mean.

    With K variants these are K − 1 tests. Two things follow. Among many variants that are all as
    good as the best some test will say otherwise by chance; and the best is who had luck, so that
    the others are held against too high a mean. `share_refused_among_equals` says how often.

    Args:
        returns: (…, variants, seeds).

    Returns:
        (…, variants) p-values; 1 for the best itself.
    """
    returns = require_seeds(returns)
    best = returns.mean(-1).argmax(-1)[..., None]
    p_value = welch_p_value(returns, np.take_along_axis(returns, best[..., None], axis=-2))
    np.put_along_axis(p_value, best, 1.0, axis=-1)
    return p_value


def not_below_best(returns: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Which variants are bold: the best, and all that are not significantly below it.

    Not significantly below is not "as good": with few seeds a test sees large differences only
    (`power`). No correction is made for the number of tests, as in Duan et al. (2016), whose bold
    numbers are those that Welch's test at 0.05 cannot tell from the best; `holm` corrects.

    Args:
        returns: (…, variants, seeds).
        level: of each one-sided test; 0.025 is what a two-sided test at 0.05 asks.

    Returns:
        (…, variants) bool.
    """
    return p_against_best(returns) >= level


def holm(p_value: np.ndarray) -> np.ndarray:
    """P-values that keep the chance of even one false alarm among all tests below the level.

    The smallest is multiplied by the number of tests, the next by one less, and so on; none gets
    smaller than the one before. Leave out the best's own 1, which is no test.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    p_value = np.asarray(p_value, dtype=np.float64)
    order = np.argsort(p_value)
    adjusted = np.maximum.accumulate(p_value[order] * np.arange(len(p_value), 0, -1)).clip(max=1)
    return adjusted[np.argsort(order)]


def power(
    difference: np.ndarray, seeds: int, level: float = LEVEL, draws: int = 2_000, seed: int = 0
) -> np.ndarray:
    """How often the test notices that one of two variants is better.

    Args:
        difference: (…) between the true means, in standard deviations from seed to seed, which
            both variants share; their returns are normally distributed.
        seeds: of each variant.
        level: of the one-sided test.
        draws: how many pairs of variants are invented; for 2,000 the error is about 0.01.
        seed: of the inventing; all differences see the same luck, so that curves are smooth.

    Returns:
        (…) shares; at difference 0 about the level, the false alarms.
    """
    random = np.random.default_rng(seed)
    lower, upper = random.normal(size=(2, draws, seeds))
    shares = [
        (welch_p_value(lower, upper + one) < level).mean() for one in np.atleast_1d(difference)
    ]
    return np.array(shares).reshape(np.shape(difference))


def share_refused_among_equals(
    variants: int, seeds: int, level: float = LEVEL, tables: int = 500, seed: int = 0
) -> tuple[float, float]:
    """What K − 1 tests against the best do when all variants are equally good in truth.

    Returns:
        The share of variants that are not bold, and the share of tables with at least one such.
    """
    returns = np.random.default_rng(seed).normal(size=(tables, variants, seeds))
    refused = ~not_below_best(returns, level)
    return float(refused.mean()), float(refused.any(-1).mean())


def share_best(returns: np.ndarray, seeds: int, draws: int = 2_000, seed: int = 0) -> np.ndarray:
    """How often each variant has the highest mean if only so many of its seeds had been run.

    Args:
        returns: (variants, all seeds).
        seeds: how many are drawn, for each variant its own and none twice.
        draws, seed: how often, and the seed of the drawing.

    Returns:
        (variants,) shares that sum to 1; of those that share the highest mean the first counts.
    """
    returns = require_seeds(returns)
    if not 1 <= seeds <= returns.shape[1]:
        raise ValueError(f"{seeds} of {returns.shape[1]} seeds cannot be drawn")
    keys = np.random.default_rng(seed).random((draws, *returns.shape))
    chosen = np.argsort(keys, axis=-1)[..., :seeds]
    means = np.take_along_axis(returns[None], chosen, axis=-1).mean(-1)
    return np.bincount(means.argmax(-1), minlength=len(returns)) / draws
