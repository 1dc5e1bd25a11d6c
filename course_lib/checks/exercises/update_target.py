"""The exercise `update_target`: its cases, and what goes wrong with it."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn

from course_lib.checks.callables import CentredPolicy
from course_lib.checks.drawing import normal
from course_lib.checks.drivers import followed
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.deterministic import update_target


def cases(generator: torch.Generator) -> list[Case]:
    """A network with weights, a running mean and a counter, at several rates."""

    def network(count: int) -> CentredPolicy:
        weight, bias = normal(generator, 2, 3), normal(generator, 2)
        return CentredPolicy(weight, bias, 5 * normal(generator, 3), torch.tensor(count))

    def networks(target_rate: float) -> dict[str, Any]:
        return {"target": network(3), "online": network(40), "target_rate": target_rate}

    return [
        Case("a tenth of the way", networks(0.1), VALUE, followed),
        Case("two thirds of the way", networks(2 / 3), VALUE, followed),
        Case("a small step", networks(0.005), VALUE, followed),
        Case("rate 0: stay", networks(0.0), EDGE, followed),
        Case("rate 1: copy", networks(1.0), EDGE, followed),
    ]


def pairs(target: nn.Module, online: nn.Module):
    return zip(target.parameters(), online.parameters(), strict=True)


@torch.no_grad()
def copy_buffers(target: nn.Module, online: nn.Module) -> None:
    for old, new in zip(target.buffers(), online.buffers(), strict=True):
        old.copy_(new)


@torch.no_grad()
def rate_exchanged(target, online, target_rate) -> None:
    update_target(target, online, 1 - target_rate)


@torch.no_grad()
def copied(target, online, target_rate) -> None:
    update_target(target, online, 1.0)


@torch.no_grad()
def adds(target, online, target_rate) -> None:
    copy_buffers(target, online)
    for old, new in pairs(target, online):
        old.add_(target_rate * new)


@torch.no_grad()
def shrinks(target, online, target_rate) -> None:
    copy_buffers(target, online)
    for old, new in pairs(target, online):
        old.copy_(target_rate * new)


@torch.no_grad()
def into_the_online_network(target, online, target_rate) -> None:
    update_target(online, target, target_rate)


def never(target, online, target_rate) -> None:
    """Nothing moves."""


@torch.no_grad()
def names_rebound(target, online, target_rate) -> None:
    copy_buffers(target, online)
    for old, new in pairs(target, online):
        old = (1 - target_rate) * old + target_rate * new


@torch.no_grad()
def buffers_forgotten(target, online, target_rate) -> None:
    for old, new in pairs(target, online):
        old.lerp_(new, target_rate)


@torch.no_grad()
def buffers_blended(target, online, target_rate) -> None:
    both = zip(target.state_dict().values(), online.state_dict().values(), strict=True)
    for old, new in both:
        old.copy_((1 - target_rate) * old + target_rate * new)


@torch.no_grad()
def both_meet(target, online, target_rate) -> None:
    before = deepcopy(target)
    update_target(target, online, target_rate)
    for old, new in pairs(online, before):
        old.lerp_(new, target_rate)


@torch.no_grad()
def first_tensor_only(target, online, target_rate) -> None:
    copy_buffers(target, online)
    next(target.parameters()).lerp_(next(online.parameters()), target_rate)


@torch.no_grad()
def returns_the_target(target, online, target_rate) -> nn.Module:
    update_target(target, online, target_rate)
    return target


def a_new_network(target, online, target_rate) -> nn.Module:
    moved = deepcopy(target)
    update_target(moved, online, target_rate)
    return moved


def by_the_data(target, online, target_rate) -> None:
    """Right: in place in `.data`, by names."""
    learned = dict(online.named_parameters())
    for name, old in target.named_parameters():
        old.data.mul_(1 - target_rate)
        old.data.add_(target_rate * learned[name].data)
    counted = dict(online.named_buffers())
    for name, buffer in target.named_buffers():
        buffer.data.copy_(counted[name].data)


def by_the_state(target, online, target_rate) -> None:
    """Right: a new state of all tensors, loaded."""
    state, learned = target.state_dict(), online.state_dict()
    moving = {name for name, _ in target.named_parameters()}
    blend = {
        name: (1 - target_rate) * old + target_rate * learned[name]
        if name in moving
        else learned[name]
        for name, old in state.items()
    }
    target.load_state_dict(blend)


@torch.no_grad()
def as_one_list(target, online, target_rate) -> None:
    """Right: torch's functions for lists of tensors."""
    torch._foreach_lerp_(list(target.parameters()), list(online.parameters()), target_rate)
    torch._foreach_copy_(list(target.buffers()), list(online.buffers()))


EXERCISE = Exercise(
    name="update_target",
    reference=update_target,
    cases=cases,
    statement="the slow copy goes a small share of the way, and the online network stays",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "rate-exchanged",
            "The two weights have changed places: θ⁻ ← rate·θ⁻ + (1 − rate)·θ. With a rate of 0.02 "
            "the copy would follow almost at once. The *online* weights get `target_rate`.",
            rate_exchanged,
        ),
        Mistake(
            "copied",
            "The target becomes a copy at every call, so it holds nothing still. Go `target_rate` "
            "of the way only.",
            copied,
        ),
        Mistake(
            "adds",
            "You add to the target without taking anything away, so it grows for ever: its own "
            "part is (1 − rate)·θ⁻.",
            adds,
        ),
        Mistake(
            "shrinks",
            "The target is rate·θ now; its own part, (1 − rate)·θ⁻, is missing.",
            shrinks,
        ),
        Mistake(
            "into-the-online-network",
            "The online network was moved towards the target. The learner leads, the copy follows.",
            into_the_online_network,
        ),
        Mistake(
            "never",
            "Nothing has moved at all. If you built new tensors: write them into the old ones, "
            "with `lerp_`, `copy_` or `mul_` and `add_`.",
            never,
        ),
        Mistake(
            "names-rebound",
            "The parameters have not moved: `old = …` gives a name to a new tensor and leaves the "
            "network's own alone. Write into it, with `old.copy_(…)` or `old.lerp_(…)`.",
            names_rebound,
        ),
        Mistake(
            "buffers-forgotten",
            "The parameters follow, the buffers do not. A network may have running means and "
            "counters (`.buffers()`), and without them its weights mean something else: copy them.",
            buffers_forgotten,
        ),
        Mistake(
            "buffers-blended",
            "The buffers are blended with the parameters (`state_dict()` holds both). A blend of "
            "two counters means nothing: buffers are copied.",
            buffers_blended,
        ),
        Mistake(
            "both-meet",
            "The online network is moved towards the target as well. Leave it alone.",
            both_meet,
        ),
        Mistake(
            "first-tensor-only",
            "Only the first parameter follows. Go through all of them, and copy the buffers.",
            first_tensor_only,
        ),
        Mistake(
            "returns-something",
            "The tensors are right, but something is returned. What works in place returns None in "
            "Python, so that nobody thinks it made a new one.",
            returns_the_target,
        ),
        Mistake(
            "a-new-network",
            "You return a new network, and the target stays as it was. The loop holds the old one.",
            a_new_network,
        ),
    ),
    variants=(by_the_data, by_the_state, as_one_list),
)
