"""Estimates that are compared with exact numbers: how near is near enough."""

import torch
from torch import Tensor


def settle(estimate: Tensor, exact: Tensor, standard_error: Tensor) -> Tensor:
    """The exact number wherever an estimate fits it.

    A right sampler, whatever random numbers it draws, comes out exact; a wrong one shows what it
    really does.
    """
    return torch.where(within(estimate, exact, standard_error), exact, estimate)


def within(estimate: Tensor, exact: Tensor, standard_error: Tensor) -> Tensor:
    """Whether estimates are at most five standard errors off: by chance one in a million is not."""
    return (estimate - exact).abs() <= 5 * standard_error
