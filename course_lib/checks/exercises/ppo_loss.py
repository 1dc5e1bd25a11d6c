"""The exercise `ppo_loss`: its cases, and what goes wrong with it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from course_lib.checks.drawing import log_probs, normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.advantages import normalize_advantage
from course_lib.reference.ppo import ppo_loss

Terms = dict[str, Tensor | float]
ORDER = (
    "log_prob", "old_log_prob", "advantage", "value", "value_target", "entropy",
    "clip_epsilon", "value_coef", "entropy_coef",
)  # fmt: skip


def cases(generator: torch.Generator) -> list[Case]:
    """Batches with ratios inside and outside, one spread for all states, coefficients at zero."""

    def batch(size: int, moved: float = 0.5) -> Terms:
        old = log_probs(generator, size)
        return {
            "log_prob": old + moved * normal(generator, size),
            "old_log_prob": old,
            "advantage": normal(generator, size) + 0.2,
            "value": normal(generator, size),
            "value_target": normal(generator, size) + 0.5,
            "entropy": uniform(generator, -0.8, 1.4, size),  # of a density: may be negative
        }

    usual = {"clip_epsilon": 0.2, "value_coef": 0.7, "entropy_coef": 0.1}
    narrow = {"clip_epsilon": 0.1, "value_coef": 0.4, "entropy_coef": 0.02}
    scalar = {**batch(6), "entropy": uniform(generator, -1.0, -0.5, 1).squeeze()}
    return [
        Case("six samples", {**batch(6), **usual}),
        Case("eleven samples, a narrow clip", {**batch(11), **narrow}),
        Case("one entropy for all states", {**scalar, **usual}, EDGE),
        Case("the policy as it acted", {**batch(5, 0.0), **usual}, EDGE),
        Case("no entropy bonus", {**batch(5), **usual, "entropy_coef": 0.0}, EDGE),
        Case("no critic", {**batch(5), **usual, "value_coef": 0.0}, EDGE),
    ]


def with_changes(change: Callable[[Terms], Terms]) -> Callable[..., Tensor]:
    """The right loss of inputs that were changed."""

    def function(
        log_prob, old_log_prob, advantage, value, value_target, entropy,
        clip_epsilon, value_coef, entropy_coef,
    ) -> Tensor:  # fmt: skip
        values = (
            log_prob, old_log_prob, advantage, value, value_target, entropy,
            clip_epsilon, value_coef, entropy_coef,
        )  # fmt: skip
        inputs = dict(zip(ORDER, values, strict=True))
        return ppo_loss(**(inputs | change(inputs)))

    return function


def parts(
    log_prob, old_log_prob, advantage, value, value_target, entropy,
    clip_epsilon, value_coef, entropy_coef,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Policy, value and entropy term with nothing detached."""
    ratio = (log_prob - old_log_prob).exp()
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    policy = -torch.minimum(ratio * advantage, clipped * advantage).mean()
    return policy, 0.5 * (value_target - value).square().mean(), entropy.mean()


def with_terms(
    log_prob, old_log_prob, advantage, value, value_target, entropy,
    clip_epsilon, value_coef, entropy_coef,
) -> Tensor:  # fmt: skip
    inputs = (log_prob, old_log_prob, advantage, value, value_target, entropy)
    policy, critic, spread = parts(*inputs, clip_epsilon, value_coef, entropy_coef)
    return policy + value_coef * critic - entropy_coef * spread


def advantage_not_detached(
    log_prob, old_log_prob, advantage, value, value_target, entropy, *settings
) -> Tensor:
    inputs = (log_prob, old_log_prob, advantage, value, value_target.detach(), entropy)
    return with_terms(*inputs, *settings)


def target_not_detached(
    log_prob, old_log_prob, advantage, value, value_target, entropy, *settings
) -> Tensor:
    inputs = (log_prob, old_log_prob, advantage.detach(), value, value_target, entropy)
    return with_terms(*inputs, *settings)


def keywords(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Lets a function of positions be called by the names of the curriculum."""
    return lambda **inputs: function(*(inputs[name] for name in ORDER))


def all_signs(**inputs) -> Tensor:
    return -ppo_loss(**inputs)


def policy_sign(**inputs) -> Tensor:
    policy_only = inputs | {"value_coef": 0.0, "entropy_coef": 0.0}
    return ppo_loss(**inputs) - 2 * ppo_loss(**policy_only)


def sums(**inputs) -> Tensor:
    size = len(inputs["log_prob"])
    return size * ppo_loss(**inputs)


def clip_only(**inputs) -> Tensor:
    ratio = (inputs["log_prob"] - inputs["old_log_prob"]).exp()
    epsilon = inputs["clip_epsilon"]
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon) * inputs["advantage"].detach()
    rest = ppo_loss(**(inputs | {"advantage": torch.zeros_like(ratio)}))
    return rest - clipped.mean()


def value_coef_on_the_policy(**inputs) -> Tensor:
    coefficient = inputs["value_coef"]
    scaled = {"advantage": coefficient * inputs["advantage"], "value_coef": 1.0}
    return ppo_loss(**(inputs | scaled))


def separate_terms(
    log_prob, old_log_prob, advantage, value, value_target, entropy,
    clip_epsilon, value_coef, entropy_coef,
) -> Tensor:  # fmt: skip
    """Right: constants made under no_grad, the larger of two losses, torch's squared error."""
    with torch.no_grad():
        weight, target = advantage.clone(), value_target.clone()
    ratio = torch.exp(log_prob - old_log_prob)
    clipped = torch.clip(ratio, 1 - clip_epsilon, 1 + clip_epsilon)
    loss = torch.max(-weight * ratio, -weight * clipped).mean()
    return loss + value_coef / 2 * mse_loss(value, target) + entropy_coef * entropy.neg().mean()


def in_one_mean(
    log_prob, old_log_prob, advantage, value, value_target, entropy,
    clip_epsilon, value_coef, entropy_coef,
) -> Tensor:  # fmt: skip
    """Right: everything inside one mean, in float64 inside."""
    ratio, weight = (log_prob - old_log_prob).double().exp(), advantage.data.double()
    bound = (1 + clip_epsilon * weight.sign()) * weight
    gained = torch.where(ratio * weight < bound, ratio * weight, bound)
    error = (value - value_target.data).double()
    each = gained - value_coef * error**2 / 2 + entropy_coef * entropy.double()
    return (-each).mean().to(log_prob.dtype)


EXERCISE = Exercise(
    name="ppo_loss",
    reference=ppo_loss,
    cases=cases,
    statement="each of its three terms trains its own part, and the first one is clipped",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob", "value", "entropy"),
    no_gradient=("advantage", "value_target"),
    mistakes=(
        Mistake(
            "advantage-not-detached",
            "The value is right, but a gradient flows through `advantage`: the policy's term would "
            "train the critic. Your `clipped_surrogate_loss` detaches it; use that.",
            keywords(advantage_not_detached),
        ),
        Mistake(
            "target-not-detached",
            "The value is right, but a gradient flows through `value_target`, so the target would "
            "run after the guess. Detach it.",
            keywords(target_not_detached),
        ),
        Mistake(
            "nothing-detached",
            "The value is right, but gradients flow through `advantage` and `value_target`. Both "
            "were made with the critic's V and are constants here: detach both.",
            with_terms,
        ),
        Mistake(
            "all-signs-flipped",
            "Every sign is flipped: that is the objective to be maximised, whatever the slide "
            "says. An optimiser goes downhill.",
            all_signs,
        ),
        Mistake(
            "policy-sign-flipped",
            "The policy's term has the wrong sign: `clipped_surrogate_loss` is negated already, so "
            "it is added.",
            policy_sign,
        ),
        Mistake(
            "value-sign-flipped",
            "The value term is subtracted: minimising the loss drives V away from its target.",
            with_changes(lambda one: {"value_coef": -one["value_coef"]}),
        ),
        Mistake(
            "entropy-sign-flipped",
            "The entropy is added: minimising the loss makes the policy collapse faster. It is a "
            "bonus, so it enters a loss with a minus.",
            with_changes(lambda one: {"entropy_coef": -one["entropy_coef"]}),
        ),
        Mistake(
            "no-clip",
            "Nothing is clipped: the policy's term is −mean(ρA). Use your "
            "`clipped_surrogate_loss`, and hand it clip_epsilon.",
            with_changes(lambda one: {"clip_epsilon": 1e9}),
        ),
        Mistake(
            "clip-only",
            "The minimum is missing: a sample that moved the wrong way past the clip has no "
            "gradient and never comes back. Use your `clipped_surrogate_loss`.",
            clip_only,
        ),
        Mistake(
            "epsilon-fixed",
            "`clip_epsilon` is not handed on: your clip is 0.2 whatever comes in.",
            with_changes(lambda one: {"clip_epsilon": 0.2}),
        ),
        Mistake(
            "old-recomputed",
            "`old_log_prob` is not used: log π is compared with itself, every ratio is 1 and "
            "nothing is ever clipped. The old log-probability was stored when the action was "
            "sampled.",
            with_changes(lambda one: {"old_log_prob": one["log_prob"].detach()}),
        ),
        Mistake(
            "value-coef-forgotten",
            "value_coef is not used: it weighs the critic's error against the policy's term.",
            with_changes(lambda one: {"value_coef": 1.0}),
        ),
        Mistake(
            "value-coef-on-the-policy",
            "value_coef weighs the policy's term. It belongs to the critic's error.",
            value_coef_on_the_policy,
        ),
        Mistake(
            "entropy-forgotten",
            "The entropy bonus is missing: − entropy_coef times the mean entropy.",
            with_changes(lambda one: {"entropy_coef": 0.0}),
        ),
        Mistake(
            "coefficients-swapped",
            "The two coefficients are exchanged: value_coef weighs the critic's error, "
            "entropy_coef the entropy.",
            with_changes(
                lambda one: {"value_coef": one["entropy_coef"], "entropy_coef": one["value_coef"]}
            ),
        ),
        Mistake(
            "half-forgotten",
            "The value term is twice too large: a squared error has a ½ here, so that its "
            "derivative is the error itself.",
            with_changes(lambda one: {"value_coef": 2 * one["value_coef"]}),
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake(
            "critic-learns-the-advantage",
            "The critic is fitted to the advantage. It has to predict the return: value_target.",
            with_changes(lambda one: {"value_target": one["advantage"]}),
        ),
        Mistake(
            "critic-cut",
            "The value is right, but V is detached, so the critic never learns. Detach its target.",
            with_changes(lambda one: {"value": one["value"].detach()}),
        ),
        Mistake(
            "log-prob-detached",
            LOG_PROB_CUT,
            with_changes(lambda one: {"log_prob": one["log_prob"].detach()}),
        ),
        Mistake(
            "entropy-cut",
            "The value is right, but the entropy is detached: it is reported and does nothing.",
            with_changes(lambda one: {"entropy": one["entropy"].detach()}),
        ),
        Mistake(
            "advantage-normalized",
            "The advantages are normalised inside the loss. That is a step of its own, and the "
            "caller decides about it: use `advantage` as it comes.",
            with_changes(
                lambda one: {"advantage": normalize_advantage(one["advantage"].detach(), 1e-8)}
            ),
        ),
    ),
    variants=(separate_terms, in_one_mean),
)
