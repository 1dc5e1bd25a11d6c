"""The exercise `natural_step`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.natural_gradient import natural_step


def cases(generator: torch.Generator) -> list[Case]:
    """Directions that climb; one that falls, one that does neither, no room, no gradient."""

    def pair(size: int, max_kl: float) -> dict:
        gradient = normal(generator, size)
        direction = gradient * uniform(generator, 0.3, 3.0, size) + 0.1 * normal(generator, size)
        if gradient @ direction < 0:
            direction = -direction
        return {"gradient": gradient, "direction": direction, "max_kl": max_kl}

    down, across, still = pair(4, 0.02), pair(2, 0.02), pair(3, 0.02)
    down["direction"] = -down["direction"]
    across["gradient"] = torch.tensor([1.0, 2.0], dtype=torch.float64)
    across["direction"] = torch.tensor([-2.0, 1.0], dtype=torch.float64)
    still["gradient"] = torch.zeros(3, dtype=torch.float64)
    return [
        Case("three parameters", pair(3, 0.02)),
        Case("seven parameters", pair(7, 0.5)),
        Case("one parameter", pair(1, 0.01)),
        Case("a direction that leads down", down, EDGE),
        Case("a direction that leads neither up nor down", across, EDGE),
        Case("a gradient of zero", still, EDGE),
        Case("no room to move", pair(3, 0.0), EDGE),
    ]


def kept(slope: Tensor, step: Tensor) -> Tensor:
    """The step where it climbs, and zero elsewhere, which most wrong versions get right."""
    return step if slope > 0 else torch.zeros_like(step)


def two_missing(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    return kept(slope, direction * (max_kl / slope.clamp(min=1e-300)).sqrt())


def root_missing(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    return kept(slope, direction * (2 * max_kl / slope.clamp(min=1e-300)))


def upside_down(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    room = max(2 * max_kl, 1e-300)
    return kept(slope, direction * (slope.clamp(min=0) / room).sqrt())


def by_its_own_length(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    return kept(slope, direction * (2 * max_kl / (direction @ direction)).sqrt())


def by_the_gradients_length(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    length = (gradient @ gradient).clamp(min=1e-300)
    return kept(slope, direction * (2 * max_kl / length).sqrt())


def along_the_gradient(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    return kept(slope, gradient * (2 * max_kl / slope.clamp(min=1e-300)).sqrt())


def downhill(gradient, direction, max_kl) -> Tensor:
    return -natural_step(gradient, direction, max_kl)


def unguarded(gradient, direction, max_kl) -> Tensor:
    return direction * (2 * max_kl / (gradient @ direction)).sqrt()


def absolute_slope(gradient, direction, max_kl) -> Tensor:
    slope = (gradient @ direction).abs()
    return kept(slope, direction * (2 * max_kl / slope.clamp(min=1e-300)).sqrt())


def turned_round(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    return slope.sign() * absolute_slope(gradient, direction, max_kl)


def falls_back_on_the_gradient(gradient, direction, max_kl) -> Tensor:
    if gradient @ direction > 0:
        return natural_step(gradient, direction, max_kl)
    return max_kl * gradient


def keeps_the_direction(gradient, direction, max_kl) -> Tensor:
    if gradient @ direction > 0:
        return natural_step(gradient, direction, max_kl)
    return direction.clone()


def length_only(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    return kept(slope, (2 * max_kl / slope.clamp(min=1e-300)).sqrt())


def kl_for_step_size(gradient, direction, max_kl) -> Tensor:
    return kept(gradient @ direction, max_kl * direction)


def element_by_element(gradient, direction, max_kl) -> Tensor:
    slope = gradient @ direction
    products = (gradient * direction).abs().clamp(min=1e-300)
    return kept(slope, direction * (2 * max_kl / products).sqrt())


def changes_direction(gradient, direction, max_kl) -> Tensor:
    step = natural_step(gradient, direction.clone(), max_kl)
    direction += step
    return step


def with_two_roots(gradient, direction, max_kl) -> Tensor:
    """Right: the roots of both numbers, one after the other."""
    slope = float((gradient * direction).sum())
    if slope <= 0:
        return 0 * direction
    return direction / slope**0.5 * (2 * max_kl) ** 0.5


def with_where(gradient, direction, max_kl) -> Tensor:
    """Right: the size is 0 where the slope is not positive, in float64 inside."""
    slope = torch.dot(gradient.double(), direction.double())
    safe = torch.where(slope > 0, slope, torch.ones_like(slope))
    size = torch.where(slope > 0, torch.sqrt(2 * max_kl / safe), torch.zeros_like(slope))
    return (size * direction).to(direction.dtype)


EXERCISE = Exercise(
    name="natural_step",
    reference=natural_step,
    cases=cases,
    statement="½ stepᵀ F step is exactly max_kl, and no step is taken downhill",
    points={VALUE: 0.5, EDGE: 0.5},
    mistakes=(
        Mistake(
            "two-missing",
            "The 2 is missing: from ½ α² xᵀFx = ε follows α = √(2ε / gᵀx).",
            two_missing,
        ),
        Mistake(
            "root-missing",
            "The root is missing. The KL divergence grows with the square of the step: "
            "α = √(2ε / gᵀx).",
            root_missing,
        ),
        Mistake(
            "upside-down",
            "The fraction is upside down: a larger slope gᵀx means a *shorter* step, √(2ε / gᵀx).",
            upside_down,
        ),
        Mistake(
            "by-its-own-length",
            "You divide by xᵀx, so all steps have one Euclidean length. Nats are measured by "
            "xᵀFx, which is gᵀx.",
            by_its_own_length,
        ),
        Mistake(
            "by-the-gradients-length",
            "You divide by gᵀg. xᵀFx is gᵀx, because Fx = g.",
            by_the_gradients_length,
        ),
        Mistake(
            "along-the-gradient",
            "The step goes along the ordinary gradient. It goes along `direction`, F⁻¹g.",
            along_the_gradient,
        ),
        Mistake(
            "downhill",
            "The sign is flipped. The step is *added* to the parameters, to climb.",
            downhill,
        ),
        Mistake(
            "unguarded",
            "Where gᵀx is not positive, you take the root of a negative number or divide by 0: "
            "one NaN, and every weight of the policy is lost. Return zeros there.",
            unguarded,
        ),
        Mistake(
            "absolute-slope",
            "You take |gᵀx|. A direction with gᵀx < 0 leads down; going along it makes the policy "
            "worse. Return zeros.",
            absolute_slope,
        ),
        Mistake(
            "turned-round",
            "Where `direction` leads down you go the other way. If F x = g had been solved, it "
            "could not lead down, so x is not to be trusted either way: return zeros.",
            turned_round,
        ),
        Mistake(
            "falls-back-on-the-gradient",
            "Where `direction` leads down you take the ordinary gradient. The curriculum's "
            "function returns zeros.",
            falls_back_on_the_gradient,
        ),
        Mistake(
            "keeps-the-direction",
            "Where `direction` leads down you return it as it is. Return zeros.",
            keeps_the_direction,
        ),
        Mistake(
            "length-only",
            "Only the step size α came out. Multiply `direction` with it.",
            length_only,
        ),
        Mistake(
            "limit-as-step-size",
            "You use max_kl itself as the step size. It is a limit in nats: α = √(2ε / gᵀx).",
            kl_for_step_size,
        ),
        Mistake(
            "element-by-element",
            "Every parameter has a step size of its own. gᵀx is one number: an inner product.",
            element_by_element,
        ),
        Mistake("changes-direction", IN_PLACE, changes_direction),
    ),
    variants=(with_two_roots, with_where),
)
