"""The exercise `td_error`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import rollout
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.advantages import td_error


def cases(generator: torch.Generator) -> list[Case]:
    """A small rollout to read, larger ones with more ends, then γ and the ends at their limits."""

    def steps(shape: tuple[int, int], *terminated: tuple[int, int], cut=()) -> dict[str, Tensor]:
        drawn = rollout(generator, shape, terminated=terminated, truncated=cut)
        del drawn["truncated"]
        return drawn

    every = tuple((t, n) for t in range(3) for n in range(2))
    return [
        Case(
            "three steps, one termination", {**steps((3, 2), (1, 0), cut=((0, 1),)), "gamma": 0.9}
        ),
        Case(
            "seven steps of three environments",
            {**steps((7, 3), (2, 0), (6, 1), (0, 2), cut=((4, 2),)), "gamma": 0.97},
        ),
        Case("as many steps as environments", {**steps((4, 4), (1, 3)), "gamma": 0.8}),
        Case("no end at all", {**steps((5, 2)), "gamma": 0.95}, EDGE),
        Case("every step ends an episode", {**steps((3, 2), *every), "gamma": 0.95}, EDGE),
        Case("γ = 1", {**steps((4, 2), (2, 1)), "gamma": 1.0}, EDGE),
        Case("γ = 0", {**steps((4, 2), (2, 1)), "gamma": 0.0}, EDGE),
        Case("a rollout of one step", {**steps((1, 3), (0, 1)), "gamma": 0.9}, EDGE),
    ]


def going_on(terminated: Tensor, like: Tensor) -> Tensor:
    """1 where the episode goes on."""
    return (~terminated).to(like.dtype)


def bootstraps_after_termination(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_value - value


def bootstraps_only_at_ends(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * terminated.to(reward.dtype) * next_value - value


def reward_masked(reward, value, next_value, terminated, gamma) -> Tensor:
    return (reward + gamma * next_value) * going_on(terminated, reward) - value


def everything_masked(reward, value, next_value, terminated, gamma) -> Tensor:
    return (reward + gamma * next_value - value) * going_on(terminated, reward)


def both_values_masked(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + (gamma * next_value - value) * going_on(terminated, reward)


def values_swapped(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * going_on(terminated, reward) * value - next_value


def squared(reward, value, next_value, terminated, gamma) -> Tensor:
    return td_error(reward, value, next_value, terminated, gamma).square()


def forgets_gamma(reward, value, next_value, terminated, gamma) -> Tensor:
    return td_error(reward, value, next_value, terminated, 1.0)


def discounts_the_reward(reward, value, next_value, terminated, gamma) -> Tensor:
    return gamma * (reward + going_on(terminated, reward) * next_value) - value


def discounts_the_value(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * (going_on(terminated, reward) * next_value - value)


def sign_flipped(reward, value, next_value, terminated, gamma) -> Tensor:
    return -td_error(reward, value, next_value, terminated, gamma)


def target_only(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * going_on(terminated, reward) * next_value


def adds_the_value(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * going_on(terminated, reward) * next_value + value


def value_of_the_same_state(reward, value, next_value, terminated, gamma) -> Tensor:
    return td_error(reward, value, value, terminated, gamma)


def value_of_the_next_row(reward, value, next_value, terminated, gamma) -> Tensor:
    following = torch.cat([value[1:], next_value[-1:]])
    return td_error(reward, value, following, terminated, gamma)


def shifted_ends(reward, value, next_value, terminated, gamma) -> Tensor:
    late = torch.cat([terminated[1:], torch.zeros_like(terminated[:1])])
    return td_error(reward, value, next_value, late, gamma)


def writes_into_the_reward(reward, value, next_value, terminated, gamma) -> Tensor:
    reward += gamma * next_value * going_on(terminated, reward) - value
    return reward


def element_by_element(reward, value, next_value, terminated, gamma) -> Tensor:
    """Right: two loops over Python numbers, without a gradient."""
    error = torch.zeros_like(reward)
    for t in range(reward.shape[0]):
        for n in range(reward.shape[1]):
            future = 0.0 if terminated[t, n] else gamma * next_value[t, n].item()
            error[t, n] = reward[t, n].item() + future - value[t, n].item()
    return error


def with_where(reward, value, next_value, terminated, gamma) -> Tensor:
    """Right: both kinds of step side by side, in float64 inside."""
    reward_, value_, next_value_ = reward.double(), value.double(), next_value.double()
    error = torch.where(terminated, reward_ - value_, reward_ + gamma * next_value_ - value_)
    return error.to(reward.dtype)


def with_float_flags(reward, value, next_value, terminated, gamma) -> Tensor:
    """Right: the flags as numbers of their own, in float32, as `1 - terminated.float()` gives."""
    return reward - value + gamma * next_value * (1 - terminated.float())


EXERCISE = Exercise(
    name="td_error",
    reference=td_error,
    cases=cases,
    statement="it compares the guess before a step with the reward and the guess after it",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "bootstraps-after-termination",
            "γV(s') is added even where the episode has terminated. The pole fell; nothing comes "
            "after that, whatever the critic says about a fallen pole: multiply the bootstrap by "
            "(1 − terminated).",
            bootstraps_after_termination,
        ),
        Mistake(
            "bootstraps-only-at-ends",
            "The mask is upside down: you add γV(s') where the episode has ended and leave it out "
            "where it goes on. `terminated` is true at the end: use ~terminated.",
            bootstraps_only_at_ends,
        ),
        Mistake(
            "reward-masked",
            "The mask multiplies the reward too, so the last reward of each episode is thrown "
            "away, often the only one that matters. Only the bootstrap ends with the episode.",
            reward_masked,
        ),
        Mistake(
            "everything-masked",
            "The whole error is 0 where an episode ends. Yet that is where the critic learns what "
            "an end is worth: δ = r − V(s) there. Mask the bootstrap alone.",
            everything_masked,
        ),
        Mistake(
            "both-values-masked",
            "V(s) disappears with the bootstrap where an episode ends. The guess before the step "
            "was made all the same: δ = r − V(s) there. Mask γV(s') alone.",
            both_values_masked,
        ),
        Mistake(
            "values-swapped",
            "`value` and `next_value` are exchanged. V(s), the guess before the step, is "
            "subtracted; V(s'), the guess after it, is discounted and added.",
            values_swapped,
        ),
        Mistake(
            "squared",
            "That is δ². The square belongs to the critic's loss; the error itself keeps its sign, "
            "which says whether the step went better or worse than expected.",
            squared,
        ),
        Mistake(
            "forgets-gamma",
            "γ is missing in front of V(s'): what comes one step later is worth γ times as much.",
            forgets_gamma,
        ),
        Mistake(
            "discounts-the-reward",
            "γ multiplies the reward as well. The reward of this step comes now, with weight "
            "γ⁰ = 1; only V(s') lies one step ahead.",
            discounts_the_reward,
        ),
        Mistake(
            "discounts-the-value",
            "γ multiplies V(s) as well. V(s) is the guess made now; only V(s') lies one step "
            "ahead: r + γV(s') − V(s), without brackets around the two values.",
            discounts_the_value,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: you subtract what happened from what was expected. δ is positive "
            "when a step went better than the critic thought.",
            sign_flipped,
        ),
        Mistake(
            "target-only",
            "That is the TD target r + γV(s'), what the critic should have said. The error is the "
            "target minus what it did say: − V(s) is missing.",
            target_only,
        ),
        Mistake(
            "adds-the-value",
            "V(s) is added where it has to be subtracted: an error is the difference between the "
            "target and the guess.",
            adds_the_value,
        ),
        Mistake(
            "value-of-the-same-state",
            "You bootstrap from V(s), the state that the step left. The future begins in the state "
            "it led to: γ next_value. (A slide of lecture 004 has the same slip.)",
            value_of_the_same_state,
        ),
        Mistake(
            "value-of-the-next-row",
            "You use value[t + 1] for V(s'). Where a time limit cut an episode, that row holds the "
            "first state of the *next* one; next_value[t] is the state the step led to.",
            value_of_the_next_row,
        ),
        Mistake(
            "shifted-ends",
            "The flags are read one step late: `terminated[t]` belongs to the same step as "
            "`reward[t]`, so it masks the bootstrap of step t.",
            shifted_ends,
        ),
        Mistake("changes-reward", IN_PLACE, writes_into_the_reward),
    ),
    variants=(element_by_element, with_where, with_float_flags),
)
