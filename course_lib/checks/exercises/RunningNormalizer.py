"""The exercise `RunningNormalizer`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.drivers import normalizer_after_updates
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.normalizer import RunningNormalizer


def cases(generator: torch.Generator) -> list[Case]:
    """Portions of uneven size; none at all, single rows, numbers without axes, a dead sensor."""

    def rows(count: int, *shape: int) -> Tensor:
        return 3 * normal(generator, count, *shape) + torch.arange(count).double().reshape(
            -1, *[1] * len(shape)
        )

    def case(name: str, seen: Tensor, portions: tuple[int, ...], part: str = VALUE) -> Case:
        shape = tuple(seen.shape[1:])
        inputs = {"shape": shape, "rows": seen, "portions": portions}
        x = 2 * normal(generator, 3, *shape) + 1
        return Case(name, {**inputs, "x": x}, part, normalizer_after_updates)

    dead = rows(5, 2)
    dead[:, 1] = 7.0
    return [
        case("two portions", rows(6, 2), (2, 4)),
        case("four portions of three numbers", rows(17, 3), (5, 1, 8, 3)),
        case("one portion", rows(5, 4), (5,)),
        case("pictures", rows(7, 2, 3), (3, 4)),
        case("before the first update", rows(1, 2)[:0], (), EDGE),
        case("row by row", rows(4, 2), (1, 1, 1, 1), EDGE),
        case("single numbers", rows(6), (4, 2), EDGE),
        case("a sensor that never changes", dead, (2, 3), EDGE),
    ]


class Wrong(RunningNormalizer):
    """The reference, of which a mistake replaces a part."""

    def merge(self, mean: Any, var: Any, count: int) -> None:
        """Take over new statistics."""
        self.mean, self.var, self.count = mean, var, count


class SampleVariance(Wrong):
    """n − 1 below."""

    def update(self, batch: Tensor) -> None:
        before, squares = self.count, self.var * max(self.count - 1, 0)
        old = self.mean
        super().update(batch)
        delta, rows = batch.double().mean(0) - old, len(batch)
        squares = squares + (batch - batch.mean(0)).square().sum(0).double()
        squares = squares + delta.square() * before * rows / self.count
        self.var = squares / max(self.count - 1, 1)


class NoSpreadBetween(Wrong):
    """Portions' variances only."""

    def update(self, batch: Tensor) -> None:
        total = self.count + len(batch)
        var = (self.var * self.count + batch.var(0, correction=0) * len(batch)) / total
        super().update(batch)
        self.var = var


class MeanOfMeans(Wrong):
    """Portions weigh the same."""

    def update(self, batch: Tensor) -> None:
        calls = getattr(self, "calls", 0)
        mean = (self.mean * calls + batch.mean(0)) / (calls + 1)
        super().update(batch)
        self.mean, self.calls = mean, calls + 1


class LastBatchOnly(Wrong):
    """No memory."""

    def update(self, batch: Tensor) -> None:
        self.merge(batch.mean(0), batch.var(0, correction=0), len(batch))


class FirstBatchOnly(Wrong):
    """Nothing after the first."""

    def update(self, batch: Tensor) -> None:
        if not self.count:
            super().update(batch)


class CountForgotten(Wrong):
    """Rows are not added up."""

    def update(self, batch: Tensor) -> None:
        super().update(batch)
        self.count = len(batch)


class StartCounted(Wrong):
    """The start is a row."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.count = 1


class StartsAtZeroSpread(Wrong):
    """Variance 0 at first."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.var = torch.zeros_like(self.var)


class MovingAverage(Wrong):
    """Old rows fade."""

    def update(self, batch: Tensor) -> None:
        mean, var = batch.mean(0), batch.var(0, correction=0)
        self.mean, self.var = 0.9 * self.mean + 0.1 * mean, 0.9 * self.var + 0.1 * var


class OneForAll(Wrong):
    """One scale for all numbers."""

    def update(self, batch: Tensor) -> None:
        flat = batch.reshape(len(batch), -1)
        one = RunningNormalizer(())
        one.mean, one.var, one.count = self.mean.mean(), self.var.mean(), self.count
        one.update(flat.flatten())
        self.merge(one.mean.expand(self.shape), one.var.expand(self.shape), one.count)


class NoEps(Wrong):
    """Nothing under the root."""

    def normalize(self, x: Tensor) -> Tensor:
        return (x - self.mean.to(x.dtype)) / self.var.sqrt().to(x.dtype)


class EpsOutside(Wrong):
    """Beside the root."""

    def normalize(self, x: Tensor) -> Tensor:
        return (x - self.mean.to(x.dtype)) / (self.var.sqrt() + 1e-8).to(x.dtype)


class ByTheVariance(Wrong):
    """No root."""

    def normalize(self, x: Tensor) -> Tensor:
        return (x - self.mean.to(x.dtype)) / (self.var + 1e-8).to(x.dtype)


class NotCentred(Wrong):
    """No mean."""

    def normalize(self, x: Tensor) -> Tensor:
        return x / (self.var + 1e-8).sqrt().to(x.dtype)


class NotScaled(Wrong):
    """No spread."""

    def normalize(self, x: Tensor) -> Tensor:
        return x - self.mean.to(x.dtype)


class OwnBatch(Wrong):
    """Statistics of what is normalised."""

    def normalize(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-8).sqrt()


class UpdatesWhileNormalizing(Wrong):
    """Looking changes it."""

    def normalize(self, x: Tensor) -> Tensor:
        self.update(x.detach())
        return super().normalize(x)


class CutFromTheGraph(Wrong):
    """No gradient."""

    def normalize(self, x: Tensor) -> Tensor:
        return super().normalize(x.detach())


class SquaresKept:
    """Right: counts, sums and sums of squares."""

    def __init__(self, shape) -> None:
        self.count, self.sum, self.squares = 0, torch.zeros(shape), torch.zeros(shape)
        self.mean, self.var = torch.zeros(shape), torch.ones(shape)

    def update(self, batch) -> None:
        self.count += len(batch)
        self.sum, self.squares = self.sum + batch.sum(0), self.squares + (batch**2).sum(0)
        self.mean = self.sum / self.count
        self.var = self.squares / self.count - self.mean**2

    def normalize(self, x) -> Tensor:
        return (x - self.mean.to(x.dtype)) / torch.sqrt(self.var.to(x.dtype) + 1e-8)


class RowByRow:
    """Right: Welford's rule, one row after the other, in float64 inside."""

    def __init__(self, shape) -> None:
        self.seen, self.squares = 0, torch.zeros(shape, dtype=torch.float64)
        self.mean, self.var = torch.zeros(shape), torch.ones(shape)

    def update(self, batch) -> None:
        for row in batch.detach().double():
            self.seen += 1
            before = row - self.mean
            self.mean = self.mean + before / self.seen
            self.squares = self.squares + before * (row - self.mean)
        self.var = self.squares / self.seen

    def normalize(self, x) -> Tensor:
        return ((x.double() - self.mean) * (self.var + 1e-8) ** -0.5).to(x.dtype)


EXERCISE = Exercise(
    name="RunningNormalizer",
    reference=RunningNormalizer,
    cases=cases,
    statement="its statistics are those of all rows together, however they came in",
    points={VALUE: 1, EDGE: 1},
    gradient=("x",),
    mistakes=(
        Mistake(
            "sample-variance",
            "The variance has n − 1 below. Here it is the population's, with n: two portions merge "
            "exactly only if each is weighed by its number of rows.",
            SampleVariance,
        ),
        Mistake(
            "spread-between-forgotten",
            "The variance is the mean of the portions' variances. How far apart their *means* are "
            "is missing: + δ² n n_B/(n + n_B)². Two constant portions, 0 and 10, are not constant "
            "together.",
            NoSpreadBetween,
        ),
        Mistake(
            "mean-of-means",
            "All portions weigh the same in the mean, however many rows they have. Weigh by rows: "
            "mean + δ n_B/(n + n_B).",
            MeanOfMeans,
        ),
        Mistake(
            "last-portion-only",
            "The statistics are those of the last portion; everything before is forgotten.",
            LastBatchOnly,
        ),
        Mistake(
            "first-portion-only",
            "The statistics stay as they were after the first portion.",
            FirstBatchOnly,
        ),
        Mistake(
            "count-not-added-up",
            "The number of rows is that of the last portion, so all that came before weighs too "
            "little in the next one. Add it up.",
            CountForgotten,
        ),
        Mistake(
            "start-counted",
            "Mean 0 and variance 1, with which you start, count as a row that was seen. They stand "
            "for nothing: the count starts at 0.",
            StartCounted,
        ),
        Mistake(
            "starts-without-spread",
            "Before the first update the variance is 0, so everything is multiplied by 10,000. "
            "Start with 1, and nothing is scaled.",
            StartsAtZeroSpread,
        ),
        Mistake(
            "moving-average",
            "That is an exponential moving average: old rows fade, and the start shows for long. "
            "Every row shall count the same.",
            MovingAverage,
        ),
        Mistake(
            "one-for-all",
            "One mean and one variance for all numbers of a row. A speed and an angle have scales "
            "of their own: statistics over the rows only, axis 0.",
            OneForAll,
        ),
        Mistake(
            "no-eps",
            "Right until a number never changes: its variance is 0, and the division fails. Add "
            "1e-8 under the root.",
            NoEps,
        ),
        Mistake(
            "eps-outside-the-root",
            "1e-8 is added to the standard deviation. Under the root it keeps the divisor above "
            "1e-4; outside, a number that has never changed is blown up by 10⁸.",
            EpsOutside,
        ),
        Mistake(
            "by-the-variance",
            "You divide by the variance. Its unit is the square of x's; divide by its root.",
            ByTheVariance,
        ),
        Mistake("not-centred", "The mean is not subtracted before the division.", NotCentred),
        Mistake(
            "not-scaled",
            "The mean is subtracted, but nothing is divided: the scales stay as they were.",
            NotScaled,
        ),
        Mistake(
            "own-batch",
            "`normalize` uses the statistics of the rows it is given. A single observation would "
            "always come out as 0: use what was learned in `update`.",
            OwnBatch,
        ),
        Mistake(
            "updates-while-normalizing",
            "`normalize` changes the statistics. Then judging a policy changes it, and the same "
            "observation comes out differently the second time. Only `update` learns.",
            UpdatesWhileNormalizing,
        ),
        Mistake(
            "cut-from-the-graph",
            "The values are right, but no gradient reaches x: the statistics are constants, the "
            "input is not.",
            CutFromTheGraph,
        ),
    ),
    variants=(SquaresKept, RowByRow),
)
