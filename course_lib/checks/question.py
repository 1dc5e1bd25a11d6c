"""Concept questions: a right choice, and for every choice the reason why it is or is not right.

The question itself stands in the lesson; only the explanations live in `questions/`, or sealed in
the student edition.
"""

import importlib
import pkgutil
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from course_lib.checks.sealed import SealedQuestion, sealed_questions

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

    @property
    def letters(self) -> tuple[str, ...]:
        """The choices there are."""
        return tuple(self.explanations)

    def verdict(self, letter: str) -> tuple[bool, str]:
        """Whether a choice is right, and the explanation."""
        return letter == self.right, self.explanations[letter]


@cache
def all_questions() -> dict[str, Question | SealedQuestion]:
    """All questions of the course by name."""
    try:
        package = importlib.import_module("course_lib.checks.questions")
    except ModuleNotFoundError:
        return sealed_questions()
    modules = (
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    )
    return {question.name: question for module in modules for question in module.QUESTIONS}


def load_question(function: Callable[[], str]) -> Question | SealedQuestion:
    """The question that a function named `answer_…` answers."""
    name = getattr(function, "__name__", "").removeprefix(PREFIX)
    if name not in all_questions():
        raise ValueError(
            f"There is no question called {name!r}: check_answer needs the function of the cell "
            "above, as in check_answer(answer_why_log)"
        )
    return all_questions()[name]


def judge_answer(
    question: Question | SealedQuestion, function: Callable[[], str]
) -> tuple[str, bool]:
    """The letter that was chosen, "" for none, and whether it is right."""
    try:
        chosen = function()
    except NotImplementedError:
        return "", False
    letter = chosen.strip().lower().strip("().") if isinstance(chosen, str) else ""
    return (letter, question.verdict(letter)[0]) if letter in question.letters else ("", False)


def answered_text(question: Question | SealedQuestion, letter: str) -> str:
    """What the student reads."""
    if not letter:
        letters = ", ".join(f'"{choice}"' for choice in question.letters)
        return (
            f"✗ {question.name}: not answered yet (0 of {question.points:g} points)\n"
            f"  Return one of the letters {letters} in the cell above, run it, then this one again."
        )
    right, explanation = question.verdict(letter)
    text = f"✓ {letter} is right. " if right else f"✗ {letter} is not it. "
    lines = textwrap.wrap(text + explanation, 92, subsequent_indent="  ")
    return "\n".join(lines)
