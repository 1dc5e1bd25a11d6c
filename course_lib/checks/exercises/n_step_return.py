"""The exercise `n_step_return`: its cases, and what goes wrong with it."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.drawing import rollout
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.advantages import n_step_return


def cases(generator: torch.Generator) -> list[Case]:
    """An end of each kind inside the rollout; then n, γ and T at their limits."""

    def steps(shape: tuple[int, int], terminated=(), truncated=()) -> dict[str, Tensor]:
        drawn = rollout(generator, shape, terminated=terminated, truncated=truncated)
        del drawn["value"]
        return drawn

    short = steps((5, 2), ((3, 0),), ((1, 1),))
    long = steps((9, 3), ((2, 0), (8, 1)), ((5, 0), (3, 2), (8, 2)))
    square = steps((4, 4), ((1, 1),), ((2, 3),))
    both = steps((5, 2), ((2, 0),), ((2, 0), (3, 1)))
    one = steps((1, 3), ((0, 1),), ((0, 2),))
    return [
        Case("n = 2, one end of each kind", {**short, "gamma": 0.9, "num_steps": 2}),
        Case("n = 4, nine steps, three environments", {**long, "gamma": 0.95, "num_steps": 4}),
        Case("as many steps as environments", {**square, "gamma": 0.8, "num_steps": 3}),
        Case("n = 1", {**long, "gamma": 0.9, "num_steps": 1}, EDGE),
        Case("n longer than the rollout", {**long, "gamma": 0.9, "num_steps": 20}, EDGE),
        Case(
            "a step both terminated and truncated is terminated",
            {**both, "gamma": 0.9, "num_steps": 3},
            EDGE,
        ),
        Case("γ = 1", {**long, "gamma": 1.0, "num_steps": 3}, EDGE),
        Case("a rollout of one step", {**one, "gamma": 0.9, "num_steps": 3}, EDGE),
    ]


def written_out(
    reward: Tensor,
    next_value: Tensor,
    stops: Tensor,
    no_future: Tensor,
    window: int,
    target: Callable[..., Tensor],
) -> Tensor:
    """One target after the other: `target(rewards, values, ended)` of the steps in the window.

    `stops` says where a sum must not go on, `no_future` after which step nothing comes.
    """
    steps, envs = reward.shape
    rows = []
    for t in range(steps):
        row = []
        for n in range(envs):
            last = t
            while last - t + 1 < window and last + 1 < steps and not stops[last, n]:
                last += 1
            part = slice(t, last + 1)
            row.append(target(reward[part, n], next_value[part, n], no_future[last, n]))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def discounted_sum(rewards: Tensor, gamma: float) -> Tensor:
    """Σ_k γ^k r_k of one window."""
    return sum(gamma**k * one for k, one in enumerate(rewards))


def usual(gamma: float, power: Callable[[int], int] = lambda m: m) -> Callable[..., Tensor]:
    """The right target, with another exponent of the bootstrap's γ where one is given."""

    def target(rewards: Tensor, values: Tensor, ended: Tensor) -> Tensor:
        bootstrap = gamma ** power(len(rewards)) * values[-1]
        return discounted_sum(rewards, gamma) + torch.where(ended, 0.0, bootstrap)

    return target


def explicit(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    """Right: the sum written out for every element."""
    stops = terminated | truncated
    return written_out(reward, next_value, stops, terminated, num_steps, usual(gamma))


def discounts_n_times(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    target = usual(gamma, lambda m: num_steps)
    return written_out(reward, next_value, terminated | truncated, terminated, num_steps, target)


def discounts_once_less(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    target = usual(gamma, lambda m: m - 1)
    return written_out(reward, next_value, terminated | truncated, terminated, num_steps, target)


def undiscounted_bootstrap(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    target = usual(gamma, lambda m: 0)
    return written_out(reward, next_value, terminated | truncated, terminated, num_steps, target)


def undiscounted(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    return n_step_return(reward, next_value, terminated, truncated, 1.0, num_steps)


def one_step_too_many(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    return n_step_return(reward, next_value, terminated, truncated, gamma, num_steps + 1)


def one_reward_too_many(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    def target(rewards: Tensor, values: Tensor, ended: Tensor) -> Tensor:
        if len(rewards) <= num_steps:
            return usual(gamma)(rewards, values, ended)
        return discounted_sum(rewards, gamma) + gamma**num_steps * values[num_steps - 1]

    stops = terminated | truncated
    return written_out(reward, next_value, stops, terminated, num_steps + 1, target)


def one_step_too_few(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    fewer = max(num_steps - 1, 1)
    return n_step_return(reward, next_value, terminated, truncated, gamma, fewer)


def flags_swapped(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    ends = truncated, terminated & ~truncated
    return n_step_return(reward, next_value, *ends, gamma, num_steps)


def reward_masked(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    kept = reward.masked_fill(terminated, 0)
    return n_step_return(kept, next_value, terminated, truncated, gamma, num_steps)


def wraps_round(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    target = one_step = reward + gamma * next_value.masked_fill(terminated, 0)
    for _ in range(num_steps - 1):
        longer = reward + gamma * target.roll(-1, 0)
        target = torch.where(terminated | truncated, one_step, longer)
    return target


def ignores_n(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    return n_step_return(reward, next_value, terminated, truncated, gamma, len(reward))


def one_step_only(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    return n_step_return(reward, next_value, terminated, truncated, gamma, 1)


def truncation_as_termination(
    reward, next_value, terminated, truncated, gamma, num_steps
) -> Tensor:
    stops = terminated | truncated
    return n_step_return(reward, next_value, stops, truncated, gamma, num_steps)


def ignores_truncated(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    never = torch.zeros_like(truncated)
    return n_step_return(reward, next_value, terminated, never, gamma, num_steps)


def no_ends(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    never = torch.zeros_like(truncated)
    return n_step_return(reward, next_value, never, never, gamma, num_steps)


def bootstraps_after_termination(
    reward, next_value, terminated, truncated, gamma, num_steps
) -> Tensor:
    never, stops = torch.zeros_like(truncated), terminated | truncated
    return n_step_return(reward, next_value, never, stops, gamma, num_steps)


def only_full_windows_bootstrap(
    reward, next_value, terminated, truncated, gamma, num_steps
) -> Tensor:
    def target(rewards: Tensor, values: Tensor, ended: Tensor) -> Tensor:
        return usual(gamma)(rewards, values, ended | torch.tensor(len(rewards) < num_steps))

    stops = terminated | truncated
    return written_out(reward, next_value, stops, terminated, num_steps, target)


def bootstraps_from_the_first_step(
    reward, next_value, terminated, truncated, gamma, num_steps
) -> Tensor:
    def target(rewards: Tensor, values: Tensor, ended: Tensor) -> Tensor:
        return usual(gamma)(rewards, values[:1], ended)

    stops = terminated | truncated
    return written_out(reward, next_value, stops, terminated, num_steps, target)


def no_bootstrap(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    nothing = torch.zeros_like(next_value)
    return n_step_return(reward, nothing, terminated, truncated, gamma, num_steps)


def one_more_step_a_pass(reward, next_value, terminated, truncated, gamma, num_steps) -> Tensor:
    """Right: by recursion over n, in float64 inside, without a gradient."""
    with torch.no_grad():
        future = next_value.double().masked_fill(terminated, 0)
        target = shorter = reward.double() + gamma * future
        for _ in range(num_steps - 1):
            longer = shorter.clone()
            for t in range(len(reward) - 1):
                goes_on = ~(terminated[t] | truncated[t])
                longer[t] = torch.where(goes_on, reward[t] + gamma * target[t + 1], shorter[t])
            target = longer
    return target.to(reward.dtype)


EXERCISE = Exercise(
    name="n_step_return",
    reference=n_step_return,
    cases=cases,
    statement="it takes up to n real rewards, then one guess, and never looks across an end",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "bootstrap-discounted-n-times",
            "The bootstrap is discounted by γⁿ even where fewer than n steps were left. After m "
            "real steps V stands m steps ahead: γᵐ. (The A2C slide of lecture 000 has this slip.)",
            discounts_n_times,
        ),
        Mistake(
            "bootstrap-discounted-once-less",
            "The bootstrap has one γ too few: after m rewards, the last with weight γ^(m−1), the "
            "state comes one step later still, with weight γᵐ.",
            discounts_once_less,
        ),
        Mistake(
            "undiscounted-bootstrap",
            "The bootstrap is not discounted: V(s_{t+m}) lies m steps ahead and is worth γᵐ.",
            undiscounted_bootstrap,
        ),
        Mistake(
            "undiscounted", "γ is not used: the k-th reward weighs γᵏ, V weighs γᵐ.", undiscounted
        ),
        Mistake(
            "one-step-too-many",
            "Each target uses n + 1 real rewards. Count the rewards in your sum, not the passes of "
            "the loop: n = 1 is r + γV(s').",
            one_step_too_many,
        ),
        Mistake(
            "one-reward-too-many",
            "The sum holds n + 1 rewards, while the bootstrap stands after n: the reward of the "
            "step after s_{t+n} is counted twice, once for real and once inside V. (That is what "
            "Σ from j = 0 to n on the slide of lecture 000 does.)",
            one_reward_too_many,
        ),
        Mistake(
            "one-step-too-few",
            "Each target uses n − 1 real rewards. The one-step target r + γV(s') holds one "
            "already, so n − 1 more are missing: n − 1 passes of the loop, not n − 2.",
            one_step_too_few,
        ),
        Mistake(
            "flags-swapped",
            "The two flags are exchanged: after a termination you bootstrap, after a truncation "
            "you do not. The pole that fell has no future; the one whose clock ran out has.",
            flags_swapped,
        ),
        Mistake(
            "reward-masked",
            "The mask multiplies the reward too, so the last reward of each episode is thrown "
            "away. Only the bootstrap ends with the episode.",
            reward_masked,
        ),
        Mistake(
            "wraps-round",
            "The end of the rollout is joined to its beginning: roll brings row 0 behind the last "
            "row. The last row has no following one; it keeps its one-step target.",
            wraps_round,
        ),
        Mistake(
            "ignores-n",
            "num_steps is not used: every target runs to the end of its episode or of the rollout. "
            "Stop after n rewards and bootstrap there.",
            ignores_n,
        ),
        Mistake(
            "one-step-only",
            "That is the one-step target r + γV(s') whatever num_steps says.",
            one_step_only,
        ),
        Mistake(
            "truncation-as-termination",
            "A time limit is treated as the end of the world: no bootstrap where the step was "
            "truncated. Someone stopped the clock; the state it led to still has a value.",
            truncation_as_termination,
        ),
        Mistake(
            "ignores-truncated",
            "`truncated` is ignored: the sum runs across a time limit and collects rewards of the "
            "next episode. Stop there and bootstrap from next_value.",
            ignores_truncated,
        ),
        Mistake(
            "no-ends",
            "Neither flag is used: the sum runs through the ends of episodes, and V(s') is added "
            "even after the MDP has ended.",
            no_ends,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The sums stop in the right places, but V is added after a termination too. Nothing "
            "comes after that: no bootstrap there.",
            bootstraps_after_termination,
        ),
        Mistake(
            "only-full-windows-bootstrap",
            "Targets that hold fewer than n rewards get no bootstrap at all, as if the world ended "
            "with the rollout. Only a termination ends it: bootstrap from the last step there is.",
            only_full_windows_bootstrap,
        ),
        Mistake(
            "bootstraps-from-the-first-step",
            "The bootstrap is next_value[t], the state after the first of the m steps. It has to "
            "stand where the rewards stop: next_value[t + m − 1].",
            bootstraps_from_the_first_step,
        ),
        Mistake(
            "no-bootstrap",
            "next_value is not used: what comes after the n-th reward is missing.",
            no_bootstrap,
        ),
    ),
    variants=(explicit, one_more_step_a_pass),
)
