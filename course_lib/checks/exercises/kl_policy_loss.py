"""The exercise `kl_policy_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.reference.maximum_entropy import kl_policy_loss


def cases(generator: torch.Generator) -> list[Case]:
    """Ordinary logits and values; a single state, a policy that is right, logits of a thousand."""
    right = normal(generator, 3, 4)
    sure = torch.tensor([[1_000.0, -1_000.0, 0.0], [0.5, -0.25, 0.0]], dtype=torch.float64)
    return [
        Case("three states, four actions", given(generator, 3, 4, 0.7)),
        Case("five states, three actions", given(generator, 5, 3, 2.5)),
        Case("as many states as actions", given(generator, 4, 4, 0.4)),
        Case("T = 1", given(generator, 6, 2, 1.0), EDGE),
        Case("a single state", given(generator, 1, 3, 0.5), EDGE),
        Case(
            "the policy is Boltzmann already",
            {"logits": right + 3.0, "q_value": 0.5 * right, "temperature": 0.5},
            EDGE,
        ),
        Case(
            "logits of ±1,000",
            {"logits": sure, "q_value": normal(generator, 2, 3), "temperature": 0.5},
            NUMERICS,
        ),
    ]


def given(generator: torch.Generator, states: int, actions: int, temperature: float) -> dict:
    """The inputs of one case."""
    return {
        "logits": 1.5 * normal(generator, states, actions) + 0.5,
        "q_value": 2.0 * normal(generator, states, actions) - 1.0,
        "temperature": temperature,
    }


def policy(logits: Tensor) -> tuple[Tensor, Tensor]:
    """π and log π."""
    log_pi = logits.log_softmax(-1)
    return log_pi.exp(), log_pi


def sign_flipped(logits, q_value, temperature) -> Tensor:
    return -kl_policy_loss(logits, q_value, temperature)


def forgets_temperature(logits, q_value, temperature) -> Tensor:
    return kl_policy_loss(logits, q_value, 1.0)


def times_temperature(logits, q_value, temperature) -> Tensor:
    return temperature * kl_policy_loss(logits, q_value, temperature)


def temperature_multiplies(logits, q_value, temperature) -> Tensor:
    return kl_policy_loss(logits, temperature**2 * q_value, temperature)


def adds_q(logits, q_value, temperature) -> Tensor:
    return kl_policy_loss(logits, -q_value, temperature)


def reverse_kl(logits, q_value, temperature) -> Tensor:
    _, log_pi = policy(logits)
    target = (q_value / temperature).log_softmax(-1).detach()
    return (target.exp() * (target - log_pi)).sum(-1).mean()


def no_entropy(logits, q_value, temperature) -> Tensor:
    pi, _ = policy(logits)
    return -(pi * (q_value / temperature).detach()).sum(-1).mean()


def unweighted(logits, q_value, temperature) -> Tensor:
    _, log_pi = policy(logits)
    return (log_pi - (q_value / temperature).detach()).sum(-1).mean()


def mean_over_actions(logits, q_value, temperature) -> Tensor:
    return kl_policy_loss(logits, q_value, temperature) / logits.shape[-1]


def sum_over_states(logits, q_value, temperature) -> Tensor:
    return kl_policy_loss(logits, q_value, temperature) * len(logits)


def weights_detached(logits, q_value, temperature) -> Tensor:
    pi, log_pi = policy(logits)
    return (pi.detach() * (log_pi - (q_value / temperature).detach())).sum(-1).mean()


def reaches_q(logits, q_value, temperature) -> Tensor:
    pi, log_pi = policy(logits)
    return (pi * (log_pi - q_value / temperature)).sum(-1).mean()


def logits_for_log_probs(logits, q_value, temperature) -> Tensor:
    pi, _ = policy(logits)
    return (pi * (logits - (q_value / temperature).detach())).sum(-1).mean()


def log_of_softmax(logits, q_value, temperature) -> Tensor:
    pi = logits.softmax(-1)
    return (pi * (pi.log() - (q_value / temperature).detach())).sum(-1).mean()


def with_normaliser(logits, q_value, temperature) -> Tensor:
    pi, log_pi = policy(logits)
    target = (q_value / temperature).log_softmax(-1).detach()
    return (pi * (log_pi - target)).sum(-1).mean()


def with_dot_products(logits, q_value, temperature) -> Tensor:
    """Right: one state after the other, −H(π) − π·Q/T."""
    losses = []
    for row, values in zip(logits, q_value.detach(), strict=True):
        log_pi = row - torch.logsumexp(row, 0)
        losses.append(
            torch.dot(log_pi.exp(), log_pi) - torch.dot(log_pi.exp(), values) / temperature
        )
    return sum(losses) / len(losses)


def by_kl_div(logits, q_value, temperature) -> Tensor:
    """Right: torch's KL(π‖target) per state, minus log Z, in float64 inside."""
    scaled = q_value.detach().double() / temperature
    log_pi = logits.double().log_softmax(-1)
    divergence = kl_div(scaled.log_softmax(-1), log_pi, reduction="none", log_target=True).sum(-1)
    return (divergence - scaled.logsumexp(-1)).mean().to(logits.dtype)


def temperature_on_the_logits(logits, q_value, temperature) -> Tensor:
    return kl_policy_loss(logits / temperature, q_value, temperature)


EXERCISE = Exercise(
    name="kl_policy_loss",
    reference=kl_policy_loss,
    cases=cases,
    statement="it is −mean log Z, its smallest value, exactly where π = exp(Q/T)/Z",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("logits",),
    no_gradient=("q_value",),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped: this loss would drive the policy *away* from exp(Q/T)/Z. A KL "
            "divergence is minimised as it stands.",
            sign_flipped,
        ),
        Mistake(
            "forgets-temperature",
            "The temperature is not used: the target is exp(Q/T)/Z.",
            forgets_temperature,
        ),
        Mistake(
            "times-temperature",
            "The loss is multiplied by T: mean Σ π (T log π − Q). It has the same minimum, but it "
            "is not the KL divergence; here log π − Q/T is wanted.",
            times_temperature,
        ),
        Mistake(
            "temperature-multiplies",
            "Q is multiplied by T. A high temperature should make Q matter less: Q/T.",
            temperature_multiplies,
        ),
        Mistake(
            "adds-q",
            "Q/T is added. log of the target is + Q/T, and the KL subtracts it: log π − Q/T.",
            adds_q,
        ),
        Mistake(
            "other-way-round",
            "That is KL(target‖π), weighed with the target's probabilities. Wanted is KL(π‖target),"
            " weighed with π: it needs no samples of the target, and never Z.",
            reverse_kl,
        ),
        Mistake(
            "no-entropy",
            "log π is missing. What is left is −E[Q]/T: its minimum is the greedy policy.",
            no_entropy,
        ),
        Mistake(
            "unweighted",
            "The differences are added without the weights π(a|s). An expectation over actions "
            "needs them.",
            unweighted,
        ),
        Mistake(
            "mean-over-actions",
            "The sum over the actions became a mean: K times too small. An expectation is weighed "
            "by π already.",
            mean_over_actions,
        ),
        Mistake(
            "sum-over-states",
            "The states are added up. Take their mean, so that the step does not grow with the "
            "batch.",
            sum_over_states,
        ),
        Mistake(
            "weights-detached",
            "The value is right, but the weights π were cut from their graph. Then only log π "
            "moves, and E[∇ log π] = 0: nothing would ever be learned. Both factors depend on θ.",
            weights_detached,
        ),
        Mistake(
            "reaches-q",
            "The value is right, but a gradient flows into Q: the critic would be pulled towards "
            "whatever the policy does. Q is a constant here: detach it.",
            reaches_q,
        ),
        Mistake(
            "logits-for-log-probs",
            "The probabilities are right, but the logits stand where log π = log_softmax(logits) "
            "belongs.",
            logits_for_log_probs,
        ),
        Mistake(
            "not-finite-when-sure",
            "log(softmax(z)) is −∞ once a probability has rounded to 0, and 0 · (−∞) is not a "
            "number. Use log_softmax.",
            log_of_softmax,
        ),
        Mistake(
            "with-log-z",
            "log Z is included. It does not depend on θ, so the gradient is right; the exercise "
            "asks for the loss without it.",
            with_normaliser,
        ),
        Mistake(
            "temperature-on-the-logits",
            "The logits are divided by T before the softmax, so another policy is judged than "
            "the one that acts. T belongs to Q alone.",
            temperature_on_the_logits,
        ),
    ),
    variants=(with_dot_products, by_kl_div),
)
