"""The exercise `kl_penalty_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.advantages import normalize_advantage
from course_lib.reference.ppo import kl_penalty_loss


def cases(generator: torch.Generator) -> list[Case]:
    """A divergence a state, or their mean; prices small, large and zero; a policy that stayed."""

    def batch(size: int) -> dict[str, Tensor]:
        old = log_probs(generator, size)
        return {
            "log_prob": old + 0.5 * normal(generator, size),
            "old_log_prob": old,
            "advantage": normal(generator, size) + 0.3,
            "kl": uniform(generator, 0.02, 0.9, size),
        }

    mean = {**batch(6), "kl": uniform(generator, 0.1, 0.5, 1).squeeze()}
    stayed = batch(4)
    stayed |= {"log_prob": stayed["old_log_prob"].clone(), "kl": torch.zeros_like(stayed["kl"])}
    return [
        Case("three samples", {**batch(3), "kl_coef": 0.5}),
        Case("seven samples, a high price", {**batch(7), "kl_coef": 3.0}),
        Case("the mean divergence only", {**mean, "kl_coef": 2.0}),
        Case("no price", {**batch(5), "kl_coef": 0.0}, EDGE),
        Case("the policy as it acted", {**stayed, "kl_coef": 1.5}, EDGE),
        Case("a single sample", {**batch(1), "kl_coef": 0.7}, EDGE),
    ]


def ratio_of(log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
    """How much likelier the action has become."""
    return (log_prob - old_log_prob.detach()).exp()


def all_signs(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return -kl_penalty_loss(log_prob, old_log_prob, advantage, kl, kl_coef)


def surrogate_sign(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, -advantage, kl, kl_coef)


def penalty_sign(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, advantage, -kl, kl_coef)


def log_ratio(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    ratio = log_prob - old_log_prob.detach()
    return -(ratio * advantage.detach()).mean() + kl_coef * kl.mean()


def ratio_inverted(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(-log_prob, -old_log_prob, advantage, kl, kl_coef)


def policy_gradient_term(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return -(log_prob * advantage.detach()).mean() + kl_coef * kl.mean()


def penalty_in_the_product(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    ratio = ratio_of(log_prob, old_log_prob)
    return -((ratio - kl_coef * kl) * advantage.detach()).mean()


def no_penalty(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, advantage, kl, 0.0)


def no_kl_coef(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, advantage, kl, 1.0)


def coefficient_on_everything(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_coef * kl_penalty_loss(log_prob, old_log_prob, advantage, kl, 1.0)


def sums(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    spread = kl.expand(log_prob.shape) if kl.ndim == 0 else kl
    return len(log_prob) * kl_penalty_loss(log_prob, old_log_prob, advantage, spread, kl_coef)


def kl_summed(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, advantage, kl.sum(), kl_coef)


def kl_squared(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, advantage, kl.square(), kl_coef)


def advantage_not_detached(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return -(ratio_of(log_prob, old_log_prob) * advantage).mean() + kl_coef * kl.mean()


def kl_cut(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob, old_log_prob, advantage, kl.detach(), kl_coef)


def log_prob_cut(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    return kl_penalty_loss(log_prob.detach(), old_log_prob, advantage, kl, kl_coef)


def advantage_normalized(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    weight = normalize_advantage(advantage.detach(), 1e-8)
    return kl_penalty_loss(log_prob, old_log_prob, weight, kl, kl_coef)


def in_one_mean(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    """Right: both terms inside one mean; probabilities divided instead of logarithms subtracted."""
    ratio = log_prob.exp() / old_log_prob.exp()
    return (kl_coef * kl - ratio * advantage.data).mean()


def with_dot_product(log_prob, old_log_prob, advantage, kl, kl_coef) -> Tensor:
    """Right: a dot product in float64 inside, the mean of KL first."""
    gained = ratio_of(log_prob, old_log_prob).double() @ advantage.detach().double()
    return (kl_coef * kl.double().mean() - gained / len(log_prob)).to(log_prob.dtype)


EXERCISE = Exercise(
    name="kl_penalty_loss",
    reference=kl_penalty_loss,
    cases=cases,
    statement="what a step gains is weighed against how far it moves, and both terms train",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob", "kl"),
    no_gradient=("advantage",),
    mistakes=(
        Mistake(
            "all-signs-flipped",
            "Every sign is flipped: that is the objective ρA − β KL, which is to be maximised, "
            "whatever the slide says. An optimiser goes downhill: the loss is its negative.",
            all_signs,
        ),
        Mistake(
            "surrogate-sign-flipped",
            "The first term lacks its minus: minimising ρA makes good actions rarer.",
            surrogate_sign,
        ),
        Mistake(
            "moving-is-rewarded",
            "The divergence is subtracted, so minimising the loss makes it as large as it can: the "
            "policy is paid for running away. In a loss a price has a plus.",
            penalty_sign,
        ),
        Mistake(
            "log-ratio",
            "ρ is the ratio of the probabilities. You multiply by the difference of the logarithms "
            "and forgot the exponential: ρ = exp(log π − log π_old).",
            log_ratio,
        ),
        Mistake(
            "ratio-inverted",
            "The ratio is upside down: π_old/π. Then a good action gains by becoming rarer. The "
            "new policy stands above.",
            ratio_inverted,
        ),
        Mistake(
            "log-prob-for-ratio",
            "A log π is A2C's term. Its gradient does not know how far π has moved from the policy "
            "that acted, so it is right for the first step only. Weigh the ratio ρ by A.",
            policy_gradient_term,
        ),
        Mistake(
            "penalty-in-the-product",
            "The price stands inside the bracket that A multiplies, so for bad actions moving is "
            "rewarded. It is a term of its own: + β · mean KL.",
            penalty_in_the_product,
        ),
        Mistake("no-penalty", "The price is missing: + kl_coef times the mean KL.", no_penalty),
        Mistake(
            "kl-coef-forgotten",
            "kl_coef is not used: it is the price β of one nat of divergence.",
            no_kl_coef,
        ),
        Mistake(
            "coefficient-on-everything",
            "kl_coef multiplies both terms, so it changes the step's length and not the balance "
            "between gain and price. It belongs to the KL alone.",
            coefficient_on_everything,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake(
            "kl-summed",
            "The divergences are summed over the states where the first term is a mean: the larger "
            "the batch, the dearer it is to move at all.",
            kl_summed,
        ),
        Mistake(
            "kl-squared",
            "The divergence is squared. It is at least 0 already, and near the old policy it grows "
            "with the square of the step; squared once more it would hardly hold anything there.",
            kl_squared,
        ),
        Mistake(
            "advantage-not-detached",
            "The value is right, but a gradient flows through `advantage`. It is made with the "
            "critic's V, which this term must not train: detach it in the first line.",
            advantage_not_detached,
        ),
        Mistake(
            "kl-detached",
            "The value is right, but `kl` was cut from its graph: the price is shown and never "
            "paid, and nothing holds the policy back.",
            kl_cut,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_cut),
        Mistake(
            "advantage-normalized",
            "The advantages are normalised inside the loss. That is a step of its own, and the "
            "caller decides about it: use `advantage` as it comes.",
            advantage_normalized,
        ),
    ),
    variants=(in_one_mean, with_dot_product),
)
