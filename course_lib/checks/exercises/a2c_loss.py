"""The exercise `a2c_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from course_lib.checks.drawing import log_probs, normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.actor_critic import a2c_loss
from course_lib.reference.advantages import normalize_advantage


def cases(generator: torch.Generator) -> list[Case]:
    """Rollouts and flat batches, one spread for all states, coefficients at zero."""

    def batch(*shape: int) -> dict[str, Tensor]:
        return {
            "log_prob": log_probs(generator, *shape),
            "advantage": normal(generator, *shape) + 0.2,
            "value": normal(generator, *shape),
            "value_target": normal(generator, *shape) + 0.5,
            "entropy": uniform(generator, -0.8, 1.4, *shape),  # of a density: may be negative
        }

    usual = {"value_coef": 0.5, "entropy_coef": 0.1}
    scalar = {**batch(5, 2), "entropy": uniform(generator, -1.0, -0.5, 1).squeeze()}
    return [
        Case("two steps of three environments", {**batch(2, 3), **usual}),
        Case("a flat batch of seven", {**batch(7), "value_coef": 0.7, "entropy_coef": 0.02}),
        Case("as many steps as environments", {**batch(4, 4), **usual}),
        Case("one entropy for all states", {**scalar, **usual}, EDGE),
        Case("no entropy bonus", {**batch(3, 2), "value_coef": 1.0, "entropy_coef": 0.0}, EDGE),
        Case("no critic", {**batch(3, 2), "value_coef": 0.0, "entropy_coef": 0.3}, EDGE),
        Case("a single step", {**batch(1), **usual}, EDGE),
    ]


def terms(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef) -> Tensor:
    """The loss with nothing detached; what is cut off is cut off by the caller."""
    value_loss = 0.5 * (value_target - value).square().mean()
    policy_loss = -(advantage * log_prob).mean()
    return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()


def advantage_not_detached(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    constant = value_target.detach()
    return terms(log_prob, advantage, value, constant, entropy, value_coef, entropy_coef)


def target_not_detached(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    constant = advantage.detach()
    return terms(log_prob, constant, value, value_target, entropy, value_coef, entropy_coef)


def policy_sign(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, -advantage, value, value_target, entropy, value_coef, entropy_coef)


def value_sign(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, value_target, entropy, -value_coef, entropy_coef)


def entropy_sign(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, value_target, entropy, value_coef, -entropy_coef)


def all_signs(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return -a2c_loss(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef)


def no_value_coef(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, value_target, entropy, 1.0, entropy_coef)


def no_entropy(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, value_target, entropy, value_coef, 0.0)


def coefficients_swapped(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, value_target, entropy, entropy_coef, value_coef)


def half_forgotten(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, value_target, entropy, 2 * value_coef, entropy_coef)


def sums(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef) -> Tensor:
    spread = entropy.expand(log_prob.shape) if entropy.ndim == 0 else entropy
    loss = a2c_loss(log_prob, advantage, value, value_target, spread, value_coef, entropy_coef)
    return log_prob.numel() * loss


def regresses_on_the_advantage(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, advantage, value, advantage, entropy, value_coef, entropy_coef)


def weighed_by_the_target(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    return a2c_loss(log_prob, value_target, value, value_target, entropy, value_coef, entropy_coef)


def value_cut(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    cut = value.detach()
    return a2c_loss(log_prob, advantage, cut, value_target, entropy, value_coef, entropy_coef)


def log_prob_cut(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    cut = log_prob.detach()
    return a2c_loss(cut, advantage, value, value_target, entropy, value_coef, entropy_coef)


def entropy_cut(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    cut = entropy.detach()
    return a2c_loss(log_prob, advantage, value, value_target, cut, value_coef, entropy_coef)


def entropy_weighed_by_advantage(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    both = log_prob + entropy_coef * entropy
    return a2c_loss(both, advantage, value, value_target, entropy, value_coef, 0.0)


def entropy_clamped(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    inputs = (log_prob, advantage.detach(), value, value_target.detach(), entropy.clamp(min=0))
    return terms(*inputs, value_coef, entropy_coef)


def advantage_normalized(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    inputs = (log_prob, normalize_advantage(advantage.detach(), 1e-8), value, value_target.detach())
    return terms(*inputs, entropy, value_coef, entropy_coef)


def means_multiplied(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    mean = advantage.mean().expand(log_prob.shape)
    return a2c_loss(log_prob, mean, value, value_target, entropy, value_coef, entropy_coef)


def separate_terms(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    """Right: constants made under no_grad, torch's squared error, in float64 inside."""
    with torch.no_grad():
        weight, target = advantage.double().clone(), value_target.clone()
    loss = -torch.einsum("i,i->", weight.flatten(), log_prob.double().flatten()) / weight.numel()
    loss = loss + value_coef / 2 * mse_loss(value, target) + entropy_coef * entropy.neg().mean()
    return loss.to(log_prob.dtype)


def in_one_mean(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
) -> Tensor:
    """Right: everything inside one mean."""
    error = value - value_target.detach()
    each = advantage.data * log_prob - value_coef * error**2 / 2 + entropy_coef * entropy
    return (-each).mean()


EXERCISE = Exercise(
    name="a2c_loss",
    reference=a2c_loss,
    cases=cases,
    statement="each of its three terms trains its own part, and the constants are constants",
    points={VALUE: 1, GRADIENT: 2},
    gradient=("log_prob", "value", "entropy"),
    no_gradient=("advantage", "value_target"),
    mistakes=(
        Mistake(
            "advantage-not-detached",
            "The value is right, but a gradient flows through `advantage`. It contains the "
            "critic's V, so the policy term would train the critic to make unlikely actions look "
            "good. Â is a weight: detach it in the first line.",
            advantage_not_detached,
        ),
        Mistake(
            "target-not-detached",
            "The value is right, but a gradient flows through `value_target`. It is made from the "
            "critic's own guesses, so the target would run after the guess. Detach it: the guess "
            "has to come to the target.",
            target_not_detached,
        ),
        Mistake(
            "nothing-detached",
            "The value is right, but a gradient flows through `advantage` and through "
            "`value_target`. Both were made with the critic's V and are constants here: detach "
            "both, or the policy term and the target bend the critic.",
            terms,
        ),
        Mistake(
            "all-signs-flipped",
            "Every sign is flipped: that is the objective to be maximised. An optimiser goes "
            "downhill: −mean(Â log π) + c_v · ½ error² − c_e · H.",
            all_signs,
        ),
        Mistake(
            "policy-sign-flipped",
            "The policy term lacks its minus: actions that were better than expected become rarer.",
            policy_sign,
        ),
        Mistake(
            "value-sign-flipped",
            "The value term is subtracted: minimising the loss drives V away from its target.",
            value_sign,
        ),
        Mistake(
            "entropy-sign-flipped",
            "The entropy is added: minimising the loss makes the policy collapse faster. It is a "
            "bonus, so it enters a loss with a minus.",
            entropy_sign,
        ),
        Mistake(
            "value-coef-forgotten",
            "value_coef is not used: it weighs the critic's error against the policy's term.",
            no_value_coef,
        ),
        Mistake(
            "entropy-forgotten",
            "The entropy bonus is missing: − entropy_coef times the mean entropy.",
            no_entropy,
        ),
        Mistake(
            "coefficients-swapped",
            "The two coefficients are exchanged: value_coef weighs the critic's error, "
            "entropy_coef the entropy.",
            coefficients_swapped,
        ),
        Mistake(
            "half-forgotten",
            "The value term is twice too large: a squared error has a ½ here, so that its "
            "derivative is the error itself.",
            half_forgotten,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake(
            "critic-learns-the-advantage",
            "The critic is fitted to the advantage. It has to predict the return: value_target.",
            regresses_on_the_advantage,
        ),
        Mistake(
            "weighed-by-the-target",
            "log π is weighed by value_target, how good things are, and not by the advantage, how "
            "much better than expected the action was.",
            weighed_by_the_target,
        ),
        Mistake(
            "critic-cut",
            "The value is right, but V is detached, so the critic never learns. Detach its target.",
            value_cut,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_cut),
        Mistake(
            "entropy-cut",
            "The value is right, but the entropy is detached: it is reported and does nothing.",
            entropy_cut,
        ),
        Mistake(
            "entropy-weighed-by-advantage",
            "The entropy stands inside the bracket that Â multiplies, so a bad action turns the "
            "bonus into a penalty. It is a term of its own: − c_e · mean H.",
            entropy_weighed_by_advantage,
        ),
        Mistake(
            "entropy-clamped",
            "Negative entropies are set to 0. A narrow Gaussian has one, and there the bonus is "
            "needed most: a clamped entropy has no gradient.",
            entropy_clamped,
        ),
        Mistake(
            "advantage-normalized",
            "The advantages are normalised inside the loss. That is a step of its own, and the "
            "caller decides about it: use `advantage` as it comes.",
            advantage_normalized,
        ),
        Mistake(
            "means-multiplied",
            "The mean of Â times the mean of log π: which action earned which advantage is lost, "
            "and with normalised advantages nothing is left at all. Multiply element by element, "
            "then take the mean. (Shapes (B, 1) and (B,) that meet do the same.)",
            means_multiplied,
        ),
    ),
    variants=(separate_terms, in_one_mean),
)
