"""What a student reads after a check: for someone who has been stuck for twenty minutes."""

import textwrap
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.comparing import Difference, short
from course_lib.checks.judging import Verdict
from course_lib.checks.problem import Case, Seed

MOST_ITEMS = 20  # of a list or tuple that is shown
WIDTH = 92
NOTE = (
    "Note: a gradient flows through {names}. For this function that is allowed; a loss that uses "
    "the result as a constant must detach it."
)
SHOWN = ("value", "finite", "gradient", "no-gradient", "leak", "shape", "dtype", "type", "count")
KINDS = {
    "missing": "not written",
    "error": "it raises",
    "type": "return type",
    "count": "number of results",
    "shape": "shape",
    "dtype": "dtype",
    "finite": "finite",
    "value": "value",
    "changed": "inputs left alone",
    "gradient": "gradient",
    "no-gradient": "gradient",
    "leak": "constants detached",
}


def passed_line(verdict: Verdict, hidden: bool) -> str:
    """One line that says what is now true, and a remark where one is due."""
    exercise = verdict.exercise
    if hidden:
        return f"✓ {exercise.name}: other seeds give the same ({verdict.num_cases} cases)."
    line = f"✓ {exercise.name}: {exercise.statement} ({verdict.num_cases} cases)."
    if not verdict.noted:
        return line
    names = " and ".join(f"`{name}`" for name in verdict.noted)
    return f"{line}\n{fill(NOTE.format(names=names), '  ')}"


def failed_text(verdict: Verdict, hidden: bool) -> str:
    """The whole message of a failed check."""
    exercise, first = verdict.exercise, verdict.failures[0]
    points = f"{number(verdict.points)} of {number(exercise.possible)} points"
    if first.kind == "missing":
        return "\n".join(
            [
                f"✗ {exercise.name}: not written yet ({points})",
                fill(
                    "Write it in the cell above, run that cell, then run this one again.",
                    "  ",
                ),
            ]
        )
    diagnosis = verdict.diagnosis
    title = diagnosis.name.replace("-", " ") if diagnosis else first.text.split("\n")[0]
    lines = [f"✗ {exercise.name}: {title} ({points})"]
    if diagnosis:
        lines += ["", fill(diagnosis.explanation, "  ")]
    lines += ["", *evidence(first, hidden)]
    lines += ["", fill(summary(verdict), "  ")]
    return "\n".join(lines)


def evidence(first: Difference, hidden: bool) -> list[str]:
    """The first failing case: what was put in, what came out, what was wanted."""
    if hidden:
        return [fill(sentence(f"In a hidden case: {first.text}"), "  ")]
    lines = [
        fill(f"Case: {first.case.name}.", "  "),
        *fill_lines(sentence(f"Here {first.text}"), "  "),
    ]
    lines += inputs_text(first.case)
    if first.kind in SHOWN:
        of_gradient = " gradient" if first.kind in ("gradient", "no-gradient", "leak") else ""
        lines += [
            f"    came out{of_gradient}: {show(first.got)}",
            f"    wanted{of_gradient}:   {show(first.wanted)}",
        ]
        lines += first_element(first)
    return lines


def first_element(first: Difference) -> list[str]:
    """Where the first wrong element of a larger tensor is."""
    got, wanted = first.got, first.wanted
    if not isinstance(got, Tensor) or not isinstance(wanted, Tensor):
        return []
    if got.shape != wanted.shape or got.ndim == 0 or got.numel() < 2:
        return []
    wrong = ~torch.isclose(got.double(), wanted.double(), rtol=1e-4, atol=1e-6, equal_nan=True)
    if not bool(wrong.any()):
        return []
    index = tuple(int(place) for place in wrong.nonzero()[0])
    names = axis_names(first.case, got.ndim)
    where = ", ".join(f"{name} = {place}" for name, place in zip(names, index, strict=True))
    count = f"{int(wrong.sum())} of {wrong.numel()}"
    return [
        f"    {count} elements differ, the first at {where}: "
        f"{number(float(got[index]))} came out, {number(float(wanted[index]))} was wanted"
    ]


def axis_names(case: Case, ndim: int) -> tuple[str, ...]:
    """What the axes of a result are called: time and environments, if there are rewards."""
    if ndim == 2:
        return ("t", "env") if "reward" in case.inputs else ("row", "column")
    return ("index",) if ndim == 1 else tuple(f"axis {i}" for i in range(ndim))


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends in a mark of its own."""
    return text if text.endswith("?") else f"{text}."


def summary(verdict: Verdict) -> str:
    """What works and what does not, over all cases."""
    broken = list(dict.fromkeys(KINDS[one.kind] for one in verdict.failures))
    cases = len({id(one.case) for one in verdict.failures})
    text = f"{cases} of {verdict.num_cases} cases fail: {', '.join(broken)}."
    compared = ("value", "gradient") if verdict.exercise.gradient else ("value",)
    fine = [name for name in compared if name not in broken and verdict.points]
    if fine and not any(one.kind in ("error", "type", "shape") for one in verdict.failures):
        text += f" Right already: {', '.join(fine)}."
    return text


def inputs_text(case: Case) -> list[str]:
    """The inputs of a case, one a line."""
    width = max((len(name) for name in case.inputs), default=0)
    return [f"    {name:<{width}} = {show(value)}" for name, value in case.inputs.items()]


def show(value: Any) -> str:
    """A value in few characters: numbers with four digits, large tensors by shape and beginning."""
    if isinstance(value, Seed):
        return f"torch.Generator with seed {value.number}"
    if isinstance(value, tuple | list):
        items = [show(item) for item in value[:MOST_ITEMS]] + ["…"] * (len(value) > MOST_ITEMS)
        return "(" + ", ".join(items) + ")"
    if isinstance(value, float):
        return number(value)
    if callable(value) and not isinstance(value, Tensor):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    if not isinstance(value, Tensor):
        return "none" if value is None else repr(value)
    if value.ndim == 0:
        return number(value.item())
    kind = "" if value.dtype == torch.float64 else f", {short(value.dtype)}"
    return f"{nested(value)}  {tuple(value.shape)}{kind}"


def nested(tensor: Tensor, most: int = 6, depth: int = 3) -> str:
    """The elements of a tensor in brackets; the tail of long axes and deep ones are left out."""
    if tensor.ndim == 0:
        return number(tensor.item())
    if depth == 0:
        return "…"
    items = [nested(item, most, depth - 1) for item in tensor[:most]]
    return "[" + ", ".join(items + ["…"] * (len(tensor) > most)) + "]"


def number(value: Any) -> str:
    """A number with four significant digits; whole numbers and booleans as they are."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return str(value)
    return f"{value:.4g}".replace("-", "−")


def fill(text: str, prefix: str) -> str:
    """Wrapped text with an indentation."""
    return textwrap.fill(text, WIDTH, initial_indent=prefix, subsequent_indent=prefix)


def fill_lines(text: str, prefix: str) -> list[str]:
    """The same, keeping the line breaks that the text brings along."""
    return [fill(line, prefix) for line in text.split("\n")]


def no_exercise_text(name: str, close_names: list[str]) -> str:
    """What to do when a function's name is not one of the course's."""
    hint = f" Did you mean {' or '.join(close_names)}?" if close_names else ""
    return (
        f"There is no exercise called {name!r}.{hint} If your function has another name, say which "
        'exercise it solves: check(my_function, exercise="reinforce_loss").'
    )
