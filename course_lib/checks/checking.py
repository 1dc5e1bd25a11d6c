"""`check` and `check_answer`: what a notebook calls after an exercise."""

from collections.abc import Callable
from difflib import get_close_matches

from course_lib.checks.agent_tasks import AGENT_TASKS, AgentTask
from course_lib.checks.bank import exercise_names, load_exercise
from course_lib.checks.comparing import Difference
from course_lib.checks.judging import HIDDEN_SEEDS, VISIBLE_SEEDS, Verdict, judge
from course_lib.checks.message import failed_text, fill_lines, no_exercise_text, passed_line
from course_lib.checks.question import PREFIX, answered_text, judge_answer, load_question
from course_lib.desk.recording import record


class CheckFailed(AssertionError):
    """A failed check. It shows its message and nothing of its own inside.

    Attributes:
        exercise: the exercise's or question's name.
        mistake: the name of the known mistake that was recognised, or None.
        points, possible: what the function earns and what it could.
        failures: everything that is wrong, as `Difference`s.
    """

    def __init__(
        self,
        message: str,
        *,
        exercise: str,
        mistake: str | None = None,
        points: float = 0.0,
        possible: float = 0.0,
        failures: tuple[Difference, ...] = (),
    ) -> None:
        super().__init__(message)
        self.exercise = exercise
        self.mistake = mistake
        self.points = points
        self.possible = possible
        self.failures = failures

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return str(self).split("\n")


def check(function: Callable, *, hidden: bool = False, exercise: str | None = None) -> None:
    """Check a function of yours against the course's: value, gradient, dtype, shape, inputs.

    A whole agent (`capstone_agent`) is not compared: it plays, and its mean return counts.

    Args:
        function: your function; its name says which exercise it solves.
        hidden: run more cases, drawn with other seeds. Their numbers are not shown.
        exercise: the exercise's name, if your function has another one.

    Raises:
        CheckFailed: something is wrong; the message says what, and which known mistake it is.
        ValueError: there is no exercise of that name.
        TypeError: `function` cannot be called.
    """
    if not callable(function):
        raise TypeError(
            "check needs the function itself, as in check(reinforce_loss); "
            f"it got a {type(function).__name__}: leave the brackets off"
        )
    name = exercise or getattr(function, "__name__", type(function).__name__)
    if name in AGENT_TASKS:
        check_agent(AGENT_TASKS[name], function, hidden=hidden)
        return
    try:
        found = load_exercise(name)
    except KeyError:
        close_names = get_close_matches(name, [*exercise_names(), *AGENT_TASKS], n=2)
        raise ValueError(no_exercise_text(name, close_names)) from None
    verdict = judge(found, function, HIDDEN_SEEDS if hidden else VISIBLE_SEEDS)
    told = "" if hidden else recorded(verdict)
    if verdict.passed:
        print(passed_line(verdict, hidden) + told)
        return
    raise CheckFailed(
        failed_text(verdict, hidden) + told,
        exercise=found.name,
        mistake=verdict.diagnosis.name if verdict.diagnosis else None,
        points=verdict.points,
        possible=found.possible,
        failures=verdict.failures,
    ) from None


def check_agent(task: AgentTask, agent: Callable, *, hidden: bool) -> None:
    """Let an agent play its task; it passes with all points.

    Raises:
        CheckFailed: the agent earns less; the message says how far it is.
    """
    from course_lib.checks.agent_checking import find_out  # brings the environments along

    found = find_out(task, agent, hidden=hidden)
    text, passed = found.text, found.points == task.possible
    if found.played and not hidden:
        points = (found.points, task.possible)
        text += added(record(task.name, *points, passed=passed, mistake=found.mistake))
    if passed:
        print(text)
        return
    raise CheckFailed(
        text,
        exercise=task.name,
        mistake=found.mistake,
        points=found.points,
        possible=task.possible,
    ) from None


def check_answer(function: Callable[[], str]) -> None:
    """Check the answer to a concept question and explain the choice.

    Args:
        function: `answer_…`, which returns a letter.

    Raises:
        CheckFailed: the choice is wrong; the message says why.
        ValueError: there is no question of that name.
    """
    question = load_question(function)
    letter, right = judge_answer(question, function)
    name, text = f"{PREFIX}{question.name}", answered_text(question, letter)
    points, mistake = (question.points, None) if right else (0.0, f"chose-{letter}")
    if letter:
        text += added(record(name, points, question.points, passed=right, mistake=mistake))
    if right:
        print(text)
        return
    raise CheckFailed(
        text,
        exercise=name,
        mistake=mistake if letter else None,
        points=0.0,
        possible=question.points,
    ) from None


def recorded(verdict: Verdict) -> str:
    """Record a check where the student keeps their work; what to add to the message."""
    first = verdict.failures[0].kind if verdict.failures else ""
    if first == "missing":
        return ""
    return added(
        record(
            verdict.exercise.name,
            verdict.points,
            verdict.exercise.possible,
            passed=verdict.passed,
            mistake=verdict.diagnosis.name if verdict.diagnosis else None,
        )
    )


def added(remark: str) -> str:
    """A remark of the student's records, as the end of a message."""
    return "".join(f"\n{line}" for line in fill_lines(remark, "  ")) if remark else ""
