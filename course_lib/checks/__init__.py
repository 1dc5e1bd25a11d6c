"""Checks of exercises: `check`, `check_answer`, and what an exercise is made of."""

from course_lib.checks.checking import CheckFailed, check, check_answer
from course_lib.checks.exercise import (
    EDGE,
    GRADIENT,
    NUMERICS,
    VALUE,
    Case,
    Exercise,
    Mistake,
    Seed,
    exercise_names,
    load_exercise,
)
from course_lib.checks.judging import judge
from course_lib.checks.question import Question, all_questions

__all__ = [
    "EDGE",
    "GRADIENT",
    "NUMERICS",
    "VALUE",
    "Case",
    "CheckFailed",
    "Exercise",
    "Mistake",
    "Question",
    "Seed",
    "all_questions",
    "check",
    "check_answer",
    "exercise_names",
    "judge",
    "load_exercise",
]
