"""Concept questions: a right choice, and for every choice the reason why it is or is not right.

The question itself stands in the lesson; only the explanations live in `questions/`.
"""

import importlib
import pkgutil
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

PREFIX = "answer_"


@dataclass(frozen=True)
class Question:
    """One question: its name as in `answer_<name>`, the right letter, an explanation a letter."""

    name: str
    right: str
    explanations: Mapping[str, str]
    points: float = 1.0

    def __post_init__(self) -> None:
        if self.right not in self.explanations:
            raise ValueError(f"{self.name}: the right choice {self.right!r} has no explanation")


@cache
def all_questions() -> dict[str, Question]:
    """All questions of the course by name."""
    package = importlib.import_module("course_lib.checks.questions")
    modules = (
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    )
    return {question.name: question for module in modules for question in module.QUESTIONS}


def load_question(function: Callable[[], str]) -> Question:
    """The question that a function named `answer_…` answers."""
    name = getattr(function, "__name__", "").removeprefix(PREFIX)
    if name not in all_questions():
        raise ValueError(
            f"There is no question called {name!r}: check_answer needs the function of the cell "
            "above, as in check_answer(answer_why_log)"
        )
    return all_questions()[name]


def judge_answer(question: Question, function: Callable[[], str]) -> tuple[str, bool]:
    """The letter that was chosen, "" for none, and whether it is right."""
    try:
        chosen = function()
    except NotImplementedError:
        return "", False
    letter = chosen.strip().lower().strip("().") if isinstance(chosen, str) else ""
    return (letter if letter in question.explanations else ""), letter == question.right


def answered_text(question: Question, letter: str, right: bool) -> str:
    """What the student reads."""
    if not letter:
        letters = ", ".join(f'"{choice}"' for choice in question.explanations)
        return (
            f"✗ {question.name}: not answered yet (0 of {question.points:g} points)\n"
            f"  Return one of the letters {letters} in the cell above, run it, then this one again."
        )
    mark = f"✓ {letter} is right." if right else f"✗ {letter} is not it."
    text = f"{mark} {question.explanations[letter]}"
    lines = textwrap.wrap(text, 92, subsequent_indent="  ")
    return "\n".join(lines)
