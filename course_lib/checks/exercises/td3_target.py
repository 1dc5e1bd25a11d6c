"""The exercise `td3_target`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, quadratic_critic, tanh_policy, transitions
from course_lib.checks.drivers import wants_gradient
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.deterministic import ddpg_target, td3_target
from course_lib.reference.q_learning import bootstrapped

OTHER = {"noise_clip": 0.8, "low": -2.0, "high": 0.4, "gamma": 0.97}


def cases(generator: torch.Generator) -> list[Case]:
    """Noise that leaves both clips, bounds that are not even, critics that disagree."""

    def batch(rows: int, size: int, actions: int, spread: float, *ends: int) -> dict[str, Any]:
        return {
            **transitions(generator, rows, size, *ends),
            "target_policy": tanh_policy(generator, size, actions),
            "target_q1": quadratic_critic(generator, size, actions),
            "target_q2": quadratic_critic(generator, size, actions),
            "gamma": 0.9,
            "noise": spread * normal(generator, rows, actions),
            "noise_clip": 0.5,
            "low": -0.7,
            "high": 0.9,
        }

    return [
        Case("six steps, wide noise, one termination", batch(6, 3, 2, 1.5, 2)),
        Case("nine steps, one action dimension", batch(9, 2, 1, 1.5, 0, 4)),
        Case("as many steps as dimensions", batch(3, 3, 3, 1.5, 1)),
        Case("other bounds and another clip", batch(6, 3, 2, 2.0, 1) | OTHER),
        Case("is a target a constant?", batch(4, 3, 2, 1.0, 1), VALUE, wants_gradient),
        Case("little noise", batch(5, 3, 2, 0.1, 3), EDGE),
        Case("no noise", batch(5, 3, 2, 0.0, 3), EDGE),
        Case("every step ends an episode", batch(3, 2, 2, 1.0, 0, 1, 2), EDGE),
        Case("a minibatch of one", batch(1, 3, 2, 1.5), EDGE),
    ]


@torch.no_grad()
def smoothed(given: dict[str, Any]) -> Tensor:
    """The action that TD3 asks both critics about."""
    noise = given["noise"].clamp(-given["noise_clip"], given["noise_clip"])
    action = given["target_policy"](given["next_obs"])
    return (action + noise).clamp(given["low"], given["high"])


@torch.no_grad()
def opinions(given: dict[str, Any], action: Tensor) -> tuple[Tensor, Tensor]:
    """What both critics say of an action."""
    obs = given["next_obs"]
    return given["target_q1"](obs, action), given["target_q2"](obs, action)


def finish(given: dict[str, Any], future: Tensor) -> Tensor:
    return bootstrapped(given["reward"], future, given["terminated"], given["gamma"])


def with_action(given: dict[str, Any], action: Tensor) -> Tensor:
    return finish(given, torch.minimum(*opinions(given, action)))


def mean_of_action(given: dict[str, Any]) -> Tensor:
    with torch.no_grad():
        return given["target_policy"](given["next_obs"])


def noise_not_clipped(**given) -> Tensor:
    action = mean_of_action(given) + given["noise"]
    return with_action(given, action.clamp(given["low"], given["high"]))


def clipped_above_only(**given) -> Tensor:
    action = mean_of_action(given) + given["noise"].clamp(max=given["noise_clip"])
    return with_action(given, action.clamp(given["low"], given["high"]))


def action_not_clipped(**given) -> Tensor:
    noise = given["noise"].clamp(-given["noise_clip"], given["noise_clip"])
    return with_action(given, mean_of_action(given) + noise)


def noise_clipped_to_the_bounds(**given) -> Tensor:
    noise = given["noise"].clamp(given["low"], given["high"])
    return with_action(given, mean_of_action(given) + noise)


def clipped_to_one(**given) -> Tensor:
    noise = given["noise"].clamp(-given["noise_clip"], given["noise_clip"])
    return with_action(given, (mean_of_action(given) + noise).clamp(-1, 1))


def no_noise(**given) -> Tensor:
    return with_action(given, mean_of_action(given).clamp(given["low"], given["high"]))


def noise_of_the_first_row(**given) -> Tensor:
    return td3_target(**given | {"noise": given["noise"][:1].expand_as(given["noise"])})


def noise_scaled_by_the_clip(**given) -> Tensor:
    return td3_target(**given | {"noise": given["noise"] * given["noise_clip"]})


def positive_noise(**given) -> Tensor:
    return td3_target(**given | {"noise": given["noise"].abs()})


def fresh_noise_for_the_second(**given) -> Tensor:
    other = smoothed(given | {"noise": -given["noise"]})
    first, second = opinions(given, smoothed(given))[0], opinions(given, other)[1]
    return finish(given, torch.minimum(first, second))


def larger_of_both(**given) -> Tensor:
    return finish(given, torch.maximum(*opinions(given, smoothed(given))))


def mean_of_both(**given) -> Tensor:
    return finish(given, sum(opinions(given, smoothed(given))) / 2)


def first_critic_only(**given) -> Tensor:
    return finish(given, opinions(given, smoothed(given))[0])


def second_critic_only(**given) -> Tensor:
    return finish(given, opinions(given, smoothed(given))[1])


def smallest_of_the_batch(**given) -> Tensor:
    smallest = torch.minimum(*opinions(given, smoothed(given))).min()
    return finish(given, smallest.expand_as(given["reward"]))


def plain_ddpg(**given) -> Tensor:
    inputs = (given["reward"], given["next_obs"], given["terminated"], given["target_policy"])
    return ddpg_target(*inputs, given["target_q1"], given["gamma"])


def bootstraps_after_termination(**given) -> Tensor:
    return td3_target(**given | {"terminated": torch.zeros_like(given["terminated"])})


def forgets_gamma(**given) -> Tensor:
    return td3_target(**given | {"gamma": 1.0})


def not_detached(**given) -> Tensor:
    action, obs = smoothed(given), given["next_obs"]
    future = torch.minimum(given["target_q1"](obs, action), given["target_q2"](obs, action))
    return given["reward"] + given["gamma"] * future.masked_fill(given["terminated"], 0)


def changes_noise(**given) -> Tensor:
    given["noise"].clamp_(-given["noise_clip"], given["noise_clip"])
    return td3_target(**given)


def stacked(**given) -> Tensor:
    """Right: both opinions stacked, the smaller one along the new axis, detached afterwards."""
    noise = given["noise"].clip(-given["noise_clip"], given["noise_clip"])
    action = (given["target_policy"](given["next_obs"]) + noise).clip(given["low"], given["high"])
    both = [given[name](given["next_obs"], action) for name in ("target_q1", "target_q2")]
    future = torch.stack(both).amin(0)
    goes_on = 1 - given["terminated"].float()
    return (given["reward"] + given["gamma"] * goes_on * future).detach()


@torch.no_grad()
def with_where(**given) -> Tensor:
    """Right: the clips by `minimum` and `maximum` with tensors, the smaller opinion by `where`."""
    limit = torch.full_like(given["noise"], given["noise_clip"])
    noise = torch.maximum(torch.minimum(given["noise"], limit), -limit)
    action = given["target_policy"](given["next_obs"]) + noise
    low, high = (torch.full_like(action, given[name]) for name in ("low", "high"))
    first, second = opinions(given, torch.minimum(torch.maximum(action, low), high))
    future = torch.where(first < second, first, second)
    return torch.where(
        given["terminated"], given["reward"], given["reward"] + given["gamma"] * future
    )


EXERCISE = Exercise(
    name="td3_target",
    reference=td3_target,
    cases=cases,
    statement="a blurred action inside the bounds, and the more modest of two opinions of it",
    points={VALUE: 2},
    mistakes=(
        Mistake(
            "noise-not-clipped",
            "The noise is used as drawn. Clip it to ±noise_clip first: the next action is to be "
            "*near* the actor's, not anywhere.",
            noise_not_clipped,
        ),
        Mistake(
            "clipped-above-only",
            "Large noise is clipped, very negative noise is not: the clip has two sides.",
            clipped_above_only,
        ),
        Mistake(
            "action-not-clipped",
            "The blurred action may leave the bounds, where the critic has never seen an action. "
            "Clip the sum to [low, high] as well.",
            action_not_clipped,
        ),
        Mistake(
            "clips-exchanged",
            "The *noise* is clipped to the action's bounds. Two clips, two ranges: the noise to "
            "±noise_clip, the sum to [low, high].",
            noise_clipped_to_the_bounds,
        ),
        Mistake(
            "clipped-to-one",
            "The action is clipped to [−1, 1] whatever the bounds are. Use `low` and `high`.",
            clipped_to_one,
        ),
        Mistake(
            "no-noise",
            "The noise is not used, so a narrow peak of the critic is not averaged away.",
            no_noise,
        ),
        Mistake(
            "noise-of-the-first-row",
            "All rows get the noise of row 0. Then the blur does not average out over a minibatch; "
            "two public implementations had this.",
            noise_of_the_first_row,
        ),
        Mistake(
            "noise-scaled",
            "The noise is multiplied by `noise_clip`. It comes in the action's units already.",
            noise_scaled_by_the_clip,
        ),
        Mistake(
            "positive-noise",
            "The noise has lost its sign, so the action is only ever moved upwards.",
            positive_noise,
        ),
        Mistake(
            "two-actions",
            "The two critics judge different actions. Blur once, and ask both about that action.",
            fresh_noise_for_the_second,
        ),
        Mistake(
            "larger-of-both",
            "You take the larger opinion. That picks up each critic's errors upwards, which is the "
            "very thing that the second critic is there against.",
            larger_of_both,
        ),
        Mistake(
            "mean-of-both",
            "You average the two critics. An error of one is then halved, not kept out: take the "
            "smaller opinion, row by row.",
            mean_of_both,
        ),
        Mistake(
            "first-critic-only",
            "Only the first critic is asked. An error has to be made by *both* to survive.",
            first_critic_only,
        ),
        Mistake(
            "second-critic-only",
            "Only the second critic is asked. An error has to be made by *both* to survive.",
            second_critic_only,
        ),
        Mistake(
            "smallest-of-the-batch",
            "The minimum runs over the minibatch too. `torch.minimum(q1, q2)` compares row by row.",
            smallest_of_the_batch,
        ),
        Mistake(
            "plain-ddpg",
            "That is DDPG's target, with neither the blur nor the second critic.",
            plain_ddpg,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The bootstrap is added after terminations too. The slide leaves the mask out.",
            bootstraps_after_termination,
        ),
        Mistake("forgets-gamma", "γ is missing in front of the smaller opinion.", forgets_gamma),
        Mistake(
            "not-detached",
            "The value is right, but the result hangs on the critics. A target is a constant.",
            not_detached,
        ),
        Mistake("changes-noise", IN_PLACE, changes_noise),
    ),
    variants=(stacked, with_where),
)
