"""The look: colours that keep their meaning and that colour-blind readers can tell apart."""

import itertools

import matplotlib
import numpy as np
import pytest

from course_lib.figures import COLORS, new_figure, shades, use_style
from course_lib.figures.style import RC, color_of

# Machado, Oliveira and Fernandes (2009), severity 1: what is left of a linear RGB colour.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "none": np.eye(3),
}
TO_XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]
WHITE = np.array([0.95047, 1.0, 1.08883])
JUST_NOTICEABLE = 2.3  # CIE76 distance of two colours that can only just be told apart


def lab(color: str, blindness: str) -> np.ndarray:
    """A colour's place in CIELAB, as it is seen."""
    rgb = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(BLINDNESS[blindness]) @ linear, 0, 1) / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(first: str, second: str, blindness: str) -> float:
    return float(np.linalg.norm(lab(first, blindness) - lab(second, blindness)))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_any_two_methods_can_be_told_apart(blindness):
    for first, second in itertools.combinations(COLORS, 2):
        seen = distance(COLORS[first], COLORS[second], blindness)
        assert seen > 4 * JUST_NOTICEABLE, (first, second, seen)


def test_red_and_green_of_one_lightness_would_not_pass():
    assert distance("#FF0000", "#7F7F00", "deuteranopia") < distance("#FF0000", "#7F7F00", "none")
    assert distance("#A05A00", "#6E7800", "deuteranopia") < 4 * JUST_NOTICEABLE


def test_a_label_takes_the_colour_of_the_method_that_it_begins_with():
    assert color_of("A2C, λ = 0.95") == color_of("a2c-cartpole") == COLORS["a2c"]
    assert color_of("something else") is color_of("") is None


def test_shades_go_from_dark_to_light():
    lightness = [lab(shade, "none")[0] for shade in shades(4)]
    assert lightness == sorted(lightness) and len(set(shades(4))) == 4
    assert len(shades(1)) == 1


def test_a_new_figure_leaves_the_settings_of_others_alone():
    before = dict(matplotlib.rcParams)
    figure, axes = new_figure(2, 3, size=(5.0, 4.0), sharey=True)
    assert dict(matplotlib.rcParams) == before
    assert axes.shape == (2, 3) and tuple(figure.get_size_inches()) == (5.0, 4.0)


def test_use_style_gives_the_look_to_figures_made_afterwards():
    with matplotlib.rc_context():
        matplotlib.rcParams["axes.grid"] = False
        use_style()
        assert matplotlib.rcParams["axes.grid"] == RC["axes.grid"] is True
