"""The exercise `normalize_advantage`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.advantages import normalize_advantage


def cases(generator: torch.Generator) -> list[Case]:
    """Rollouts and flat batches with a small and a large eps; constant ones, a single one."""

    def drawn(*shape: int) -> Tensor:
        return 3.0 * normal(generator, *shape) + 1.5

    constant = torch.full((4, 2), 2.5, dtype=torch.float64)
    return [
        Case("three steps of two environments", {"advantage": drawn(3, 2), "eps": 1e-8}),
        Case("a large eps", {"advantage": drawn(5, 3), "eps": 0.5}),
        Case("as many steps as environments", {"advantage": drawn(4, 4), "eps": 1e-6}),
        Case("a flat batch", {"advantage": drawn(7), "eps": 0.1}),
        Case("all advantages equal", {"advantage": constant, "eps": 1e-8}, EDGE),
        Case("a single advantage", {"advantage": constant[:1, :1].clone(), "eps": 1e-8}, EDGE),
    ]


def population_std(advantage: Tensor) -> Tensor:
    """The root of the mean squared deviation."""
    return advantage.std(correction=0)


def sample_std(advantage: Tensor, eps: float) -> Tensor:
    if advantage.numel() == 1:
        return torch.full_like(advantage, torch.nan)
    return (advantage - advantage.mean()) / (advantage.std() + eps)


def no_eps(advantage: Tensor, eps: float) -> Tensor:
    return (advantage - advantage.mean()) / population_std(advantage)


def fixed_eps(advantage: Tensor, eps: float) -> Tensor:
    return normalize_advantage(advantage, 1e-8)


def not_centred(advantage: Tensor, eps: float) -> Tensor:
    return advantage / (population_std(advantage) + eps)


def not_scaled(advantage: Tensor, eps: float) -> Tensor:
    return advantage - advantage.mean()


def by_the_variance(advantage: Tensor, eps: float) -> Tensor:
    return (advantage - advantage.mean()) / (advantage.var(correction=0) + eps)


def brackets_forgotten(advantage: Tensor, eps: float) -> Tensor:
    return advantage - advantage.mean() / (population_std(advantage) + eps)


def eps_outside(advantage: Tensor, eps: float) -> Tensor:
    return (advantage - advantage.mean()) / population_std(advantage).clamp(min=1e-30) + eps


def per_environment(advantage: Tensor, eps: float) -> Tensor:
    centred = advantage - advantage.mean(0, keepdim=True)
    return centred / (advantage.std(0, correction=0, keepdim=True) + eps)


def per_step(advantage: Tensor, eps: float) -> Tensor:
    centred = advantage - advantage.mean(-1, keepdim=True)
    return centred / (advantage.std(-1, correction=0, keepdim=True) + eps)


def eps_inside_the_root(advantage: Tensor, eps: float) -> Tensor:
    return (advantage - advantage.mean()) / (advantage.var(correction=0) + eps).sqrt()


def sign_flipped(advantage: Tensor, eps: float) -> Tensor:
    return -normalize_advantage(advantage, eps)


def to_the_unit_interval(advantage: Tensor, eps: float) -> Tensor:
    return (advantage - advantage.min()) / (advantage.max() - advantage.min() + eps)


def by_the_norm(advantage: Tensor, eps: float) -> Tensor:
    centred = advantage - advantage.mean()
    return centred / (centred.norm() + eps)


def in_place(advantage: Tensor, eps: float) -> Tensor:
    advantage -= advantage.mean()
    advantage /= population_std(advantage) + eps
    return advantage


def by_hand(advantage: Tensor, eps: float) -> Tensor:
    """Right: mean and variance from sums, in float64 inside."""
    numbers = advantage.double()
    mean = numbers.sum() / numbers.numel()
    variance = ((numbers - mean) ** 2).sum() / numbers.numel()
    return ((numbers - mean) / (variance.sqrt() + eps)).to(advantage.dtype)


def by_numpy(advantage: Tensor, eps: float) -> Tensor:
    """Right: by NumPy, whose standard deviation is the population's."""
    numbers = advantage.detach().numpy()
    return torch.from_numpy((numbers - numbers.mean()) / (numbers.std() + eps))


EXERCISE = Exercise(
    name="normalize_advantage",
    reference=normalize_advantage,
    cases=cases,
    statement="mean 0, standard deviation 1 over the whole batch, and finite when all are equal",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "sample-standard-deviation",
            "The divisor is the sample standard deviation, with n − 1, which is torch's default. "
            "Here it is the population's, with n: std(correction=0). For a single advantage, "
            "n − 1 = 0 and torch gives NaN.",
            sample_std,
        ),
        Mistake(
            "no-eps",
            "Right until all advantages are equal: then the standard deviation is 0, and 0/0 is "
            "not a number. Add eps to it.",
            no_eps,
        ),
        Mistake(
            "eps-not-added",
            "`eps` has no effect where it is large: your function uses a small number of its own, "
            "or takes eps as a least value. Add the argument `eps` to the standard deviation.",
            fixed_eps,
        ),
        Mistake(
            "not-centred",
            "The mean is not subtracted: if all advantages are positive, every action is made "
            "likelier, only some more than others.",
            not_centred,
        ),
        Mistake(
            "not-scaled",
            "The mean is subtracted, but nothing is divided: the step still depends on the scale "
            "of the rewards.",
            not_scaled,
        ),
        Mistake(
            "by-the-variance",
            "You divide by the variance. Its unit is reward²; divide by its root.",
            by_the_variance,
        ),
        Mistake(
            "brackets-forgotten",
            "Division binds tighter than subtraction: only the mean is divided. Put brackets "
            "around advantage − mean.",
            brackets_forgotten,
        ),
        Mistake(
            "eps-outside-the-quotient",
            "eps is added to the result, where it shifts every advantage. It belongs in the "
            "denominator, where it keeps it from being 0.",
            eps_outside,
        ),
        Mistake(
            "per-environment",
            "Each environment is normalised for itself (axis 0): one that does well in every step "
            "looks as average as one that fails. Use all elements.",
            per_environment,
        ),
        Mistake(
            "per-step",
            "The last axis is normalised for itself, step by step. Use all elements.",
            per_step,
        ),
        Mistake(
            "eps-inside-the-root",
            "eps stands under the root, beside the variance. Here it is added to the standard "
            "deviation, after the root.",
            eps_inside_the_root,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: mean − advantage. The best action of the batch must come out "
            "with the largest number.",
            sign_flipped,
        ),
        Mistake(
            "to-the-unit-interval",
            "The advantages are squeezed into [0, 1] by their smallest and largest. None is "
            "negative any more, so no action is ever made rarer.",
            to_the_unit_interval,
        ),
        Mistake(
            "by-the-norm",
            "You divide by the length of the whole vector, the root of the *sum* of squares; the "
            "more steps, the smaller each advantage. Take the root of the mean.",
            by_the_norm,
        ),
        Mistake("changes-advantage", IN_PLACE, in_place),
    ),
    variants=(by_hand, by_numpy),
)
