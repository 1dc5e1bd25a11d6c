"""The exercise `repaired_dream_losses`: lesson 11's silent bug, a return that is held too early."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake

Losses = tuple[Tensor, Tensor]


def repaired_dream_losses(lambda_return, value, entropy, entropy_coef) -> Losses:
    """(actor's, critic's): the actor climbs the return, the critic learns it held."""
    actor_loss = -lambda_return.mean() - entropy_coef * entropy.mean()
    return actor_loss, 0.5 * (value - lambda_return.detach()).square().mean()


def cases(generator: torch.Generator) -> list[Case]:
    """Dreams of several sizes; no bonus; a critic that is right."""
    right = given(generator, 3, 2, 0.2)
    right["value"] = right["lambda_return"].clone()
    return [
        Case("three steps of two dreams", given(generator, 3, 2, 0.3)),
        Case("six steps of four dreams", given(generator, 6, 4, 0.05)),
        Case("as many steps as dreams", given(generator, 3, 3, 0.5)),
        Case("no bonus", given(generator, 3, 2, 0.0), EDGE),
        Case("the critic is right", right, EDGE),
        Case("a single dream of one step", given(generator, 1, 1, 0.2), EDGE),
    ]


def given(generator: torch.Generator, horizon: int, dreams: int, entropy_coef: float) -> dict:
    """The inputs of one case."""
    return {
        "lambda_return": 2.0 * normal(generator, horizon, dreams) + 1.0,
        "value": 2.0 * normal(generator, horizon, dreams),
        "entropy": uniform(generator, 0.1, 1.5, horizon, dreams),
        "entropy_coef": entropy_coef,
    }


def as_it_was(lambda_return, value, entropy, entropy_coef) -> Losses:
    return repaired_dream_losses(lambda_return.detach(), value, entropy, entropy_coef)


def held_nowhere(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss = -lambda_return.mean() - entropy_coef * entropy.mean()
    return actor_loss, 0.5 * (value - lambda_return).square().mean()


def value_held(lambda_return, value, entropy, entropy_coef) -> Losses:
    return repaired_dream_losses(lambda_return, value.detach(), entropy, entropy_coef)


def advantage_climbed(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss = -(lambda_return - value.detach()).mean() - entropy_coef * entropy.mean()
    return actor_loss, repaired_dream_losses(lambda_return, value, entropy, entropy_coef)[1]


def swapped(lambda_return, value, entropy, entropy_coef) -> Losses:
    return repaired_dream_losses(lambda_return, value, entropy, entropy_coef)[::-1]


def sign_flipped(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss, critic_loss = repaired_dream_losses(lambda_return, value, entropy, entropy_coef)
    return -actor_loss, critic_loss


def added(lambda_return, value, entropy, entropy_coef) -> Tensor:
    return sum(repaired_dream_losses(lambda_return, value, entropy, entropy_coef))


def no_half(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss, critic_loss = repaired_dream_losses(lambda_return, value, entropy, entropy_coef)
    return actor_loss, 2 * critic_loss


def as_a_list(lambda_return, value, entropy, entropy_coef) -> list[Tensor]:
    """Right: the critic first, under no_grad; a list comes back."""
    with torch.no_grad():
        target = lambda_return.clone()
    critic_loss = torch.nn.functional.mse_loss(value, target) / 2
    return [-(lambda_return.mean() + entropy_coef * entropy.mean()), critic_loss]


def step_by_step(lambda_return, value, entropy, entropy_coef) -> Losses:
    """Right: a loop over the steps of the dream."""
    actor, critic = [], []
    for step in range(len(value)):
        actor.append(lambda_return[step] + entropy_coef * entropy[step])
        critic.append((value[step] - lambda_return[step].detach()) ** 2 / 2)
    return -torch.cat(actor).mean(), torch.cat(critic).mean()


def exchanged(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss = -lambda_return.detach().mean() - entropy_coef * entropy.mean()
    return actor_loss, 0.5 * (value - lambda_return).square().mean()


def wrong_side_held(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss, _ = repaired_dream_losses(lambda_return, value, entropy, entropy_coef)
    return actor_loss, 0.5 * (value.detach() - lambda_return).square().mean()


def baseline_not_held(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss, critic_loss = repaired_dream_losses(lambda_return, value, entropy, entropy_coef)
    return actor_loss + value.mean(), critic_loss


def entropy_costs(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss, critic_loss = repaired_dream_losses(lambda_return, value, entropy, entropy_coef)
    return actor_loss + 2 * entropy_coef * entropy.mean(), critic_loss


def critic_summed(lambda_return, value, entropy, entropy_coef) -> Losses:
    actor_loss, critic_loss = repaired_dream_losses(lambda_return, value, entropy, entropy_coef)
    return actor_loss, critic_loss * value.numel()


def entropy_held(lambda_return, value, entropy, entropy_coef) -> Losses:
    return repaired_dream_losses(lambda_return, value, entropy.detach(), entropy_coef)


EXERCISE = Exercise(
    name="repaired_dream_losses",
    reference=repaired_dream_losses,
    cases=cases,
    statement="the actor's loss has a slope in the return, the critic's has none",
    points={VALUE: 2},
    gradient=("lambda_return", "value", "entropy"),
    mistakes=(
        Mistake(
            "held-too-early",
            "The return is still detached before the actor's loss. All that is left to the actor "
            "is the entropy: it learns to be random. Detach where the *critic* takes the return "
            "as its target.",
            as_it_was,
        ),
        Mistake(
            "held-nowhere",
            "Nothing is detached any more, so the critic's loss pulls the return towards the "
            "critic: the actor would learn to dream what the critic expects.",
            held_nowhere,
        ),
        Mistake(
            "value-held",
            "The return is right in both now, but the critic's own opinion is detached: the "
            "critic would not learn.",
            value_held,
        ),
        Mistake(
            "baseline-subtracted",
            "A baseline is subtracted from the return. It is harmless for the gradient and changes "
            "the value: the actor's loss is −mean R − c mean H.",
            advantage_climbed,
        ),
        Mistake(
            "swapped",
            "The two losses are in the wrong order: actor's, then critic's.",
            swapped,
        ),
        Mistake(
            "sign-flipped",
            "The actor's sign is flipped: it would walk down the return.",
            sign_flipped,
        ),
        Mistake(
            "added-up",
            "The two losses are added. They belong to two optimisers: return both.",
            added,
        ),
        Mistake(
            "no-half",
            "The ½ in front of the critic's squared error got lost.",
            no_half,
        ),
        Mistake(
            "exchanged",
            "Now the critic's target has a gradient and the actor's return still has none: "
            "exactly the other way round.",
            exchanged,
        ),
        Mistake(
            "wrong-side-held",
            "In the critic's loss the value was detached instead of the return: the critic "
            "learns nothing, and the return is pulled towards it.",
            wrong_side_held,
        ),
        Mistake(
            "baseline-not-held",
            "The value is subtracted in the actor's loss, with its gradient: the actor's loss "
            "would push the critic *up*. The actor climbs R alone.",
            baseline_not_held,
        ),
        Mistake(
            "entropy-costs",
            "The entropy is added to the actor's loss, so it would be driven down. It is a "
            "bonus: subtract it.",
            entropy_costs,
        ),
        Mistake(
            "critic-summed",
            "The critic's squared errors are summed. Mean, as in the actor's loss.",
            critic_summed,
        ),
        Mistake(
            "entropy-held",
            "The entropy was detached as well: the bonus would do nothing.",
            entropy_held,
        ),
    ),
    variants=(as_a_list, step_by_step),
)
