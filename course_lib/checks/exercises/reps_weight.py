"""The exercise `reps_weight`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.black_box import reps_weight


def cases(generator: torch.Generator) -> list[Case]:
    """Advantages of either sign, η as tensor and as number; ties, one sample; overflow."""

    def advantages(count: int, spread: float = 1.0) -> Tensor:
        return spread * normal(generator, count) + 0.2

    tied = torch.tensor([-1.0, 0.5, 0.5, -2.0], dtype=torch.float64)
    return [
        Case("five actions", w(advantages(5), 0.6)),
        Case("nine actions, a large η", w(advantages(9, 2.0), 3.0)),
        Case("four actions, a small η", w(advantages(4), 0.3)),
        Case("η as a Python number", {"advantage": advantages(6), "eta": 0.8}),
        Case("η = 1", w(advantages(5), 1.0), EDGE),
        Case("two equally good", w(tied, 0.7), EDGE),
        Case("no action better than another", w(torch.zeros(5).double(), 0.5), EDGE),
        Case("a single action", w(advantages(1), 0.5), EDGE),
        Case("the end of the bisection, η = 1e-4", w(advantages(6), 1e-4), NUMERICS),
        Case("advantages in the thousands", w(1_000 * normal(generator, 5), 0.5), NUMERICS),
        Case("all far below 0", w(advantages(5) - 4_000, 2.0), NUMERICS),
        Case("all far above 0, a large η", w(advantages(5) + 4_000, 7.0), NUMERICS),
    ]


def w(advantage: Tensor, eta: float) -> dict[str, Tensor]:
    """The inputs of one case, η a 0-dimensional tensor as the bisection hands it over."""
    return {"advantage": advantage, "eta": torch.tensor(eta, dtype=torch.float64)}


def forgets_eta(advantage, eta):
    return advantage.softmax(0)


def upside_down(advantage, eta):
    return (advantage * eta).softmax(0)


def prefers_the_worst(advantage, eta):
    return (-advantage / eta).softmax(0)


def overflows(advantage, eta):
    weight = (advantage / eta).exp()
    return weight / weight.sum()


def shifted_in_another_unit(advantage, eta):
    weight = (advantage / eta - advantage.max()).exp()
    return weight / weight.sum()


def mean_taken_off(advantage, eta):
    weight = ((advantage - advantage.mean()) / eta).exp()
    return weight / weight.sum()


def clamped_exponent(advantage, eta):
    return (advantage / eta).clamp(-50, 50).softmax(0)


def best_has_one(advantage, eta):
    return ((advantage - advantage.max()) / eta).exp()


def mean_one(advantage, eta):
    return reps_weight(advantage, eta) * len(advantage)


def against_the_dual(advantage, eta):
    """exp((A − g(η))/η) with ε = 0: divided by the mean, not by the sum, of the exponentials."""
    return ((advantage / eta) - (advantage / eta).logsumexp(0) + math.log(len(advantage))).exp() - 1


def log_weights(advantage, eta):
    return (advantage / eta).log_softmax(0)


def best_only(advantage, eta):
    best = (advantage == advantage.max()).to(advantage.dtype)
    return best / best.sum()


def even(advantage, eta):
    return torch.full_like(advantage, 1 / len(advantage))


def better_than_expected_only(advantage, eta):
    better = advantage > 0
    weight = torch.where(better, (advantage / eta).softmax(0), 0)
    return weight / weight.sum().clamp(min=1e-8)


def positive_part(advantage, eta):
    part = advantage.clamp(min=0) / eta
    return part / part.sum().clamp(min=1e-8)


def standardised(advantage, eta):
    spread = advantage.std(correction=0) + 1e-8
    return ((advantage - advantage.mean()) / spread / eta).softmax(0)


def absolute(advantage, eta):
    return (advantage.abs() / eta).softmax(0)


def times_the_advantage(advantage, eta):
    return reps_weight(advantage, eta) * advantage


def squared(advantage, eta):
    return (advantage / eta).softmax(0).square()


def half_the_exponent(advantage, eta):
    return (advantage / (2 * eta)).softmax(0)


def sigmoid(advantage, eta):
    weight = (advantage / eta).sigmoid()
    return weight / weight.sum()


def one_number(advantage, eta):
    return reps_weight(advantage, eta) @ advantage


def as_a_column(advantage, eta):
    return reps_weight(advantage, eta).unsqueeze(-1)


def in_place(advantage, eta):
    advantage -= advantage.mean().item()
    return (advantage / eta).softmax(0)


def centred_first(advantage, eta):
    """Right: the mean is taken off first, which no weight can tell."""
    return ((advantage - advantage.mean()) / eta).softmax(0)


def largest_first(advantage, eta):
    """Right: the best is taken off; divided by the sum in the end."""
    weight = torch.exp((advantage - advantage.max()) / eta)
    return weight / weight.sum()


def one_by_one(advantage, eta):
    """Right: Python numbers, without a gradient."""
    best, scale = float(advantage.max()), float(eta)
    weight = [math.exp((one - best) / scale) for one in advantage.tolist()]
    return torch.tensor(weight, dtype=advantage.dtype) / sum(weight)


def through_the_logarithm(advantage, eta):
    """Right: in float64 inside, as a density against the even one, divided by n."""
    scaled = advantage.double() / eta
    log_mean = scaled.logsumexp(0) - math.log(len(advantage))
    return ((scaled - log_mean).exp() / len(advantage)).to(advantage.dtype)


EXERCISE = Exercise(
    name="reps_weight",
    reference=reps_weight,
    cases=cases,
    statement="each action counts by exp(A/η), all together 1, however small η becomes",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "forgets-eta",
            "η has no effect: either it is not used, or it cancels, as in A − η or exp(A)/η, once "
            "all is divided by the sum. It belongs into the exponent, A/η: without it nothing "
            "bounds how far the weighted data are from the data.",
            forgets_eta,
        ),
        Mistake(
            "eta-upside-down",
            "The advantages are multiplied by η, not divided. Test yourself: η → ∞ must give even "
            "weights.",
            upside_down,
        ),
        Mistake(
            "prefers-the-worst",
            "The sign is flipped: what turned out worst weighs most. exp(+A/η).",
            prefers_the_worst,
        ),
        Mistake(
            "overflows",
            "Right for small advantages; but η becomes small where ε is large, and exp(10,000) is "
            "∞. Take the largest advantage off first, or let `softmax` do it.",
            overflows,
        ),
        Mistake(
            "shifted-in-another-unit",
            "The largest *advantage* is taken off from A/η, which has no unit any more. Subtract "
            "first, then divide: (A − max A)/η.",
            shifted_in_another_unit,
        ),
        Mistake(
            "mean-taken-off",
            "The *mean* advantage is taken off first. That changes no weight; but what lies far "
            "above the mean still overflows where η is small. Take the largest off: then no "
            "exponent is above 0.",
            mean_taken_off,
        ),
        Mistake(
            "clamped-exponent",
            "A/η is clamped before the exponential, and beyond the clamp all actions count the "
            "same. Take the largest off: that changes nothing.",
            clamped_exponent,
        ),
        Mistake(
            "not-normalised",
            "The best action weighs 1, and the sum is larger. Divide by the sum of all.",
            best_has_one,
        ),
        Mistake(
            "mean-one",
            "The weights have mean 1: a ratio of two densities. Here they sum to 1: divide by n.",
            mean_one,
        ),
        Mistake(
            "ratio-minus-one",
            "That is the density ratio minus 1, with mean 0. In a regression no action may count "
            "negatively: its log-probability would fall without a bound.",
            against_the_dual,
        ),
        Mistake(
            "log-weights",
            "Those are the logarithms of the weights: softmax, not log_softmax.",
            log_weights,
        ),
        Mistake(
            "best-only",
            "Only the best action counts: a KL divergence of log n from the data, whatever ε had "
            "allowed.",
            best_only,
        ),
        Mistake(
            "all-the-same",
            "All actions count the same: the limit η → ∞, ε = 0. Nothing is learned then.",
            even,
        ),
        Mistake(
            "better-than-expected-only",
            "Actions with a negative advantage are left out. They count little already; and with "
            "them the KL divergence is the one that the dual has bounded.",
            better_than_expected_only,
        ),
        Mistake(
            "positive-part",
            "Weights in proportion to the positive part of A: η has no effect, as it divides above "
            "and below. The exponential is what makes it a temperature.",
            positive_part,
        ),
        Mistake(
            "standardised",
            "The advantages are brought to spread 1 here. η was found for the advantages as they "
            "are: taken for others, the KL divergence is no longer ε.",
            standardised,
        ),
        Mistake(
            "absolute",
            "The sign of A is lost: what was much worse than expected counts as much as what was "
            "much better.",
            absolute,
        ),
        Mistake(
            "times-the-advantage",
            "The weights are multiplied by the advantages once more, as in a policy gradient. This "
            "is a regression: exp(A/η) is all an action counts.",
            times_the_advantage,
        ),
        Mistake("squared", "The weights are squared, and do not sum to 1 any more.", squared),
        Mistake(
            "half-the-exponent",
            "The exponent is A/(2η). With that the divergence from the data is less than ε: A/η.",
            half_the_exponent,
        ),
        Mistake(
            "sigmoid",
            "A sigmoid of A/η, normalised. It levels off for good actions; exp(A/η) does not.",
            sigmoid,
        ),
        Mistake(
            "one-number",
            "A single number came out, the weighted advantage. Return one weight an action, (n,).",
            one_number,
        ),
        Mistake(
            "extra-axis",
            "The weights have shape (n, 1). Against log-probabilities (n,) that silently becomes "
            "(n, n) in the next line: return (n,).",
            as_a_column,
        ),
        Mistake("changes-advantages", IN_PLACE, in_place),
    ),
    variants=(centred_first, largest_first, one_by_one, through_the_logarithm),
)
