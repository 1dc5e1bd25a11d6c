"""The exercise `adapt_kl_coef`: its cases, and what goes wrong with it."""

import torch

from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.ppo_updates import adapt_kl_coef


def cases(generator: torch.Generator) -> list[Case]:
    """Divergences on both sides of all four places where something could change."""

    def one(name: str, multiple: float, part: str = VALUE) -> Case:
        jitter = 1 + 0.02 * torch.rand((), generator=generator, dtype=torch.float64).item()
        kl_coef, target = 0.8 * jitter, 0.01 * jitter
        return Case(name, {"kl_coef": kl_coef, "kl": multiple * target, "target_kl": target}, part)

    measured = {"kl_coef": 0.5, "kl": torch.tensor(0.06, dtype=torch.float64), "target_kl": 0.01}
    return [
        one("three times the target", 3.0),
        one("a third of the target", 1 / 3),
        one("a little above the target", 1.2),
        one("a little below the target", 0.8),
        one("1.8 times the target", 1.8),
        one("0.55 times the target", 0.55),
        # Powers of two: these products and quotients are exact.
        Case("exactly 1.5 · target", {"kl_coef": 1.0, "kl": 0.375, "target_kl": 0.25}, EDGE),
        Case("exactly target/1.5", {"kl_coef": 1.0, "kl": 0.25, "target_kl": 0.375}, EDGE),
        Case("no step at all", {"kl_coef": 2.0, "kl": 0.0, "target_kl": 0.01}, EDGE),
        Case("a divergence that comes as a tensor", measured, EDGE),
    ]


def steered(kl_coef: float, kl, low: float, high: float, factor: float = 2.0) -> float:
    """Down by a factor below `low`, up above `high`."""
    if kl < low:
        return kl_coef / factor
    return kl_coef * factor if kl > high else kl_coef


def directions_swapped(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, target_kl / 1.5, 1.5 * target_kl, 0.5)


def never_changes(kl_coef, kl, target_kl) -> float:
    return kl_coef


def at_the_bounds_too(kl_coef, kl, target_kl) -> float:
    if kl <= target_kl / 1.5:
        return kl_coef / 2
    return 2 * kl_coef if kl >= 1.5 * target_kl else kl_coef


def changes_by_one_and_a_half(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, target_kl / 1.5, 1.5 * target_kl, 1.5)


def bounds_at_two(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, target_kl / 2, 2 * target_kl)


def factors_exchanged(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, target_kl / 2, 2 * target_kl, 1.5)


def no_dead_zone(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, target_kl, target_kl)


def lower_bound_multiplied(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, 1.5 * target_kl, 1.5 * target_kl)


def only_dearer(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, 0.0, 1.5 * target_kl)


def only_cheaper(kl_coef, kl, target_kl) -> float:
    return steered(kl_coef, kl, target_kl / 1.5, float("inf"))


def in_proportion(kl_coef, kl, target_kl) -> float:
    return kl_coef * float(kl) / target_kl


def halves_otherwise(kl_coef, kl, target_kl) -> float:
    return 2 * kl_coef if kl > 1.5 * target_kl else kl_coef / 2


def target_returned(kl_coef, kl, target_kl) -> float:
    return steered(target_kl, kl, target_kl / 1.5, 1.5 * target_kl)


def by_exponent(kl_coef, kl, target_kl) -> float:
    """Right: 2 to the power of −1, 0 or 1, from two comparisons."""
    return kl_coef * 2.0 ** (int(kl > 1.5 * target_kl) - int(kl * 1.5 < target_kl))


def by_torch(kl_coef, kl, target_kl) -> torch.Tensor:
    """Right: as a tensor of no axes, which counts as a number."""
    kl = torch.as_tensor(kl, dtype=torch.float64)
    up = torch.where(kl > 1.5 * target_kl, 2.0, 1.0)
    return kl_coef * torch.where(kl < target_kl / 1.5, 0.5, up)


EXERCISE = Exercise(
    name="adapt_kl_coef",
    reference=adapt_kl_coef,
    cases=cases,
    statement="moving gets dearer after a large step, cheaper after a small one, else stays",
    points={VALUE: 1},
    float32=False,
    mistakes=(
        Mistake(
            "directions-swapped",
            "The price falls when the policy moved too far, so it moves farther still. A large KL "
            "asks for a *higher* price: doubled above 1.5 · target, halved below target/1.5.",
            directions_swapped,
        ),
        Mistake(
            "never-changes",
            "The coefficient comes back as it went in: that is the fixed price of the table's last "
            "four rows.",
            never_changes,
        ),
        Mistake(
            "at-the-bounds-too",
            "Both comparisons are strict: exactly at target/1.5 and at 1.5 · target nothing "
            "changes yet.",
            at_the_bounds_too,
        ),
        Mistake(
            "changes-by-1.5",
            "The price changes by the factor 1.5. That number belongs to the bounds; the price is "
            "halved or doubled.",
            changes_by_one_and_a_half,
        ),
        Mistake(
            "bounds-at-two",
            "Nothing happens between target/2 and 2 · target. The bounds are target/1.5 and "
            "1.5 · target; the 2 belongs to the price.",
            bounds_at_two,
        ),
        Mistake(
            "factors-exchanged",
            "The two numbers are exchanged: the bounds have 1.5, the change of the price has 2.",
            factors_exchanged,
        ),
        Mistake(
            "no-dead-zone",
            "The divergence is compared with the target itself, so the price changes after every "
            "update, however well it fits. Between target/1.5 and 1.5 · target it stays.",
            no_dead_zone,
        ),
        Mistake(
            "lower-bound-multiplied",
            "Both bounds are 1.5 · target, so a divergence that is on target still halves the "
            "price. The lower bound is target *divided* by 1.5.",
            lower_bound_multiplied,
        ),
        Mistake(
            "never-cheaper",
            "The price never falls: after one large step the policy is held for ever. Halve it "
            "below target/1.5.",
            only_dearer,
        ),
        Mistake(
            "never-dearer",
            "The price never rises, and nothing stops a policy that moves too far. Double it above "
            "1.5 · target.",
            only_cheaper,
        ),
        Mistake(
            "in-proportion",
            "The price is scaled by KL/target. That is a controller too, but another one: after a "
            "step of zero its price is 0 for ever. Halve, double or keep.",
            in_proportion,
        ),
        Mistake(
            "halved-otherwise",
            "The price is halved whenever it is not doubled. A third case is missing: between the "
            "bounds it stays as it is.",
            halves_otherwise,
        ),
        Mistake(
            "target-returned",
            "You halve and double the target. It stays; what comes back is the price, kl_coef.",
            target_returned,
        ),
    ),
    variants=(by_exponent, by_torch),
)
