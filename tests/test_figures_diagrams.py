"""The diagram of a rollout's ends."""

import pytest
import torch

from course_lib.figures import diagrams, show_ends
from course_lib.figures.diagrams import describe_ends, end_letters


def ends(rows: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """terminated and truncated, (T, N), from one string an environment; "b" is both."""
    letters = list(zip(*rows, strict=True))
    terminated = torch.tensor([[letter in "tb" for letter in row] for row in letters])
    truncated = torch.tensor([[letter in "cb" for letter in row] for row in letters])
    return terminated, truncated


def test_each_step_has_the_letter_of_its_end():
    letters = end_letters(*ends(["ffftf", "fcfff"]))
    assert letters.shape == (5, 2)
    assert ["".join(column) for column in letters.T] == ["ffftf", "fcfff"]


def test_a_step_that_is_both_is_terminated():
    assert "".join(end_letters(*ends(["fb"]))[:, 0]) == "ft"


def test_a_single_trajectory_is_one_environment():
    terminated = torch.tensor([False, False, True])
    assert end_letters(terminated, torch.zeros(3)).shape == (3, 1)


def test_the_words_name_every_end():
    assert describe_ends(end_letters(*ends(["ftfc", "ffff"]))) == (
        "Ends of episodes in a rollout of 4 steps. "
        "environment 0: terminated at step 1, cut at step 3; environment 1: no end."
    )


def test_the_picture_shows_every_letter_and_explains_only_those_in_it(monkeypatch):
    figures = []
    monkeypatch.setattr(diagrams, "show", lambda figure, alt: figures.append((figure, alt)))
    show_ends(*ends(["fftff", "fffff"]), title="One end")
    ((figure, alt),) = figures
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(drawn) == ["f"] * 9 + ["t"]
    explained = [text.get_text()[0] for text in figure.legends[0].get_texts()]
    assert explained == ["f", "t"]
    assert alt.startswith("Ends of episodes in a rollout of 5 steps")


@pytest.mark.parametrize("shape", [(3, 2), (4,), (4, 2, 1)])
def test_masks_of_different_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(4, 2\)"):
        end_letters(torch.zeros(4, 2), torch.zeros(shape))


def test_a_rollout_too_long_to_read_is_refused():
    with pytest.raises(ValueError, match="at most 64 steps can be drawn, got 65"):
        end_letters(torch.zeros(65), torch.zeros(65))
