"""Training runs in words: the closing line, the title of a curve, alternative text."""

from collections.abc import Iterable

from course_lib.figures.history import History, solved_at
from course_lib.figures.page import is_static
from course_lib.figures.plan import Plan


def verdict(history: History, plan: Plan) -> str:
    """One line on how a run ended: nothing but what is true."""
    steps = f"{last_step(history):,} steps"
    if history.ended == "failed":
        return f"Stopped by an error after {steps} of training."
    if history.ended == "interrupted":
        return f"Interrupted after {steps}; what was learned so far is kept."
    spent = steps if is_static() else f"{steps}, {history.seconds:.1f} s of training"
    if history.ended == "solved":
        return f"Solved after {spent}: {held(plan)}{compared(history, plan)}."
    last = f", the last mean return {rounded(history.returns[-1])}" if len(history.returns) else ""
    line = f"{spent}{last}"
    if plan.threshold is None:
        return f"{line}."
    if history.solved_at is None:
        missed = f"{plan.threshold:g} was not reached three times in a row"
        return f"{line}; {missed}{compared(history, plan)}."
    when = f"solved after {history.solved_at:,} steps"
    return f"{line}; {when}: {held(plan)}{compared(history, plan)}."


def rounded(mean_return: float) -> str:
    """A mean return as one reads it: whole numbers from 10 on, two digits below."""
    return f"{mean_return:.0f}" if abs(mean_return) >= 10 else f"{mean_return:.2g}"


def held(plan: Plan) -> str:
    """What it takes to count as solved."""
    return f"at least {plan.threshold:g} in three evaluations in a row"


def last_step(history: History) -> int:
    """Environment steps at the end."""
    return int(history.update_steps[-1]) if history.update_steps.size else 0


def compared(history: History, plan: Plan) -> str:
    """How many reference seeds were slower, or solved it within the same steps."""
    if plan.band is None or plan.threshold is None:
        return ""
    ends = [solved_at(plan.band.env_steps, one, plan.threshold) for one in plan.band.returns]
    if history.solved_at is None:
        quick = sum(end is not None and end <= last_step(history) for end in ends)
        return f"; {quick} of {len(ends)} reference seeds had solved it by then"
    slower = sum(end is None or end > history.solved_at for end in ends)
    return f"; {slower} of {len(ends)} reference seeds {'was' if slower == 1 else 'were'} slower"


def headline(history: History) -> str:
    """The finding of one curve."""
    steps, last = f"{last_step(history):,} steps", rounded(history.returns[-1])
    if history.ended in ("interrupted", "failed"):
        return f"{history.label}: {history.ended} after {steps}"
    if history.ended == "solved":
        return f"{history.label}: solved after {steps}"
    return f"{history.label}: a mean return of {last} after {steps}"


def describe_curves(histories: Iterable[History]) -> str:
    """Alternative text: where each curve begins, how high it gets and where it ends."""
    return " ".join(describe_curve(history) for history in histories)


def describe_curve(history: History) -> str:
    """One sentence on one curve."""
    if not len(history.env_steps):
        return f"{history.label}: nothing to see yet."
    steps, returns = history.env_steps, history.returns
    text = f"{history.label}: the mean return is {rounded(returns[0])} after {steps[0]:,} steps"
    if len(steps) == 1:
        return text + "."
    best = int(returns.argmax())
    if 0 < best < len(steps) - 1:
        text += f", {rounded(returns[best])} at its best after {steps[best]:,}"
    return f"{text} and {rounded(returns[-1])} at the end, after {steps[-1]:,}."


def describe_reference(plan: Plan) -> str:
    """What a learning curve is held against."""
    words = "" if plan.threshold is None else f" A dashed line marks {plan.threshold:g}, the goal."
    if plan.band is not None:
        words += f" Behind it, in grey, is the band of {len(plan.band.returns)} reference seeds."
    return words
