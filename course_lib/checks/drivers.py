"""How a function is called where `function(**inputs)` is not enough, and how it is looked at then.

A case names one of these functions as its `call`, an exercise as its `observe`. They belong to the
student edition, so none of them may show an answer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from course_lib.checks.buffer_drivers import (
    draws_of_buffers,
    empty_buffer,
    kept_rows,
    own_copies,
    rows_together,
    sample_in_words,
    shares_of_rows,
)
from course_lib.checks.minibatch_drivers import (
    indices_in_order,
    kind_of_minibatches,
    minibatch_sizes,
    order_of_minibatches,
    repeated_epoch,
    two_epochs,
)
from course_lib.checks.noise_drivers import (
    exploring_mean,
    exploring_std,
    kept_sample,
    pull_of_walk,
    repeat_walk,
    sample_shapes,
    shares_at_bounds,
    spread_of_walk,
    walk_after_reset,
)
from course_lib.checks.sampling_drivers import (
    CATEGORICAL_DRAWS,
    GAUSSIAN_DRAWS,
    draw_again,
    frequencies,
    kind,
    repeat_draw,
    rows_differ,
    sample_mean,
    sample_std,
    share_within_one_std,
    std_of_the_sum,
)

__all__ = [
    "CATEGORICAL_DRAWS",
    "GAUSSIAN_DRAWS",
    "draw_again",
    "draws_of_buffers",
    "empty_buffer",
    "exploring_mean",
    "exploring_std",
    "followed",
    "frequencies",
    "indices_in_order",
    "kept_rows",
    "kept_sample",
    "kind",
    "kind_of_minibatches",
    "minibatch_sizes",
    "normalizer_after_updates",
    "order_of_minibatches",
    "own_copies",
    "policy_gradient",
    "pull_of_walk",
    "repeat_draw",
    "repeat_walk",
    "repeated_epoch",
    "rows_differ",
    "rows_together",
    "sample_in_words",
    "sample_mean",
    "sample_shapes",
    "sample_std",
    "share_within_one_std",
    "shares_at_bounds",
    "shares_of_rows",
    "spread_of_walk",
    "std_of_the_sum",
    "two_epochs",
    "two_products",
    "up_to_curvature",
    "walk_after_reset",
    "wants_gradient",
    "without_gradients",
]


def wants_gradient(function: Callable, inputs: Mapping[str, Any]) -> str:
    """Whether what comes out is a constant to autograd, though the networks inside are not."""
    value = function(**inputs)
    attached = isinstance(value, Tensor) and value.requires_grad
    return "a result with a gradient" if attached else "a result without a gradient"


def without_gradients(function: Callable, inputs: Mapping[str, Any]) -> Any:
    """What comes out where gradients are switched off, as they are around targets."""
    with torch.no_grad():
        return function(**inputs)


def policy_gradient(function: Callable, inputs: Mapping[str, Any]) -> list[Tensor]:
    """A loss's gradient in the policy's parameters; zeros where none arrives."""
    loss, parameters = function(**inputs), list(inputs["policy"].parameters())
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return [torch.zeros_like(one) for one in parameters]
    found = torch.autograd.grad(loss.sum(), parameters, allow_unused=True)
    pairs = zip(found, parameters, strict=True)
    return [torch.zeros_like(one) if slope is None else slope for slope, one in pairs]


def followed(
    function: Callable, inputs: Mapping[str, Any]
) -> tuple[str, list[Tensor], list[Tensor]]:
    """What a call that works in place returns, and the tensors of both networks afterwards.

    The tensors are those that the networks had before: somebody else may hold them.
    """
    held = [[*inputs[name].parameters(), *inputs[name].buffers()] for name in ("target", "online")]
    value = function(**inputs)
    returned = "nothing was returned" if value is None else "something was returned"
    return returned, *([one.detach().clone() for one in tensors] for tensors in held)


def two_products(function: Callable, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Two calls with one KL divergence of a small softmax policy, so its graph has to survive.

    The policy's logits are tanh(obs Wᵀ + b), its parameters [W, b]; the other one's are given.
    """
    parameters = [inputs[name].detach().clone().requires_grad_() for name in ("weight", "bias")]
    logits = torch.tanh(inputs["obs"] @ parameters[0].T + parameters[1])
    kl = kl_divergence(Categorical(logits=inputs["old_logits"]), Categorical(logits=logits)).mean()
    vector, damping = inputs["vector"], inputs["damping"]
    return tuple(
        function(kl=kl, parameters=parameters, vector=one, damping=damping)
        for one in (vector, vector.flip(0))
    )


def up_to_curvature(function: Callable, inputs: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """f, ∇f and ∇²f · v of a scalar function of the logits; zeros where it has no graph."""
    logits = inputs["logits"].detach().clone().requires_grad_()
    value = function(logits)
    slope = slope_of(value.sum(), logits)
    return value.detach(), slope.detach(), slope_of((slope * inputs["vector"]).sum(), logits)


def slope_of(total: Tensor, at: Tensor) -> Tensor:
    """The gradient of a scalar, with a graph of its own; zeros if it does not depend on `at`."""
    if not total.requires_grad:
        return torch.zeros_like(at)
    found = torch.autograd.grad(total, at, create_graph=True, allow_unused=True)[0]
    return torch.zeros_like(at) if found is None else found


def normalizer_after_updates(function: Callable, inputs: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """What x becomes after all portions of rows, and mean and variance after that."""
    normalizer, start = function(inputs["shape"]), 0
    for portion in inputs["portions"]:
        normalizer.update(inputs["rows"][start : start + portion])
        start += portion
    normalized = normalizer.normalize(inputs["x"])
    kept = (normalizer.mean, normalizer.var)
    return normalized, *(torch.as_tensor(one).detach().double() for one in kept)
