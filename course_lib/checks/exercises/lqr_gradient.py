"""The exercise `lqr_gradient`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.lqr import lqr_gradient


def cases(generator: torch.Generator) -> list[Case]:
    """A gain that is too small, one that is too large, a negative b; γ = 0, γ = 1, no control."""

    def problem(a: float, b: float, gain: float, gamma: float, **changed) -> dict:
        q, r, s0 = uniform(generator, 0.4, 2.0, 3).tolist()
        shift = 0.05 * uniform(generator, -1, 1, 1).item()
        drawn = {"a": a, "b": b, "q": q, "r": r, "gamma": gamma, "s0": s0 + 0.3}
        return drawn | {"gain": torch.tensor(gain + shift, dtype=torch.float64)} | changed

    return [
        Case("a gain that is too small", problem(1.1, 0.5, 0.6, 0.9)),
        Case("a gain that is too large", problem(1.1, 0.5, 3.6, 0.9)),
        Case("pushing the other way", problem(0.9, -0.8, -0.7, 0.95)),
        Case("a state that starts below 0", problem(1.2, 0.7, 1.0, 0.8, s0=-1.7)),
        Case("actions cost nothing", problem(1.1, 0.5, 0.9, 0.9, r=0.0), EDGE),
        Case("γ = 0: only the first step counts", problem(1.1, 0.5, 0.8, 0.0), EDGE),
        Case("γ = 1", problem(1.1, 0.5, 1.2, 1.0), EDGE),
        Case("an action that does nothing", problem(0.8, 0.0, 0.5, 0.9), EDGE),
    ]


def parts(a, b, q, r, gain, gamma) -> tuple[Tensor, Tensor, Tensor]:
    """c, p and 1 − γc²."""
    c = a - b * gain
    decay = 1 - gamma * c**2
    return c, (q + r * gain**2) / decay, decay


def sign_flipped(a, b, q, r, gain, gamma, s0) -> Tensor:
    return -lqr_gradient(a, b, q, r, gain, gamma, s0)


def start_not_squared(a, b, q, r, gain, gamma, s0) -> Tensor:
    return lqr_gradient(a, b, q, r, gain, gamma, s0) / s0


def start_forgotten(a, b, q, r, gain, gamma, s0) -> Tensor:
    return lqr_gradient(a, b, q, r, gain, gamma, 1.0)


def first_state_only(a, b, q, r, gain, gamma, s0) -> Tensor:
    return lqr_gradient(a, b, q, r, gain, gamma, s0) * parts(a, b, q, r, gain, gamma)[2]


def undiscounted_states(a, b, q, r, gain, gamma, s0) -> Tensor:
    c, _, decay = parts(a, b, q, r, gain, gamma)
    return lqr_gradient(a, b, q, r, gain, gamma, s0) * decay / (1 - c**2)


def states_not_squared(a, b, q, r, gain, gamma, s0) -> Tensor:
    c, _, decay = parts(a, b, q, r, gain, gamma)
    return lqr_gradient(a, b, q, r, gain, gamma, s0) * decay / (1 - gamma * c)


def short_sighted(a, b, q, r, gain, gamma, s0) -> Tensor:
    decay = parts(a, b, q, r, gain, gamma)[2]
    return -(s0**2) * 2 * r * gain / decay


def chain_rule_forgotten(a, b, q, r, gain, gamma, s0) -> Tensor:
    c, p, _ = parts(a, b, q, r, gain, gamma)
    return s0 * (2 * r * gain - 2 * gamma * p * b * c) / (1 - gamma * c)


def pushes_the_other_way(a, b, q, r, gain, gamma, s0) -> Tensor:
    c = a + b * gain
    decay = 1 - gamma * c**2
    p = (q + r * gain**2) / decay
    return -(s0**2) * (2 * r * gain - 2 * gamma * p * b * c) / decay


def half_the_slope(a, b, q, r, gain, gamma, s0) -> Tensor:
    return lqr_gradient(a, b, q, r, gain, gamma, s0) / 2


def state_cost_alone(a, b, q, r, gain, gamma, s0) -> Tensor:
    c, _, decay = parts(a, b, q, r, gain, gamma)
    return -(s0**2) * (2 * r * gain - 2 * gamma * q / decay * b * c) / decay


def discount_forgotten_in_q(a, b, q, r, gain, gamma, s0) -> Tensor:
    c, p, decay = parts(a, b, q, r, gain, gamma)
    return -(s0**2) * (2 * r * gain - 2 * p * b * c) / decay


def slope_of_the_action_cost_flipped(a, b, q, r, gain, gamma, s0) -> Tensor:
    c, p, decay = parts(a, b, q, r, gain, gamma)
    return -(s0**2) * (-2 * r * gain - 2 * gamma * p * b * c) / decay


def value_for_gradient(a, b, q, r, gain, gamma, s0) -> Tensor:
    return -parts(a, b, q, r, gain, gamma)[1] * s0**2


def state_for_visits(a, b, q, r, gain, gamma, s0) -> Tensor:
    return lqr_gradient(a, b, q, r, gain, gamma, s0) * (1 - gamma)


def by_autograd(a, b, q, r, gain, gamma, s0) -> Tensor:
    """Right: the return in closed form, differentiated."""
    leaf = gain.detach().double().requires_grad_()
    value = -parts(a, b, q, r, leaf, gamma)[1] * s0**2
    return torch.autograd.grad(value, leaf)[0].to(gain.dtype)


def step_by_step(a, b, q, r, gain, gamma, s0) -> Tensor:
    """Right: the theorem's sum over 3,000 steps, with Python numbers."""
    k = float(gain)
    c, p, _ = parts(a, b, q, r, k, gamma)
    state, weight, total = s0, 1.0, 0.0
    for _ in range(3000):
        action = -k * state
        slope = -2 * r * action - 2 * gamma * p * b * (a * state + b * action)
        total += weight * slope * -state
        state, weight = c * state, gamma * weight
    return torch.tensor(total, dtype=gain.dtype)


def quotient_rule(a, b, q, r, gain, gamma, s0) -> Tensor:
    """Right: J differentiated by hand."""
    c = a - b * gain
    cost, decay = q + r * gain**2, 1 - gamma * c**2
    return -(s0**2) * (2 * r * gain * decay - cost * 2 * gamma * c * b) / decay**2


EXERCISE = Exercise(
    name="lqr_gradient",
    reference=lqr_gradient,
    cases=cases,
    statement="the slope of Q in the action, carried into the gain, over all states on the way",
    points={VALUE: 2},
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped. J is a return (minus the costs), and its gradient points to "
            "where it grows. Note that dμ/dgain = −s.",
            sign_flipped,
        ),
        Mistake(
            "start-not-squared",
            "s0 comes in once too few: ∂Q/∂u is proportional to s, and dμ/dgain = −s is as well.",
            start_not_squared,
        ),
        Mistake(
            "start-forgotten",
            "The first state is missing: the gradient is proportional to s0².",
            start_forgotten,
        ),
        Mistake(
            "first-state-only",
            "That is the term of the first state. The theorem sums over all states on the way: "
            "Σ_t γ^t s_t² = s0²/(1 − γc²).",
            first_state_only,
        ),
        Mistake(
            "undiscounted-states",
            "The states are summed without γ^t. Visits in the theorem are discounted.",
            undiscounted_states,
        ),
        Mistake(
            "states-not-squared",
            "Σ γ^t c^t was summed where Σ γ^t c^(2t) belongs: both factors of a term shrink by c.",
            states_not_squared,
        ),
        Mistake(
            "short-sighted",
            "Only the cost of the action itself is differentiated. Q also holds what follows: "
            "−γ p (a s + b u)², with u inside.",
            short_sighted,
        ),
        Mistake(
            "chain-rule-forgotten",
            "That is Σ γ^t ∂Q/∂u, the slope in the action. The gain moves the action by "
            "dμ/dgain = −s: multiply, state by state.",
            chain_rule_forgotten,
        ),
        Mistake(
            "pushes-the-other-way",
            "c = a + b·gain. The policy is u = −gain·s, so c = a − b·gain.",
            pushes_the_other_way,
        ),
        Mistake(
            "half-the-slope",
            "A factor 2 is missing: the derivative of u² is 2u. (No ½ stands in these costs.)",
            half_the_slope,
        ),
        Mistake(
            "state-cost-alone",
            "p lacks the cost of the actions: p = (q + r·gain²)/(1 − γc²). V holds what the policy "
            "pays for its pushes too.",
            state_cost_alone,
        ),
        Mistake(
            "discount-forgotten-in-q",
            "Q(s, u) = −(q s² + r u²) + γ V(s'): the slope of the second part has a γ in front.",
            discount_forgotten_in_q,
        ),
        Mistake(
            "action-cost-flipped",
            "The slope of the action's cost has the wrong sign: −2 r u with u = −gain·s is "
            "+2 r gain s.",
            slope_of_the_action_cost_flipped,
        ),
        Mistake(
            "value-for-gradient",
            "That is J itself, −p s0². Its derivative was asked for.",
            value_for_gradient,
        ),
        Mistake(
            "visits-normalised",
            "There is a factor 1 − γ, as if the visits were a probability. Here d^μ sums to "
            "1/(1 − γ).",
            state_for_visits,
        ),
    ),
    variants=(by_autograd, step_by_step, quotient_rule),
)
