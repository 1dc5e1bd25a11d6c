"""Running statistics, to bring observations to mean 0 and spread 1."""

import torch
from torch import Tensor

from course_lib.reference.shapes import require_at_least, require_shape


class RunningNormalizer:
    """Mean and variance of all rows seen so far, without keeping them.

        δ = mean_B − mean,   n' = n + n_B
        mean ← mean + δ n_B/n'
        var ← (n var + n_B var_B + δ² n n_B/n') / n'

    Two sets of statistics merge into those of their union, exactly and in any order. They are kept
    in float64, so that the millionth batch still counts.

    Args:
        shape: the shape of one row.

    Attributes:
        mean: (*shape), 0 before the first update.
        var: (*shape) the population variance, 1 before the first update.

    Source: Chan, Golub and LeVeque (1979); lecture 001, "Implementation matters".
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = tuple(shape)
        self.mean = torch.zeros(self.shape, dtype=torch.float64)
        self.var = torch.ones(self.shape, dtype=torch.float64)
        self.count = 0

    @torch.no_grad()
    def update(self, batch: Tensor) -> None:
        """Take in a batch (B, *shape) of at least one row; `ValueError` for anything else."""
        rows = len(batch) if batch.ndim else 0
        require_shape("batch", batch, (rows, *self.shape))
        require_at_least("the number of rows", rows, 1)
        batch = batch.to(torch.float64)
        delta = batch.mean(0) - self.mean
        total = self.count + rows
        between = delta.square() * (self.count * rows / total)
        within = self.var * self.count + batch.var(0, correction=0) * rows
        self.mean = self.mean + delta * (rows / total)
        self.var = (within + between) / total
        self.count = total

    def normalize(self, x: Tensor) -> Tensor:
        """(x − mean)/sqrt(var + 1e-8) for x (…, *shape), in x's dtype; differentiable in x."""
        leading = x.shape[: x.ndim - len(self.shape)]
        require_shape("x", x, (*leading, *self.shape))
        scale = (self.var + 1e-8).sqrt()
        return (x - self.mean.to(x.dtype)) / scale.to(x.dtype)
