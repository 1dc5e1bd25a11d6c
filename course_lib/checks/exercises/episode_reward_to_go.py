"""The exercise `episode_reward_to_go`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import rollout
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.returns import reward_to_go
from course_lib.reference.trajectories import episode_reward_to_go

INPUTS = ("reward", "terminated", "truncated")


def cases(generator: torch.Generator) -> list[Case]:
    """An end of each kind inside the rollout and at its edge; then γ and T at their limits."""

    def steps(shape: tuple[int, int], **ends) -> dict[str, Tensor]:
        drawn = rollout(generator, shape, **ends)
        return {name: drawn[name] for name in INPUTS}

    both = steps((5, 2), terminated=((1, 0),), truncated=((2, 1),))
    long = steps((9, 3), terminated=((2, 0), (8, 1), (6, 2)), truncated=((5, 0), (3, 2), (8, 2)))
    square = steps((4, 4), terminated=((0, 1), (1, 3)), truncated=((2, 2),))
    none = steps((4, 3))
    every = steps((3, 2), terminated=((0, 0), (1, 0), (2, 0)), truncated=((0, 1), (1, 1), (2, 1)))
    one = steps((1, 3), terminated=((0, 1),), truncated=((0, 2),))
    same_step = steps((5, 2), terminated=((2, 0),), truncated=((2, 0), (3, 1)))
    return [
        Case("an episode terminated, another truncated", {**both, "gamma": 0.9}),
        Case("nine steps of three environments", {**long, "gamma": 0.97}),
        Case("as many steps as environments", {**square, "gamma": 0.8}),
        Case("no episode ends", {**none, "gamma": 0.9}, EDGE),
        Case("every step is an end", {**every, "gamma": 0.9}, EDGE),
        Case("a rollout of one step", {**one, "gamma": 0.9}, EDGE),
        Case("a step both terminated and truncated", {**same_step, "gamma": 0.9}, EDGE),
        Case("γ = 1", {**long, "gamma": 1.0}, EDGE),
        Case("γ = 0", {**long, "gamma": 0.0}, EDGE),
    ]


def backwards(reward: Tensor, carry: Tensor) -> Tensor:
    """G_t = r_t + carry_t G_{t+1}: what most versions below share."""
    to_go = torch.zeros_like(reward)
    later = torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        later = reward[t] + carry[t] * later
        to_go[t] = later
    return to_go


def going_on(stop: Tensor, like: Tensor) -> Tensor:
    """1 where the flag is down."""
    return (~stop).to(like.dtype)


def no_ends(reward, terminated, truncated, gamma) -> Tensor:
    return reward_to_go(reward, gamma)


def ignores_truncated(reward, terminated, truncated, gamma) -> Tensor:
    return backwards(reward, gamma * going_on(terminated, reward))


def ignores_terminated(reward, terminated, truncated, gamma) -> Tensor:
    return backwards(reward, gamma * going_on(truncated, reward))


def needs_both_flags(reward, terminated, truncated, gamma) -> Tensor:
    return backwards(reward, gamma * going_on(terminated & truncated, reward))


def shifted_ends(reward, terminated, truncated, gamma) -> Tensor:
    stop = terminated | truncated
    stop = torch.cat([stop[1:], torch.zeros_like(stop[:1])])
    return backwards(reward, gamma * going_on(stop, reward))


def ends_one_step_late(reward, terminated, truncated, gamma) -> Tensor:
    stop = terminated | truncated
    stop = torch.cat([torch.zeros_like(stop[:1]), stop[:-1]])
    return backwards(reward, gamma * going_on(stop, reward))


def last_reward_masked(reward, terminated, truncated, gamma) -> Tensor:
    live = going_on(terminated | truncated, reward)
    return backwards(reward * live, gamma * live)


def reward_masked_sum_not(reward, terminated, truncated, gamma) -> Tensor:
    live = going_on(terminated | truncated, reward)
    return backwards(reward * live, torch.full_like(reward, gamma))


def inverted(reward, terminated, truncated, gamma) -> Tensor:
    return backwards(reward, gamma * (terminated | truncated).to(reward.dtype))


def undiscounted(reward, terminated, truncated, gamma) -> Tensor:
    return episode_reward_to_go(reward, terminated, truncated, 1.0)


def starts_late(reward, terminated, truncated, gamma) -> Tensor:
    return gamma * episode_reward_to_go(reward, terminated, truncated, gamma)


def skips_its_own_reward(reward, terminated, truncated, gamma) -> Tensor:
    return episode_reward_to_go(reward, terminated, truncated, gamma) - reward


def past_rewards(reward, terminated, truncated, gamma) -> Tensor:
    total, rows = torch.zeros_like(reward[0]), []
    for t in range(len(reward)):
        total = reward[t] + gamma * total
        rows.append(total)
        total = total * going_on(terminated[t] | truncated[t], reward)
    return torch.stack(rows)


def not_turned_back(reward, terminated, truncated, gamma) -> Tensor:
    return episode_reward_to_go(reward, terminated, truncated, gamma).flip(0)


def first_episode_only(reward, terminated, truncated, gamma) -> Tensor:
    ended = (terminated | truncated).long().cumsum(0)
    before = torch.cat([torch.zeros_like(ended[:1]), ended[:-1]])
    return episode_reward_to_go(reward * (before == 0), terminated, truncated, gamma)


def any_environment_ends(reward, terminated, truncated, gamma) -> Tensor:
    stop = (terminated | truncated).any(1, keepdim=True).expand_as(terminated)
    return backwards(reward, gamma * going_on(stop, reward))


def along_environments(reward, terminated, truncated, gamma) -> Tensor:
    return episode_reward_to_go(reward.T, terminated.T, truncated.T, gamma).T


def changes_reward(reward, terminated, truncated, gamma) -> Tensor:
    live = going_on(terminated | truncated, reward)
    for t in reversed(range(len(reward) - 1)):
        reward[t] += gamma * live[t] * reward[t + 1]
    return reward


def one_flag_but_not_both(reward, terminated, truncated, gamma) -> Tensor:
    return episode_reward_to_go(reward, terminated ^ truncated, truncated & False, gamma)


def all_after_the_first_end(reward, terminated, truncated, gamma) -> Tensor:
    ended = (terminated | truncated).cumsum(0) > 0
    return episode_reward_to_go(reward, ended, truncated & False, gamma)


def changes_flags(reward, terminated, truncated, gamma) -> Tensor:
    terminated |= truncated
    return episode_reward_to_go(reward, terminated, truncated, gamma)


def column_by_column(reward, terminated, truncated, gamma) -> Tensor:
    """Right: the definition, one environment and one step at a time."""
    to_go = torch.zeros_like(reward)
    for n in range(reward.shape[1]):
        for t in range(len(reward)):
            weight = 1.0
            for later in range(t, len(reward)):
                to_go[t, n] += weight * reward[later, n]
                if terminated[later, n] or truncated[later, n]:
                    break
                weight *= gamma
    return to_go


def episode_by_episode(reward, terminated, truncated, gamma) -> Tensor:
    """Right: cut each column into its episodes, and treat each as whole."""
    columns = []
    for n in range(reward.shape[1]):
        ends = (terminated[:, n] | truncated[:, n]).nonzero().flatten() + 1
        parts = torch.tensor_split(reward[:, n : n + 1], ends)
        columns.append(torch.cat([reward_to_go(part, gamma) for part in parts if len(part)]))
    return torch.cat(columns, 1)


def with_where(reward, terminated, truncated, gamma) -> Tensor:
    """Right: `torch.where` in place of the product, in float64 inside."""
    later, rows = torch.zeros_like(reward[0], dtype=torch.float64), []
    for t in reversed(range(len(reward))):
        stop = torch.logical_or(terminated[t], truncated[t])
        later = torch.where(stop, reward[t].double(), reward[t] + gamma * later)
        rows.insert(0, later)
    return torch.stack(rows).to(reward.dtype)


EXERCISE = Exercise(
    name="episode_reward_to_go",
    reference=episode_reward_to_go,
    cases=cases,
    statement="nothing that one episode earns is credited to the actions of another",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "no-ends",
            "The flags are not used, so the sum runs from one episode into the next: an action is "
            "paid for what another episode earned.",
            no_ends,
        ),
        Mistake(
            "ignores-truncated",
            "`truncated` is ignored: at a time limit the sum runs on into the next episode. The "
            "column continues there with a new start; cut at either kind of end.",
            ignores_truncated,
        ),
        Mistake(
            "ignores-terminated",
            "`terminated` is ignored: where the pole fell the sum runs on into the next episode. "
            "Cut at either kind of end.",
            ignores_terminated,
        ),
        Mistake(
            "needs-both-flags",
            "The sum stops only where both flags are up (`&`). Either of them ends an episode: "
            "`terminated | truncated`.",
            needs_both_flags,
        ),
        Mistake(
            "ends-one-step-early",
            "The flags are read one step too early. `terminated[t]` belongs to the same step as "
            "`reward[t]`: the episode ended *with* step t, so the link from t to t + 1 is cut.",
            shifted_ends,
        ),
        Mistake(
            "ends-one-step-late",
            "The recursion is cut by the flags of step t − 1. `terminated[t]` says that the "
            "episode ended with step t, so it cuts the link from t to t + 1.",
            ends_one_step_late,
        ),
        Mistake(
            "last-reward-masked",
            "The mask multiplies the reward too, so the last reward of each episode is thrown "
            "away. It was earned; only what comes after it is not.",
            last_reward_masked,
        ),
        Mistake(
            "reward-masked-sum-not",
            "The mask sits on the reward in place of the sum: the last reward is lost, and the sum "
            "still runs into the next episode.",
            reward_masked_sum_not,
        ),
        Mistake(
            "mask-inverted",
            "The mask is the wrong way round: the sum goes on only where an episode ended. "
            "Multiply with 1 where it goes on, 0 where it stops.",
            inverted,
        ),
        Mistake("undiscounted", "γ is not used: all later rewards count the same.", undiscounted),
        Mistake(
            "discount-starts-late",
            "Every number has one γ too many: γ (r + G) stands where r + γ G belongs.",
            starts_late,
        ),
        Mistake(
            "skips-its-own-reward",
            "G_t starts one step late. `reward[t]` follows action t, so it is the first term.",
            skips_its_own_reward,
        ),
        Mistake(
            "past-rewards",
            "The loop runs forwards, so each step collects the rewards before it. Start at the "
            "last step.",
            past_rewards,
        ),
        Mistake(
            "not-turned-back",
            "The result stands in reverse order: what a loop from the end appends has to be turned "
            "round, or inserted at the front.",
            not_turned_back,
        ),
        Mistake(
            "first-episode-only",
            "After the first end of a column everything is 0, as if the environment had stopped. "
            "It was reset: a new episode runs on there and has returns of its own.",
            first_episode_only,
        ),
        Mistake(
            "one-end-cuts-all",
            "When one environment ends, the sums of all are cut. Each column has its own flags.",
            any_environment_ends,
        ),
        Mistake(
            "along-environments",
            "The recursion runs over axis 1, from one environment into the next. Time is axis 0.",
            along_environments,
        ),
        Mistake(
            "one-flag-but-not-both",
            "A step with both flags does not stop the sum in your solution. One of them is enough, "
            "and both are enough too: `|`, not `^` or `!=`.",
            one_flag_but_not_both,
        ),
        Mistake(
            "all-after-the-first-end",
            "After the first end of a column every step is cut from the next. A new episode has "
            "begun there: look at the flag of each step alone.",
            all_after_the_first_end,
        ),
        Mistake("changes-flags", IN_PLACE, changes_flags),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(column_by_column, episode_by_episode, with_where),
)
