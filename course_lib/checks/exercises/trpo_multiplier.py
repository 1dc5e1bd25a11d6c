"""The exercise `trpo_multiplier`: its cases, and what goes wrong with it."""

import torch

from course_lib.checks.drawing import uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.trust_region import trpo_multiplier


def cases(generator: torch.Generator) -> list[Case]:
    """Too far, too near, far below; at the limit, at 0, a divergence that is a tensor."""

    def drawn(low: float, high: float) -> float:
        return float(uniform(generator, low, high, 1))

    def update(multiplier: float, kl: float, max_kl: float, step_size: float) -> dict:
        return {"multiplier": multiplier, "kl": kl, "max_kl": max_kl, "step_size": step_size}

    far, near = drawn(0.05, 0.2), drawn(0.001, 0.008)
    as_tensor = update(drawn(1.0, 2.0), far, 0.02, 5.0)
    as_tensor["kl"] = torch.tensor(far, dtype=torch.float64)
    return [
        Case("too far: the price rises", update(drawn(0.5, 2.0), far, 0.02, drawn(3.0, 9.0))),
        Case("near: the price falls", update(drawn(0.5, 2.0), near, 0.02, drawn(3.0, 9.0))),
        Case("a price that would fall below nothing", update(0.01, near, 0.03, 5.0), EDGE),
        Case("exactly at the limit", update(drawn(0.5, 2.0), 0.02, 0.02, 5.0), EDGE),
        Case("no price yet, too far", update(0.0, far, 0.02, 5.0), EDGE),
        Case("the divergence is a tensor, as in training", as_tensor, EDGE),
    ]


def floor_missing(multiplier, kl, max_kl, step_size):
    return multiplier + step_size * (kl - max_kl)


def wrong_way(multiplier, kl, max_kl, step_size):
    return max(0.0, multiplier - step_size * (kl - max_kl))


def step_only(multiplier, kl, max_kl, step_size):
    return max(0.0, step_size * (kl - max_kl))


def never_falls(multiplier, kl, max_kl, step_size):
    return multiplier + step_size * max(0.0, float(kl) - max_kl)


def absolute(multiplier, kl, max_kl, step_size):
    return abs(multiplier + step_size * (kl - max_kl))


def step_size_missing(multiplier, kl, max_kl, step_size):
    return max(0.0, multiplier + kl - max_kl)


def limit_missing(multiplier, kl, max_kl, step_size):
    return multiplier + step_size * kl


def doubled_or_halved(multiplier, kl, max_kl, step_size):
    if kl > 1.5 * max_kl:
        return 2 * multiplier
    return multiplier / 2 if kl < max_kl / 1.5 else multiplier


def relative(multiplier, kl, max_kl, step_size):
    return max(0.0, multiplier + step_size * (kl / max_kl - 1))


def multiplied(multiplier, kl, max_kl, step_size):
    return max(0.0, multiplier * (1 + step_size * (kl - max_kl)))


def at_most_one(multiplier, kl, max_kl, step_size):
    return min(1.0, trpo_multiplier(multiplier, kl, max_kl, step_size))


def floor_above_zero(multiplier, kl, max_kl, step_size):
    return max(0.1, multiplier + step_size * (float(kl) - max_kl))


def with_if(multiplier, kl, max_kl, step_size):
    """Right: the floor as a question."""
    price = multiplier - step_size * max_kl + step_size * kl
    return price if price > 0 else 0.0


def with_torch(multiplier, kl, max_kl, step_size):
    """Right: torch's own rectifier, and a tensor as result."""
    gap = torch.as_tensor(kl, dtype=torch.float64) - max_kl
    return torch.relu(multiplier + step_size * gap)


EXERCISE = Exercise(
    name="trpo_multiplier",
    reference=trpo_multiplier,
    cases=cases,
    statement="too far makes the next nat dearer, and no price is below nothing",
    points={VALUE: 0.5, EDGE: 0.5},
    mistakes=(
        Mistake(
            "floor-missing",
            "Nothing keeps λ above 0. A negative price would *pay* the policy for moving away, and "
            "it would take the money: max(0, …). (The slide leaves it out, too.)",
            floor_missing,
        ),
        Mistake(
            "wrong-way",
            "The sign is flipped: a step that went too far becomes cheaper. λ rises with "
            "KL − max_kl.",
            wrong_way,
        ),
        Mistake(
            "step-only",
            "The old λ is missing: the price is moved, not set anew.",
            step_only,
        ),
        Mistake(
            "never-falls",
            "The price only rises. While the policy stays near, it must fall again, or nothing "
            "moves any more: the maximum is taken of the *new λ*, not of the step.",
            never_falls,
        ),
        Mistake(
            "absolute",
            "A price below 0 comes back as a positive one. It ends at 0: max(0, …), not abs(…).",
            absolute,
        ),
        Mistake(
            "step-size-missing",
            "`step_size` does not appear: it says how fast the price follows.",
            step_size_missing,
        ),
        Mistake(
            "limit-missing",
            "max_kl is not subtracted, so that the price rises whatever the policy does.",
            limit_missing,
        ),
        Mistake(
            "doubled-or-halved",
            "That is how PPO adapts its penalty, in the next lesson. Here λ moves by "
            "step_size · (KL − max_kl).",
            doubled_or_halved,
        ),
        Mistake(
            "relative",
            "You use KL/max_kl − 1. It is the difference itself, KL − max_kl.",
            relative,
        ),
        Mistake(
            "multiplied",
            "λ is multiplied by a factor, so that from 0 it never gets away. It is moved by a sum.",
            multiplied,
        ),
        Mistake(
            "at-most-one",
            "The price is cut at 1. There is no upper limit: it rises until it is paid for.",
            at_most_one,
        ),
        Mistake(
            "floor-above-zero",
            "The price is kept above some small number. If the limit does not bind, the right "
            "price is 0.",
            floor_above_zero,
        ),
    ),
    variants=(with_if, with_torch),
)
