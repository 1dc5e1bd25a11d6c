"""What a judge has to know of an exercise: its rules, its cases, and what should come of them.

Where the answers come from is said elsewhere: an `Exercise` runs its reference and its known
mistakes, a `RecordedExercise` of the student edition has written down what they gave.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

VALUE, GRADIENT, EDGE, NUMERICS = "value", "gradient", "edge cases", "numerics"


@dataclass(frozen=True)
class Seed:
    """Stands for a fresh `torch.Generator` with this seed, made anew for every call."""

    number: int


@dataclass(frozen=True)
class Case:
    """One set of keyword arguments, and the part of the points that it decides.

    `call` replaces the plain `function(**inputs)` where something has to be driven step by step or
    called twice; it returns the value to be compared. It is one of `drivers.py`.
    """

    name: str
    inputs: Mapping[str, Any]
    part: str = VALUE
    call: Callable[[Callable, dict[str, Any]], Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came out of one call: a detached value, gradients by input name, and side effects."""

    value: Any = None
    gradients: Mapping[str, Tensor | None] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    error: BaseException | None = None
    error_line: str = ""


@dataclass(frozen=True, eq=False)
class WorkedCase:
    """A case, what should come out of it, and what the known mistake at each place makes of it."""

    case: Case
    wanted: Outcome
    mistaken: Callable[[int], Outcome]


class Named(Protocol):
    """A known mistake: its name, and the sentence that explains it to who made it."""

    name: str
    explanation: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem(ABC):
    """The rules by which a function is judged.

    Args:
        name: the function's name in the curriculum.
        statement: what is true once the check passes, in one sentence without a full stop.
        points: points by part; parts without points are still checked, under "value".
        gradient: inputs that must receive the reference's gradient.
        no_gradient: inputs that must receive none.
        noted_gradient: inputs for which both are right, but a gradient is worth a remark.
        mistakes: known wrong versions; the first that matches is named.
        observe: turns (value, inputs) into what is compared; it is one of `drivers.py`.
        relative_tolerance, absolute_tolerance: for float64; float32 gets a hundred times more.
        sampling_noise: how far two samples of one distribution may lie apart, in absolute and in
            relative terms. It decides which known mistake a wrong sampler is, and never whether it
            is wrong.
    """

    name: str
    statement: str
    points: Mapping[str, float]
    gradient: tuple[str, ...] = ()
    no_gradient: tuple[str, ...] = ()
    noted_gradient: tuple[str, ...] = ()
    mistakes: Sequence[Named] = ()
    observe: Callable[[Any, Mapping[str, Any]], Any] | None = None
    relative_tolerance: float = 1e-5
    absolute_tolerance: float = 1e-6
    sampling_noise: float = 0.0

    @property
    def possible(self) -> float:
        """All points of the exercise."""
        return sum(self.points.values())

    @property
    def watched(self) -> tuple[str, ...]:
        """All inputs that are given with `requires_grad`."""
        return self.gradient + self.no_gradient + self.noted_gradient

    @abstractmethod
    def worked(self, seed: int) -> Sequence[WorkedCase]:
        """The cases of one seed with their answers.

        Raises:
            ValueError: this edition has no cases of that seed.
        """
