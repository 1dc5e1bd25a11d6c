"""The exercise `clipped_surrogate_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import BROADCAST, LOG_PROB_CUT, LOSS_SIGN, SUM_FOR_MEAN
from course_lib.reference.advantages import normalize_advantage
from course_lib.reference.ppo import clipped_surrogate_loss


def cases(generator: torch.Generator) -> list[Case]:
    """A sample of each kind to read, wide batches; then a policy that stayed, and one all out."""

    def samples(ratio: Tensor, advantage: Tensor) -> dict[str, Tensor]:
        old = log_probs(generator, *ratio.shape)
        return {"log_prob": old + ratio.log(), "old_log_prob": old, "advantage": advantage}

    def wide(size: int) -> dict[str, Tensor]:
        ratio = (0.5 * normal(generator, size)).exp()
        return samples(ratio, 2 * normal(generator, size) + 0.3)

    def numbers(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    kinds = samples(numbers(1.1, 1.5, 0.5, 1.6, 0.4), numbers(2.0, 1.0, -2.0, -1.0, 1.5))
    stayed = samples(torch.ones(6, dtype=torch.float64), 2 * normal(generator, 6))
    out = samples(numbers(1.4, 2.5, 0.3, 0.6), numbers(1.0, 0.5, -1.0, -2.0))
    return [
        Case("one sample of each kind", {**kinds, "clip_epsilon": 0.2}),
        Case("nine samples", {**wide(9), "clip_epsilon": 0.2}),
        Case("a narrow clip", {**wide(16), "clip_epsilon": 0.1}),
        Case("a wide clip", {**wide(8), "clip_epsilon": 0.35}),
        Case("the policy as it acted", {**stayed, "clip_epsilon": 0.2}, EDGE),
        Case("every ratio past the clip", {**out, "clip_epsilon": 0.2}, EDGE),
        Case("a single sample", {**wide(1), "clip_epsilon": 0.1}, EDGE),
    ]


def ratio_of(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """How much likelier the action has become."""
    return (log_prob - old_log_prob.detach()).exp()


def smaller(ratio: Tensor, clipped: Tensor, advantage: Tensor) -> Tensor:
    """The loss, given both ratios."""
    return -torch.minimum(ratio * advantage.detach(), clipped * advantage.detach()).mean()


def maximum(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return -clipped_surrogate_loss(log_prob, old_log_prob, -advantage, clip_epsilon)


def sign(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return -clipped_surrogate_loss(log_prob, old_log_prob, advantage, clip_epsilon)


def no_clip(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return -(ratio_of(log_prob, old_log_prob) * advantage.detach()).mean()


def clip_only(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    clipped = ratio_of(log_prob, old_log_prob).clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return -(clipped * advantage.detach()).mean()


def silenced_outside(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    inside = (ratio - 1).abs() <= clip_epsilon
    return -(ratio * advantage.detach() * inside).mean()


def clips_the_product(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    product = ratio_of(log_prob, old_log_prob) * advantage.detach()
    return -torch.minimum(product, product.clamp(1 - clip_epsilon, 1 + clip_epsilon)).mean()


def ratio_inverted(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return clipped_surrogate_loss(-log_prob, -old_log_prob, advantage, clip_epsilon)


def log_ratio(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = log_prob - old_log_prob.detach()
    return smaller(ratio, ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon), advantage)


def log_probs_divided(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = log_prob / old_log_prob.detach()
    return smaller(ratio, ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon), advantage)


def clips_the_logarithm(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    moved = log_prob - old_log_prob.detach()
    return smaller(moved.exp(), moved.clamp(-clip_epsilon, clip_epsilon).exp(), advantage)


def clips_around_zero(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    return smaller(ratio, ratio.clamp(-clip_epsilon, clip_epsilon), advantage)


def clips_above_only(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    return smaller(ratio, ratio.clamp(max=1 + clip_epsilon), advantage)


def clips_below_only(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    return smaller(ratio, ratio.clamp(min=1 - clip_epsilon), advantage)


def fixed_epsilon(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return clipped_surrogate_loss(log_prob, old_log_prob, advantage, 0.2)


def old_recomputed(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return clipped_surrogate_loss(log_prob, log_prob.detach(), advantage, clip_epsilon)


def minimum_of_means(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    loss = no_clip(log_prob, old_log_prob, advantage, clip_epsilon)
    return torch.maximum(loss, clip_only(log_prob, old_log_prob, advantage, clip_epsilon))


def sums(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    loss = clipped_surrogate_loss(log_prob, old_log_prob, advantage, clip_epsilon)
    return len(log_prob) * loss


def broadcast(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob).unsqueeze(1)
    return smaller(ratio, ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon), advantage)


def weighs_log_prob(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob).detach()
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    weight = torch.minimum(ratio * advantage.detach(), clipped * advantage.detach())
    return -(weight * log_prob).mean()


def advantage_normalized(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    weight = normalize_advantage(advantage.detach(), 1e-8)
    return clipped_surrogate_loss(log_prob, old_log_prob, weight, clip_epsilon)


def advantage_not_detached(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return -torch.minimum(ratio * advantage, clipped * advantage).mean()


def clipped_branch_cut(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    clipped = ratio.detach().clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return smaller(ratio, clipped, advantage)


def log_prob_cut(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    return clipped_surrogate_loss(log_prob.detach(), old_log_prob, advantage, clip_epsilon)


def larger_of_the_negatives(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    """Right: the maximum of the two losses, as CleanRL writes it."""
    ratio = torch.exp(log_prob - old_log_prob)
    weight = advantage.detach()
    clipped = torch.clamp(ratio, 1 - clip_epsilon, 1 + clip_epsilon)
    return torch.max(-weight * ratio, -weight * clipped).mean()


def by_the_sign_of_the_advantage(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    """Right: min(ρA, g) with g = (1 ± ε)A by the sign of A, as Spinning Up writes it."""
    weight = advantage.data
    bound = torch.where(weight >= 0, (1 + clip_epsilon) * weight, (1 - clip_epsilon) * weight)
    gained = ratio_of(log_prob, old_log_prob) * weight
    return -torch.where(gained < bound, gained, bound).mean()


def sample_by_sample(log_prob, old_log_prob, advantage, clip_epsilon) -> Tensor:
    """Right: a loop over samples, probabilities divided, in float64 inside."""
    total = torch.zeros((), dtype=torch.float64)
    for new, old, weight in zip(log_prob, old_log_prob, advantage.tolist(), strict=True):
        ratio = new.double().exp() / old.detach().double().exp()
        limit = ratio.clamp(max=1 + clip_epsilon) if weight > 0 else ratio.clamp(1 - clip_epsilon)
        total = total - limit * weight
    return (total / len(log_prob)).to(log_prob.dtype)


EXERCISE = Exercise(
    name="clipped_surrogate_loss",
    reference=clipped_surrogate_loss,
    cases=cases,
    statement="a sample falls silent once its ratio has moved far enough the right way, only then",
    points={VALUE: 2, GRADIENT: 1, EDGE: 1},
    gradient=("log_prob",),
    no_gradient=("advantage",),
    mistakes=(
        Mistake(
            "maximum-for-minimum",
            "You take the larger of the two objectives (or the smaller of the two losses). Then a "
            "sample is silent while it still has far to go, and pulls without end once it is past "
            "the clip. The bound is pessimistic: the minimum of ρA and its clipped version.",
            maximum,
        ),
        Mistake("sign-flipped", LOSS_SIGN, sign),
        Mistake(
            "no-clip",
            "The ratio is not clipped: that is the surrogate objective alone, −mean(ρA). It is "
            "right near the old policy only, and nothing keeps the epochs there.",
            no_clip,
        ),
        Mistake(
            "clip-only",
            "The clipped ratio stands alone, without the minimum. A sample that has moved the "
            "*wrong* way past the clip then has no gradient either, and never comes back. Take the "
            "minimum of ρA and clip(ρ)A.",
            clip_only,
        ),
        Mistake(
            "silent-outside",
            "Every sample outside 1 ± ε is thrown out, also one that moved the wrong way and "
            "should be called back; and its value jumps to 0. Clip, and take the minimum.",
            silenced_outside,
        ),
        Mistake(
            "clips-the-product",
            "The product ρA is clipped to 1 ± ε. Advantages are not near 1: clip the ratio, then "
            "multiply.",
            clips_the_product,
        ),
        Mistake(
            "ratio-inverted",
            "The ratio is upside down: π_old/π. The new policy stands above: "
            "exp(log_prob − old_log_prob).",
            ratio_inverted,
        ),
        Mistake(
            "log-ratio",
            "The exponential is missing: log π − log π_old is 0 for an unchanged policy, and the "
            "clip is made for ratios around 1.",
            log_ratio,
        ),
        Mistake(
            "log-probabilities-divided",
            "You divide the logarithms. A ratio of probabilities is the exponential of their "
            "*difference*.",
            log_probs_divided,
        ),
        Mistake(
            "clips-the-logarithm",
            "The logarithm of the ratio is clipped to ±ε, which bounds ρ by e^±ε: nearly 1 ± ε for "
            "a small ε, but not the same. Clip the ratio itself.",
            clips_the_logarithm,
        ),
        Mistake(
            "clips-around-zero",
            "The ratio is clipped to [−ε, ε]. An unchanged policy has ratio 1: the interval is "
            "[1 − ε, 1 + ε].",
            clips_around_zero,
        ),
        Mistake(
            "clips-above-only",
            "Only 1 + ε is clipped. A bad action (A < 0) is then pushed towards probability 0 "
            "without end: 1 − ε bounds that side.",
            clips_above_only,
        ),
        Mistake(
            "clips-below-only",
            "Only 1 − ε is clipped. A good action (A > 0) is then pushed up without end: 1 + ε "
            "bounds that side.",
            clips_below_only,
        ),
        Mistake(
            "epsilon-fixed",
            "`clip_epsilon` is not used: your interval is [0.8, 1.2] whatever is handed in.",
            fixed_epsilon,
        ),
        Mistake(
            "old-recomputed",
            "Your ratio is 1 for every sample: `old_log_prob` is not used, and log π is compared "
            "with itself. The old log-probability is that of the policy that acted; it was stored, "
            "and must not be computed anew.",
            old_recomputed,
        ),
        Mistake(
            "minimum-of-means",
            "The minimum is taken between the two means. Whole batches are then clipped or not. "
            "The minimum belongs to each sample, the mean comes after.",
            minimum_of_means,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake("broadcast", BROADCAST, broadcast),
        Mistake(
            "weighs-log-prob",
            "The ratio is a constant here and weighs log π. Its value means nothing, and a clipped "
            "sample keeps its gradient, which is what the clip should take away. The gradient goes "
            "through the ratio.",
            weighs_log_prob,
        ),
        Mistake(
            "advantage-normalized",
            "The advantages are normalised inside the loss. That is a step of its own, and the "
            "caller decides about it: use `advantage` as it comes.",
            advantage_normalized,
        ),
        Mistake(
            "advantage-not-detached",
            "The value is right, but a gradient flows through `advantage`. It is made with the "
            "critic's V, which this term must not train: detach it in the first line.",
            advantage_not_detached,
        ),
        Mistake(
            "clipped-branch-detached",
            "The value is right, but half of the gradient is missing inside the interval: there "
            "both branches are equal, torch.minimum shares the gradient between them, and one was "
            "detached. Clip the ratio with its gradient; outside, `clamp` cuts it by itself.",
            clipped_branch_cut,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_cut),
    ),
    variants=(larger_of_the_negatives, by_the_sign_of_the_advantage, sample_by_sample),
)
