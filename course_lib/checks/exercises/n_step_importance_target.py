"""The exercise `n_step_importance_target`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import flags, log_probs, normal, off_policy
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.off_policy_targets import n_step_importance_target


def cases(generator: torch.Generator) -> list[Case]:
    """Some columns end and some do not; ends at the first and the last step, one step, π = b."""

    def steps(shape: tuple[int, int], *ends: tuple[int, int]) -> dict[str, Tensor]:
        return {
            "reward": normal(generator, *shape) + 0.5,
            **off_policy(generator, *shape),
            "next_q_value": normal(generator, shape[1]) + 2.0,
            "terminated": flags(shape, *ends),
        }

    same = log_probs(generator, 4, 3)
    on_policy = {**steps((4, 3), (2, 1)), "log_prob": same, "behavior_log_prob": same.clone()}
    return [
        Case("three steps, one of two episodes ends", {**steps((3, 2), (1, 0)), "gamma": 0.9}),
        Case(
            "six steps, three episodes, ends in two",
            {**steps((6, 3), (2, 1), (4, 1), (3, 2)), "gamma": 0.8},
        ),
        Case("as many steps as episodes", {**steps((4, 4), (2, 3)), "gamma": 0.95}),
        Case("no end at all", {**steps((5, 2)), "gamma": 0.9}, EDGE),
        Case("ends at the first and at the last step", {**steps((4, 2), (0, 0), (3, 1)),
             "gamma": 0.9}, EDGE),
        Case("a single step", {**steps((1, 3), (0, 1)), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**steps((4, 2), (2, 1)), "gamma": 1.0}, EDGE),
        Case("π = b", {**on_policy, "gamma": 0.9}, EDGE),
    ]  # fmt: skip


def alive_before(terminated: Tensor) -> Tensor:
    """(T + 1, N) true until the step after which nothing follows."""
    first = torch.ones_like(terminated[:1])
    return torch.cat([first, ~terminated]).int().cumprod(0).bool()


def after_the_first(log_prob: Tensor, behavior_log_prob: Tensor) -> Tensor:
    """(T, N) ρ_{1:t}: 1 in the first row."""
    log_ratio = log_prob - behavior_log_prob
    return torch.cat([torch.zeros_like(log_ratio[:1]), log_ratio[1:]]).cumsum(0).exp()


def added_up(ratio, bootstrap_ratio, reward, next_q_value, terminated, gamma) -> Tensor:
    """Σ_t γ^t ratio_t r_t + γ^T bootstrap_ratio Q̄, as far as the episode goes."""
    alive = alive_before(terminated).to(reward.dtype)
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    paid = (discount * ratio * reward * alive[:-1]).sum(0)
    return paid + gamma ** len(reward) * bootstrap_ratio * next_q_value * alive[-1]


def as_written(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    """Right: the sum, with a mask for what comes after the end."""
    ratio = after_the_first(log_prob, behavior_log_prob)
    return added_up(ratio, ratio[-1], reward, next_q_value, terminated, gamma)


def first_weighed_too(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    ratio = (log_prob - behavior_log_prob).cumsum(0).exp()
    return added_up(ratio, ratio[-1], reward, next_q_value, terminated, gamma)


def never_weighed(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    one = torch.ones_like(reward)
    return added_up(one, one[-1], reward, next_q_value, terminated, gamma)


def late_product(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    ratio = after_the_first(log_prob, behavior_log_prob)
    late = torch.cat([torch.ones_like(ratio[:1]), ratio[:-1]])
    return added_up(late, ratio[-1], reward, next_q_value, terminated, gamma)


def ratio_of_the_step_before(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    ratio = (log_prob - behavior_log_prob).cumsum(0).exp()
    late = torch.cat([torch.ones_like(ratio[:1]), ratio[:-1]])
    return added_up(late, ratio[-1], reward, next_q_value, terminated, gamma)


def whole_product(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    ratio = after_the_first(log_prob, behavior_log_prob)
    whole = ratio[-1:].expand_as(ratio)
    return added_up(whole, ratio[-1], reward, next_q_value, terminated, gamma)


def bare_bootstrap(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    ratio = after_the_first(log_prob, behavior_log_prob)
    return added_up(ratio, 1.0, reward, next_q_value, terminated, gamma)


def bootstrap_only_weighed(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    ratio = after_the_first(log_prob, behavior_log_prob)
    one = torch.ones_like(ratio)
    return added_up(one, ratio[-1], reward, next_q_value, terminated, gamma)


def own_ratio(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    ratio = (log_prob - behavior_log_prob).exp()
    ratio = torch.cat([torch.ones_like(ratio[:1]), ratio[1:]])
    return added_up(ratio, ratio[-1], reward, next_q_value, terminated, gamma)


def inverted(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    return n_step_importance_target(
        reward, behavior_log_prob, log_prob, next_q_value, terminated, gamma
    )


def clipped(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    below = torch.minimum(log_prob, behavior_log_prob)
    return n_step_importance_target(
        reward, below, behavior_log_prob, next_q_value, terminated, gamma
    )


def ignores_ends(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    return n_step_importance_target(
        reward, log_prob, behavior_log_prob, next_q_value, torch.zeros_like(terminated), gamma
    )


def bootstraps_after_termination(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    ratio = after_the_first(log_prob, behavior_log_prob)
    alive = alive_before(terminated)[:-1].to(reward.dtype)
    return added_up(
        ratio, ratio[-1], reward * alive, next_q_value, torch.zeros_like(terminated), gamma
    )


def rewards_cross_the_end(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    ended = torch.zeros_like(terminated)
    ended[-1] = terminated.any(0)
    return n_step_importance_target(reward, log_prob, behavior_log_prob, next_q_value, ended, gamma)


def only_the_last_flag(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    ended = torch.zeros_like(terminated)
    ended[-1] = terminated[-1]
    return n_step_importance_target(reward, log_prob, behavior_log_prob, next_q_value, ended, gamma)


def last_reward_lost(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    return n_step_importance_target(
        reward.masked_fill(terminated, 0), log_prob, behavior_log_prob, next_q_value,
        terminated, gamma,
    )  # fmt: skip


def undiscounted(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    return n_step_importance_target(
        reward, log_prob, behavior_log_prob, next_q_value, terminated, 1.0
    )


def discounts_once_less(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    return n_step_importance_target(
        reward, log_prob, behavior_log_prob, next_q_value / gamma, terminated, gamma
    )


def no_bootstrap(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    return n_step_importance_target(
        reward, log_prob, behavior_log_prob, torch.zeros_like(next_q_value), terminated, gamma
    )


def changes_reward(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    target = as_written(
        reward.clone(), log_prob, behavior_log_prob, next_q_value, terminated, gamma
    )
    reward *= after_the_first(log_prob, behavior_log_prob)
    return target


def forwards(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    """Right: a loop from the front, which carries the weight along."""
    weight, target = torch.ones_like(next_q_value), torch.zeros_like(next_q_value)
    for t in range(len(reward)):
        if t:
            weight = weight * gamma * (log_prob[t] - behavior_log_prob[t]).exp()
            weight = torch.where(terminated[t - 1], 0.0, weight)
        target = target + weight * reward[t]
    return target + gamma * weight * torch.where(terminated[-1], 0.0, next_q_value)


def episode_by_episode(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    """Right: Python numbers in float64, one episode after the other."""
    targets = []
    for n in range(reward.shape[1]):
        target, weight = 0.0, 1.0
        for t in range(len(reward)):
            if t:
                weight *= float((log_prob[t, n].double() - behavior_log_prob[t, n].double()).exp())
            target += gamma**t * weight * reward[t, n].item()
            if terminated[t, n]:
                break
        else:
            target += gamma ** len(reward) * weight * next_q_value[n].item()
        targets.append(target)
    return torch.tensor(targets, dtype=reward.dtype)


def mask_upside_down(
    reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma
) -> Tensor:
    return n_step_importance_target(
        reward, log_prob, behavior_log_prob, next_q_value, ~terminated, gamma
    )


def one_step_only(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma) -> Tensor:
    return reward[0] + gamma * next_q_value.masked_fill(terminated[0], 0)


EXERCISE = Exercise(
    name="n_step_importance_target",
    reference=n_step_importance_target,
    cases=cases,
    statement="n rewards of somebody else's, each weighed with the actions that led to it",
    points={VALUE: 2},
    noted_gradient=("next_q_value",),
    mistakes=(
        Mistake(
            "first-action-weighed",
            "The ratio of a_0 is in the product. Q(s_0, a_0) asks what happens *if* a_0 is taken, "
            "whoever takes it: the product begins with a_1.",
            first_weighed_too,
        ),
        Mistake(
            "never-weighed",
            "No ratio is used, so the rewards are those of b's actions and the target is n steps "
            "of Q^b.",
            never_weighed,
        ),
        Mistake(
            "late-product",
            "The product lags: `reward[t]` follows `action[t]`, so ρ_t belongs to it already.",
            late_product,
        ),
        Mistake(
            "ratio-of-the-step-before",
            "What follows step t is weighed with ρ_t. That would correct a_0, which is given, and "
            "never the last action: what follows begins with a_{t+1}, so weigh it with ρ_{t+1}.",
            ratio_of_the_step_before,
        ),
        Mistake(
            "whole-product",
            "Every reward carries the product of all steps. Per decision: a reward depends on the "
            "actions up to its own, ρ_1 … ρ_t.",
            whole_product,
        ),
        Mistake(
            "bare-bootstrap",
            "The bootstrap has no ratios. s_T was reached by b's actions a_1 … a_{T−1}: weigh it "
            "with all of them.",
            bare_bootstrap,
        ),
        Mistake(
            "bootstrap-only-weighed",
            "Only the bootstrap is weighed. The rewards on the way were earned by b's actions, "
            "too.",
            bootstrap_only_weighed,
        ),
        Mistake(
            "own-ratio",
            "Each reward carries the ratio of its own step alone. The steps before it, which led "
            "there, were b's as well: multiply them up.",
            own_ratio,
        ),
        Mistake(
            "inverted",
            "The ratios are upside down: the data came from b, so divide by its probabilities.",
            inverted,
        ),
        Mistake(
            "clipped",
            "The ratios are clipped at 1. That is V-trace's idea, and it changes what is learned; "
            "this target is the unbiased one.",
            clipped,
        ),
        Mistake(
            "ignores-ends",
            "`terminated` is not used: rewards and bootstrap of the next episode are added to this "
            "one.",
            ignores_ends,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The rewards stop at the end, but Q̄ of the last state is added all the same. It "
            "belongs to another episode.",
            bootstraps_after_termination,
        ),
        Mistake(
            "rewards-cross-the-end",
            "The bootstrap is left out where an episode ended, but the rewards go on across the "
            "end, into the next episode.",
            rewards_cross_the_end,
        ),
        Mistake(
            "only-the-last-flag",
            "Only the last row of `terminated` is used. An episode may end earlier; nothing after "
            "that belongs to it.",
            only_the_last_flag,
        ),
        Mistake(
            "last-reward-lost",
            "The reward of the step that ends the episode is masked. It was earned: only what "
            "comes after it is not.",
            last_reward_lost,
        ),
        Mistake("undiscounted", "γ is not used: a reward after t steps counts γ^t.", undiscounted),
        Mistake(
            "discounts-once-less",
            "One γ too few on the bootstrap: s_T lies T steps ahead, one more than the last "
            "reward.",
            discounts_once_less,
        ),
        Mistake(
            "no-bootstrap",
            "The bootstrap is missing: after T steps the episode goes on, worth γ^T Q̄.",
            no_bootstrap,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
        Mistake(
            "mask-upside-down",
            "The mask is upside down: what follows counts only where the episode has *ended*. "
            "Use ~terminated.",
            mask_upside_down,
        ),
        Mistake(
            "one-step-only",
            "That is the target of one step. All T rewards count, each with the ratios that "
            "led to it.",
            one_step_only,
        ),
    ),
    variants=(as_written, forwards, episode_by_episode),
)
