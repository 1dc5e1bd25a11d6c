"""What the reader sees of a training: a bar, a curve redrawn a few times a second, and the end.

In a notebook both are single outputs that are replaced; in a terminal there is only the bar."""

import sys
import time
from typing import Any

from matplotlib.lines import Line2D
from tqdm import tqdm

from course_lib.figures.curves import (
    RETURN,
    draw_reference,
    draw_run,
    finish_axes,
    learning_curve,
    update_run,
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
from course_lib.figures.style import RC, new_figure, styled
from course_lib.figures.words import describe_curves, describe_reference, headline, rounded

MIN_PAUSE = 1 / 3  # seconds between two drawings
MOST_DRAWING = 0.15  # of the time that has passed
FIRST_GUESS = 0.15  # seconds that the first drawing may cost
WIDTH = round(RC["figure.figsize"][0] * PAGE_DPI)
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
            self.bar.set_postfix_str(f"return {rounded(recorder.returns[-1])}", refresh=False)
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
            self.curve.finish(history)


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
        self.artists: list[Line2D] = []

    def update(self, recorder: Recorder) -> None:
        """Draw, if the last drawing is a while ago and drawing has not cost too much so far."""
        now = time.perf_counter()
        due = now - self.last >= MIN_PAUSE
        if not due or self.spent + self.cost > MOST_DRAWING * (now - self.start):
            return
        self.draw(recorder)
        self.last = time.perf_counter()
        self.cost = self.last - now
        self.spent += self.cost

    def draw(self, recorder: Recorder) -> None:
        """Show the curve as it is now."""
        with styled():
            if not self.artists:
                self.begin(recorder)
            update_run(self.artists, recorder)
            # The axis doubles now and then; if it grew with every drawing, everything would move.
            right = self.plan.max_steps
            while right / 2 > recorder.steps:
                right /= 2
            self.artists[0].axes.set_xlim(0, right)
            png = palette_png(rendered(self.figure, PAGE_DPI), level=1)
        self.output.put(*picture_bundle(png, f"{self.plan.label}, training", WIDTH))

    def begin(self, recorder: Recorder) -> None:
        """What does not change from one drawing to the next."""
        self.figure, axes = new_figure()
        draw_reference(axes, self.plan.run, self.plan.threshold)
        self.artists = draw_run(axes, recorder, self.plan.label, self.plan.judged_by)
        finish_axes(axes, f"{self.plan.label}: training", RETURN)

    def finish(self, history: History) -> None:
        """Show the final picture."""
        title = headline(history)
        figure = learning_curve(
            history, run=self.plan.run, threshold=self.plan.threshold, title=title
        )
        alt = f"Learning curve. {describe_curves([history])}{describe_reference(self.plan)}"
        self.output.put(*picture_bundle(png_bytes(figure), alt, WIDTH))
