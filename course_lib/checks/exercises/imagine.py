"""The exercise `imagine`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.callables import Bowl, Drift, TanhPolicy
from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.reference.world_models import imagine

Dream = tuple[Tensor, Tensor, Tensor]


def cases(generator: torch.Generator) -> list[Case]:
    """Dreams of several sizes; one step, one dream, no noise."""
    silent = given(generator, 3, 4, 2, 2)
    silent["noise"] = torch.zeros_like(silent["noise"])
    return [
        Case("three steps, two dreams", given(generator, 3, 2, 2, 1)),
        Case("five steps, four dreams", given(generator, 5, 4, 3, 2)),
        Case("as many steps as dreams as states", given(generator, 3, 3, 3, 3)),
        Case("a dream of one step", given(generator, 1, 3, 2, 1), EDGE),
        Case("a single dream", given(generator, 4, 1, 2, 1), EDGE),
        Case("no noise", silent, EDGE),
    ]


def given(generator: torch.Generator, horizon: int, dreams: int, size: int, actions: int) -> dict:
    """The inputs of one case."""
    return {
        "transition": Drift(
            0.8 * normal(generator, size, size),
            normal(generator, size, actions),
            uniform(generator, -1.0, -0.3, size),
        ),
        "reward_model": Bowl(normal(generator, size), uniform(generator, 0.5, 1.5, size)),
        "policy": TanhPolicy(normal(generator, actions, size), 0.3 * normal(generator, actions)),
        "start_obs": normal(generator, dreams, size),
        "horizon": horizon,
        "noise": normal(generator, horizon, dreams, size),
    }


def dreamed(
    transition, reward_model, policy, start_obs, noise,
    spread=torch.exp, paid_for="next", hold=False, act_on=None, step_of=lambda t: t,
) -> Dream:  # fmt: skip
    """A dream, right unless told otherwise: what the wrong versions share."""
    obs, action, reward = [start_obs], [], []
    for t in range(len(noise)):
        action.append(policy(obs[-1] if act_on is None else act_on))
        mean, log_std = transition(obs[-1], action[-1])
        following = mean + spread(log_std) * noise[step_of(t)]
        paid = {"next": following, "now": obs[-1], "mean": mean}[paid_for]
        reward.append(reward_model(paid))
        obs.append(following.detach() if hold else following)
    return torch.stack(obs), torch.stack(action), torch.stack(reward)


def reward_of_the_state_left(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise, paid_for="now")


def reward_of_the_mean(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise, paid_for="mean")


def log_std_as_std(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(
        transition, reward_model, policy, start_obs, noise, spread=lambda log_std: log_std
    )


def no_noise(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(
        transition, reward_model, policy, start_obs, noise, spread=lambda log_std: 0 * log_std
    )


def variance_as_std(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(
        transition, reward_model, policy, start_obs, noise,
        spread=lambda log_std: (2 * log_std).exp(),
    )  # fmt: skip


def same_noise(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise, step_of=lambda t: 0)


def noise_backwards(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise.flip(0))


def acts_on_the_start(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise, act_on=start_obs)


def without_the_start(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    obs, action, reward = imagine(transition, reward_model, policy, start_obs, horizon, noise)
    return obs[1:], action, reward


def without_the_end(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    obs, action, reward = imagine(transition, reward_model, policy, start_obs, horizon, noise)
    return obs[:-1], action, reward


def batch_first(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    dream = imagine(transition, reward_model, policy, start_obs, horizon, noise)
    return tuple(one.transpose(0, 1) for one in dream)


def another_order(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    obs, action, reward = imagine(transition, reward_model, policy, start_obs, horizon, noise)
    return obs, reward, action


def adds_the_change(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    def added(obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = transition(obs, action)
        return obs + mean, log_std

    return dreamed(added, reward_model, policy, start_obs, noise)


def held_between_steps(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise, hold=True)


def without_gradient(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    with torch.no_grad():
        return imagine(transition, reward_model, policy, start_obs, horizon, noise)


def rewards_afterwards(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    """Right: first the states, then all rewards in one call."""
    state, states, actions = start_obs, [start_obs], []
    for t in range(horizon):
        action = policy(state)
        mean, log_std = transition(state, action)
        state = torch.addcmul(mean, log_std.exp(), noise[t])
        states.append(state)
        actions.append(action)
    later = torch.stack(states[1:])
    reward = reward_model(later.flatten(0, 1)).view(horizon, -1)
    return torch.cat((start_obs.unsqueeze(0), later)), torch.stack(actions), reward


def step_by_recursion(transition, reward_model, policy, start_obs, horizon, noise) -> list:
    """Right: a dream of H steps is a step and a dream of H − 1; a list comes back."""
    action = policy(start_obs)
    mean, log_std = transition(start_obs, action)
    following = mean + noise[0] * torch.exp(log_std)
    first = [start_obs[None], action[None], reward_model(following)[None]]
    if horizon == 1:
        return [torch.cat((first[0], following[None])), *first[1:]]
    rest = step_by_recursion(transition, reward_model, policy, following, horizon - 1, noise[1:])
    return [torch.cat((one, other)) for one, other in zip(first, rest, strict=True)]


def action_held(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    def held(obs: Tensor) -> Tensor:
        return policy(obs).detach()

    return dreamed(transition, reward_model, held, start_obs, noise)


def policy_sees_a_held_state(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    def held(obs: Tensor) -> Tensor:
        return policy(obs.detach())

    return dreamed(transition, reward_model, held, start_obs, noise)


def state_held_in_each_step(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    def from_held(obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        return transition(obs.detach(), action)

    def held(obs: Tensor) -> Tensor:
        return policy(obs.detach())

    return dreamed(from_held, reward_model, held, start_obs, noise)


def reward_held(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    def held(obs: Tensor) -> Tensor:
        return reward_model(obs.detach())

    return dreamed(transition, held, policy, start_obs, noise)


def spread_of_one(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(transition, reward_model, policy, start_obs, noise, spread=torch.ones_like)


def spread_held(transition, reward_model, policy, start_obs, horizon, noise) -> Dream:
    return dreamed(
        transition, reward_model, policy, start_obs, noise,
        spread=lambda log_std: log_std.exp().detach(),
    )  # fmt: skip


EXERCISE = Exercise(
    name="imagine",
    reference=imagine,
    cases=cases,
    statement="H steps in a world of its own, and the last reward has a slope in the first noise",
    points={VALUE: 2, GRADIENT: 2},
    gradient=("start_obs", "noise"),
    mistakes=(
        Mistake(
            "reward-of-the-state-left",
            "The reward is that of the state the step left. reward[t] pays for the state it *led "
            "to*: reward_model(obs[t + 1]).",
            reward_of_the_state_left,
        ),
        Mistake(
            "reward-of-the-mean",
            "The reward is that of the mean, without noise. It pays for the state that was "
            "dreamed: mean + σ · noise.",
            reward_of_the_mean,
        ),
        Mistake(
            "log-std-as-std",
            "The transition returns log σ. Take its exponential.",
            log_std_as_std,
        ),
        Mistake(
            "no-noise",
            "The noise is not used. A model that is not sure has to show it in its dreams.",
            no_noise,
        ),
        Mistake(
            "variance-as-std",
            "σ² stands where σ belongs: next = mean + exp(log_std) · noise.",
            variance_as_std,
        ),
        Mistake(
            "same-noise",
            "Every step uses noise[0]. Step t has its own, noise[t].",
            same_noise,
        ),
        Mistake(
            "noise-backwards",
            "The noise is used from the end to the beginning: step t uses noise[t].",
            noise_backwards,
        ),
        Mistake(
            "acts-on-the-start",
            "Every action is chosen for the first state. The policy acts on where the dream is "
            "*now*.",
            acts_on_the_start,
        ),
        Mistake(
            "without-the-start",
            "obs has H rows; the start is missing. It has H + 1: from start_obs to where the last "
            "step led.",
            without_the_start,
        ),
        Mistake(
            "without-the-end",
            "obs has H rows; the state that the last step led to is missing. The bootstrap needs "
            "its value.",
            without_the_end,
        ),
        Mistake(
            "batch-first",
            "The dreams come first. Time comes first in this course: (H + 1, B, S).",
            batch_first,
        ),
        Mistake(
            "another-order",
            "The three results are in another order. Return obs, action, reward.",
            another_order,
        ),
        Mistake(
            "adds-the-change",
            "The mean is added to the state. `transition` returns the mean of the next state "
            "itself.",
            adds_the_change,
        ),
        Mistake(
            "held-between-steps",
            "The values are right, but the state is detached between the steps. Then an action "
            "feels the very next reward only: the policy that learns from this dream is greedy.",
            held_between_steps,
        ),
        Mistake(
            "without-gradient",
            "The values are right, but nothing has a gradient. The dream is differentiable on "
            "purpose: the policy learns through it.",
            without_gradient,
        ),
        Mistake(
            "action-held",
            "The values are right, but the action was detached: the rewards of the dream have "
            "no slope in the policy, and the policy would learn nothing.",
            action_held,
        ),
        Mistake(
            "policy-sees-a-held-state",
            "The values are right, but the state was detached before the policy looked at it. "
            "How an action changes *later actions* belongs to the slope, too.",
            policy_sees_a_held_state,
        ),
        Mistake(
            "state-held-in-each-step",
            "The values are right, but each step starts from a detached state, so no slope "
            "reaches further back than one step.",
            state_held_in_each_step,
        ),
        Mistake(
            "reward-held",
            "The values are right, but the reward model was shown a detached state: the "
            "rewards have no slope.",
            reward_held,
        ),
        Mistake(
            "spread-of-one",
            "The noise is added as it is, with σ = 1. It is multiplied by σ = exp(log σ).",
            spread_of_one,
        ),
        Mistake(
            "spread-held",
            "The values are right, but σ was detached. The transition says how sure it is of "
            "each state and action; that has a slope as well.",
            spread_held,
        ),
    ),
    variants=(rewards_afterwards, step_by_recursion),
)
