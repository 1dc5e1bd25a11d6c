"""The exercise `reps_dual`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.black_box import reps_dual, reps_weight


def cases(generator: torch.Generator) -> list[Case]:
    """Ordinary values; η where the slope must vanish; ε = 0, one sample; overflow."""

    def advantages(count: int, spread: float = 1.0) -> Tensor:
        return spread * normal(generator, count) + 0.3

    steep = advantages(6)
    return [
        Case("five actions", d(advantages(5), 0.6, 0.2)),
        Case("nine actions, a large η", d(advantages(9, 2.0), 3.0, 0.5)),
        Case("four actions, a small η", d(advantages(4), 0.3, 0.1)),
        Case(
            "the η whose weights are ε away from even: there the slope is 0",
            d(steep, 0.8, divergence(reps_weight(steep, 0.8))),
        ),
        Case("η = 1", d(advantages(5), 1.0, 0.3), EDGE),
        Case("ε = 0", d(advantages(5), 0.7, 0.0), EDGE),
        Case("no action better than another", d(torch.full((4,), 1.5).double(), 0.5, 0.2), EDGE),
        Case("a single action", d(advantages(1), 0.5, 0.2), EDGE),
        Case("η a hundred times smaller than the spread", d(advantages(6), 0.01, 0.4), NUMERICS),
        Case("advantages in the thousands", d(1_000 * normal(generator, 5), 0.5, 0.1), NUMERICS),
        Case("all far below 0", d(advantages(5) - 4_000, 2.0, 0.3), NUMERICS),
        Case("all far above 0, a large η", d(advantages(5) + 4_000, 7.0, 0.3), NUMERICS),
    ]


def d(advantage: Tensor, eta: float, epsilon: float) -> dict[str, Tensor | float]:
    """The inputs of one case."""
    eta = torch.tensor(eta, dtype=torch.float64)
    return {"advantage": advantage, "eta": eta, "epsilon": epsilon}


def divergence(weight: Tensor) -> float:
    """KL(weights ‖ even weights), in nats."""
    return (weight * (weight * len(weight)).log()).sum().item()


def log_mean(scaled: Tensor) -> Tensor:
    """log 1/n Σ exp, stable."""
    return scaled.logsumexp(0) - math.log(len(scaled))


def sum_for_mean(advantage, eta, epsilon):
    return eta * (epsilon + (advantage / eta).logsumexp(0))


def number_added(advantage, eta, epsilon):
    return eta * (epsilon + (advantage / eta).logsumexp(0) + math.log(len(advantage)))


def number_subtracted_outside(advantage, eta, epsilon):
    return eta * (epsilon + (advantage / eta).logsumexp(0)) - math.log(len(advantage))


def no_epsilon(advantage, eta, epsilon):
    return eta * log_mean(advantage / eta)


def epsilon_without_eta(advantage, eta, epsilon):
    return epsilon + eta * log_mean(advantage / eta)


def epsilon_over_eta(advantage, eta, epsilon):
    return epsilon / eta + eta * log_mean(advantage / eta)


def epsilon_subtracted(advantage, eta, epsilon):
    return eta * (log_mean(advantage / eta) - epsilon)


def no_factor(advantage, eta, epsilon):
    return eta * epsilon + log_mean(advantage / eta)


def no_division(advantage, eta, epsilon):
    return eta * (epsilon + log_mean(advantage))


def forgets_eta(advantage, eta, epsilon):
    return epsilon + log_mean(advantage) + 0 * eta


def upside_down(advantage, eta, epsilon):
    return eta * epsilon + log_mean(eta * advantage) / eta


def divided(advantage, eta, epsilon):
    return eta * epsilon + log_mean(advantage / eta) / eta


def mean_of_logarithms(advantage, eta, epsilon):
    return eta * epsilon + advantage.mean()


def no_logarithm(advantage, eta, epsilon):
    return eta * (epsilon + (advantage / eta).exp().mean())


def second_order(advantage, eta, epsilon):
    return eta * epsilon + advantage.mean() + advantage.var(correction=0) / (2 * eta)


def overflows(advantage, eta, epsilon):
    return eta * (epsilon + (advantage / eta).exp().mean().log())


def clamped_exponent(advantage, eta, epsilon):
    return eta * (epsilon + log_mean((advantage / eta).clamp(-50, 50)))


def mean_taken_off(advantage, eta, epsilon):
    middle = advantage.mean()
    return eta * (epsilon + ((advantage - middle) / eta).exp().mean().log()) + middle


def maximum_lost(advantage, eta, epsilon):
    shifted = (advantage - advantage.max()) / eta
    return eta * (epsilon + shifted.exp().mean().log())


def maximum_in_the_bracket(advantage, eta, epsilon):
    best = advantage.max()
    return eta * (epsilon + ((advantage - best) / eta).exp().mean().log() + best)


def shifted_in_another_unit(advantage, eta, epsilon):
    best = advantage.max()
    return eta * (epsilon + (advantage / eta - best).exp().mean().log() + best)


def maximum(advantage, eta, epsilon):
    return eta * epsilon + advantage.max()


def to_be_maximised(advantage, eta, epsilon):
    return -reps_dual(advantage, eta, epsilon)


def slope(advantage, eta, epsilon):
    scaled = advantage / eta
    return epsilon + log_mean(scaled) - scaled.softmax(0) @ scaled


def expected_advantage(advantage, eta, epsilon):
    return reps_weight(advantage, eta) @ advantage + eta * epsilon


def eta_cut_off(advantage, eta, epsilon):
    return reps_dual(advantage, eta.detach(), epsilon)


def half_cut_off(advantage, eta, epsilon):
    return eta * epsilon + eta * log_mean(advantage / eta.detach())


def factor_cut_off(advantage, eta, epsilon):
    return eta.detach() * (epsilon + log_mean(advantage / eta))


def one_each(advantage, eta, epsilon):
    return eta * epsilon + advantage


def keeps_the_axis(advantage, eta, epsilon):
    return reps_dual(advantage, eta, epsilon).reshape(1)


def python_number(advantage, eta, epsilon):
    return reps_dual(advantage, eta, epsilon).item()


def in_place(advantage, eta, epsilon):
    value = reps_dual(advantage.clone(), eta, epsilon)
    advantage /= eta.item()
    return value


def largest_first(advantage, eta, epsilon):
    """Right: the best is taken off and added again, in the advantages' own unit."""
    best = advantage.max()
    return eta * epsilon + best + eta * ((advantage - best) / eta).exp().mean().log()


def pair_by_pair(advantage, eta, epsilon):
    """Right: logaddexp of one sample after the other, in float64 inside."""
    total = advantage.new_full((), -math.inf, dtype=torch.float64)
    for one in advantage.double():
        total = torch.logaddexp(total, one / eta)
    return (eta * (total - math.log(len(advantage)) + epsilon)).to(advantage.dtype)


def through_the_weights(advantage, eta, epsilon):
    """Right: E_w[A] − η (KL(w ‖ even) − ε), the Lagrangian at the weights that maximise it."""
    log_weight = (advantage / eta).log_softmax(0)
    weight = log_weight.exp()
    kl = (weight * (log_weight + math.log(len(advantage)))).sum()
    return weight @ advantage - eta * (kl - epsilon)


def without_the_samples_gradient(advantage, eta, epsilon):
    """Right: the advantages are data here; only η gets a gradient."""
    return reps_dual(advantage.detach(), eta, epsilon)


EXERCISE = Exercise(
    name="reps_dual",
    reference=reps_dual,
    cases=cases,
    statement="its slope in η is 0 where the weights are ε nats away from even",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("eta",),
    mistakes=(
        Mistake(
            "sum-for-mean",
            "A sum of exponentials stands where their mean belongs, so η log n is too much. That "
            "acts like a larger ε: η shrinks until the single best action counts alone.",
            sum_for_mean,
        ),
        Mistake(
            "number-added",
            "log n is added; a mean *divides* by n: logsumexp − log n.",
            number_added,
        ),
        Mistake(
            "number-outside",
            "log n is subtracted outside the bracket. It belongs to the logarithm, and η "
            "multiplies it too: η (logsumexp − log n).",
            number_subtracted_outside,
        ),
        Mistake(
            "no-epsilon",
            "η ε is missing. Without it the dual falls as η grows, and its minimum is at η = ∞: "
            "even weights.",
            no_epsilon,
        ),
        Mistake(
            "epsilon-without-eta",
            "ε is added, not η ε. A constant does not move the minimum: η would grow for ever.",
            epsilon_without_eta,
        ),
        Mistake(
            "epsilon-over-eta",
            "ε is divided by η. Both terms of the dual are η times a number of nats.",
            epsilon_over_eta,
        ),
        Mistake(
            "epsilon-subtracted",
            "The sign of ε is flipped: + η ε. As it stands, the dual has no minimum.",
            epsilon_subtracted,
        ),
        Mistake(
            "no-factor",
            "The η in front of the logarithm is missing. The logarithm is a number of nats; times "
            "η it is an advantage, as the dual has to be.",
            no_factor,
        ),
        Mistake(
            "no-division",
            "A is not divided by η inside the exponential. Both are needed: η log mean exp(A/η).",
            no_division,
        ),
        Mistake("forgets-eta", "η is not used: that is the dual at η = 1 alone.", forgets_eta),
        Mistake(
            "eta-upside-down",
            "η and 1/η are exchanged in the second term. Test yourself: for η → 0 it must become "
            "max A, for η → ∞ the mean of A.",
            upside_down,
        ),
        Mistake(
            "divided",
            "The logarithm is divided by η. It is multiplied: η log mean exp(A/η).",
            divided,
        ),
        Mistake(
            "mean-of-logarithms",
            "The mean of log exp(A/η) is the mean of A/η: mean and logarithm do not change places. "
            "Exponential first, then the mean, then the logarithm.",
            mean_of_logarithms,
        ),
        Mistake("no-logarithm", "The logarithm of the mean exponential is missing.", no_logarithm),
        Mistake(
            "second-order",
            "That is the expansion for large η: mean + variance/(2η). Where η is small, and it is "
            "when the bound is wide, the rest counts.",
            second_order,
        ),
        Mistake(
            "overflows",
            "Right for small advantages, but exp(2,000) is ∞ and log 0 is −∞. logsumexp takes the "
            "largest entry off first and adds it again.",
            overflows,
        ),
        Mistake(
            "clamped-exponent",
            "A/η is clamped before the exponential. That stops the overflow and gives another "
            "value, without a slope where it clamps. Use logsumexp.",
            clamped_exponent,
        ),
        Mistake(
            "mean-taken-off",
            "The *mean* advantage is taken off and added again. That is right; but what lies far "
            "above the mean still overflows where η is small. Take the largest off, or use "
            "logsumexp.",
            mean_taken_off,
        ),
        Mistake(
            "maximum-lost",
            "The largest advantage is taken off for stability and never added again: + max A. (The "
            "slope in η does not notice, the value does.)",
            maximum_lost,
        ),
        Mistake(
            "maximum-in-the-bracket",
            "The largest advantage comes back inside the bracket, where η multiplies it. It was "
            "taken off before the division: add max A itself, or max A/η inside.",
            maximum_in_the_bracket,
        ),
        Mistake(
            "shifted-in-another-unit",
            "The largest *advantage* is taken off from A/η, which has no unit any more. The value "
            "is right while nothing overflows; but A/η − max A is still large when η is not 1.",
            shifted_in_another_unit,
        ),
        Mistake(
            "maximum",
            "That is the limit η → 0, the best action. Elsewhere it is a soft maximum, and lower.",
            maximum,
        ),
        Mistake(
            "to-be-maximised",
            "The sign is flipped. The dual is an upper bound of what can be reached, and is "
            "*minimised* over η.",
            to_be_maximised,
        ),
        Mistake(
            "slope",
            "That is the dual's slope in η, ε minus the KL divergence. Return the dual itself; "
            "autograd finds the slope.",
            slope,
        ),
        Mistake(
            "expected-advantage",
            "That is the expected advantage under the weights, plus η ε. The price of the "
            "divergence, − η KL, is missing: η log mean exp(A/η) holds both.",
            expected_advantage,
        ),
        Mistake(
            "eta-cut-off",
            "The value is right, but η was cut from its graph (`float`, `.item()`, `detach`). The "
            "bisection follows the slope in η.",
            eta_cut_off,
        ),
        Mistake(
            "eta-cut-off-inside",
            "The η inside the exponential was cut from its graph, the one in front was not: half "
            "of the slope is missing.",
            half_cut_off,
        ),
        Mistake(
            "eta-cut-off-in-front",
            "The η in front was cut from its graph, the one inside the exponential was not: half "
            "of the slope is missing.",
            factor_cut_off,
        ),
        Mistake(
            "one-each",
            "One number an action came out, the logarithm of each exponential apart. The mean over "
            "the actions makes it a single number.",
            one_each,
        ),
        Mistake(
            "extra-axis",
            "The dual has shape (1,). It is a scalar, shape (): leave keepdim away.",
            keeps_the_axis,
        ),
        Mistake(
            "python-number",
            "A Python number came out, and its slope in η is lost. Return a tensor: no `.item()`.",
            python_number,
        ),
        Mistake("changes-advantages", IN_PLACE, in_place),
    ),
    variants=(
        largest_first,
        pair_by_pair,
        through_the_weights,
        without_the_samples_gradient,
    ),
)
