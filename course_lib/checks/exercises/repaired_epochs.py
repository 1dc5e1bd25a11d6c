"""The exercise `repaired_epochs`: lesson 09's silent bug, old log-probabilities computed anew."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.checks.callables import bent_surrogate
from course_lib.checks.drawing import actions, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.distributions import categorical_log_prob
from course_lib.reference.ppo import clipped_surrogate_loss

STILL = (
    "The old log-probability is still computed anew in every epoch, by the policy that is being "
    "changed: the ratio is always 1, and nothing ever tells how far the policy has gone. Compute "
    "it once, before the first step, from the logits that acted."
)


def cases(generator: torch.Generator) -> list[Case]:
    """Several epochs on batches of several sizes; then one epoch, where the bug does not show."""

    def batch(size: int, num_actions: int) -> dict[str, Tensor]:
        return {
            "logits": normal(generator, size, num_actions),
            "action": actions(generator, num_actions, size),
            "advantage": 1.5 * normal(generator, size) + 0.2,
        }

    made = [
        Case("three epochs", {**batch(3, 2), "step_size": 1.5, "epochs": 3}),
        Case("ten epochs, short steps", {**batch(6, 4), "step_size": 0.8, "epochs": 10}),
        Case("five epochs, long steps", {**batch(5, 3), "step_size": 4.0, "epochs": 5}),
        Case("two epochs", {**batch(4, 3), "step_size": 2.0, "epochs": 2}),
        Case("a single epoch", {**batch(4, 3), "step_size": 2.0, "epochs": 1}, EDGE),
        Case("no epoch", {**batch(4, 3), "step_size": 2.0, "epochs": 0}, EDGE),
    ]
    return [Case(one.name, {"loss": bent_surrogate, **one.inputs}, one.part) for one in made]


Loss = Callable[..., Tensor]


def steps(logits: Tensor, action: Tensor, slope_of: Callable, epochs: int) -> Iterator[Tensor]:
    """The logits after each step along `slope_of(now, logits)`, which is differentiated."""
    for _ in range(epochs):
        theta = logits.detach().clone().requires_grad_()
        now = categorical_log_prob(theta, action)
        (slope,) = torch.autograd.grad(slope_of(now, logits), theta)
        logits = logits - slope
        yield logits


def last_of(found: Iterator[Tensor], logits: Tensor) -> Tensor:
    """The last of them, or the start."""
    for one in found:
        logits = one
    return logits


def repaired_epochs(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    """Gradient steps on one batch, held against the policy that acted."""
    old = categorical_log_prob(logits, action)

    def scaled(now: Tensor, _: Tensor) -> Tensor:
        return step_size * loss(now, old, advantage)

    return last_of(steps(logits, action, scaled, epochs), logits)


def recomputed(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    def scaled(now: Tensor, _: Tensor) -> Tensor:
        return step_size * loss(now, now.detach(), advantage)

    return last_of(steps(logits, action, scaled, epochs), logits)


def one_epoch_late(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    before = [logits]

    def scaled(now: Tensor, current: Tensor) -> Tensor:
        old = categorical_log_prob(before[-1], action)
        before.append(current)
        return step_size * loss(now, old, advantage)

    return last_of(steps(logits, action, scaled, epochs), logits)


def no_old_at_all(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    def scaled(now: Tensor, _: Tensor) -> Tensor:
        return step_size * loss(now, torch.zeros_like(now), advantage)

    return last_of(steps(logits, action, scaled, epochs), logits)


def both_differentiated(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    return logits.clone()


def uphill(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    return repaired_epochs(loss, logits, action, advantage, -step_size, epochs)


def one_step_only(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    return repaired_epochs(loss, logits, action, advantage, step_size, min(epochs, 1))


def one_step_too_many(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    return repaired_epochs(loss, logits, action, advantage, step_size, epochs + 1)


def gradient_piles_up(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    old, theta = categorical_log_prob(logits, action), logits.clone().requires_grad_()
    for _ in range(epochs):
        loss(categorical_log_prob(theta, action), old, advantage).backward()
        with torch.no_grad():
            theta -= step_size * theta.grad
    return theta.detach()


def loss_ignored(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    def clipped(now: Tensor, old: Tensor, weight: Tensor) -> Tensor:
        return clipped_surrogate_loss(now, old, weight, 0.2)

    return repaired_epochs(clipped, logits, action, advantage, step_size, epochs)


def arguments_exchanged(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    def exchanged(now: Tensor, old: Tensor, weight: Tensor) -> Tensor:
        return loss(old, now, weight)

    return repaired_epochs(exchanged, logits, action, advantage, step_size, epochs)


def probabilities(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    return repaired_epochs(loss, logits, action, advantage, step_size, epochs).softmax(-1)


def in_place(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    logits.copy_(repaired_epochs(loss, logits, action, advantage, step_size, epochs))
    return logits


def with_an_optimizer(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    """Right: torch's SGD on a copy, the old policy under no_grad."""
    theta = torch.nn.Parameter(logits.clone())
    optimizer = torch.optim.SGD([theta], lr=step_size)
    with torch.no_grad():
        old = theta.log_softmax(-1).gather(1, action.unsqueeze(1)).squeeze(1)
    for _ in range(epochs):
        optimizer.zero_grad()
        now = theta.log_softmax(-1).gather(1, action.unsqueeze(1)).squeeze(1)
        loss(now, old, advantage).backward()
        optimizer.step()
    return theta.detach()


def from_a_stored_copy(loss: Loss, logits, action, advantage, step_size, epochs) -> Tensor:
    """Right: the old log-probability anew in each epoch, but from the stored first logits."""
    acted, rows = logits.clone(), torch.arange(len(action))
    for _ in range(epochs):
        theta = logits.detach().clone().requires_grad_()
        old = acted.log_softmax(-1)[rows, action]
        loss(theta.log_softmax(-1)[rows, action], old, advantage).backward()
        logits = logits - step_size * theta.grad
    return logits


EXERCISE = Exercise(
    name="repaired_epochs",
    reference=repaired_epochs,
    cases=cases,
    statement="every epoch is held against the policy that acted",
    points={VALUE: 2},
    mistakes=(
        Mistake("still-recomputed", STILL, recomputed),
        Mistake(
            "old-one-epoch-late",
            "The old log-probability is that of the epoch before, so the ratio shows the last step "
            "alone. The policy that acted is the one before *all* epochs.",
            one_epoch_late,
        ),
        Mistake(
            "no-old-policy",
            "The old log-probability is 0, so that the ratio is the probability itself. Store that "
            "of the logits that acted.",
            no_old_at_all,
        ),
        Mistake(
            "nothing-moves",
            "The logits come out as they went in: now and old have both a gradient, and the two "
            "cancel; or the steps were taken on a copy. The old log-probability is a constant.",
            both_differentiated,
        ),
        Mistake(
            "uphill",
            "The steps go up the loss: logits − step_size · gradient.",
            uphill,
        ),
        Mistake(
            "one-step-only",
            "Only one step arrives at the end: each epoch starts from the first logits again, or "
            "there is only one. Go on from where the last epoch ended.",
            one_step_only,
        ),
        Mistake(
            "one-step-too-many",
            "There is one step more than there are epochs.",
            one_step_too_many,
        ),
        Mistake(
            "gradients-pile-up",
            "The gradients of earlier epochs are added to each new one: `backward` adds to "
            "`.grad`. Start each epoch with a fresh leaf, or set the gradient to zero.",
            gradient_piles_up,
        ),
        Mistake(
            "loss-ignored",
            "The steps are those of the clipped loss, of a function of your own. Call the one that "
            "comes in as `loss`: here it is another, so that the repair is judged, nothing else.",
            loss_ignored,
        ),
        Mistake(
            "arguments-exchanged",
            "`loss` gets the old log-probability first. Its order is (log_prob, old_log_prob, "
            "advantage).",
            arguments_exchanged,
        ),
        Mistake(
            "probabilities",
            "Probabilities come out. Return the logits after the last step.",
            probabilities,
        ),
        Mistake("changes-logits", IN_PLACE, in_place),
    ),
    variants=(with_an_optimizer, from_a_stored_copy),
)
