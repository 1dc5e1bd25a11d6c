"""The exercise `gumbel_softmax`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.score_functions import gumbel_softmax


def cases(generator: torch.Generator) -> list[Case]:
    """Soft and straight-through, hot and cold; B = K; one row; logits of ±1,000."""

    def batch(rows: int, kinds: int, temperature: float, straight: bool) -> dict[str, object]:
        return {
            "logits": 1.5 * normal(generator, rows, kinds),
            "gumbel_noise": -(-uniform(generator, 0.02, 0.98, rows, kinds).log()).log(),
            "temperature": temperature,
            "straight_through": straight,
        }

    huge = batch(3, 3, 0.5, False)
    huge["logits"] = torch.tensor(
        [[0.0, 1e3, -1e3], [1e3, 1e3, 0.0], [-1e3, 0.0, -1e3]], dtype=torch.float64
    )
    return [
        Case("two rows of three, soft", batch(2, 3, 0.7, False)),
        Case("two rows of three, straight through", batch(2, 3, 0.7, True)),
        Case("six rows of four, soft", batch(6, 4, 2.0, False)),
        Case("five rows of four, straight through", batch(5, 4, 1.5, True)),
        Case("as many rows as kinds, soft", batch(3, 3, 0.4, False)),
        Case("a single row, straight through", batch(1, 4, 0.8, True), EDGE),
        Case("temperature 1", batch(3, 3, 1.0, False), EDGE),
        Case("logits of ±1,000", huge, NUMERICS),
        Case("logits of ±1,000, straight through", {**huge, "straight_through": True}, NUMERICS),
    ]


def soft(logits: Tensor, gumbel_noise: Tensor, temperature: float) -> Tensor:
    """softmax((logits + g) / τ)."""
    return ((logits + gumbel_noise) / temperature).softmax(-1)


def straight(hard: Tensor, soft_sample: Tensor) -> Tensor:
    """`hard` forward, the gradient of `soft_sample` backward."""
    return hard + (soft_sample - soft_sample.detach())


def hardest(scores: Tensor) -> Tensor:
    return one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)


def never_hard(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return soft(logits, gumbel_noise, temperature)


def always_hard(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits, gumbel_noise, temperature, True)


def flag_inverted(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits, gumbel_noise, temperature, not straight_through)


def hard_without_gradient(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = soft(logits, gumbel_noise, temperature)
    return hardest(result) + 0 * logits.detach() if straight_through else result


def hard_keeps_soft_value(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = soft(logits, gumbel_noise, temperature)
    return hardest(result) + result if straight_through else result


def no_noise(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits, torch.zeros_like(logits), temperature, straight_through)


def hard_without_noise(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = soft(logits, gumbel_noise, temperature)
    return straight(hardest(logits), result) if straight_through else result


def noise_not_cooled(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = (logits / temperature + gumbel_noise).softmax(-1)
    return straight(hardest(result), result) if straight_through else result


def logits_not_cooled(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = (logits + gumbel_noise / temperature).softmax(-1)
    return straight(hardest(result), result) if straight_through else result


def temperature_multiplied(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits, gumbel_noise, 1 / temperature, straight_through)


def temperature_ignored(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits, gumbel_noise, 1.0, straight_through)


def noise_subtracted(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits, -gumbel_noise, temperature, straight_through)


def over_the_batch(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits.T, gumbel_noise.T, temperature, straight_through).T


def logarithm(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = ((logits + gumbel_noise) / temperature).log_softmax(-1)
    return straight(hardest(result), result.exp()) if straight_through else result


def log_of_logits(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    return gumbel_softmax(logits.softmax(-1), gumbel_noise, temperature, straight_through)


def unstable(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    weight = ((logits + gumbel_noise) / temperature).exp()
    result = weight / weight.sum(-1, keepdim=True)
    return straight(hardest(logits + gumbel_noise), result) if straight_through else result


def index_only(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = soft(logits, gumbel_noise, temperature)
    return (logits + gumbel_noise).argmax(-1) if straight_through else result


def straight_to_the_logits(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = soft(logits, gumbel_noise, temperature)
    return straight(hardest(logits + gumbel_noise), logits) if straight_through else result


def gradient_at_temperature_one(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = soft(logits, gumbel_noise, temperature)
    warm = soft(logits, gumbel_noise, 1.0)
    return straight(hardest(result), warm) if straight_through else result


def changes_noise(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    result = gumbel_softmax(logits, gumbel_noise.clone(), temperature, straight_through)
    gumbel_noise += logits.detach()
    return result


def noise_of_its_own(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    own = torch.Generator().manual_seed(1)
    noise = -torch.empty_like(logits, requires_grad=False).exponential_(generator=own).log()
    return gumbel_softmax(logits, noise, temperature, straight_through)


def gradient_flipped(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    sample = soft(logits, gumbel_noise, temperature)
    return hardest(sample) - (sample - sample.detach()) if straight_through else sample


def hard_times_soft(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    sample = soft(logits, gumbel_noise, temperature)
    return hardest(sample) * sample if straight_through else sample


def above_one_half(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    sample = soft(logits, gumbel_noise, temperature)
    return straight((sample > 0.5).to(sample.dtype), sample) if straight_through else sample


def one_noise_for_all(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    same = gumbel_noise[:1].expand_as(gumbel_noise)
    return gumbel_softmax(logits, same, temperature, straight_through)


def by_the_paper(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    """Right: from log-probabilities, with the hard sample detached as in the paper's code."""
    score = (logits.log_softmax(-1) + gumbel_noise) / temperature
    y = torch.exp(score - score.logsumexp(-1, keepdim=True))
    if not straight_through:
        return y
    hard = torch.zeros_like(y).scatter_(-1, y.argmax(-1, keepdim=True), 1.0)
    return hard - y.detach() + y


def in_double(logits, gumbel_noise, temperature, straight_through) -> Tensor:
    """Right: in float64 inside, the row's maximum taken out by hand."""
    score = (logits.double() + gumbel_noise.double()) / float(temperature)
    weight = (score - score.max(-1, keepdim=True).values.detach()).exp()
    y = weight / weight.sum(-1, keepdim=True)
    if straight_through:
        y = (y == y.max(-1, keepdim=True).values).double() + y - y.detach()
    return y.to(logits.dtype)


EXERCISE = Exercise(
    name="gumbel_softmax",
    reference=gumbel_softmax,
    cases=cases,
    statement="rows that sum to 1; straight through it is one-hot forward and soft backward",
    points={VALUE: 1, GRADIENT: 1, NUMERICS: 1},
    gradient=("logits",),
    mistakes=(
        Mistake(
            "never-hard",
            "`straight_through` is not used: the rows stay soft. With it a row is one-hot.",
            never_hard,
        ),
        Mistake(
            "always-hard",
            "The rows are one-hot even without `straight_through`.",
            always_hard,
        ),
        Mistake(
            "flag-inverted",
            "One-hot and soft are exchanged: `straight_through=True` asks for one-hot rows.",
            flag_inverted,
        ),
        Mistake(
            "hard-without-gradient",
            "The one-hot rows are right, and no gradient reaches the logits: argmax has none. Add "
            "soft − soft.detach(): zero forward, the gradient of the soft rows backward.",
            hard_without_gradient,
        ),
        Mistake(
            "soft-value-added",
            "The soft rows were added and not taken off again: hard + soft sums to 2. Subtract "
            "`soft.detach()`.",
            hard_keeps_soft_value,
        ),
        Mistake(
            "no-noise",
            "The noise is not used, so the same logits always give the same row. That is no "
            "sample.",
            no_noise,
        ),
        Mistake(
            "hard-without-noise",
            "The one-hot row is the largest *logit*. The sample is the largest logit plus noise.",
            hard_without_noise,
        ),
        Mistake(
            "noise-not-cooled",
            "Only the logits are divided by the temperature. Divide the sum: (logits + g)/τ; "
            "otherwise a low temperature turns the noise off.",
            noise_not_cooled,
        ),
        Mistake(
            "logits-not-cooled",
            "Only the noise is divided by the temperature. Divide the sum: (logits + g)/τ.",
            logits_not_cooled,
        ),
        Mistake(
            "temperature-multiplied",
            "The temperature multiplies. Divided by a small τ the differences grow, and the rows "
            "become nearly one-hot.",
            temperature_multiplied,
        ),
        Mistake(
            "temperature-ignored",
            "The temperature is not used. It sets how close the soft rows come to one-hot ones.",
            temperature_ignored,
        ),
        Mistake(
            "noise-subtracted",
            "The noise is subtracted. Gumbel noise is not symmetric: −g is another distribution, "
            "and the samples no longer follow softmax(logits).",
            noise_subtracted,
        ),
        Mistake(
            "over-the-batch",
            "The softmax runs over the rows of the batch. Each row is a sample of its own: the "
            "last axis.",
            over_the_batch,
        ),
        Mistake(
            "logarithm",
            "That is the logarithm of the soft row. The row itself should sum to 1.",
            logarithm,
        ),
        Mistake(
            "probabilities-for-logits",
            "The noise is added to probabilities. It belongs to their logarithms: logits.",
            log_of_logits,
        ),
        Mistake(
            "unstable",
            "Right while the logits are small; exp(1000) is infinite. `softmax` takes the largest "
            "one out first.",
            unstable,
        ),
        Mistake(
            "index-only",
            "The index of the sample came out. A one-hot row (B, K) is wanted, through which a "
            "gradient can flow.",
            index_only,
        ),
        Mistake(
            "straight-to-the-logits",
            "The gradient goes straight to the logits, as if the softmax were not there. It is the "
            "gradient of the soft rows: hard + soft − soft.detach().",
            straight_to_the_logits,
        ),
        Mistake(
            "gradient-at-temperature-one",
            "The gradient of the one-hot rows is that of a softmax with τ = 1. Use the same "
            "temperature as for the soft rows.",
            gradient_at_temperature_one,
        ),
        Mistake(
            "noise-of-its-own",
            "The function draws noise of its own. Use `gumbel_noise`, so that the same noise gives "
            "the same sample.",
            noise_of_its_own,
        ),
        Mistake(
            "gradient-flipped",
            "The value is right, and the gradient has the wrong sign: soft − soft.detach() must be "
            "*added* to the one-hot row.",
            gradient_flipped,
        ),
        Mistake(
            "hard-times-soft",
            "The one-hot row was multiplied with the soft one, so what comes forward is neither. "
            "Add soft − soft.detach(), which is zero.",
            hard_times_soft,
        ),
        Mistake(
            "above-one-half",
            "A row is all zeros where no entry is above ½. The sample is its largest entry.",
            above_one_half,
        ),
        Mistake(
            "one-noise-for-all",
            "All rows use the first row's noise, so their samples move together.",
            one_noise_for_all,
        ),
        Mistake("changes-noise", IN_PLACE, changes_noise),
    ),
    variants=(by_the_paper, in_double),
)
