"""The exercise `first_order_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal, off_policy
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN, SUM_FOR_MEAN
from course_lib.reference.importance import first_order_loss, importance_ratio


def cases(generator: torch.Generator) -> list[Case]:
    """A batch and rollouts, also square ones; one element, and π = b."""

    def logged(*shape: int) -> dict[str, Tensor]:
        return {**off_policy(generator, *shape), "q_value": normal(generator, *shape) + 0.4}

    same = log_probs(generator, 4, 2)
    on_policy = {**logged(4, 2), "log_prob": same, "behavior_log_prob": same.clone()}
    return [
        Case("a rollout of three steps", logged(3, 2)),
        Case("a batch of seven", logged(7)),
        Case("a rollout of six steps", logged(6, 3)),
        Case("as many steps as environments", logged(4, 4)),
        Case("a batch of one", logged(1), EDGE),
        Case("π = b: every ratio is 1", on_policy, EDGE),
    ]


def sign_flipped(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -first_order_loss(log_prob, behavior_log_prob, q_value)


def ratio_as_weight(log_prob, behavior_log_prob, q_value) -> Tensor:
    ratio = (log_prob - behavior_log_prob).exp().detach()
    return -(ratio * q_value.detach() * log_prob).mean()


def always_one(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -((log_prob - log_prob.detach()).exp() * q_value.detach()).mean()


def over_time(log_prob, behavior_log_prob, q_value) -> Tensor:
    if log_prob.ndim == 1:
        return first_order_loss(log_prob, behavior_log_prob, q_value)
    return -(importance_ratio(log_prob, behavior_log_prob) * q_value.detach()).mean()


def over_the_batch(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -(importance_ratio(log_prob, behavior_log_prob) * q_value.detach()).mean()


def inverted(log_prob, behavior_log_prob, q_value) -> Tensor:
    return first_order_loss(-log_prob, -behavior_log_prob, q_value)


def logarithm(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -((log_prob - behavior_log_prob) * q_value.detach()).mean()


def never_weighed(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -(log_prob * q_value.detach()).mean()


def probability(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -(log_prob.exp() * q_value.detach()).mean()


def clipped(log_prob, behavior_log_prob, q_value) -> Tensor:
    ratio = (log_prob - behavior_log_prob).exp().clamp(max=1)
    return -(ratio * q_value.detach()).mean()


def centred(log_prob, behavior_log_prob, q_value) -> Tensor:
    return first_order_loss(log_prob, behavior_log_prob, q_value - q_value.mean())


def means_multiplied(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -(log_prob - behavior_log_prob).exp().mean() * q_value.detach().mean()


def summed(log_prob, behavior_log_prob, q_value) -> Tensor:
    return first_order_loss(log_prob, behavior_log_prob, q_value) * log_prob.numel()


def summed_over_time(log_prob, behavior_log_prob, q_value) -> Tensor:
    return first_order_loss(log_prob, behavior_log_prob, q_value) * len(log_prob)


def trains_the_critic(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -((log_prob - behavior_log_prob).exp() * q_value).mean()


def cut_off(log_prob, behavior_log_prob, q_value) -> Tensor:
    return first_order_loss(log_prob.detach(), behavior_log_prob, q_value)


def changes_behavior(log_prob, behavior_log_prob, q_value) -> Tensor:
    loss = first_order_loss(log_prob, behavior_log_prob.clone(), q_value)
    behavior_log_prob.sub_(log_prob.detach())
    return loss


def probabilities_divided(log_prob, behavior_log_prob, q_value) -> Tensor:
    """Right: two probabilities, one over the other; no gradient into Q by `no_grad`."""
    with torch.no_grad():
        weight = q_value / behavior_log_prob.exp()
    return -(weight * log_prob.exp()).mean()


def in_float64(log_prob, behavior_log_prob, q_value) -> Tensor:
    """Right: in float64 inside, the mean as a sum."""
    ratio = (log_prob.double() - behavior_log_prob.double()).exp()
    total = -(ratio * q_value.double().detach()).sum() / log_prob.numel()
    return total.to(log_prob.dtype)


def ratio_minus_one(log_prob, behavior_log_prob, q_value) -> Tensor:
    return -(((log_prob - behavior_log_prob).exp() - 1) * q_value.detach()).mean()


EXERCISE = Exercise(
    name="first_order_loss",
    reference=first_order_loss,
    cases=cases,
    statement="one ratio a step: no product, and right to first order",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    no_gradient=("q_value",),
    mistakes=(
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "ratio-as-weight",
            "You detached ρ and multiplied with log π. The gradient is the same, since ∇ρ = ρ∇log "
            "π; the value is not, and it is the value that approximates J. Let the gradient flow "
            "through ρ, without a logarithm.",
            ratio_as_weight,
        ),
        Mistake(
            "always-one",
            "The ratio is π over π: it is 1 whatever the policy has become since. Divide by what "
            "was stored when the action was taken, `behavior_log_prob`.",
            always_one,
        ),
        Mistake(
            "product-over-time",
            "The ratios are multiplied up over time. That is the product whose noise grows "
            "exponentially; to first order, each step needs its own ratio only.",
            over_the_batch,
        ),
        Mistake(
            "product-over-time",
            "The ratios are multiplied up over time. That is the product whose noise grows "
            "exponentially; to first order, each step needs its own ratio only.",
            over_time,
        ),
        Mistake(
            "inverted",
            "The ratio is upside down, and with it its gradient: good actions become rarer. The "
            "data came from b, so b's probability goes below.",
            inverted,
        ),
        Mistake(
            "still-a-logarithm",
            "The exponential is missing: that is mean(log ρ · Q).",
            logarithm,
        ),
        Mistake(
            "never-weighed",
            "b is not used: that is the loss of on-policy data, −mean(Q log π).",
            never_weighed,
        ),
        Mistake(
            "target-alone",
            "That is π(a|s) Q, without dividing by b. Actions that b takes often occur often, and "
            "would count twice.",
            probability,
        ),
        Mistake(
            "clipped",
            "The ratio is clipped at 1, so whatever π has learned to like gets no gradient any "
            "more. Clipping comes in lesson 09, in another form.",
            clipped,
        ),
        Mistake(
            "centred",
            "The mean is taken off Q. A baseline is a good idea, but the caller's: the loss takes "
            "the weights as they are.",
            centred,
        ),
        Mistake(
            "means-multiplied",
            "The mean ratio times the mean Q: which action earned what is lost. Multiply first, "
            "then take the mean.",
            means_multiplied,
        ),
        Mistake("summed", SUM_FOR_MEAN, summed),
        Mistake(
            "summed-over-time",
            "The sum runs over axis 0 and the mean over the rest. Here the mean runs over all "
            "elements.",
            summed_over_time,
        ),
        Mistake(
            "trains-the-critic",
            "A gradient flows into Q: the policy's loss would push the critic up wherever the "
            "ratio is large. Q is a weight here: detach it.",
            trains_the_critic,
        ),
        Mistake("log-prob-cut", LOG_PROB_CUT, cut_off),
        Mistake("changes-behavior", IN_PLACE, changes_behavior),
        Mistake(
            "ratio-minus-one",
            "ρ − 1 has the right gradient and another value. (It is the *gain* over b.) The "
            "loss is −mean(ρ Q).",
            ratio_minus_one,
        ),
    ),
    variants=(probabilities_divided, in_float64),
)
