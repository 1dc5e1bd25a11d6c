"""The exercise `sac_target`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import flags, log_probs, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import AVERAGE_CRITIC, IN_PLACE, LARGER_CRITIC
from course_lib.reference.sac import sac_target


def cases(generator: torch.Generator) -> list[Case]:
    """Some terminations; none, all; T and γ at their limits; densities above 1."""
    dense = given(generator, 4, (1,), 0.9, 0.5)
    dense["next_log_prob"] = -dense["next_log_prob"]
    return [
        Case("five transitions, two terminations", given(generator, 5, (1, 4), 0.9, 0.3)),
        Case("nine transitions, one termination", given(generator, 9, (3,), 0.97, 1.7)),
        Case("densities above 1", dense),
        Case("no termination", given(generator, 4, (), 0.95, 0.4), EDGE),
        Case("all terminated", given(generator, 3, (0, 1, 2), 0.95, 0.4), EDGE),
        Case("T = 1", given(generator, 4, (2,), 0.9, 1.0), EDGE),
        Case("T = 0", given(generator, 4, (2,), 0.9, 0.0), EDGE),
        Case("γ = 0", given(generator, 4, (2,), 0.0, 0.5), EDGE),
        Case("γ = 1", given(generator, 4, (2,), 1.0, 0.5), EDGE),
        Case("a batch of one", given(generator, 1, (), 0.9, 0.5), EDGE),
    ]


def given(
    generator: torch.Generator, size: int, ends: tuple[int, ...], gamma: float, temperature: float
) -> dict:
    """The inputs of one case."""
    reward, q1, q2 = (2.0 * normal(generator, size) for _ in range(3))
    return {
        "reward": reward,
        "next_q1": q1,
        "next_q2": q2,
        "next_log_prob": log_probs(generator, size),
        "terminated": flags((size,), *((end,) for end in ends)),
        "gamma": gamma,
        "temperature": temperature,
    }


def bootstrapped(reward: Tensor, future: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """r + γ (1 − terminated) · future, held."""
    return (reward + gamma * future.masked_fill(terminated, 0)).detach()


def no_entropy(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    return bootstrapped(reward, torch.minimum(next_q1, next_q2), terminated, gamma)


def entropy_costs(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) + temperature * next_log_prob
    return bootstrapped(reward, future, terminated, gamma)


def no_temperature(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - next_log_prob
    return bootstrapped(reward, future, terminated, gamma)


def larger(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.maximum(next_q1, next_q2) - temperature * next_log_prob
    return bootstrapped(reward, future, terminated, gamma)


def average(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = (next_q1 + next_q2) / 2 - temperature * next_log_prob
    return bootstrapped(reward, future, terminated, gamma)


def first_only(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    return bootstrapped(reward, next_q1 - temperature * next_log_prob, terminated, gamma)


def minimum_of_all(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.stack([next_q1, next_q2]).min() - temperature * next_log_prob
    return bootstrapped(reward, future, terminated, gamma)


def entropy_outside(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    target = bootstrapped(reward, torch.minimum(next_q1, next_q2), terminated, gamma)
    return (target - temperature * next_log_prob).detach()


def entropy_after_the_end(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    target = bootstrapped(reward, torch.minimum(next_q1, next_q2), terminated, gamma)
    return (target - gamma * temperature * next_log_prob).detach()


def entropy_not_discounted(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    target = bootstrapped(reward, torch.minimum(next_q1, next_q2), terminated, gamma)
    return (target - temperature * next_log_prob.masked_fill(terminated, 0)).detach()


def no_mask(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return (reward + gamma * future).detach()


def mask_upside_down(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return bootstrapped(reward, future, ~terminated, gamma)


def reward_masked(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return (reward + gamma * future).masked_fill(terminated, 0).detach()


def forgets_gamma(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return bootstrapped(reward, future, terminated, 1.0)


def forgets_reward(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return bootstrapped(torch.zeros_like(reward), future, terminated, gamma)


def not_held(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
    return reward + gamma * future.masked_fill(terminated, 0)


def log_prob_not_held(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    future = torch.minimum(next_q1, next_q2).detach() - temperature * next_log_prob
    return reward + gamma * future.masked_fill(terminated, 0)


def changes_reward(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    with torch.no_grad():
        future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
        reward += gamma * future.masked_fill(terminated, 0)
    return reward.detach()


def one_by_one(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    """Right: a loop over Python numbers."""
    rows = []
    for i in range(len(reward)):
        target = reward[i].item()
        if not terminated[i]:
            smaller = min(next_q1[i].item(), next_q2[i].item())
            target += gamma * (smaller - temperature * next_log_prob[i].item())
        rows.append(target)
    return torch.tensor(rows, dtype=reward.dtype)


def entropy_inside_the_minimum(
    reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature
):
    """Right: the entropy is the same for both critics, so it may stand inside the minimum."""
    with torch.no_grad():
        bonus = temperature * next_log_prob
        future = torch.min(next_q1 - bonus, next_q2 - bonus)
        return reward + gamma * (1 - terminated.to(reward.dtype)) * future


EXERCISE = Exercise(
    name="sac_target",
    reference=sac_target,
    cases=cases,
    statement="the future is the smaller critic plus the next state's entropy, and both can end",
    points={VALUE: 1, EDGE: 1},
    no_gradient=("next_q1", "next_q2", "next_log_prob"),
    mistakes=(
        Mistake(
            "no-entropy",
            "−T log π(a'|s') is missing: that is TD3's target. In the soft problem acting at "
            "random in s' is part of what s' is worth.",
            no_entropy,
        ),
        Mistake(
            "entropy-costs",
            "T log π is added. A rare action has a very negative log π and is liked: subtract.",
            entropy_costs,
        ),
        Mistake(
            "no-temperature",
            "log π is counted as it is, as for T = 1. A nat is worth T.",
            no_temperature,
        ),
        Mistake(
            "larger-critic",
            LARGER_CRITIC,
            larger,
        ),
        Mistake(
            "average-critic",
            AVERAGE_CRITIC,
            average,
        ),
        Mistake(
            "first-critic-only",
            "Only the first critic is used; the second one is there to contradict it.",
            first_only,
        ),
        Mistake(
            "minimum-of-the-batch",
            "A `.min()` without an axis is one number for the whole batch. torch.minimum compares "
            "element by element.",
            minimum_of_all,
        ),
        Mistake(
            "entropy-of-now",
            "The entropy stands outside the brackets, neither discounted nor masked, as if it were "
            "paid now and even after the end. It belongs to s': γ (1 − terminated) (min Q − T log "
            "π).",
            entropy_outside,
        ),
        Mistake(
            "entropy-after-the-end",
            "Where the episode has terminated, the entropy of a state that nobody will act in is "
            "still counted. The mask covers Q and entropy.",
            entropy_after_the_end,
        ),
        Mistake(
            "entropy-not-discounted",
            "The entropy is not discounted. It is earned in s', one step later, as Q is.",
            entropy_not_discounted,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The future is added even where the episode has terminated: multiply it by (1 − "
            "terminated).",
            no_mask,
        ),
        Mistake(
            "bootstraps-only-at-ends",
            "The mask is upside down: `terminated` is true where nothing follows; use ~terminated.",
            mask_upside_down,
        ),
        Mistake(
            "reward-masked",
            "The mask covers the reward too, so the last reward of each episode is thrown away.",
            reward_masked,
        ),
        Mistake(
            "forgets-gamma",
            "γ is missing in front of the future, which begins one step later.",
            forgets_gamma,
        ),
        Mistake(
            "forgets-reward",
            "The reward is missing: the target is r + γ · future.",
            forgets_reward,
        ),
        Mistake(
            "not-held",
            "The value is right, but the target carries a gradient: the critics would run after "
            "their own target. torch.no_grad(), or detach.",
            not_held,
        ),
        Mistake(
            "log-prob-not-held",
            "The value is right, but log π(a'|s') carries a gradient: the critics' loss would "
            "train the policy. Hold the whole target.",
            log_prob_not_held,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(one_by_one, entropy_inside_the_minimum),
)
