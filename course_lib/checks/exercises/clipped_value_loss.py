"""The exercise `clipped_value_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import SUM_FOR_MEAN
from course_lib.reference.ppo import clipped_value_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Values that moved a little, past the clip towards the target, past it away; extremes."""

    def numbers(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    def batch(size: int, moved: float) -> dict[str, Tensor]:
        old = 2 * normal(generator, size) + 1
        return {
            "value": old + moved * normal(generator, size),
            "old_value": old,
            "value_target": old + 1.5 * normal(generator, size),
        }

    kinds = {
        "value": numbers(1.1, 2.0, 0.2, 0.6),
        "old_value": numbers(1.0, 1.2, 1.0, 1.0),
        "value_target": numbers(3.0, 3.0, 2.5, -1.0),
    }
    stayed, arriving = batch(5, 0.0), batch(7, 0.0)
    wanted = arriving["value_target"] - arriving["old_value"]
    arriving["value"] = arriving["old_value"] + 0.7 * wanted
    return [
        Case("one value of each kind", {**kinds, "clip_epsilon": 0.3}),
        Case("nine values", {**batch(9, 0.8), "clip_epsilon": 0.2}),
        Case("a wide clip", {**batch(12, 1.2), "clip_epsilon": 0.9}),
        Case("values well on their way", {**arriving, "clip_epsilon": 0.2}),
        Case("values as they were", {**stayed, "clip_epsilon": 0.2}, EDGE),
        Case("a clip that nothing reaches", {**batch(6, 0.5), "clip_epsilon": 100.0}, EDGE),
        Case("a single value", {**batch(1, 1.0), "clip_epsilon": 0.1}, EDGE),
    ]


def held(value: Tensor, old_value: Tensor, clip_epsilon: float) -> Tensor:
    """V, no farther than ε from what it was."""
    old = old_value.detach()
    return old + (value - old).clamp(-clip_epsilon, clip_epsilon)


def half_square(error: Tensor) -> Tensor:
    """½ error², element by element."""
    return 0.5 * error.square()


def minimum(value, old_value, value_target, clip_epsilon) -> Tensor:
    target, clipped = value_target.detach(), held(value, old_value, clip_epsilon)
    return torch.minimum(half_square(value - target), half_square(clipped - target)).mean()


def clip_only(value, old_value, value_target, clip_epsilon) -> Tensor:
    return half_square(held(value, old_value, clip_epsilon) - value_target.detach()).mean()


def no_clip(value, old_value, value_target, clip_epsilon) -> Tensor:
    return half_square(value - value_target.detach()).mean()


def clips_the_value(value, old_value, value_target, clip_epsilon) -> Tensor:
    target, clipped = value_target.detach(), value.clamp(-clip_epsilon, clip_epsilon)
    return torch.maximum(half_square(value - target), half_square(clipped - target)).mean()


def clips_the_ratio(value, old_value, value_target, clip_epsilon) -> Tensor:
    target, old = value_target.detach(), old_value.detach()
    clipped = old * (value / old).clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return torch.maximum(half_square(value - target), half_square(clipped - target)).mean()


def old_value_forgotten(value, old_value, value_target, clip_epsilon) -> Tensor:
    target = value_target.detach()
    moved = (value - old_value.detach()).clamp(-clip_epsilon, clip_epsilon)
    return torch.maximum(half_square(value - target), half_square(moved - target)).mean()


def maximum_of_means(value, old_value, value_target, clip_epsilon) -> Tensor:
    plain = no_clip(value, old_value, value_target, clip_epsilon)
    return torch.maximum(plain, clip_only(value, old_value, value_target, clip_epsilon))


def half_forgotten(value, old_value, value_target, clip_epsilon) -> Tensor:
    return 2 * clipped_value_loss(value, old_value, value_target, clip_epsilon)


def sums(value, old_value, value_target, clip_epsilon) -> Tensor:
    return len(value) * clipped_value_loss(value, old_value, value_target, clip_epsilon)


def sign(value, old_value, value_target, clip_epsilon) -> Tensor:
    return -clipped_value_loss(value, old_value, value_target, clip_epsilon)


def not_squared(value, old_value, value_target, clip_epsilon) -> Tensor:
    target, clipped = value_target.detach(), held(value, old_value, clip_epsilon)
    return 0.5 * torch.maximum((value - target).abs(), (clipped - target).abs()).mean()


def larger_error_squared(value, old_value, value_target, clip_epsilon) -> Tensor:
    target, clipped = value_target.detach(), held(value, old_value, clip_epsilon)
    return half_square(torch.maximum(value - target, clipped - target)).mean()


def both_added(value, old_value, value_target, clip_epsilon) -> Tensor:
    plain = no_clip(value, old_value, value_target, clip_epsilon)
    return plain + clip_only(value, old_value, value_target, clip_epsilon)


def target_not_detached(value, old_value, value_target, clip_epsilon) -> Tensor:
    clipped = held(value, old_value, clip_epsilon)
    larger = torch.maximum(half_square(value - value_target), half_square(clipped - value_target))
    return larger.mean()


def value_cut(value, old_value, value_target, clip_epsilon) -> Tensor:
    return clipped_value_loss(value.detach(), old_value, value_target, clip_epsilon)


def clipped_branch_cut(value, old_value, value_target, clip_epsilon) -> Tensor:
    target, clipped = value_target.detach(), held(value.detach(), old_value, clip_epsilon)
    return torch.maximum(half_square(value - target), half_square(clipped - target)).mean()


def farther_of_two(value, old_value, value_target, clip_epsilon) -> Tensor:
    """Right: the larger distance first, by sorting, then its square."""
    target = value_target.detach()
    moved = torch.clip(value - old_value, -clip_epsilon, clip_epsilon)
    both = torch.stack([value - target, old_value.detach() + moved - target])
    return both.abs().sort(0).values[-1].pow(2).mean() / 2


def value_by_value(value, old_value, value_target, clip_epsilon) -> Tensor:
    """Right: a loop with Python's max and min, in float64 inside."""
    losses = []
    for new, old, target in zip(value, old_value.tolist(), value_target.tolist(), strict=True):
        moved = (new.double() - old).clamp(-clip_epsilon, clip_epsilon)
        plain, clipped = (new.double() - target) ** 2, (old + moved - target) ** 2
        losses.append(clipped if clipped > plain else plain)
    return (torch.stack(losses).mean() / 2).to(value.dtype)


EXERCISE = Exercise(
    name="clipped_value_loss",
    reference=clipped_value_loss,
    cases=cases,
    statement="V may come ε closer to its target, and is always called back when it strays",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("value",),
    no_gradient=("value_target",),
    mistakes=(
        Mistake(
            "minimum-for-maximum",
            "You take the smaller error. This is a loss: the pessimistic choice is the *larger* "
            "one. With the smaller, a V that has strayed from its target is not called back.",
            minimum,
        ),
        Mistake(
            "clip-only",
            "Only the error of the clipped value counts. Where V has moved past the clip *away* "
            "from its target, its gradient is then zero, and it stays there. Take the larger of "
            "both errors.",
            clip_only,
        ),
        Mistake(
            "no-clip",
            "Nothing is clipped: that is the plain squared error. (If you clip around the target, "
            "it comes to the same: hold V near `old_value`.)",
            no_clip,
        ),
        Mistake(
            "clips-the-value",
            "V itself is clipped to [−ε, ε]. What is limited is how far it has *moved*: "
            "V_old + clip(V − V_old, −ε, ε).",
            clips_the_value,
        ),
        Mistake(
            "clips-the-ratio",
            "The quotient V/V_old is clipped, as if it were a probability ratio. Values may be 0 "
            "or negative: clip the difference V − V_old.",
            clips_the_ratio,
        ),
        Mistake(
            "old-value-not-added",
            "clip(V − V_old, −ε, ε) is a step, not a value: add `old_value` to it before you "
            "compare it with the target.",
            old_value_forgotten,
        ),
        Mistake(
            "maximum-of-means",
            "The larger of the two means is taken, so that whole batches are clipped or not. The "
            "maximum belongs to each sample, the mean comes after.",
            maximum_of_means,
        ),
        Mistake(
            "half-forgotten",
            "Twice too large: a squared error has a ½ here, so that its derivative is the error.",
            half_forgotten,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake(
            "sign-flipped",
            "The sign is flipped: minimising this drives V away from its target.",
            sign,
        ),
        Mistake(
            "not-squared",
            "The errors are not squared: the gradient of a distance has the same size far from the "
            "target and next to it.",
            not_squared,
        ),
        Mistake(
            "larger-before-squaring",
            "The maximum is taken before the square, so an error of −3 loses against one of 0.1. "
            "Square both, then take the larger.",
            larger_error_squared,
        ),
        Mistake(
            "both-added",
            "The two errors are added. Take the larger one of each sample.",
            both_added,
        ),
        Mistake(
            "target-not-detached",
            "The value is right, but a gradient flows through `value_target`. It was made from the "
            "critic's own guesses: detach it, or the target runs after the guess.",
            target_not_detached,
        ),
        Mistake(
            "value-detached",
            "The value is right, but V is cut from its graph, so the critic never learns.",
            value_cut,
        ),
        Mistake(
            "clipped-branch-detached",
            "The value is right, but half of the gradient is missing where V has moved less than "
            "ε: there both errors are equal, torch.maximum shares the gradient between them, and "
            "one was detached.",
            clipped_branch_cut,
        ),
    ),
    variants=(farther_of_two, value_by_value),
)
