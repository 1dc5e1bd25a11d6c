"""Estimates that are compared with exact numbers: how near is near enough."""

import torch
from torch import Tensor


def settle(estimate: Tensor, exact: Tensor, standard_error: Tensor) -> Tensor:
    """The exact number wherever an estimate is within five standard errors of it.

    A right sampler, whatever random numbers it draws, comes out exact; a wrong one shows what it
    really does.
    """
    return torch.where((estimate - exact).abs() <= 5 * standard_error, exact, estimate)
