"""The exercise `clip_fraction`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.ppo_updates import clip_fraction


def cases(generator: torch.Generator) -> list[Case]:
    """Ratios on both sides, also where ratio and logarithm disagree; none outside, all outside."""

    def moved(*ratios: float) -> dict[str, Tensor]:
        old = log_probs(generator, len(ratios))
        step = torch.tensor(ratios, dtype=torch.float64).log()
        return {"log_prob": old + step, "old_log_prob": old}

    def batch(size: int) -> dict[str, Tensor]:
        old = log_probs(generator, size)
        return {"log_prob": old + 0.4 * normal(generator, size), "old_log_prob": old}

    # ln 1.21 = 0.19, 1/1.21 = 0.83 and 1/1.23 = 0.81 are inside.
    return [
        Case("six ratios", {**moved(1.05, 1.21, 1.23, 0.6, 1.6, 0.9), "clip_epsilon": 0.2}),
        Case("forty ratios", {**batch(40), "clip_epsilon": 0.3}),
        Case("rare actions", {**moved(1.5, 0.5, 1.08, 0.97, 1.15, 2.0), "clip_epsilon": 0.1}),
        Case("the policy as it acted", {**moved(1.0, 1.0, 1.0), "clip_epsilon": 0.2}, EDGE),
        Case("all far away", {**moved(0.1, 5.0, 0.3), "clip_epsilon": 0.2}, EDGE),
        Case("a single ratio", {**moved(0.7), "clip_epsilon": 0.2}, EDGE),
    ]


def ratio_of(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """How much likelier the action has become."""
    return (log_prob - old_log_prob).exp()


def share(where: Tensor, like: Tensor) -> Tensor:
    """How many of the flags are up."""
    return where.to(like.dtype).mean()


def above_only(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return share(ratio_of(log_prob, old_log_prob) - 1 > clip_epsilon, log_prob)


def below_only(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return share(ratio_of(log_prob, old_log_prob) < 1 - clip_epsilon, log_prob)


def by_the_logarithm(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return share((log_prob - old_log_prob).abs() > clip_epsilon, log_prob)


def inside(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return 1 - clip_fraction(log_prob, old_log_prob, clip_epsilon)


def counted(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return len(log_prob) * clip_fraction(log_prob, old_log_prob, clip_epsilon)


def per_cent(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return 100 * clip_fraction(log_prob, old_log_prob, clip_epsilon)


def ratio_inverted(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return clip_fraction(old_log_prob, log_prob, clip_epsilon)


def one_not_subtracted(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return share(ratio_of(log_prob, old_log_prob).abs() > clip_epsilon, log_prob)


def by_the_difference(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return share((log_prob.exp() - old_log_prob.exp()).abs() > clip_epsilon, log_prob)


def how_far_outside(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return ((ratio_of(log_prob, old_log_prob) - 1).abs() - clip_epsilon).clamp(min=0).mean()


def any_at_all(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    outside = (ratio_of(log_prob, old_log_prob) - 1).abs() > clip_epsilon
    return outside.any().to(log_prob.dtype)


def always_single(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    return clip_fraction(log_prob, old_log_prob, clip_epsilon).float()


def what_clamp_changes(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    """Right: the ratios that differ from their clipped versions."""
    ratio = ratio_of(log_prob, old_log_prob)
    changed = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon) != ratio
    return changed.sum().to(ratio.dtype) / ratio.numel()


def one_by_one(log_prob, old_log_prob, clip_epsilon) -> Tensor:
    """Right: a count of Python numbers."""
    ratios = ratio_of(log_prob, old_log_prob).tolist()
    outside = sum(not 1 - clip_epsilon <= ratio <= 1 + clip_epsilon for ratio in ratios)
    return torch.tensor(outside / len(ratios), dtype=log_prob.dtype)


EXERCISE = Exercise(
    name="clip_fraction",
    reference=clip_fraction,
    cases=cases,
    statement="it says which part of the samples has left the interval, on either side",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "above-only",
            "Only ratios above 1 + ε are counted; the absolute value is missing. Actions that "
            "became rarer leave the interval below.",
            above_only,
        ),
        Mistake(
            "below-only",
            "Only ratios below 1 − ε are counted. Actions that became likelier leave the interval "
            "above.",
            below_only,
        ),
        Mistake(
            "by-the-logarithm",
            "You compare |log ρ| with ε. That is nearly |ρ − 1| for small ε, but the clip acts on "
            "the ratio: take the exponential first.",
            by_the_logarithm,
        ),
        Mistake(
            "share-inside",
            "That is the share that is still inside: one minus what is wanted.",
            inside,
        ),
        Mistake(
            "counted",
            "That is how many there are. Divide by the number of samples: a fraction does not "
            "depend on the size of the batch.",
            counted,
        ),
        Mistake("per-cent", "That is the percentage. A fraction lies between 0 and 1.", per_cent),
        Mistake(
            "ratio-inverted",
            "The ratio is upside down: π_old/π leaves 1 ± ε at other places than π/π_old.",
            ratio_inverted,
        ),
        Mistake(
            "one-not-subtracted",
            "The ratio itself is compared with ε. It stays in an interval around 1: |ρ − 1| > ε.",
            one_not_subtracted,
        ),
        Mistake(
            "by-the-difference",
            "You compare the difference of the two probabilities. For a rare action it is always "
            "small, however much the ratio changed.",
            by_the_difference,
        ),
        Mistake(
            "how-far-outside",
            "That is how far outside they are, on average. Wanted is how many.",
            how_far_outside,
        ),
        Mistake(
            "any-at-all",
            "That says whether any ratio is outside. Wanted is the share of those that are.",
            any_at_all,
        ),
        Mistake(
            "always-float32",
            "The number is right, but it comes in float32 whatever went in: `.float()` does that. "
            "Convert to the dtype of the inputs, `.to(log_prob.dtype)`.",
            always_single,
        ),
    ),
    variants=(what_clamp_changes, one_by_one),
)
