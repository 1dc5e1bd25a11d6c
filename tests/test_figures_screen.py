"""What the reader sees of a training in a notebook."""

import itertools
import re
from base64 import b64decode

import IPython.display
import pytest

from course_lib.figures import screen, train
from course_lib.figures.history import Recorder
from course_lib.figures.plan import make_plan
from course_lib.figures.screen import LiveCurve
from tests.figures import invented_progress


class Handle:
    """One output of an invented notebook, with everything that it ever showed."""

    def __init__(self, bundle):
        self.shown = [bundle]

    def update(self, bundle, **_):
        self.shown.append(bundle)


@pytest.fixture
def outputs(monkeypatch):
    """The outputs of a cell in an invented notebook."""
    handles = []

    def display(bundle, **options):
        assert options["raw"] and options["display_id"]
        handles.append(Handle(bundle))
        return handles[-1]

    monkeypatch.setattr(screen, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    return handles


class Clock:
    """A clock that stands still unless it is told that something takes time."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(screen, "time", clock)
    return clock


def drawings(clock, outputs, seconds: float, cost: float) -> tuple[list[float], float]:
    """When the curve was drawn in a training of that length, and how long that took together."""
    plan, recorder = make_plan(None, None, None, 1000, "a2c"), Recorder()
    recorder.add(next(invented_progress([1.0])))
    curve, times = LiveCurve(plan), []

    def draw(_):
        times.append(clock.now)
        clock.now += cost

    curve.draw = draw
    while clock.now < seconds:
        clock.now += 0.01
        curve.update(recorder)
    return times, cost * len(times)


def test_the_cell_ends_with_one_line_and_one_picture(outputs, capfd):
    train(invented_progress([1, 2, 3]), max_steps=300, label="a2c")
    text, picture = (handle.shown[-1] for handle in outputs)
    assert set(text) == {"text/plain"} and text["text/plain"].startswith("300 steps, ")
    assert b64decode(picture["image/png"]).startswith(b"\x89PNG")
    assert picture["text/plain"].startswith("Learning curve. a2c: the mean return is 1")
    assert capfd.readouterr() == ("", "")


def test_the_bar_is_text_in_the_place_of_the_closing_line(outputs):
    train(invented_progress([1, 2, 3]), max_steps=300, label="a2c")
    first = outputs[0].shown[0]["text/plain"]
    assert re.match(r"a2c: +\d+%\|", first)


def test_the_words_of_the_picture_are_the_same_in_every_run(outputs):
    for _ in range(2):
        train(invented_progress([1, 2, 3]), max_steps=300, label="a2c")
    assert outputs[1].shown[-1] == outputs[3].shown[-1]


def test_a_training_that_fails_at_once_leaves_no_empty_picture(outputs):
    def broken():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        yield

    with pytest.raises(RuntimeError, match="mat1"):
        train(broken(), max_steps=300)
    (text,) = outputs
    assert text.shown[-1]["text/plain"] == "Stopped by an error after 0 steps of training."


@pytest.mark.parametrize("cost", [0.02, 0.1, 0.15])
@pytest.mark.parametrize("seconds", [1.0, 3.0, 20.0])
def test_drawing_takes_less_than_a_fifth_of_the_time(clock, outputs, cost, seconds):
    _, spent = drawings(clock, outputs, seconds, cost)
    assert spent < 0.2 * clock.now


def test_on_a_slow_machine_the_pauses_grow(clock, outputs):
    times, spent = drawings(clock, outputs, seconds=20.0, cost=0.6)
    assert len(times) >= 3 and spent < 0.2 * clock.now


def test_cheap_drawings_come_three_times_a_second_and_no_faster(clock, outputs):
    times, _ = drawings(clock, outputs, seconds=10.0, cost=0.02)
    assert min(b - a for a, b in itertools.pairwise(times)) >= 1 / 3
    assert len(times) >= 20


def test_the_live_curve_is_drawn_from_what_there_is(outputs):
    plan, recorder = make_plan(None, None, 475.0, 1000, "a2c"), Recorder()
    curve = LiveCurve(plan)
    for step in invented_progress([10.0, 20.0]):
        recorder.add(step)
        recorder.judge(step.finished_returns[0])
        curve.draw(recorder)
    (handle,) = outputs
    assert len(handle.shown) == 2 and handle.shown[0] != handle.shown[1]
    assert curve.artists[1].get_ydata() == [10.0, 20.0]
    assert curve.artists[1].axes.get_xlim() == (0, 250)  # 1000 halved while 200 fits
