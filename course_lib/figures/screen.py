"""What the reader sees of a training: a bar, a curve redrawn a few times a second, and the end.

In a notebook both are single outputs that are replaced; in a terminal there is only the bar."""

import sys
import time
from typing import Any

from matplotlib.lines import Line2D
from tqdm import tqdm

from course_lib.figures.curves import (
    describe_curve,
    draw_reference,
    finish_axes,
    learning_curve,
)
from course_lib.figures.history import History, Recorder
from course_lib.figures.page import (
    PAGE_DPI,
    in_notebook,
    palette_png,
    picture_bundle,
    png_bytes,
    rendered,
)
from course_lib.figures.plan import Plan
from course_lib.figures.style import TEXT, color_of, new_figure

MIN_PAUSE = 1 / 3  # seconds between two drawings
MOST_DRAWING = 0.15  # of the time that has passed
FIRST_GUESS = 0.15  # seconds that the first drawing may cost
REFRESH = 0.2  # seconds between two states of the bar


class Silence:
    """A screen that shows nothing."""

    def update(self, recorder: Recorder) -> None:
        """Show nothing of the training so far."""

    def close(self, history: History, line: str) -> None:
        """Show nothing of its end."""


class Screen:
    """The bar and the curve of one training."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.notebook = in_notebook()
        self.text = Output() if self.notebook else None
        self.curve = LiveCurve(plan) if self.notebook else None
        self.bar = tqdm(
            total=plan.max_steps,
            desc=plan.label,
            unit=" steps",
            unit_scale=True,
            mininterval=REFRESH,
            leave=False,
            ncols=90,
            file=BarText(self.text) if self.notebook else sys.stderr,
            disable=not self.notebook and not sys.stderr.isatty(),
        )

    def update(self, recorder: Recorder) -> None:
        """Show the training so far."""
        if recorder.returns:
            self.bar.set_postfix_str(f"return {recorder.returns[-1]:.0f}", refresh=False)
        self.bar.update(recorder.steps - self.bar.n)
        if self.curve is not None:
            self.curve.update(recorder)

    def close(self, history: History, line: str) -> None:
        """Replace the bar by the closing line and the live curve by the final picture."""
        self.bar.close()
        if self.text is None:
            print(line)
            return
        self.text.put({"text/plain": line})
        if len(history.env_steps):
            self.curve.finish(history, line)


class Output:
    """One output of the cell that is replaced in place; it appears with its first content."""

    def __init__(self) -> None:
        self.handle = None

    def put(self, bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Show this instead of what was there."""
        from IPython.display import display

        if self.handle is None:
            self.handle = display(bundle, metadata=metadata, raw=True, display_id=True)
        else:
            self.handle.update(bundle, metadata=metadata, raw=True)


class BarText:
    """Where tqdm writes its bar in a notebook: as text, for its widget leaves a dead "0 %" behind
    in every copy of the notebook that is read without a kernel."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def write(self, text: str) -> None:
        if text.strip():
            self.output.put({"text/plain": text.strip("\r\n")})

    def flush(self) -> None:
        """Every write is shown at once."""


class LiveCurve:
    """The learning curve while it grows."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.output = plan, Output()
        self.start = self.last = time.perf_counter()
        self.spent, self.cost = 0.0, FIRST_GUESS
        self.line: Line2D | None = None

    def update(self, recorder: Recorder) -> None:
        """Draw, if the last drawing is a while ago and drawing has not cost too much so far."""
        now = time.perf_counter()
        due = now - self.last >= MIN_PAUSE
        if not due or self.spent + self.cost > MOST_DRAWING * (now - self.start):
            return
        if len(recorder.returns) < 2:
            return
        self.draw(recorder)
        self.last = time.perf_counter()
        self.cost = self.last - now
        self.spent += self.cost

    def draw(self, recorder: Recorder) -> None:
        """Show the curve as it is now; the axes stay, only the line moves."""
        if self.line is None:
            self.figure, axes = new_figure()
            draw_reference(axes, self.plan.run, self.plan.threshold)
            (self.line,) = axes.plot([], [], color=color_of(self.plan.label) or TEXT)
            finish_axes(axes, self.plan.label, "mean return of an episode")
            axes.set_xlim(0, self.plan.max_steps)
            if self.plan.threshold is not None:
                axes.set_ylim(0, 1.08 * self.plan.threshold)
        self.line.set_data(recorder.env_steps, recorder.returns)
        if self.plan.threshold is None:
            self.line.axes.relim()
            self.line.axes.autoscale_view(scalex=False)
        png = palette_png(rendered(self.figure, PAGE_DPI), level=1)
        self.output.put(*self.bundle(png, f"{self.plan.label}, training"))

    def finish(self, history: History, line: str) -> None:
        """Show the final picture."""
        figure = learning_curve(
            history, run=self.plan.run, threshold=self.plan.threshold, title=headline(history)
        )
        self.output.put(*self.bundle(png_bytes(figure), f"{describe_curve(history)} {line}"))

    def bundle(self, png: bytes, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The picture in all forms."""
        return picture_bundle(png, alt, round(PAGE_DPI * 7))


def headline(history: History) -> str:
    """The finding of one curve."""
    steps = int(history.update_steps[-1])
    if history.solved_at is not None:
        return f"{history.label}: solved after {history.solved_at:,} steps"
    if history.ended in ("interrupted", "failed"):
        return f"{history.label}: {history.ended} after {steps:,} steps"
    return f"{history.label}: a mean return of {history.returns[-1]:.0f} after {steps:,} steps"
