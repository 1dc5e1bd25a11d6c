"""The exercise `actor_critic_losses`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from course_lib.checks.drawing import flags, log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.actor_critic import actor_critic_losses
from course_lib.reference.advantages import td_error


def cases(generator: torch.Generator) -> list[Case]:
    """A few steps with an end, more steps, one step, no end, all ends, γ at its limits."""

    def steps(size: int, *ended: int) -> dict[str, Tensor]:
        return {
            "log_prob": log_probs(generator, size),
            "reward": normal(generator, size) + 0.3,
            "value": normal(generator, size),
            "next_value": normal(generator, size) + 0.5,
            "terminated": flags((size,), *((place,) for place in ended)),
        }

    return [
        Case("three steps, one termination", {**steps(3, 1), "gamma": 0.9}),
        Case("eight steps", {**steps(8, 2, 7), "gamma": 0.97}),
        Case("a single step", {**steps(1), "gamma": 0.9}, EDGE),
        Case("a single step that ends the episode", {**steps(1, 0), "gamma": 0.9}, EDGE),
        Case("every step ends an episode", {**steps(3, 0, 1, 2), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**steps(5, 3), "gamma": 1.0}, EDGE),
    ]


def from_error(log_prob, value, error: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both losses of a given δ and target, detached or not."""
    return -(error * log_prob).mean(), 0.5 * (target - value).square().mean()


def advantage_not_detached(log_prob, reward, value, next_value, terminated, gamma):
    error = td_error(reward, value, next_value.detach(), terminated, gamma)
    return from_error(log_prob, value, error, (error + value).detach())


def target_not_detached(log_prob, reward, value, next_value, terminated, gamma):
    error = td_error(reward, value.detach(), next_value, terminated, gamma)
    return from_error(log_prob, value, error.detach(), error + value.detach())


def nothing_detached(log_prob, reward, value, next_value, terminated, gamma):
    error = td_error(reward, value, next_value, terminated, gamma)
    return -(error * log_prob).mean(), 0.5 * error.square().mean()


def actor_sign_flipped(log_prob, reward, value, next_value, terminated, gamma):
    actor, critic = actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma)
    return -actor, critic


def critic_sign_flipped(log_prob, reward, value, next_value, terminated, gamma):
    actor, critic = actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma)
    return actor, -critic


def swapped(log_prob, reward, value, next_value, terminated, gamma):
    return actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma)[::-1]


def added_up(log_prob, reward, value, next_value, terminated, gamma):
    return sum(actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma))


def half_forgotten(log_prob, reward, value, next_value, terminated, gamma):
    actor, critic = actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma)
    return actor, 2 * critic


def sums(log_prob, reward, value, next_value, terminated, gamma):
    losses = actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma)
    return tuple(len(reward) * loss for loss in losses)


def weighed_by_the_target(log_prob, reward, value, next_value, terminated, gamma):
    error = td_error(reward, value, next_value, terminated, gamma).detach()
    target = error + value.detach()
    return from_error(log_prob, value, target, target)


def bootstraps_after_termination(log_prob, reward, value, next_value, terminated, gamma):
    never = torch.zeros_like(terminated)
    return actor_critic_losses(log_prob, reward, value, next_value, never, gamma)


def reward_masked(log_prob, reward, value, next_value, terminated, gamma):
    kept = reward * (~terminated).to(reward.dtype)
    return actor_critic_losses(log_prob, kept, value, next_value, terminated, gamma)


def value_of_the_same_state(log_prob, reward, value, next_value, terminated, gamma):
    return actor_critic_losses(log_prob, reward, value, value, terminated, gamma)


def forgets_gamma(log_prob, reward, value, next_value, terminated, gamma):
    return actor_critic_losses(log_prob, reward, value, next_value, terminated, 1.0)


def not_squared(log_prob, reward, value, next_value, terminated, gamma):
    error = td_error(reward, value, next_value.detach(), terminated, gamma)
    return -(error.detach() * log_prob).mean(), error.mean()


def critic_cut(log_prob, reward, value, next_value, terminated, gamma):
    return actor_critic_losses(log_prob, reward, value.detach(), next_value, terminated, gamma)


def log_prob_cut(log_prob, reward, value, next_value, terminated, gamma):
    return actor_critic_losses(log_prob.detach(), reward, value, next_value, terminated, gamma)


def means_multiplied(log_prob, reward, value, next_value, terminated, gamma):
    error = td_error(reward, value, next_value, terminated, gamma).detach()
    return from_error(log_prob.mean(), value, error.mean(), error + value.detach())


def with_mse_loss(log_prob, reward, value, next_value, terminated, gamma):
    """Right: the target under no_grad, torch's own squared error."""
    with torch.no_grad():
        target = reward + gamma * torch.where(terminated, 0.0, next_value)
        error = target - value
    return (log_prob * error).mean().neg(), mse_loss(value, target) / 2


def step_by_step(log_prob, reward, value, next_value, terminated, gamma):
    """Right: one step after the other, in float64 inside."""
    actor = critic = 0.0
    for i in range(len(reward)):
        future = 0.0 if terminated[i] else gamma * next_value[i].item()
        target = reward[i].item() + future
        actor = actor - (target - value[i].item()) * log_prob[i].double() / len(reward)
        critic = critic + (value[i].double() - target) ** 2 / (2 * len(reward))
    return actor.to(reward.dtype), critic.to(reward.dtype)


EXERCISE = Exercise(
    name="actor_critic_losses",
    reference=actor_critic_losses,
    cases=cases,
    statement="the actor learns from δ, the critic from δ², and neither disturbs the other",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob", "value"),
    no_gradient=("next_value",),
    mistakes=(
        Mistake(
            "advantage-not-detached",
            "Both values are right, but δ in the actor's loss is still connected to the critic. "
            "Minimising −δ log π then changes V so that unlikely actions look better, instead of "
            "predicting anything. δ is a weight there: detach it.",
            advantage_not_detached,
        ),
        Mistake(
            "target-not-detached",
            "Both values are right, but a gradient flows through V(s') in the target. The critic "
            "can then shrink its error by moving the target towards the guess. What happened is "
            "held still (⊥ in lecture 004), the guess moves.",
            target_not_detached,
        ),
        Mistake(
            "nothing-detached",
            "Both values are right, but nothing is detached: the actor's loss trains the critic, "
            "and the critic's target chases its guess. δ is a constant for the actor, "
            "r + γV(s') a constant for the critic.",
            nothing_detached,
        ),
        Mistake(
            "actor-sign-flipped",
            "The actor's sign is flipped: an action that turned out better than expected becomes "
            "rarer. A loss is minimised: −δ log π.",
            actor_sign_flipped,
        ),
        Mistake(
            "critic-sign-flipped",
            "The critic's loss is negative: minimising it drives V away from its target. A squared "
            "error needs no minus.",
            critic_sign_flipped,
        ),
        Mistake(
            "swapped",
            "The two losses come out in the wrong order: the actor's first, then the critic's.",
            swapped,
        ),
        Mistake(
            "added-up",
            "One number comes out, the sum of both losses. Return the pair (actor_loss, "
            "critic_loss), so that each can have its own step size.",
            added_up,
        ),
        Mistake(
            "half-forgotten",
            "The critic's loss is twice too large: a squared error has a ½ here, so that its "
            "derivative is the error itself.",
            half_forgotten,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, sums),
        Mistake(
            "weighed-by-the-target",
            "The actor is weighed by the target r + γV(s') and not by δ: how good the state is "
            "counts for the action. Subtract V(s): what did the *action* add?",
            weighed_by_the_target,
        ),
        Mistake(
            "bootstraps-after-termination",
            "γV(s') is added even where the episode has terminated, to both losses.",
            bootstraps_after_termination,
        ),
        Mistake(
            "reward-masked",
            "The reward of a step that ends the episode is thrown away. Only the bootstrap ends.",
            reward_masked,
        ),
        Mistake(
            "value-of-the-same-state",
            "You bootstrap from V(s), the state that the step left. The future begins in the state "
            "it led to: γ next_value. (A slide of lecture 004 has the same slip.)",
            value_of_the_same_state,
        ),
        Mistake(
            "forgets-gamma",
            "γ is missing in front of V(s'): what comes one step later is worth γ times as much.",
            forgets_gamma,
        ),
        Mistake(
            "not-squared",
            "The critic's loss is the mean of δ, not of ½ δ². Its gradient is the same −1 however "
            "wrong the guess is, so V grows without end.",
            not_squared,
        ),
        Mistake(
            "critic-cut",
            "Both values are right, but V(s) is detached in the critic's loss, so the critic never "
            "learns. Detach the target, not the guess.",
            critic_cut,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_cut),
        Mistake(
            "means-multiplied",
            "The mean of δ times the mean of log π: which action earned which error is lost. "
            "Multiply element by element, then take the mean. (The same comes out if shapes (B, 1) "
            "and (B,) meet.)",
            means_multiplied,
        ),
    ),
    variants=(with_mse_loss, step_by_step),
)
