"""The exercise `line_search`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.callables import Bowl
from course_lib.checks.drawing import normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.trust_region import line_search


def cases(generator: torch.Generator) -> list[Case]:
    """Steps that pass at once, that go too far in either way, that never pass, that pass last."""

    def search(
        peak: float, room: float, ratio: float = 0.5, tries: int = 6, size: int = 3
    ) -> dict[str, Any]:
        """The objective is highest at `peak` steps; at one step, KL is max_kl / `room`."""
        parameters, step = normal(generator, size), normal(generator, size)
        hill = Bowl(parameters + peak * step, uniform(generator, 0.5, 2.0, size))
        valley = Bowl(parameters.clone(), -uniform(generator, 0.5, 2.0, size))
        return {
            "objective": hill,
            "kl": valley,
            "parameters": parameters,
            "step": step,
            "max_kl": room * float(valley(parameters + step)),
            "backtrack_ratio": ratio,
            "max_backtracks": tries,
        }

    flat = search(1.0, 9.0)
    flat["objective"] = Bowl(flat["parameters"], torch.zeros(3, dtype=torch.float64))
    exact = search(5.0, 1.0, size=1)
    exact |= {
        "parameters": torch.zeros(1, dtype=torch.float64),
        "step": torch.ones(1, dtype=torch.float64),
        "kl": Bowl(torch.zeros(1).double(), torch.tensor([-0.5], dtype=torch.float64)),
        "objective": Bowl(torch.full((1,), 3.0).double(), torch.ones(1).double()),
        "max_kl": 0.25,
    }
    # A step of length t is better than none for t < 2 · peak, and near enough for t² ≤ room.
    return [
        Case("the full step passes", search(2.0, 3.0, size=2)),
        Case("the full step goes too far: twice halved", search(2.0, 0.1)),
        Case("the full step makes it worse", search(0.35, 5.0)),
        Case("first worse, then too far", search(0.45, 0.3, ratio=0.8)),
        Case("just outside", search(2.0, 0.8, ratio=0.7), EDGE),
        Case("exactly at the limit", exact, EDGE),
        Case("no length makes it better", search(-1.0, 9.0), EDGE),
        Case("as good as before is not better", flat, EDGE),
        Case("no length is short enough", search(2.0, 1e-4, tries=4), EDGE),
        Case("the last try passes", search(2.0, 0.02, tries=4), EDGE),
        Case("a single try", search(2.0, 0.5, tries=1), EDGE),
    ]


def search_with(
    objective, kl, parameters, step, max_kl, backtrack_ratio, max_backtracks,
    *, lengths=None, passes=None, failed=None,
):  # fmt: skip
    """What all wrong versions share: the search with one thing exchanged."""
    before, candidate = objective(parameters), parameters
    lengths = lengths or [backtrack_ratio**i for i in range(max_backtracks)]
    for length in lengths:
        candidate = parameters + length * step
        better, near = objective(candidate) > before, kl(candidate) <= max_kl
        if passes(better, near, candidate) if passes else better and near:
            return candidate, True
    return (candidate if failed == "last" else parameters), False


def never_shrinks(**inputs):
    return search_with(**inputs, lengths=[1.0])


def starts_shrunk(**inputs):
    ratio, tries = inputs["backtrack_ratio"], inputs["max_backtracks"]
    return search_with(**inputs, lengths=[ratio ** (i + 1) for i in range(tries)])


def one_try_more(**inputs):
    ratio, tries = inputs["backtrack_ratio"], inputs["max_backtracks"]
    return search_with(**inputs, lengths=[ratio**i for i in range(tries + 1)])


def one_try_less(**inputs):
    ratio, tries = inputs["backtrack_ratio"], inputs["max_backtracks"]
    return search_with(**inputs, lengths=[ratio**i for i in range(tries - 1)] or [0.0])


def linear_shrinking(**inputs):
    tries = inputs["max_backtracks"]
    return search_with(**inputs, lengths=[1 - i / tries for i in range(tries)])


def always_halves(**inputs):
    return search_with(**inputs, lengths=[0.5**i for i in range(inputs["max_backtracks"])])


def only_kl(**inputs):
    return search_with(**inputs, passes=lambda better, near, candidate: near)


def only_improvement(**inputs):
    return search_with(**inputs, passes=lambda better, near, candidate: better)


def either(**inputs):
    return search_with(**inputs, passes=lambda better, near, candidate: better or near)


def at_once(**inputs):
    return search_with(**inputs, passes=lambda better, near, candidate: True)


def wants_worse(**inputs):
    before = inputs["objective"](inputs["parameters"])

    def passes(better, near, candidate):
        return near and inputs["objective"](candidate) < before

    return search_with(**inputs, passes=passes)


def equal_is_enough(**inputs):
    before = inputs["objective"](inputs["parameters"])

    def passes(better, near, candidate):
        return near and inputs["objective"](candidate) >= before

    return search_with(**inputs, passes=passes)


def strictly_inside(**inputs):
    def passes(better, near, candidate):
        return better and inputs["kl"](candidate) < inputs["max_kl"]

    return search_with(**inputs, passes=passes)


def half_as_much_again(**inputs):
    def passes(better, near, candidate):
        return better and inputs["kl"](candidate) <= 1.5 * inputs["max_kl"]

    return search_with(**inputs, passes=passes)


def against_zero(**inputs):
    def passes(better, near, candidate):
        return near and inputs["objective"](candidate) > 0

    return search_with(**inputs, passes=passes)


def best_of_all(**inputs):
    start, ratio = inputs["parameters"], inputs["backtrack_ratio"]
    lengths = [ratio**i for i in range(inputs["max_backtracks"])]
    candidates = [start + length * inputs["step"] for length in lengths]
    allowed = [one for one in candidates if inputs["kl"](one) <= inputs["max_kl"]]
    allowed = [one for one in allowed if inputs["objective"](one) > inputs["objective"](start)]
    return (max(allowed, key=inputs["objective"]), True) if allowed else (start, False)


def shortest_that_passes(**inputs):
    ratio, tries = inputs["backtrack_ratio"], inputs["max_backtracks"]
    return search_with(**inputs, lengths=[ratio**i for i in reversed(range(tries))])


def last_candidate_after_failure(**inputs):
    return search_with(**inputs, failed="last")


def accepted_always(**inputs):
    return line_search(**inputs)[0], True


def against_the_step(**inputs):
    return line_search(**(inputs | {"step": -inputs["step"]}))


def step_returned(**inputs):
    parameters, accepted = line_search(**inputs)
    return parameters - inputs["parameters"], accepted


def parameters_only(**inputs):
    return line_search(**inputs)[0]


def changes_parameters(**inputs):
    parameters, accepted = line_search(**(inputs | {"parameters": inputs["parameters"].clone()}))
    inputs["parameters"].copy_(parameters)
    return inputs["parameters"], accepted


def step_changed(**inputs):
    parameters, accepted = line_search(**(inputs | {"step": inputs["step"].clone()}))
    inputs["step"].mul_(inputs["backtrack_ratio"])
    return parameters, accepted


def shrinks_a_copy(
    objective, kl, parameters, step, max_kl, backtrack_ratio, max_backtracks
) -> tuple[Tensor, bool]:
    """Right: a copy of the step is shortened after each failure."""
    start, tries = float(objective(parameters)), 0
    while tries < max_backtracks:
        candidate = parameters + step
        if float(kl(candidate)) <= max_kl and float(objective(candidate)) > start:
            return candidate, True
        step, tries = backtrack_ratio * step, tries + 1
    return parameters.clone(), False


def all_at_once(
    objective, kl, parameters, step, max_kl, backtrack_ratio, max_backtracks
) -> tuple[Tensor, bool]:
    """Right: all lengths in one table, the first that passes, the answer as a tensor."""
    lengths = torch.tensor([backtrack_ratio**i for i in range(max_backtracks)])
    table = parameters + lengths.to(step.dtype).unsqueeze(1) * step
    better = torch.stack([objective(one) for one in table]) > objective(parameters)
    passed = better & (torch.stack([kl(one) for one in table]) <= max_kl)
    chosen = table[int(passed.int().argmax())] if passed.any() else parameters
    return chosen, passed.any()


EXERCISE = Exercise(
    name="line_search",
    reference=line_search,
    cases=cases,
    statement="the longest of the tried steps that keeps both promises, or none",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "never-shrinks",
            "No step shorter than the full one is tried. If that fails, shorten it: θ + ratio^i · "
            "step, always from θ (a step from the last candidate would lead further away).",
            never_shrinks,
        ),
        Mistake(
            "starts-shrunk",
            "The full step is never tried: i starts at 0, and ratio⁰ = 1.",
            starts_shrunk,
        ),
        Mistake(
            "one-try-more",
            "One length too many is tried: i goes from 0 to max_backtracks − 1.",
            one_try_more,
        ),
        Mistake(
            "one-try-less",
            "One length too few is tried: i goes from 0 to max_backtracks − 1.",
            one_try_less,
        ),
        Mistake(
            "linear-shrinking",
            "The lengths fall by the same amount each time. They fall by the same *factor*: "
            "ratio^i.",
            linear_shrinking,
        ),
        Mistake(
            "always-halves",
            "The step is halved whatever `backtrack_ratio` says.",
            always_halves,
        ),
        Mistake(
            "only-kl",
            "Only the KL divergence is looked at. A step that lowers the objective is refused, "
            "too.",
            only_kl,
        ),
        Mistake(
            "only-improvement",
            "Only the objective is looked at. Without the KL divergence there is no trust region.",
            only_improvement,
        ),
        Mistake(
            "either",
            "One of the two conditions is enough for you. Both must hold: and, not or.",
            either,
        ),
        Mistake(
            "at-once",
            "The full step is taken without a question. That is TNPG; the line search asks.",
            at_once,
        ),
        Mistake(
            "wants-worse",
            "A *lower* objective is accepted. It is to be raised.",
            wants_worse,
        ),
        Mistake(
            "equal-is-enough",
            "An objective as high as before is accepted. It must be higher.",
            equal_is_enough,
        ),
        Mistake(
            "strictly-inside",
            "A step with a KL divergence of exactly max_kl is refused. Up to the limit, and the "
            "limit itself: ≤.",
            strictly_inside,
        ),
        Mistake(
            "half-as-much-again",
            "You accept up to 1.5 · max_kl, as a well-known implementation does. The limit is "
            "max_kl.",
            half_as_much_again,
        ),
        Mistake(
            "against-zero",
            "The objective is compared with 0. Compare it with what it was at θ.",
            against_zero,
        ),
        Mistake(
            "best-of-all",
            "All lengths are tried and the best is kept. The *first* that passes is taken: the "
            "objective is only trusted so far.",
            best_of_all,
        ),
        Mistake(
            "shortest-that-passes",
            "You begin with the shortest step. Begin with the full one.",
            shortest_that_passes,
        ),
        Mistake(
            "last-candidate-after-failure",
            "When nothing passes, you return the last candidate, which has been refused. Return θ "
            "as it was.",
            last_candidate_after_failure,
        ),
        Mistake(
            "accepted-always",
            "`accepted` is true although nothing passed. Then it is False, and θ stays.",
            accepted_always,
        ),
        Mistake(
            "against-the-step",
            "You go against the step: θ − ratio^i · step. It leads up, so add it.",
            against_the_step,
        ),
        Mistake(
            "step-returned",
            "You return the step. The new parameters are wanted: θ + ratio^i · step.",
            step_returned,
        ),
        Mistake(
            "parameters-only",
            "Return two things: the parameters, and whether a step was accepted.",
            parameters_only,
        ),
        Mistake("changes-parameters", IN_PLACE, changes_parameters),
        Mistake("changes-step", IN_PLACE, step_changed),
    ),
    variants=(shrinks_a_copy, all_at_once),
)
