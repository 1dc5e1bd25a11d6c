"""Decides about a function: which cases fail, which mistake it is, how many points it earns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.checks.broadcast import broadcast_mistake
from course_lib.checks.comparing import Difference, differences, reaches, same_outcome
from course_lib.checks.explanations import IN_PLACE
from course_lib.checks.outcome import run_cases
from course_lib.checks.problem import EDGE, GRADIENT, NUMERICS, VALUE, Outcome, Problem, WorkedCase
from course_lib.checks.relations import Diagnosis, general_mistake

VISIBLE_SEEDS = (0,)
HIDDEN_SEEDS = (0, 1, 2, 3)
NUMBERS = ("value", "shape", "gradient")
GRADIENTS = ("gradient", "no-gradient", "leak")
NO_RESULT = ("error", "missing", "type", "count", "shape")


@dataclass(frozen=True)
class Run:
    """A case with its answers, what came out of it and what is wrong with that."""

    worked: WorkedCase
    got: Outcome
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Verdict:
    """What a check found out about one function."""

    exercise: Problem
    failures: tuple[Difference, ...]
    diagnosis: Diagnosis | None
    points: float
    num_cases: int
    noted: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures


def judge(exercise: Problem, function: Callable, seeds: Sequence[int] = VISIBLE_SEEDS) -> Verdict:
    """Run the function on all cases of these seeds and weigh the results."""
    runs: list[Run] = []
    todo = [one for seed in seeds for one in exercise.worked(seed)]
    outcomes = run_cases(exercise, function, [one.case for one in todo])
    for worked, got in zip(todo, outcomes, strict=True):
        found = differences(exercise, worked.case, worked.wanted, got)
        runs.append(Run(worked, got, tuple(found)))
        if any(one.kind == "missing" for one in runs[-1].differences):
            break
    failures = tuple(one for run in runs for one in run.differences)
    noted = tuple(
        name
        for name in exercise.noted_gradient
        if any(reaches(run.got.gradients.get(name)) for run in runs)
    )
    diagnosis = diagnose(exercise, function, runs)
    return Verdict(exercise, failures, diagnosis, earned(exercise, failures), len(runs), noted)


def diagnose(exercise: Problem, function: Callable, runs: Sequence[Run]) -> Diagnosis | None:
    """The known mistake that gives what came out, else a general one, else None.

    A mistake that fits every case comes first, then one that fits all ordinary cases: two versions
    of one mistake may part where a batch has one element or a spread is zero.
    """
    failed = [run for run in runs if run.differences]
    if not failed or failed[0].differences[0].kind == "missing":
        return None
    failed_first = [*failed, *(run for run in runs if not run.differences)]
    ordinary = [run for run in failed_first if run.worked.case.part == VALUE]
    for some in (failed_first, ordinary):
        known = fitting_mistake(exercise, some)
        if known:
            return known
    if failed[0].differences[0].kind in NUMBERS:
        broadcast = broadcast_mistake(exercise, function, failed[0].worked.case)
        if broadcast:
            return broadcast
    if all(one.kind == "changed" for run in failed for one in run.differences):
        return Diagnosis("changes-input", IN_PLACE)
    return general_mistake([(run.worked.wanted, run.got) for run in failed])


def fitting_mistake(exercise: Problem, runs: Sequence[Run]) -> Diagnosis | None:
    """The first known mistake with the same outcome in all of these runs, if one of them failed."""
    if not any(run.differences for run in runs):
        return None
    for place, mistake in enumerate(exercise.mistakes):
        if all(same_outcome(exercise, run.worked.mistaken(place), run.got) for run in runs):
            return Diagnosis(mistake.name, mistake.explanation)
    return None


def earned(exercise: Problem, failures: Sequence[Difference]) -> float:
    """Points of the parts in which nothing failed.

    Edge cases and numerics only count when the ordinary value is right, so that a constant earns
    nothing for being finite. A gradient that is wrong everywhere costs the gradient's points, one
    that is wrong in extreme cases only costs theirs.
    """
    if any(one.part == GRADIENT for one in failures):
        failures = [one for one in failures if one.kind not in GRADIENTS or one.part == GRADIENT]
    broken = {one.part if one.part in exercise.points else VALUE for one in failures}
    if VALUE in broken:
        broken |= {EDGE, NUMERICS}
        if any(one.kind in NO_RESULT for one in failures):
            broken.add(GRADIENT)
    return sum(points for part, points in exercise.points.items() if part not in broken)
