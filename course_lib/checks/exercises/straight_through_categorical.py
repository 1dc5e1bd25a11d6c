"""The exercise `straight_through_categorical`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.world_models import straight_through_categorical


def cases(generator: torch.Generator) -> list[Case]:
    """Batches of several sizes; one row, two kinds; nearly even odds; logits of ±1,000."""
    huge = given(generator, 2, 3)
    huge["logits"] = torch.tensor([[0.0, 1e3, -1e3], [1e3, -1e3, 0.0]], dtype=torch.float64)
    return [
        Case("two rows of three", given(generator, 2, 3)),
        Case("six rows of four", given(generator, 6, 4)),
        Case("as many rows as kinds", given(generator, 4, 4)),
        Case("a single row", given(generator, 1, 5), EDGE),
        Case("two kinds", given(generator, 5, 2), EDGE),
        Case("logits of ±1,000", huge, NUMERICS),
        Case("no kind has more than half", even(given(generator, 3, 6))),
    ]


def given(generator: torch.Generator, rows: int, kinds: int) -> dict[str, Tensor]:
    """The inputs of one case; the noise decides some of the rows."""
    return {
        "logits": normal(generator, rows, kinds),
        "gumbel_noise": -(-uniform(generator, 0.02, 0.98, rows, kinds).log()).log(),
    }


def even(drawn: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same inputs, a quarter as large: softmax is nearly flat."""
    return {name: 0.25 * one for name, one in drawn.items()}


def hardest(scores: Tensor) -> Tensor:
    """One-hot rows of the largest entries."""
    return one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)


def straight(hard: Tensor, soft: Tensor) -> Tensor:
    """`hard` forward, the gradient of `soft` backward."""
    return hard + (soft - soft.detach())


def soft_only(logits, gumbel_noise) -> Tensor:
    return (logits + gumbel_noise).softmax(-1)


def hard_only(logits, gumbel_noise) -> Tensor:
    return hardest(logits + gumbel_noise) + 0 * logits.detach()


def no_noise(logits, gumbel_noise) -> Tensor:
    return straight(hardest(logits), logits.softmax(-1))


def noise_subtracted(logits, gumbel_noise) -> Tensor:
    scores = logits - gumbel_noise
    return straight(hardest(scores), scores.softmax(-1))


def noise_forward_only(logits, gumbel_noise) -> Tensor:
    return straight(hardest(logits + gumbel_noise), logits.softmax(-1))


def noise_backward_only(logits, gumbel_noise) -> Tensor:
    return straight(hardest(logits), (logits + gumbel_noise).softmax(-1))


def gradient_of_the_scores(logits, gumbel_noise) -> Tensor:
    scores = logits + gumbel_noise
    return straight(hardest(scores), scores)


def gradient_of_log_softmax(logits, gumbel_noise) -> Tensor:
    scores = logits + gumbel_noise
    return straight(hardest(scores), scores.log_softmax(-1))


def over_the_batch(logits, gumbel_noise) -> Tensor:
    scores = logits + gumbel_noise
    hard = one_hot(scores.argmax(0), len(scores)).to(scores.dtype).T
    return straight(hard, scores.softmax(0))


def index(logits, gumbel_noise) -> Tensor:
    return (logits + gumbel_noise).argmax(-1)


def both_added(logits, gumbel_noise) -> Tensor:
    scores = logits + gumbel_noise
    return hardest(scores) + scores.softmax(-1)


def hard_detached_from_soft(logits, gumbel_noise) -> Tensor:
    soft = (logits + gumbel_noise).softmax(-1)
    return hardest(soft) * soft / soft.detach().amax(-1, keepdim=True)


class Straight(torch.autograd.Function):
    """One-hot forward, the slope of the softmax backward."""

    @staticmethod
    def forward(ctx, scores: Tensor) -> Tensor:
        ctx.save_for_backward(scores.softmax(-1))
        return hardest(scores)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (soft,) = ctx.saved_tensors
        return soft * (gradient - (gradient * soft).sum(-1, keepdim=True))


def by_a_function_of_its_own(logits, gumbel_noise) -> Tensor:
    """Right: an autograd function with the softmax's slope written out."""
    return Straight.apply(logits + gumbel_noise)


def by_scatter(logits, gumbel_noise) -> Tensor:
    """Right: the one-hot rows by scatter, in float64 inside."""
    scores = logits.double() + gumbel_noise.double()
    soft = scores.softmax(-1)
    hard = torch.zeros_like(soft).scatter(-1, soft.argmax(-1, keepdim=True), 1.0)
    return (hard.detach() - soft.detach() + soft).to(logits.dtype)


def slope_turned_round(logits, gumbel_noise) -> Tensor:
    soft = (logits + gumbel_noise).softmax(-1)
    return hardest(soft) - soft + soft.detach()


def above_one_half(logits, gumbel_noise) -> Tensor:
    soft = (logits + gumbel_noise).softmax(-1)
    return straight((soft > 0.5).to(soft.dtype), soft)


EXERCISE = Exercise(
    name="straight_through_categorical",
    reference=straight_through_categorical,
    cases=cases,
    statement="forward every row is one-hot, backward it has the slope of a softmax",
    points={VALUE: 1, GRADIENT: 2},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "soft",
            "That is the soft sample: no row is one-hot. Forward the largest entry alone counts.",
            soft_only,
        ),
        Mistake(
            "no-gradient",
            "The values are right, but argmax has no slope: nothing reaches the logits. Add the "
            "softmax minus its own detached copy, which is 0 with a gradient.",
            hard_only,
        ),
        Mistake(
            "no-noise",
            "The noise is not used: the likeliest kind comes out every time, so nothing is "
            "sampled.",
            no_noise,
        ),
        Mistake(
            "noise-subtracted",
            "The noise is subtracted. Gumbel noise is not symmetric: with a minus the frequencies "
            "are no longer softmax(logits).",
            noise_subtracted,
        ),
        Mistake(
            "noise-forward-only",
            "The value is right, but the gradient is that of softmax(logits), without the noise. "
            "Both halves are about the same draw: logits + noise.",
            noise_forward_only,
        ),
        Mistake(
            "noise-backward-only",
            "The argmax is taken without the noise, so nothing is sampled.",
            noise_backward_only,
        ),
        Mistake(
            "gradient-of-the-scores",
            "The value is right, but the gradient is that of the logits themselves. Pass on that "
            "of the softmax: the kinds compete.",
            gradient_of_the_scores,
        ),
        Mistake(
            "gradient-of-log-softmax",
            "The value is right, but the gradient is that of log softmax. Pass on that of the "
            "softmax.",
            gradient_of_log_softmax,
        ),
        Mistake(
            "over-the-batch",
            "The largest entry is looked for over the batch (axis 0). Every row has one of its "
            "own: dim=-1.",
            over_the_batch,
        ),
        Mistake(
            "index",
            "That is the number of the kind. Return one-hot rows, (B, K): a number has no slope, "
            "and 2 is not twice as much a kind as 1.",
            index,
        ),
        Mistake(
            "both-added",
            "Hard and soft are added; the soft part has to be taken off again, detached.",
            both_added,
        ),
        Mistake(
            "slope-of-the-winner-only",
            "The value is right, but only the winner's probability has a slope. All K of them do: "
            "that is how the others learn to win.",
            hard_detached_from_soft,
        ),
        Mistake(
            "slope-turned-round",
            "The values are right, but the soft sample was subtracted and its detached copy "
            "added: the slope has the wrong sign.",
            slope_turned_round,
        ),
        Mistake(
            "above-one-half",
            "A row's largest entry need not be above ½, and then nothing is drawn. Take the "
            "argmax.",
            above_one_half,
        ),
    ),
    variants=(by_a_function_of_its_own, by_scatter),
)
