"""What a check of a whole agent does and says; `checking.check` hands agents' tasks to it.

In the notebook the public episodes are played. Where work is graded (`graded_with`), points come
from fresh episodes alone, and nothing that an agent saw there is told.
"""

import secrets
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from course_lib.checks.agent_tasks import GRADING, AgentTask, Trial
from course_lib.checks.message import fill, number
from course_lib.checks.trials import AgentTrouble, play

PUBLIC_SEED = 20
NEAR = 2.0  # standard errors


@dataclass(frozen=True)
class Finding:
    """What a check of an agent found out.

    Attributes:
        text: what the student reads.
        points: what the agent earns.
        mistake: the trouble's name, or None.
        played: whether there was an agent to play.
    """

    text: str
    points: float = 0.0
    mistake: str | None = None
    played: bool = True


def find_out(task: AgentTask, agent: Callable, *, hidden: bool) -> Finding:
    """Play, and say what came of it.

    The visible part of a check plays the public episodes in a notebook, and nothing where work is
    graded: the better of two tries would depend on luck. The hidden part plays fresh ones, drawn
    from the system's entropy where no class has drawn them.
    """
    grading = GRADING.get()
    if grading and not hidden:
        count = task.fresh_episodes
        return Finding(f"{task.name}: {count:,} fresh episodes decide.", task.possible)
    if grading:
        grading.shown += 1
    seed = fresh_seed(task, grading.seed if grading else secrets.randbits(64))
    episodes, seed = (task.fresh_episodes, seed) if hidden else (task.public_episodes, PUBLIC_SEED)
    try:
        trial = play(agent, task, episodes, seed)
    except NotImplementedError:
        how = "Write it in the cell above, run that cell, then run this one again."
        text = f"✗ {failed_title(task, 'not written yet')}\n{fill(how, '  ')}"
        return Finding(text, played=False)
    except AgentTrouble as trouble:
        more = "" if grading else trouble.detail
        lines = [f"✗ {failed_title(task, trouble.kind.replace('-', ' '))}", ""]
        lines += [fill(one, "  ") for one in (trouble.text, more) if one]
        return Finding("\n".join(lines), 0.0, trouble.kind)
    if grading:
        grading.trials.append(trial)
    points = task.points_for(trial.mean)
    return Finding(found_text(task, trial, hidden=hidden), points)


def fresh_seed(task: AgentTask, seed: int) -> list[int]:
    """The seed of one task's fresh episodes: another for each task."""
    return [zlib.crc32(task.name.encode()), *np.atleast_1d(seed).tolist()]


def failed_title(task: AgentTask, what: str) -> str:
    """What is wrong, and that it earns nothing."""
    return f"{task.name}: {what} (0 of {number(task.possible)} points)"


def found_text(task: AgentTask, trial: Trial, *, hidden: bool) -> str:
    """Mean return and points; for less than all points what is missing."""
    points, following = task.points_for(trial.mean), task.next_step(trial.mean)
    kind = "fresh" if hidden else "public"
    median = float(np.median(trial.returns))
    mean = f"mean return {whole(trial.mean)} ± {whole(trial.standard_error)}"
    mark = "✗" if following else "✓"
    lines = [
        f"{mark} {task.name}: {mean} in {len(trial.returns):,} {kind} episodes "
        f"({number(points)} of {number(task.possible)} points)",
        fill(
            f"± is the standard error. The median return is {whole(median)}; {trial.whole:.0%} of "
            "the episodes lasted to the time limit.",
            "  ",
        ),
    ]
    if trial.cut > 0.001:
        cut = f"{trial.cut:.1%} of the actions lay outside the bounds and were cut there."
        lines.append(fill(cut, "  "))
    if following:
        lines.append(fill(missing_text(following, points), "  "))
    if not hidden:
        lines += [fill(one, "  ") for one in luck_text(task, trial)]
    return "\n".join(lines)


def missing_text(following: tuple[float, float], points: float) -> str:
    """The next step."""
    least, worth = following
    return f"A mean of {whole(least)} earns {number(worth - points)} more."


def luck_text(task: AgentTask, trial: Trial) -> Iterator[str]:
    """What other episodes may change."""
    yield f"Grading plays {task.fresh_episodes:,} other episodes, drawn when work is graded."
    for least, points in task.steps:
        if abs(trial.mean - least) < NEAR * trial.standard_error:
            yield (
                f"You are within {NEAR:g} standard errors of {whole(least)} ({number(points)} "
                "points): there the outcome depends on luck."
            )


def whole(value: float) -> str:
    """A return without decimals: 3,210."""
    return f"{value:,.0f}".replace("-", "−")
