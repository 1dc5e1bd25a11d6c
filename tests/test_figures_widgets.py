"""Sliders, and the static picture that stands in for them."""

import IPython.display
import pytest

from course_lib.figures import page, slider, widgets
from course_lib.figures.widgets import small_multiples, some_settings, spread

LABELS = {"gae_lambda": "λ", "gamma": "γ"}


def draw(axes, gae_lambda, gamma=1.0):
    axes.plot([0, gae_lambda * gamma], [0, gae_lambda])
    axes.set(xlabel="delay", ylabel="weight")


@pytest.fixture
def shown(monkeypatch):
    """The static pictures that reach the page."""
    figures = []
    monkeypatch.setattr(widgets, "show", lambda figure, alt: figures.append((figure, alt)))
    return figures


def titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_without_a_kernel_there_is_the_static_picture(shown):
    slider(draw, alt="Lines.", title="Wider with λ", labels=LABELS, gae_lambda=[0, 0.5, 1])
    ((figure, alt),) = shown
    assert alt == "Lines." and titles(figure) == ["λ = 0", "λ = 0.5", "λ = 1"]
    assert figure.get_suptitle() == "Wider with λ"


def test_two_ranges_become_a_square_of_panels():
    settings = some_settings({"gae_lambda": [0, 0.3, 0.6, 0.9, 1], "gamma": [0.9, 0.95, 0.99, 1]})
    assert [one["gae_lambda"] for one in settings[::3]] == [0, 0.6, 1]
    figure = small_multiples(draw, settings, LABELS, "")
    assert len(figure.axes) == 9 and titles(figure)[0] == "λ = 0, γ = 0.9"


def test_a_rectangle_of_settings_has_one_row_for_each_value_of_the_first_range():
    settings = some_settings({"gae_lambda": [0, 1], "gamma": [0.8, 0.9, 0.99]})
    figure = small_multiples(draw, settings, LABELS, "")
    rows = [axes.get_subplotspec().rowspan.start for axes in figure.axes]
    assert rows == [0, 0, 0, 1, 1, 1]


def test_further_ranges_stay_in_their_middle():
    settings = some_settings({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]})
    assert {one["c"] for one in settings} == {8} and len(settings) == 9


def test_the_titles_leave_out_what_does_not_vary():
    settings = [{"gae_lambda": 0.5, "gamma": 0.9}, {"gae_lambda": 1.0, "gamma": 0.9}]
    assert titles(small_multiples(draw, settings, LABELS, "")) == ["λ = 0.5", "λ = 1"]


def test_all_panels_have_the_same_axes_and_only_the_outer_ones_say_what_they_are():
    figure = small_multiples(draw, [{"gae_lambda": 1}, {"gae_lambda": 5}], LABELS, "")
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert [axes.get_ylabel() for axes in figure.axes] == ["weight", ""]


def test_empty_places_in_the_last_row_are_left_out():
    settings = [{"gae_lambda": i} for i in range(6)]
    assert len(small_multiples(draw, settings, LABELS, "").axes) == 6


def test_chosen_values_are_spread_with_both_ends():
    assert spread([0, 1, 2, 3, 4, 5, 6], 4) == [0, 2, 4, 6]
    assert spread([0, 1, 2], 4) == [0, 1, 2] and spread([0, 1, 2], 1) == [1]


@pytest.mark.parametrize("ranges", [{}, {"gae_lambda": []}])
def test_a_slider_with_nothing_to_move_is_refused(ranges):
    with pytest.raises(ValueError, match="at least one range"):
        slider(draw, alt="Lines.", **ranges)


def test_in_a_notebook_the_sliders_redraw_the_picture(shown, monkeypatch):
    outputs = []
    monkeypatch.setattr(widgets, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *given, **_: outputs.append(given[0]))
    boxes = []
    import ipywidgets

    original = ipywidgets.VBox
    monkeypatch.setattr(ipywidgets, "VBox", lambda parts: boxes.append(parts) or original(parts))
    slider(draw, alt="Lines.", labels=LABELS, gae_lambda=[0, 0.5, 1], gamma=[0.9, 1])
    ((first, second, picture),) = boxes
    before = picture.value
    first.value = 0
    assert first.description == "λ" and second.value == 1
    assert picture.value != before and bytes(picture.value).startswith(b"\x89PNG")
    assert outputs[0]["text/plain"] == "Sliders appear here while the notebook runs."
    assert len(shown) == 1


def test_where_nobody_can_move_them_the_sliders_are_left_out(shown, monkeypatch):
    monkeypatch.setattr(widgets, "in_notebook", lambda: True)
    monkeypatch.setenv(page.STATIC, "1")
    monkeypatch.setattr(widgets, "show_sliders", lambda *_: pytest.fail("sliders were shown"))
    slider(draw, alt="Lines.", gae_lambda=[0, 1])
    assert len(shown) == 1
