"""The exercise `cem_update`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.black_box import cem_update

LONELY = (
    "Where the fraction is so small that not one sample is kept, the mean of nothing is nan, and "
    "the search is lost. At least one: max(1, int(elite_fraction * n))."
)


def cases(generator: torch.Generator) -> list[Case]:
    """Counts that rounding in any other way would miss; one elite, all elite, twins, a floor."""

    def batch(rows: int, columns: int, fraction: float, floor: float) -> dict:
        sample = 2 * normal(generator, rows, columns) + 1
        return {
            "sample": sample,
            "score": 20 * normal(generator, rows) + 5 * sample.sum(-1) - 8,
            "elite_fraction": fraction,
            "min_std": floor,
        }

    floored = batch(12, 4, 0.5, 0.3)
    floored["sample"] = floored["sample"] * torch.tensor([1.0, 0.05, 1.0, 0.01]).double()
    twins = batch(6, 2, 0.5, 0.0)  # the third and the fourth best are one and the same
    order = twins["score"].argsort(descending=True)
    for name in ("sample", "score"):
        twins[name][order[3]] = twins[name][order[2]]
    equal = batch(5, 2, 0.6, 0.1)
    equal["sample"] = equal["sample"][:1].repeat(5, 1)
    equal["score"] = torch.full_like(equal["score"], 500.0)
    return [
        Case("the best 2 of 7 samples", batch(7, 3, 0.4, 0.0)),
        Case("the best 4 of 9, of five parameters", batch(9, 5, 0.45, 0.05)),
        Case("as many samples as parameters", batch(4, 4, 0.6, 0.1)),
        Case("two parameters below the floor", floored),
        Case("two equal samples at the border", twins),
        Case("all are elite", batch(5, 2, 1.0, 0.0), EDGE),
        Case("so small a fraction that one remains", batch(6, 3, 0.05, 0.2), EDGE),
        Case("a single sample", batch(1, 3, 0.25, 0.1), EDGE),
        Case("equal samples with equal scores", equal, EDGE),
        Case("a single parameter", batch(8, 1, 0.3, 0.0), EDGE),
    ]


def count_of(sample: Tensor, fraction: float) -> int:
    """How many are kept."""
    return max(1, int(fraction * len(sample)))


def elite_of(sample: Tensor, score: Tensor, fraction: float) -> Tensor:
    """The samples that are kept."""
    return sample[score.argsort(descending=True)[: count_of(sample, fraction)]]


def fitted(elite: Tensor, min_std: float) -> tuple[Tensor, Tensor]:
    mean = elite.mean(0)  # nan of no elite, where `std` would warn as well
    return mean, (elite - mean).square().mean(0).sqrt().clamp(min=min_std)


def keeps_the_worst(sample, score, elite_fraction, min_std):
    return cem_update(sample, -score, elite_fraction, min_std)


def first_rows(sample, score, elite_fraction, min_std):
    return fitted(sample[: count_of(sample, elite_fraction)], min_std)


def everyone(sample, score, elite_fraction, min_std):
    return fitted(sample, min_std)


def best_one(sample, score, elite_fraction, min_std):
    return sample[score.argmax()], cem_update(sample, score, elite_fraction, min_std)[1]


def misses_the_best(sample, score, elite_fraction, min_std):
    order, count = score.argsort(), count_of(sample, elite_fraction)
    return fitted(sample[order[-count - 1 : -1]], min_std)


def rounds_up(sample, score, elite_fraction, min_std):
    count = math.ceil(elite_fraction * len(sample))
    return fitted(sample[score.topk(count).indices], min_std)


def rounds_to_nearest(sample, score, elite_fraction, min_std):
    count = max(1, round(elite_fraction * len(sample)))
    return fitted(sample[score.topk(count).indices], min_std)


def one_too_many(sample, score, elite_fraction, min_std):
    count = min(len(sample), int(elite_fraction * len(sample)) + 1)
    return fitted(sample[score.topk(count).indices], min_std)


def may_keep_none(sample, score, elite_fraction, min_std):
    return fitted(sample[score.topk(int(elite_fraction * len(sample))).indices], min_std)


def slice_of_none(sample, score, elite_fraction, min_std):
    count = int(elite_fraction * len(sample))  # order[-0:] is everything
    return fitted(sample[score.argsort()[-count:]], min_std)


def by_threshold(sample, score, elite_fraction, min_std):
    last = score.topk(count_of(sample, elite_fraction)).values[-1]
    return fitted(sample[score >= last], min_std)


def above_threshold(sample, score, elite_fraction, min_std):
    last = score.topk(count_of(sample, elite_fraction)).values[-1]
    return fitted(sample[score > last], min_std)


def by_quantile(sample, score, elite_fraction, min_std):
    return fitted(sample[score >= score.quantile(1 - elite_fraction)], min_std)


def sample_deviation(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    square = (elite - elite.mean(0)).square().sum(0)
    return elite.mean(0), (square / (len(elite) - 1)).sqrt().clamp(min=min_std)  # 0/0 for one


def variance(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    return elite.mean(0), elite.var(0, correction=0).clamp(min=min_std)


def standard_error(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    return elite.mean(0), (elite.std(0, correction=0) / len(elite) ** 0.5).clamp(min=min_std)


def no_floor(sample, score, elite_fraction, min_std):
    return fitted(elite_of(sample, score, elite_fraction), 0.0)


def floor_added(sample, score, elite_fraction, min_std):
    mean, std = fitted(elite_of(sample, score, elite_fraction), 0.0)
    return mean, std + min_std


def floor_in_the_square(sample, score, elite_fraction, min_std):
    mean, std = fitted(elite_of(sample, score, elite_fraction), 0.0)
    return mean, (std.square() + min_std**2).sqrt()


def ceiling(sample, score, elite_fraction, min_std):
    mean, std = fitted(elite_of(sample, score, elite_fraction), 0.0)
    return mean, std.clamp(max=min_std)


def floor_of_both(sample, score, elite_fraction, min_std):
    mean, std = cem_update(sample, score, elite_fraction, min_std)
    return mean.clamp(min=min_std), std


def spread_of_all(sample, score, elite_fraction, min_std):
    return elite_of(sample, score, elite_fraction).mean(0), fitted(sample, min_std)[1]


def around_the_old_mean(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    spread = (elite - sample.mean(0)).square().mean(0).sqrt()
    return elite.mean(0), spread.clamp(min=min_std)


def one_spread_for_all(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    return elite.mean(0), elite.std(correction=0).clamp(min=min_std).repeat(elite.shape[1])


def over_the_parameters(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    return elite.mean(1), elite.std(1, correction=0).clamp(min=min_std)


def one_number_each(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    return elite.mean(), elite.std(correction=0).clamp(min=min_std)


def sum_for_mean(sample, score, elite_fraction, min_std):
    mean, std = cem_update(sample, score, elite_fraction, min_std)
    return mean * count_of(sample, elite_fraction), std


def median(sample, score, elite_fraction, min_std):
    _, std = cem_update(sample, score, elite_fraction, min_std)
    return elite_of(sample, score, elite_fraction).quantile(0.5, dim=0), std


def weighted_by_score(sample, score, elite_fraction, min_std):
    count = count_of(sample, elite_fraction)
    weight, rows = score.topk(count)
    mean = (weight.unsqueeze(-1) * sample[rows]).sum(0) / weight.sum()
    return mean, fitted(sample[rows], min_std)[1]


def exchanged(sample, score, elite_fraction, min_std):
    return cem_update(sample, score, elite_fraction, min_std)[::-1]


def mean_only(sample, score, elite_fraction, min_std):
    return cem_update(sample, score, elite_fraction, min_std)[0]


def keeps_the_axis(sample, score, elite_fraction, min_std):
    elite = elite_of(sample, score, elite_fraction)
    return elite.mean(0, keepdim=True), elite.std(0, correction=0, keepdim=True).clamp(min=min_std)


def sorts_in_place(sample, score, elite_fraction, min_std):
    mean_and_std = cem_update(sample, score, elite_fraction, min_std)
    sample.copy_(sample[score.argsort(descending=True)])
    return mean_and_std


def crosses_out(sample, score, elite_fraction, min_std):
    """Finds the best one after the other, and crosses each out in the caller's own scores."""
    rows = []
    for _ in range(count_of(sample, elite_fraction)):
        rows.append(int(score.argmax()))
        score[rows[-1]] = -math.inf
    return fitted(sample[rows], min_std)


def by_sorting_pairs(sample, score, elite_fraction, min_std):
    """Right: Python's sort, and the mean square minus the squared mean, in float64 inside."""
    pairs = sorted(zip(score.tolist(), sample.double().tolist(), strict=True), reverse=True)
    elite = torch.tensor([row for _, row in pairs[: count_of(sample, elite_fraction)]]).double()
    mean = elite.sum(0) / len(elite)
    std = (elite - mean).square().mean(0).sqrt()
    return mean.to(sample.dtype), std.maximum(torch.tensor(min_std)).to(sample.dtype)


def with_a_mask(sample, score, elite_fraction, min_std):
    """Right: a weight of 1/k for each of the elite and 0 for all others."""
    count = count_of(sample, elite_fraction)
    weight = torch.zeros_like(score).index_fill(0, score.topk(count).indices, 1 / count)
    mean = weight @ sample
    spread = (weight @ (sample - mean).square()).sqrt()
    return mean, torch.where(spread < min_std, torch.full_like(spread, min_std), spread)


def column_by_column(sample, score, elite_fraction, min_std):
    """Right: one parameter after the other, the last of an ascending order."""
    count = count_of(sample, elite_fraction)
    best = score.sort().indices[len(score) - count :]
    mean = torch.stack([column[best].mean() for column in sample.T])
    pairs = zip(sample.T, mean, strict=True)
    std = [max(min_std, ((one[best] - m) ** 2).mean().sqrt().item()) for one, m in pairs]
    return mean, torch.tensor(std, dtype=sample.dtype)


EXERCISE = Exercise(
    name="cem_update",
    reference=cem_update,
    cases=cases,
    statement="the best are kept, never none, and their spread does not fall below the floor",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "keeps-the-worst",
            "The samples with the *lowest* scores are kept. A score is a return: more is better. "
            "`argsort` sorts upwards; take the end of it, or descending=True, or `topk`.",
            keeps_the_worst,
        ),
        Mistake(
            "first-rows",
            "The first rows of `sample` are kept, whatever they scored: `score` is not used.",
            first_rows,
        ),
        Mistake(
            "everyone",
            "All samples are kept. Without selection the search stands still: its mean is the one "
            "that it drew around.",
            everyone,
        ),
        Mistake(
            "best-one-only",
            "The mean is the single best sample. One lucky episode decides then; the elite's mean "
            "averages luck away.",
            best_one,
        ),
        Mistake(
            "misses-the-best",
            "The slice ends one too early: the best sample of all is left out. Of an ascending "
            "order the last k are `order[-k:]`.",
            misses_the_best,
        ),
        Mistake(
            "one-too-many",
            "One sample too many is kept: int(fraction · n), and one only where that is 0.",
            one_too_many,
        ),
        Mistake(
            "rounds-up",
            "The number of elite is rounded up. By the course's convention the fraction is cut: "
            "int(elite_fraction * n), at least 1.",
            rounds_up,
        ),
        Mistake(
            "rounds-to-nearest",
            "The number of elite is rounded to the nearest. By the course's convention the "
            "fraction is cut: int(elite_fraction * n), at least 1.",
            rounds_to_nearest,
        ),
        Mistake("keeps-none", LONELY, may_keep_none),
        Mistake(
            "keeps-all-instead-of-none",
            "Where int(elite_fraction * n) is 0, `order[-0:]` is the whole order, and all samples "
            "are kept. At least one, and no more: max(1, int(elite_fraction * n)).",
            slice_of_none,
        ),
        Mistake(
            "by-threshold",
            "All samples that score as much as the last of the elite are kept. Where scores are "
            "equal, and CartPole's 500 soon is, these are more than int(elite_fraction * n).",
            by_threshold,
        ),
        Mistake(
            "above-threshold",
            "Only samples *above* the last elite score are kept, so that the last one is missing, "
            "and where all scores are equal nothing is left.",
            above_threshold,
        ),
        Mistake(
            "by-quantile",
            "A quantile lies between two scores, and everything above it is another number of "
            "samples than int(elite_fraction * n). Count: `score.topk(k).indices`.",
            by_quantile,
        ),
        Mistake(
            "sample-deviation",
            "The standard deviation divides by k − 1, and is nan for one elite. Here it is the "
            "population's: `std(0, correction=0)`.",
            sample_deviation,
        ),
        Mistake(
            "variance",
            "That is the variance. The next generation is drawn as mean + std · noise: take the "
            "square root.",
            variance,
        ),
        Mistake(
            "standard-error",
            "The spread is divided by the square root of the number of elite. That is how well "
            "their mean is known, not how far they lie apart, and the search freezes in a few "
            "generations.",
            standard_error,
        ),
        Mistake(
            "no-floor",
            "`min_std` is not used. A few generations of like elite, and the spread is 0 for ever: "
            "nothing new is tried any more.",
            no_floor,
        ),
        Mistake(
            "floor-added",
            "`min_std` is added to the spread. It is a floor, not a surplus: `clamp(min=min_std)`.",
            floor_added,
        ),
        Mistake(
            "floor-in-the-square",
            "std² + min_std² is the spread of the elite with noise on top. `min_std` is a floor "
            "here: what lies above stays as it is.",
            floor_in_the_square,
        ),
        Mistake(
            "ceiling",
            "`min_std` became a ceiling: the spread never *exceeds* it. clamp(min=…), not max.",
            ceiling,
        ),
        Mistake(
            "floor-of-both",
            "The floor holds the mean up as well. Parameters may be negative; only the spread has "
            "a floor.",
            floor_of_both,
        ),
        Mistake(
            "spread-of-all",
            "The mean is that of the elite, the spread that of all samples. Then the search never "
            "narrows.",
            spread_of_all,
        ),
        Mistake(
            "around-the-old-mean",
            "The elite's spread is taken around the mean of all samples. Take it around their own "
            "mean. (CMA-ES takes the old mean on purpose; `cem_update` does not.)",
            around_the_old_mean,
        ),
        Mistake(
            "one-spread-for-all",
            "All parameters got one spread. Each has its own: some matter to the score, others may "
            "be anything. `std(0)`, not `std()`.",
            one_spread_for_all,
        ),
        Mistake(
            "over-the-parameters",
            "Mean and spread run over the parameters of each sample (axis 1). The samples are the "
            "rows: average over axis 0, so that (D,) comes out.",
            over_the_parameters,
        ),
        Mistake(
            "one-number-each",
            "A single mean and a single spread come out. Each parameter has its own: axis 0.",
            one_number_each,
        ),
        Mistake(
            "sum-for-mean",
            "The elite are summed, not averaged: the parameters grow with their number.",
            sum_for_mean,
        ),
        Mistake(
            "median",
            "That is the median of the elite. The Gaussian that makes them likeliest has their "
            "mean.",
            median,
        ),
        Mistake(
            "weighted-by-score",
            "The elite are weighted with their scores. In this method who is in counts fully, "
            "which is why scores may be negative, or be shifted, without changing anything.",
            weighted_by_score,
        ),
        Mistake(
            "exchanged",
            "Mean and std come in the other order: return (mean, std).",
            exchanged,
        ),
        Mistake(
            "mean-only",
            "Only the mean comes out. The spread is learned as well: return (mean, std).",
            mean_only,
        ),
        Mistake(
            "extra-axis",
            "Mean and spread have shape (1, D): leave keepdim away.",
            keeps_the_axis,
        ),
        Mistake("sorts-in-place", IN_PLACE, sorts_in_place),
        Mistake("crosses-out", IN_PLACE, crosses_out),
    ),
    variants=(by_sorting_pairs, with_a_mask, column_by_column),
)
