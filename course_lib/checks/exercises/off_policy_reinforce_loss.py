"""The exercise `off_policy_reinforce_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal, off_policy
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN, SUM_FOR_MEAN
from course_lib.reference.importance import importance_ratio, off_policy_reinforce_loss
from course_lib.reference.returns import reward_to_go


def cases(generator: torch.Generator) -> list[Case]:
    """Short, longer and square logs; one that ended early, one step, γ = 1, π = b."""

    def logged(steps: int, envs: int) -> dict[str, Tensor]:
        return {
            **off_policy(generator, steps, envs),
            "reward": normal(generator, steps, envs) + 0.5,
        }

    early = logged(5, 3)
    for tensor in early.values():
        tensor[2:, 1] = 0.0
    same = log_probs(generator, 4, 3)
    on_policy = {**logged(4, 3), "log_prob": same, "behavior_log_prob": same.clone()}
    return [
        Case("two trajectories of three steps", {**logged(3, 2), "gamma": 0.9}),
        Case("four trajectories of seven steps", {**logged(7, 4), "gamma": 0.8}),
        Case("as many steps as trajectories", {**logged(4, 4), "gamma": 0.95}),
        Case("one that ended early", {**early, "gamma": 0.9}, EDGE),
        Case("a single step", {**logged(1, 3), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**logged(4, 3), "gamma": 1.0}, EDGE),
        Case("π = b: REINFORCE", {**on_policy, "gamma": 0.9}, EDGE),
    ]


def discounts(reward: Tensor, gamma: float) -> Tensor:
    """(T, 1) γ^t."""
    return (gamma ** torch.arange(len(reward), dtype=reward.dtype)).unsqueeze(1)


def loss_of(weight: Tensor, log_prob: Tensor) -> Tensor:
    """−mean over trajectories of Σ_t weight log π, the weight a constant."""
    return -(weight.detach() * log_prob).sum(0).mean()


def weighed_by(ratio: Tensor, log_prob: Tensor, reward: Tensor, gamma: float) -> Tensor:
    """The loss with another ratio (T, N)."""
    return loss_of(ratio * discounts(reward, gamma) * reward_to_go(reward, gamma), log_prob)


def ratio_differentiated(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob)
    weight = discounts(reward, gamma) * reward_to_go(reward, gamma)
    return -(ratio * weight * log_prob).sum(0).mean()


def sign_flipped(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    return -off_policy_reinforce_loss(log_prob, behavior_log_prob, reward, gamma)


def whole_product(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob)[-1:]
    return weighed_by(ratio, log_prob, reward, gamma)


def own_ratio(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    return weighed_by((log_prob - behavior_log_prob).exp(), log_prob, reward, gamma)


def late_product(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    return weighed_by((log_ratio.cumsum(0) - log_ratio).exp(), log_prob, reward, gamma)


def inverted(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(behavior_log_prob, log_prob)
    return weighed_by(ratio, log_prob, reward, gamma)


def never_weighed(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    return weighed_by(torch.ones_like(reward), log_prob, reward, gamma)


def future_ratios(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob).detach()
    paid = ratio * discounts(reward, gamma) * reward
    return loss_of(reward_to_go(paid, 1.0), log_prob)


def as_on_the_slide(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    own = (log_prob - behavior_log_prob).exp().detach()
    ratio = importance_ratio(log_prob, behavior_log_prob).detach()
    paid = ratio * discounts(reward, gamma) * reward
    return loss_of(own * reward_to_go(paid, 1.0), log_prob)


def from_each_step(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob)
    return loss_of(ratio * reward_to_go(reward, gamma), log_prob)


def total_return(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob)
    return loss_of(ratio * (discounts(reward, gamma) * reward).sum(0), log_prob)


def undiscounted(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    return off_policy_reinforce_loss(log_prob, behavior_log_prob, reward, 1.0)


def discounted_twice(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = importance_ratio(log_prob, behavior_log_prob)
    paid = discounts(reward, gamma) * reward
    return loss_of(ratio * discounts(reward, gamma) * reward_to_go(paid, 1.0), log_prob)


def without_logarithm(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    weight = discounts(reward, gamma) * reward_to_go(reward, gamma)
    return -(importance_ratio(log_prob, behavior_log_prob) * weight).sum(0).mean()


def summed(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    loss = off_policy_reinforce_loss(log_prob, behavior_log_prob, reward, gamma)
    return loss * reward.shape[1]


def mean_over_time(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    return off_policy_reinforce_loss(log_prob, behavior_log_prob, reward, gamma) / len(reward)


def cut_off(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    return off_policy_reinforce_loss(log_prob.detach(), behavior_log_prob, reward, gamma)


def changes_reward(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    reward *= discounts(reward, gamma)
    ratio = importance_ratio(log_prob, behavior_log_prob)
    return loss_of(ratio * reward_to_go(reward, 1.0), log_prob)


def discounted_first(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    """Right: γ^t' into the rewards, then a sum from behind, as the formula stands."""
    with torch.no_grad():
        to_go = (discounts(reward, gamma) * reward).flip(0).cumsum(0).flip(0)
        ratio = (log_prob - behavior_log_prob).exp().cumprod(0)
    return -(ratio * to_go * log_prob).sum() / reward.shape[1]


def one_after_the_other(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    """Right: loops, in float64 inside."""
    total = torch.zeros((), dtype=torch.float64)
    for n in range(reward.shape[1]):
        rho = 1.0
        for t in range(len(reward)):
            rho *= (log_prob[t, n].double() - behavior_log_prob[t, n].double()).exp().item()
            later = sum(gamma**k * reward[k, n].item() for k in range(t, len(reward)))
            total = total - rho * later * log_prob[t, n].double()
    return (total / reward.shape[1]).to(log_prob.dtype)


def own_reward_only(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = (log_prob - behavior_log_prob).detach().cumsum(0).exp()
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    return -(ratio * discount * reward * log_prob).sum(0).mean()


def rewards_so_far(log_prob, behavior_log_prob, reward, gamma) -> Tensor:
    ratio = (log_prob - behavior_log_prob).detach().cumsum(0).exp()
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    return -(ratio * (discount * reward).cumsum(0) * log_prob).sum(0).mean()


EXERCISE = Exercise(
    name="off_policy_reinforce_loss",
    reference=off_policy_reinforce_loss,
    cases=cases,
    statement="REINFORCE learns from somebody else's trajectories",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "ratio-differentiated",
            "The value is right, but the gradient flows through ρ as well. ρ is the weight that "
            "turns b's average into π's, a constant; only log π is differentiated. Detach it.",
            ratio_differentiated,
        ),
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "whole-product",
            "Every step carries the ratio of the whole trajectory. Step t was reached by the "
            "actions 0 to t; what b did later is left out here, and that saves most of the noise.",
            whole_product,
        ),
        Mistake(
            "own-ratio",
            "Only the ratio of step t itself is used. That is the first-order loss of the next "
            "section; here the way to step t is corrected, too: ρ_{0:t}.",
            own_ratio,
        ),
        Mistake(
            "late-product",
            "The product stops at t − 1. The action of step t was b's choice as well: 0 to t.",
            late_product,
        ),
        Mistake(
            "inverted",
            "The ratios are upside down: the data came from b, so divide by its probabilities.",
            inverted,
        ),
        Mistake(
            "never-weighed",
            "No ratio is used, so this is REINFORCE on the wrong data: the states and actions are "
            "those that b likes.",
            never_weighed,
        ),
        Mistake(
            "future-ratios",
            "Each later reward carries the ratios up to its own step. That is the unbiased "
            "gradient, with all its noise; this loss drops the future ratios, as [003] does.",
            future_ratios,
        ),
        Mistake(
            "as-on-the-slide",
            "The ratio of step t occurs twice, once in the product up to t and once in the product "
            "from t on: the slip on [003]'s slide. And here the second product is dropped.",
            as_on_the_slide,
        ),
        Mistake(
            "counted-from-each-step",
            "The reward-to-go counts its discount from step t. The sum here has γ^t', counted from "
            "the start of the trajectory, so that late steps weigh less.",
            from_each_step,
        ),
        Mistake(
            "total-return",
            "Every step is paid with the whole return. Causality: an action is paid with what "
            "follows it, Σ_{t'≥t}.",
            total_return,
        ),
        Mistake(
            "undiscounted",
            "γ is not used: a reward at time t' counts γ^t', so late ones count less.",
            undiscounted,
        ),
        Mistake(
            "discounted-twice",
            "γ^t is there twice, in the rewards and in front of their sum. Once is enough.",
            discounted_twice,
        ),
        Mistake(
            "without-logarithm",
            "log π is missing. The gradient of what you return goes through the product ρ_{0:t}, "
            "so it reaches all actions up to t with this step's weight.",
            without_logarithm,
        ),
        Mistake("summed", SUM_FOR_MEAN, summed),
        Mistake(
            "mean-over-time",
            "The mean runs over steps as well. Steps of one trajectory add up; trajectories are "
            "averaged.",
            mean_over_time,
        ),
        Mistake("log-prob-cut", LOG_PROB_CUT, cut_off),
        Mistake("changes-reward", IN_PLACE, changes_reward),
        Mistake(
            "own-reward-only",
            "Each step is weighed with its own reward alone. Its action changes all that "
            "follows: Σ over t' ≥ t.",
            own_reward_only,
        ),
        Mistake(
            "rewards-so-far",
            "The rewards *up to* step t were added. An action cannot change what came before "
            "it: Σ over t' ≥ t, from behind.",
            rewards_so_far,
        ),
    ),
    variants=(discounted_first, one_after_the_other),
)
