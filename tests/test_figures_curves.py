"""Learning curves: what is drawn, and where it ends."""

import numpy as np
import pytest

from course_lib.figures import COLORS, curves, learning_curve
from course_lib.figures.curves import as_groups, median_curve
from course_lib.runs import Band
from tests.figures import invented_history

RUN = "a2c-cartpole"


@pytest.fixture
def band(monkeypatch):
    """Eleven reference seeds with returns 0, 10 … 100, 1,000,000 steps long."""
    seeds = np.repeat(np.arange(0.0, 101.0, 10.0)[:, None], 2, axis=1)
    stored = Band(np.array([0, 1_000_000]), seeds)
    monkeypatch.setattr(curves, "stored_band", lambda run: stored if run else None)
    return stored


def labels(figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_one_run_shows_its_episodes_and_its_means_in_the_color_of_its_method():
    history = invented_history([1.0, 2.0, 3.0], label="a2c, λ = 1")
    dots, line = learning_curve(history).axes[0].lines
    assert dots.get_ydata().tolist() == line.get_ydata().tolist() == [1.0, 2.0, 3.0]
    assert line.get_xdata().tolist() == [100, 200, 300]
    assert dots.get_color() == line.get_color() == COLORS["a2c"]


def test_several_seeds_are_thin_lines_and_their_median_a_thick_one():
    seeds = [invented_history([level] * 3) for level in (1.0, 2.0, 9.0)]
    lines = learning_curve({"a2c": seeds}).axes[0].lines
    widths = [line.get_linewidth() for line in lines]
    assert len(lines) == 4 and max(widths[:3]) < widths[3]
    assert lines[3].get_ydata().tolist() == [2.0, 2.0, 2.0]


def test_the_median_ends_with_the_shortest_run():
    short = (np.array([0, 100]), np.array([0.0, 10.0]))
    long = (np.array([0, 50, 200]), np.array([0.0, 0.0, 30.0]))
    steps, values = median_curve([short, long])
    assert steps.tolist() == [0, 50, 100]
    assert values.tolist() == [0.0, (5 + 0) / 2, (10 + 10) / 2]


def test_the_band_leaves_out_the_lowest_and_the_highest_tenth_of_the_seeds(band):
    axes = learning_curve(invented_history([50.0] * 4), run=RUN).axes[0]
    (filled,) = axes.collections
    heights = filled.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (10.0, 90.0)


def test_the_legend_names_the_band_by_its_number_of_seeds(band):
    figure = learning_curve(invented_history([50.0] * 4), run=RUN)
    assert labels(figure)[0] == "80 % of 11 reference seeds"


def test_the_axis_ends_with_the_curve_not_with_the_band(band):
    axes = learning_curve(invented_history([50.0] * 4), run=RUN).axes[0]
    assert axes.get_xlim() == pytest.approx((0, 1.04 * 400))


def test_a_run_that_was_never_judged_twice_is_drawn_to_its_last_step():
    history = invented_history([50.0] * 4, max_steps=16_000)
    assert len(history.env_steps) < len(history.update_steps)
    assert learning_curve(history).axes[0].get_xlim()[1] == pytest.approx(1.04 * 400)


def test_the_threshold_is_a_labelled_line_with_room_above_it():
    axes = learning_curve(invented_history([50.0] * 4), threshold=475.0).axes[0]
    (text,) = axes.texts
    assert text.get_text() == "solved: 475" and text.xy[1] == 475
    low, high = axes.get_ylim()
    assert low == 0 and high - 475 > 0.05 * (high - low)


def test_negative_returns_are_not_cut_off():
    axes = learning_curve(invented_history([-1500.0, -200.0])).axes[0]
    assert axes.get_ylim()[0] < -1500


def test_a_metric_has_neither_band_nor_threshold(band):
    figure = learning_curve(
        invented_history([5.0] * 4), run=RUN, metric="entropy", ylabel="entropy (nats)"
    )
    (line,) = figure.axes[0].lines
    assert line.get_ydata().tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert not figure.axes[0].collections and figure.axes[0].get_ylabel() == "entropy (nats)"


def test_labels_choose_colors_unless_colors_are_given():
    groups = {"a2c": invented_history([1.0]), "other": invented_history([2.0])}
    first, second = learning_curve(groups, colors={"other": "#123456"}).axes[0].lines
    assert (first.get_color(), second.get_color()) == (COLORS["a2c"], "#123456")
    assert labels(learning_curve(groups)) == ["a2c", "other"]


def test_everything_that_can_be_drawn_becomes_groups(band):
    history = invented_history([1.0, 2.0])
    assert list(as_groups(history, None)) == list(as_groups([history, history], None)) == ["a2c"]
    assert list(as_groups({"mine": history, "theirs": band}, None)) == ["mine", "theirs"]
    assert len(as_groups(band, None)["reference"]) == 11
    assert as_groups([], None) == {}


def test_a_run_without_a_stored_band_is_drawn_without_one(monkeypatch):
    def missing(name):
        raise FileNotFoundError(name)

    monkeypatch.setattr(curves, "reference_band", missing)
    assert not learning_curve(invented_history([1.0]), run=RUN).axes[0].collections
