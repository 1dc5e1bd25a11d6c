"""The exercise `soft_value`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.maximum_entropy import boltzmann_policy, soft_value


def cases(generator: torch.Generator) -> list[Case]:
    """Ordinary values; one action, equal actions, values in the thousands."""
    large = 1_000 * normal(generator, 3, 4)
    return [
        Case("three states, four actions", q(2.0 * normal(generator, 3, 4) + 1.0, 0.7)),
        Case("five states, three actions", q(normal(generator, 5, 3), 2.5)),
        Case("as many states as actions", q(normal(generator, 4, 4) - 2.0, 0.4)),
        Case("T = 1", q(normal(generator, 2, 3), 1.0), EDGE),
        Case("a single action", q(normal(generator, 3, 1), 0.5), EDGE),
        Case("equal actions", q(torch.full((2, 5), 0.3, dtype=torch.float64), 0.5), EDGE),
        Case("Q in the thousands, a low temperature", q(large, 0.1), NUMERICS),
    ]


def q(q_value: Tensor, temperature: float) -> dict[str, Tensor | float]:
    """The inputs of one case."""
    return {"q_value": q_value, "temperature": temperature}


def forgets_temperature(q_value, temperature) -> Tensor:
    return soft_value(q_value, 1.0)


def no_factor(q_value, temperature) -> Tensor:
    return (q_value / temperature).logsumexp(-1)


def no_division(q_value, temperature) -> Tensor:
    return temperature * q_value.logsumexp(-1)


def upside_down(q_value, temperature) -> Tensor:
    return (temperature * q_value).logsumexp(-1) / temperature


def hard_maximum(q_value, temperature) -> Tensor:
    return q_value.max(-1).values


def without_entropy(q_value, temperature) -> Tensor:
    return (boltzmann_policy(q_value, temperature) * q_value).sum(-1)


def entropy_without_temperature(q_value, temperature) -> Tensor:
    pi = boltzmann_policy(q_value, temperature)
    return (pi * q_value).sum(-1) + torch.special.entr(pi).sum(-1)


def entropy_subtracted(q_value, temperature) -> Tensor:
    pi = boltzmann_policy(q_value, temperature)
    return (pi * q_value).sum(-1) - temperature * torch.special.entr(pi).sum(-1)


def mean_of_exponentials(q_value, temperature) -> Tensor:
    return soft_value(q_value, temperature) - temperature * math.log(q_value.shape[-1])


def uniform_average(q_value, temperature) -> Tensor:
    return q_value.mean(-1) + temperature * math.log(q_value.shape[-1])


def overflows(q_value, temperature) -> Tensor:
    return temperature * (q_value / temperature).exp().sum(-1).log()


def over_the_states(q_value, temperature) -> Tensor:
    return temperature * (q_value / temperature).logsumexp(0)


def one_number(q_value, temperature) -> Tensor:
    return soft_value(q_value, temperature).mean()


def keeps_the_axis(q_value, temperature) -> Tensor:
    return temperature * (q_value / temperature).logsumexp(-1, keepdim=True)


def through_the_policy(q_value, temperature) -> Tensor:
    """Right: Σ π (Q − T log π), with log π of log_softmax."""
    log_pi = (q_value / temperature).log_softmax(-1)
    return (log_pi.exp() * (q_value - temperature * log_pi)).sum(-1)


def largest_first(q_value, temperature) -> Tensor:
    """Right: max Q, and T times the log of what the others add; a loop over states."""
    values = []
    for row in q_value:
        best = row.max()
        values.append(best + temperature * ((row - best) / temperature).exp().sum().log())
    return torch.stack(values)


def detached(q_value, temperature) -> Tensor:
    return soft_value(q_value.detach(), temperature)


def clamped_exponent(q_value, temperature) -> Tensor:
    return temperature * (q_value / temperature).clamp(-80, 80).exp().sum(-1).log()


EXERCISE = Exercise(
    name="soft_value",
    reference=soft_value,
    cases=cases,
    statement="it lies between max Q and max Q + T log K, and its slope in Q is the policy",
    points={VALUE: 1},
    gradient=("q_value",),
    mistakes=(
        Mistake(
            "forgets-temperature",
            "The temperature is not used: that is the soft value for T = 1.",
            forgets_temperature,
        ),
        Mistake(
            "no-factor",
            "The T in front is missing. log Σ exp(Q/T) is a number of nats; times T it is one of "
            "reward, as a value has to be.",
            no_factor,
        ),
        Mistake(
            "no-division",
            "Q is not divided by T inside the exponential. Both are needed: T · log Σ exp(Q/T).",
            no_division,
        ),
        Mistake(
            "temperature-upside-down",
            "T and 1/T are exchanged. Test yourself: for T → 0 the maximum of Q must come out.",
            upside_down,
        ),
        Mistake(
            "hard-maximum",
            "That is the hard maximum, the limit T → 0. The soft one is larger, by up to T log K.",
            hard_maximum,
        ),
        Mistake(
            "without-entropy",
            "That is the mean of Q under the Boltzmann policy. Its entropy is worth T a nat, and "
            "is missing: + T H(π).",
            without_entropy,
        ),
        Mistake(
            "entropy-without-temperature",
            "The entropy is added as it is; it is worth T a nat: Σ π Q + T H(π).",
            entropy_without_temperature,
        ),
        Mistake(
            "entropy-subtracted",
            "The entropy is subtracted. H = −Σ π log π is positive and liked: Σ π (Q − T log π).",
            entropy_subtracted,
        ),
        Mistake(
            "mean-of-exponentials",
            "A mean over the actions stands where a sum belongs, so T log K is missing. (Some "
            "papers count entropy against the uniform policy and do that on purpose.)",
            mean_of_exponentials,
        ),
        Mistake(
            "uniform-average",
            "That is what a policy that draws evenly would get. The soft value is that of the best "
            "mixture, the Boltzmann policy.",
            uniform_average,
        ),
        Mistake(
            "overflows",
            "Right for small values, but exp(1,000) is ∞ and exp(−1,000) is 0. torch.logsumexp "
            "takes the largest entry off first.",
            overflows,
        ),
        Mistake(
            "over-the-states",
            "The sum runs over the states (axis 0). A value belongs to one state: sum over its "
            "actions, dim=-1.",
            over_the_states,
        ),
        Mistake(
            "one-number",
            "A single number comes out, the mean over all states. Return one value a state, (B,).",
            one_number,
        ),
        Mistake(
            "extra-axis",
            "The values have shape (B, 1). Against rewards (B,) that silently becomes (B, B) in "
            "the next line: leave keepdim away.",
            keeps_the_axis,
        ),
        Mistake(
            "detached",
            "The value is right, but it was cut from its graph. Its slope in Q, the policy, "
            "is used by whoever learns through it.",
            detached,
        ),
        Mistake(
            "clamped-exponent",
            "Q/T is clamped before the exponential. That stops the overflow and gives another "
            "value: beyond the clamp all Q look alike. logsumexp subtracts the maximum "
            "instead, which changes nothing.",
            clamped_exponent,
        ),
    ),
    variants=(through_the_policy, largest_first),
)
