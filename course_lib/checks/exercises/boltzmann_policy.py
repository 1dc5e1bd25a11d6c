"""The exercise `boltzmann_policy`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.maximum_entropy import boltzmann_policy


def cases(generator: torch.Generator) -> list[Case]:
    """Ordinary values; one action, a high and a low temperature, values in the thousands."""
    large = 1_000 * normal(generator, 3, 4)
    return [
        Case("three states, four actions", q(2.0 * normal(generator, 3, 4) + 1.0, 0.7)),
        Case("five states, three actions", q(normal(generator, 5, 3), 2.5)),
        Case("as many states as actions", q(normal(generator, 4, 4) - 2.0, 0.4)),
        Case("T = 1", q(normal(generator, 2, 3), 1.0), EDGE),
        Case("a single action", q(normal(generator, 3, 1), 0.5), EDGE),
        Case("a high temperature", q(normal(generator, 3, 4), 100.0), EDGE),
        Case("Q in the thousands, a low temperature", q(large, 0.1), NUMERICS),
    ]


def q(q_value: Tensor, temperature: float) -> dict[str, Tensor | float]:
    """The inputs of one case."""
    return {"q_value": q_value, "temperature": temperature}


def forgets_temperature(q_value, temperature) -> Tensor:
    return boltzmann_policy(q_value, 1.0)


def temperature_multiplies(q_value, temperature) -> Tensor:
    return (q_value * temperature).softmax(-1)


def over_the_states(q_value, temperature) -> Tensor:
    return (q_value / temperature).softmax(0)


def greedy(q_value, temperature) -> Tensor:
    return torch.nn.functional.one_hot(q_value.argmax(-1), q_value.shape[-1]).to(q_value.dtype)


def log_probabilities(q_value, temperature) -> Tensor:
    return (q_value / temperature).log_softmax(-1)


def not_normalised(q_value, temperature) -> Tensor:
    return (q_value / temperature).exp()


def overflows(q_value, temperature) -> Tensor:
    weight = (q_value / temperature).exp()
    return weight / weight.sum(-1, keepdim=True)


def divides_at_the_end(q_value, temperature) -> Tensor:
    return q_value.softmax(-1) / temperature


def sign_flipped(q_value, temperature) -> Tensor:
    return (-q_value / temperature).softmax(-1)


def without_the_exponential(q_value, temperature) -> Tensor:
    weight = q_value / temperature
    return weight / weight.sum(-1, keepdim=True)


def detached(q_value, temperature) -> Tensor:
    return boltzmann_policy(q_value.detach(), temperature)


def state_by_state(q_value, temperature) -> Tensor:
    """Right: one row after the other, the largest value taken off first."""
    rows = []
    for row in q_value:
        weight = ((row - row.max()) / temperature).exp()
        rows.append(weight / weight.sum())
    return torch.stack(rows)


def by_log_sum_exp(q_value, temperature) -> Tensor:
    """Right: exp(log π), in float64 inside."""
    scaled = q_value.double() / temperature
    return (scaled - torch.logsumexp(scaled, -1, keepdim=True)).exp().to(q_value.dtype)


def maximum_of_the_batch(q_value, temperature) -> Tensor:
    raised = torch.exp((q_value - q_value.max()) / temperature)
    return raised / raised.sum(-1, keepdim=True)


EXERCISE = Exercise(
    name="boltzmann_policy",
    reference=boltzmann_policy,
    cases=cases,
    statement="each row sums to 1, and an action that is worth T more is e times as likely",
    points={VALUE: 1},
    gradient=("q_value",),
    mistakes=(
        Mistake(
            "forgets-temperature",
            "The temperature is not used. Divide Q by T before the softmax: how much better an "
            "action must be counts in units of T.",
            forgets_temperature,
        ),
        Mistake(
            "temperature-multiplies",
            "Q is multiplied by T. Then a hot policy is the greedy one, and a cold one draws at "
            "random: upside down. Divide: exp(Q/T).",
            temperature_multiplies,
        ),
        Mistake(
            "over-the-states",
            "The softmax runs over the states (axis 0). The probabilities of the *actions of one "
            "state* sum to 1: use the last axis, dim=-1.",
            over_the_states,
        ),
        Mistake(
            "greedy",
            "That is the greedy policy, the limit T → 0. With T > 0 every action keeps some "
            "probability.",
            greedy,
        ),
        Mistake(
            "log-probabilities",
            "These are log-probabilities (all of them negative). Return π itself: softmax in place "
            "of log_softmax.",
            log_probabilities,
        ),
        Mistake(
            "not-normalised",
            "exp(Q/T) are weights, not yet probabilities: divide each row by its sum, Z(s).",
            not_normalised,
        ),
        Mistake(
            "overflows",
            "Right for small values, but exp(1,000) is ∞, and ∞/∞ is not a number. softmax takes "
            "the largest entry off first, which changes nothing but that.",
            overflows,
        ),
        Mistake(
            "divides-at-the-end",
            "The probabilities are divided by T, so they no longer sum to 1. T belongs under Q, "
            "inside the exponential.",
            divides_at_the_end,
        ),
        Mistake(
            "worst-is-likeliest",
            "The sign of Q is flipped: the worst action is the likeliest. (In physics the weight "
            "is exp(−energy/T); Q is a value, not a cost.)",
            sign_flipped,
        ),
        Mistake(
            "without-the-exponential",
            "Q/ΣQ is no distribution: with negative values it even has negative entries. The "
            "weights are exp(Q/T).",
            without_the_exponential,
        ),
        Mistake(
            "detached",
            "The values are right, but Q was cut from its graph. Here somebody may want to know "
            "how π changes with Q; leave the graph whole.",
            detached,
        ),
        Mistake(
            "maximum-of-the-batch",
            "The largest Q of the whole batch is subtracted. A state whose values are all far "
            "below it keeps only zeros, and 0/0 is not a number. Subtract each row's own "
            "maximum, or use softmax.",
            maximum_of_the_batch,
        ),
    ),
    variants=(state_by_state, by_log_sum_exp),
)
