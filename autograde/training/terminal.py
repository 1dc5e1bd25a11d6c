"""What training shows in a terminal: a bar a seed, and lines that stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograde.training.choosing import Choice
from autograde.training.training import SeedResult
from course_lib.catalogue import all_algorithms
from course_lib.environments import BATCHED, make_vector
from course_lib.runs import RUNS

if TYPE_CHECKING:
    from course_lib.figures.history import Recorder

REASONS = {
    "solved": "solved",
    "budget": "stopped",
    "interrupted": "interrupted",
    "failed": "broken off",
    "exhausted": "ended by itself",
}


class SeedBar:
    """What `learn` shows the training to."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task = progress, task

    def update(self, recorder: "Recorder") -> None:
        """Move to where the training is."""
        speed = recorder.steps / recorder.seconds if recorder.seconds else 0.0
        last = f"{recorder.returns[-1]:.0f}" if recorder.returns else "…"
        self.progress.update(self.task, completed=recorder.steps, speed=f"{speed:,.0f}", last=last)


class Bars:
    """A line a seed while it trains, on a terminal; silent where nobody is watching."""

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} steps, {task.fields[speed]} steps/s"),
            TextColumn("return {task.fields[last]}, left:"),
            TimeRemainingColumn(),
            console=console, transient=True, disable=quiet or not console.is_terminal,
        )  # fmt: skip

    @contextmanager
    def of(self, seed: int, max_steps: int) -> Iterator[SeedBar]:
        """The bar of one seed."""
        task = self.progress.add_task(f"seed {seed}", total=max_steps, speed="0", last="…")
        with self.progress:
            yield SeedBar(self.progress, task)
        self.progress.remove_task(task)


def headline(choice: Choice) -> str:
    """What is going to be trained."""
    whose = "its defaults" if choice.run_name is None else f"those of the run {choice.run_name}"
    goal = choice.run.threshold
    until = "" if goal is None else f", or until {goal:g} was reached in three evaluations in a row"
    return f"{choice.title}, settings: {whose}; {choice.run.max_steps:,} steps{until}"


def seed_line(result: SeedResult) -> str:
    """One line on one seed."""
    reason = REASONS[result.history.ended]
    text = f"seed {result.seed}: {reason} after {result.env_steps:,} steps"
    text += f" ({result.history.seconds:.1f} s, {result.speed:,.0f} steps/s)"
    if result.problem is not None:
        return f"{text}: {result.problem}"
    if result.mean is None:
        return text
    return f"{text}; return of 20 fresh episodes {result.mean:.1f} ± {result.standard_error:.1f}"


def tables() -> list[Table]:
    """The algorithms and the environments that there are."""
    loops = Table(title="Algorithms", title_justify="left", title_style="bold")
    loops.add_column("name", no_wrap=True)
    loops.add_column("what it is")
    loops.add_column("settings for")
    for one in all_algorithms().values():
        there = dict.fromkeys(run.environment_id for run in one.runs)
        loops.add_row(one.name, one.summary, ", ".join(there))
    places = Table(title="Environments", title_justify="left", title_style="bold")
    for column in ("id", "actions", "goal"):
        places.add_column(column, no_wrap=True)
    for name in BATCHED:
        places.add_row(name, *facts(name))
    return [loops, places]


def facts(environment_id: str) -> tuple[str, str]:
    """What one decides in an environment, and the mean return to reach."""
    environment = make_vector(environment_id, 1, 0)
    actions = environment.num_actions
    kind = f"{environment.action_size} continuous" if actions is None else f"{actions} discrete"
    return kind, "" if goal_of(environment_id) is None else f"{goal_of(environment_id):g}"


def goal_of(environment_id: str) -> float | None:
    """The highest threshold of the runs there."""
    there = [run.threshold for run in RUNS.values() if run.environment_id == environment_id]
    return max((goal for goal in there if goal is not None), default=None)


def listing() -> dict[str, list[dict[str, object]]]:
    """The same for scripts."""
    return {
        "algorithms": [
            {"name": one.name, "summary": one.summary, "runs": [run.name for run in one.runs]}
            for one in all_algorithms().values()
        ],
        "environments": [
            {"id": name, "actions": facts(name)[0], "goal": goal_of(name)} for name in BATCHED
        ],
    }
