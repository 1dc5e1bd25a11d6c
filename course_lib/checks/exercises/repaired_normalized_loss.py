"""The exercise `repaired_normalized_loss`, lesson 03's silent bug: cases and mistakes."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN
from course_lib.reference.advantages import normalize_advantage
from course_lib.reference.baselines import baseline_loss

EPS = 1e-8


def repaired_normalized_loss(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """−mean w log π, w = (G − V − mean) / (std + 1e-8)."""
    weight = normalize_advantage((reward_to_go - baseline).detach(), EPS)
    return baseline_loss(log_prob, weight, torch.zeros_like(weight))


def cases(generator: torch.Generator) -> list[Case]:
    """Steps in one row, as the loop hands them over, and in a table; few; a V that is
    far off, a V that leaves no spread."""

    def batch(*shape: int, level: float = 3.0) -> dict[str, Tensor]:
        return {
            "log_prob": log_probs(generator, *shape),
            "reward_to_go": 2 * normal(generator, *shape) + 3,
            "baseline": normal(generator, *shape) + level,
        }

    equal = batch(4)
    equal["reward_to_go"] = torch.tensor([3.0, 1.0, 2.5, -1.0], dtype=torch.float64)
    equal["baseline"] = equal["reward_to_go"] - 0.5
    return [
        Case("five steps", batch(5)),
        Case("twelve steps", batch(12)),
        Case("four steps of three episodes", batch(4, 3)),
        Case("as many steps as episodes", batch(3, 3)),
        Case("two steps", batch(2), EDGE),
        Case("values far above the returns", batch(6, level=40.0), EDGE),
        Case("returns that are all better than expected by the same", equal, EDGE),
    ]


def paid(weight: Tensor, log_prob: Tensor) -> Tensor:
    """−mean(weight · log π), the weight a constant."""
    return -(weight.detach() * log_prob).mean()


def normalized(weight: Tensor, correction: int = 0) -> Tensor:
    return (weight - weight.mean()) / (weight.std(correction=correction) + EPS)


def as_given(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(normalized(reward_to_go) - baseline, log_prob)


def both_normalized(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(normalized(reward_to_go) - normalized(baseline), log_prob)


def baseline_in_their_units(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    scaled = (baseline - reward_to_go.mean()) / (reward_to_go.std(correction=0) + EPS)
    return paid(normalized(reward_to_go) - scaled, log_prob)


def not_normalized(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(reward_to_go - baseline, log_prob)


def baseline_dropped(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(normalized(reward_to_go), log_prob)


def centred_only(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid(weight - weight.mean(), log_prob)


def scaled_only(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid(weight / (weight.std(correction=0) + EPS), log_prob)


def sample_deviation(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(normalized(reward_to_go - baseline, correction=1), log_prob)


def by_the_variance(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid((weight - weight.mean()) / (weight.var(correction=0) + EPS), log_prob)


def product_normalized(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    product = (reward_to_go - baseline).detach() * log_prob
    return -normalized(product).mean()


def sign_flipped(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -repaired_normalized_loss(log_prob, reward_to_go, baseline)


def sum_for_mean(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return repaired_normalized_loss(log_prob, reward_to_go, baseline) * log_prob.numel()


def gradient_into_baseline(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -(normalized(reward_to_go - baseline) * log_prob).mean()


def log_prob_detached(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return repaired_normalized_loss(log_prob.detach(), reward_to_go, baseline)


def changes_returns(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    reward_to_go -= baseline.detach()
    return paid(normalized(reward_to_go), log_prob)


def normalized_after_the_bug(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(normalized(normalized(reward_to_go) - baseline), log_prob)


def normalized_apart_and_again(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(normalized(normalized(reward_to_go) - normalized(baseline)), log_prob)


def spread_of_the_returns(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid((weight - weight.mean()) / (reward_to_go.std(correction=0) + EPS), log_prob)


def one_episode_at_a_time(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid((weight - weight.mean(0)) / (weight.std(0, correction=0) + EPS), log_prob)


def without_eps(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid((weight - weight.mean()) / weight.std(correction=0), log_prob)


def large_eps(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid((weight - weight.mean()) / (weight.std(correction=0) + 0.1), log_prob)


def by_moments(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """Right: mean and mean square, in float64 inside."""
    weight = (reward_to_go.double() - baseline.double()).detach()
    centred = weight - weight.mean()
    weight = centred / (centred.square().mean().sqrt() + EPS)
    return -(weight * log_prob.double()).mean().to(log_prob.dtype)


def one_by_one(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """Right: Python numbers for the weights."""
    weight = (reward_to_go - baseline).flatten().tolist()
    mean = sum(weight) / len(weight)
    spread = (sum((w - mean) ** 2 for w in weight) / len(weight)) ** 0.5
    total = log_prob.new_zeros(())
    for w, one in zip(weight, log_prob.flatten(), strict=True):
        total = total - (w - mean) / (spread + EPS) * one
    return total / len(weight)


EXERCISE = Exercise(
    name="repaired_normalized_loss",
    reference=repaired_normalized_loss,
    cases=cases,
    statement="returns and values meet in the same units, and only their difference is normalised",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    no_gradient=("baseline",),
    mistakes=(
        Mistake(
            "as-given",
            "That is the bugged loss still. G was brought to mean 0 and spread 1, and V was not: "
            "the difference compares two units. That is no bias, V being a function of the state, "
            "but a large V drowns all that G says in noise. Subtract first, in the units of the "
            "rewards; then normalise the difference.",
            as_given,
        ),
        Mistake(
            "both-normalised",
            "Both are normalised, each by its own mean and spread. Then V no longer predicts what "
            "it is subtracted from: a V with half the spread of G is stretched to the same. "
            "Subtract first.",
            both_normalized,
        ),
        Mistake(
            "baseline-in-their-units",
            "V was brought to the units of the normalised returns, and the difference is right up "
            "to a factor; but its own mean is not taken off and its spread is not 1. Subtract in "
            "the units of the rewards, then normalise the difference.",
            baseline_in_their_units,
        ),
        Mistake(
            "not-normalised",
            "Right, and not normalised: that is `baseline_loss`. The loss here is meant to have "
            "weights with mean 0 and standard deviation 1.",
            not_normalized,
        ),
        Mistake(
            "baseline-dropped",
            "The baseline is gone, and the returns are normalised by themselves. That removes the "
            "bug together with what V knew.",
            baseline_dropped,
        ),
        Mistake(
            "centred-only",
            "The mean is taken off, the spread is not: divide by the standard deviation.",
            centred_only,
        ),
        Mistake(
            "scaled-only",
            "The spread is 1, the mean is not taken off: subtract it before you divide.",
            scaled_only,
        ),
        Mistake(
            "sample-deviation",
            "The standard deviation divides by n − 1. Here it is the population's "
            "(`correction=0`).",
            sample_deviation,
        ),
        Mistake(
            "by-the-variance",
            "Divided by the variance; its square root is the standard deviation.",
            by_the_variance,
        ),
        Mistake(
            "product-normalised",
            "The product with log π was normalised. Normalise the weights before they meet log π.",
            product_normalized,
        ),
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "sum-for-mean",
            "The sum over the steps is not divided by their number.",
            sum_for_mean,
        ),
        Mistake(
            "gradient-into-baseline",
            "The value is right, but a gradient flows into `baseline`: detach the weight.",
            gradient_into_baseline,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake(
            "normalised-too-late",
            "The weights are normalised now, after G in one unit has met V in another: the "
            "difference that went in is still the bugged one. Subtract first.",
            normalized_after_the_bug,
        ),
        Mistake(
            "both-normalised",
            "Both are normalised, each by its own mean and spread, and their difference once more. "
            "V no longer predicts what it is subtracted from. Subtract first.",
            normalized_apart_and_again,
        ),
        Mistake(
            "spread-of-the-returns",
            "The difference is centred, and divided by the spread of the *returns*. Divide by its "
            "own: V has taken part of the spread away.",
            spread_of_the_returns,
        ),
        Mistake(
            "one-episode-at-a-time",
            "Mean and spread were taken for each episode apart. Then a good episode and a bad one "
            "look alike: take them over all elements.",
            one_episode_at_a_time,
        ),
        Mistake(
            "no-eps",
            "Where all differences are equal, their spread is 0, and 0/0 is nan: one such batch, "
            "and the network is lost. Add 1e-8 to the standard deviation.",
            without_eps,
        ),
        Mistake(
            "large-eps",
            "What is added to the standard deviation is too large: it must not matter unless the "
            "spread is zero. 1e-8.",
            large_eps,
        ),
        Mistake("changes-returns", IN_PLACE, changes_returns),
    ),
    variants=(by_moments, one_by_one),
)
