"""Checks of exercises: `check`, `check_answer`, and what an exercise is made of."""

from course_lib.checks.agent_tasks import AGENT_TASKS
from course_lib.checks.bank import exercise_names, load_exercise
from course_lib.checks.checking import CheckFailed, check, check_answer
from course_lib.checks.exercise import Exercise, Mistake
from course_lib.checks.judging import judge
from course_lib.checks.problem import EDGE, GRADIENT, NUMERICS, VALUE, Case, Problem, Seed
from course_lib.checks.question import Question, all_questions

__all__ = [
    "AGENT_TASKS",
    "EDGE",
    "GRADIENT",
    "NUMERICS",
    "VALUE",
    "Case",
    "CheckFailed",
    "Exercise",
    "Mistake",
    "Problem",
    "Question",
    "Seed",
    "all_questions",
    "check",
    "check_answer",
    "exercise_names",
    "judge",
    "load_exercise",
]
