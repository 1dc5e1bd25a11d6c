"""The exercise `gaussian_exploration`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.drivers import (
    draw_again,
    exploring_mean,
    exploring_std,
    kind,
    repeat_draw,
    rows_differ,
    shares_at_bounds,
)
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake, Seed
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.exploration import gaussian_exploration


def cases(generator: torch.Generator) -> list[Case]:
    """Without noise, to read; then what many draws have in common; then shapes and repetition."""

    def given(action: Tensor, noise_std: float, low: float, high: float) -> dict[str, Any]:
        return {
            "action": action,
            "noise_std": noise_std,
            "low": low,
            "high": high,
            "generator": Seed(17),
        }

    some = normal(generator, 3, 2)
    wide, narrow = (-50.0, 50.0), (-0.6, 0.9)
    alike = some[:1].repeat(6, 1)
    return [
        Case("no noise: the clip alone", given(some, 0.0, *narrow)),
        Case("dtype and shape", given(some, 0.4, *wide), VALUE, kind),
        Case("means far from the bounds", given(some, 0.4, *wide), VALUE, exploring_mean),
        Case("standard deviations", given(some, 0.4, *wide), VALUE, exploring_std),
        Case("σ above 1", given(some, 2.5, *wide), VALUE, exploring_std),
        Case("shares at the bounds", given(0.4 * some, 0.5, *narrow), VALUE, shares_at_bounds),
        Case("six equal rows", given(alike, 0.4, *wide), VALUE, rows_differ),
        Case("two generators with one seed", given(some, 0.4, *wide), VALUE, repeat_draw),
        Case("one generator, used twice", given(some, 0.4, *wide), VALUE, draw_again),
        Case("a single action", given(some[:1, :1], 0.0, -2.0, 2.0), EDGE),
    ]


def drawn(action: Tensor, generator: torch.Generator) -> Tensor:
    return torch.empty_like(action).normal_(generator=generator)


def not_clipped(action, noise_std, low, high, generator) -> Tensor:
    return action + noise_std * drawn(action, generator)


def clips_the_noise(action, noise_std, low, high, generator) -> Tensor:
    return action + (noise_std * drawn(action, generator)).clamp(low, high)


def clips_before(action, noise_std, low, high, generator) -> Tensor:
    return action.clamp(low, high) + noise_std * drawn(action, generator)


def clipped_to_one(action, noise_std, low, high, generator) -> Tensor:
    return (action + noise_std * drawn(action, generator)).clamp(-1, 1)


def squashed(action, noise_std, low, high, generator) -> Tensor:
    noisy = torch.tanh(action + noise_std * drawn(action, generator))
    return (high + low) / 2 + (high - low) / 2 * noisy


def variance_for_std(action, noise_std, low, high, generator) -> Tensor:
    return gaussian_exploration(action, noise_std**2, low, high, generator)


def root_of_std(action, noise_std, low, high, generator) -> Tensor:
    return gaussian_exploration(action, noise_std**0.5, low, high, generator)


def unit_noise(action, noise_std, low, high, generator) -> Tensor:
    return gaussian_exploration(action, 1.0, low, high, generator)


def no_noise(action, noise_std, low, high, generator) -> Tensor:
    return action.clamp(low, high)


def noise_alone(action, noise_std, low, high, generator) -> Tensor:
    return (noise_std * drawn(action, generator)).clamp(low, high)


def uniform_noise(action, noise_std, low, high, generator) -> Tensor:
    noise = torch.empty_like(action).uniform_(-1, 1, generator=generator)
    return (action + noise_std * noise).clamp(low, high)


def multiplied(action, noise_std, low, high, generator) -> Tensor:
    return (action * (1 + noise_std * drawn(action, generator))).clamp(low, high)


def one_noise_for_all_rows(action, noise_std, low, high, generator) -> Tensor:
    return (action + noise_std * drawn(action[:1], generator)).clamp(low, high)


def global_random_numbers(action, noise_std, low, high, generator) -> Tensor:
    return (action + noise_std * torch.randn_like(action)).clamp(low, high)


def starts_again(action, noise_std, low, high, generator) -> Tensor:
    again = torch.Generator().manual_seed(generator.initial_seed())
    return gaussian_exploration(action, noise_std, low, high, again)


def changes_action(action, noise_std, low, high, generator) -> Tensor:
    action += noise_std * drawn(action, generator)
    return action.clamp(low, high)


def with_normal(action, noise_std, low, high, generator) -> Tensor:
    """Right: `torch.normal` around the action."""
    std = torch.full_like(action, noise_std)
    return torch.normal(action, std, generator=generator).clip(low, high)


def with_randn(action, noise_std, low, high, generator) -> Tensor:
    """Right: `randn`, and the clip by minimum and maximum."""
    noise = torch.randn(action.shape, generator=generator, dtype=action.dtype)
    noisy = action + noise_std * noise
    return noisy.minimum(torch.full_like(noisy, high)).maximum(torch.full_like(noisy, low))


EXERCISE = Exercise(
    name="gaussian_exploration",
    reference=gaussian_exploration,
    cases=cases,
    statement="fresh noise around every action, and nothing outside the bounds",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "not-clipped",
            "The noisy action may leave the bounds. Many environments clip it without a word, and "
            "then the buffer holds an action that was never taken. Clip it yourself.",
            not_clipped,
        ),
        Mistake(
            "clips-the-noise",
            "The *noise* is clipped to the bounds, and the sum may still leave them. The bounds "
            "are the action's.",
            clips_the_noise,
        ),
        Mistake(
            "clips-before",
            "You clip first and add noise afterwards, which carries the action out again.",
            clips_before,
        ),
        Mistake(
            "clipped-to-one",
            "The action is clipped to [−1, 1] whatever the bounds are: use `low` and `high`.",
            clipped_to_one,
        ),
        Mistake(
            "squashed",
            "The noisy action goes through a tanh, which bends all of them. The actor is squashed "
            "already; the noise is added and then clipped.",
            squashed,
        ),
        Mistake(
            "variance-for-std",
            "The noise is multiplied by σ². `noise_std` is the standard deviation: multiply by σ.",
            variance_for_std,
        ),
        Mistake(
            "root-of-std",
            "The noise is multiplied by √σ. `noise_std` is the standard deviation itself.",
            root_of_std,
        ),
        Mistake("unit-noise", "The noise is not scaled: multiply it by `noise_std`.", unit_noise),
        Mistake(
            "no-noise",
            "There is no noise. A deterministic policy tries one action a state, for ever.",
            no_noise,
        ),
        Mistake(
            "noise-alone",
            "The action is gone, only its noise is left: add the two.",
            noise_alone,
        ),
        Mistake(
            "uniform-noise",
            "The noise is uniform, not Gaussian: its standard deviation is σ/√3, and it never goes "
            "further than σ.",
            uniform_noise,
        ),
        Mistake(
            "multiplied",
            "The noise multiplies the action, so that an action of 0 is never explored. Add it.",
            multiplied,
        ),
        Mistake(
            "one-noise-for-all-rows",
            "All rows move by the same noise. Draw it in the shape of the actions.",
            one_noise_for_all_rows,
        ),
        Mistake(
            "global-random-numbers",
            "The noise comes from torch's global generator, so that nobody can repeat your run. "
            "Pass `generator=generator` on.",
            global_random_numbers,
        ),
        Mistake(
            "starts-again",
            "Every call makes a generator of its own with the same seed: the same noise every "
            "time. Use the one that is given; it remembers where it was.",
            starts_again,
        ),
        Mistake("changes-action", IN_PLACE, changes_action),
    ),
    variants=(with_normal, with_randn),
)
