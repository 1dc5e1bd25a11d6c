"""Pictures on the page: reproducible bytes, alternative text, and quiet outside a notebook."""

import io

import IPython.display
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from course_lib.figures import new_figure, page, show
from course_lib.figures.page import PAGE_DPI, PRINT_DPI, picture_bundle, png_bytes


def line_figure():
    figure, axes = new_figure(size=(4.0, 2.0))
    axes.plot([0, 1, 2], [3, 1, 2])
    axes.set_title("A line")
    return figure


@pytest.fixture
def shown(monkeypatch):
    """What reaches the page of an invented notebook."""
    outputs = []
    monkeypatch.setattr(page, "in_notebook", lambda: True)
    monkeypatch.setattr(
        IPython.display, "display", lambda bundle, **options: outputs.append((bundle, options))
    )
    return outputs


def test_the_same_figure_gives_the_same_bytes():
    figure = line_figure()
    assert png_bytes(figure) == png_bytes(figure) == png_bytes(line_figure())


def test_another_figure_gives_other_bytes():
    other = line_figure()
    other.axes[0].set_title("Another line")
    assert png_bytes(other) != png_bytes(line_figure())


def test_the_file_holds_no_date_and_no_version():
    picture = Image.open(io.BytesIO(png_bytes(line_figure())))
    assert not getattr(picture, "text", None)
    assert set(picture.info) <= {"transparency"}


def test_the_picture_is_sharp_and_its_figure_as_it_was():
    figure = line_figure()
    picture = Image.open(io.BytesIO(png_bytes(figure)))
    assert picture.size == (4 * PRINT_DPI, 2 * PRINT_DPI)
    assert figure.dpi == PAGE_DPI


def test_the_palette_does_not_change_a_color_visibly():
    figure = line_figure()
    exact = page.rendered(figure, PRINT_DPI)
    seen = Image.open(io.BytesIO(png_bytes(figure))).convert("RGB")
    differences = [abs(a - b) for a, b in zip(exact.tobytes(), seen.tobytes(), strict=True)]
    assert max(differences) <= 16 and sum(differences) / len(differences) < 0.1


def test_the_picture_carries_its_words_in_every_form():
    bundle, metadata = picture_bundle(b"png", 'Is "a" < b?', width=300)
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == 'Is "a" < b?'
    assert 'alt="Is &quot;a&quot; &lt; b?"' in bundle["text/html"]
    assert 'width="300"' in bundle["text/html"] and metadata["image/png"]["width"] == 300
    assert bundle["image/png"] in bundle["text/html"]


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_picture_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="alternative text"):
        picture_bundle(b"png", alt)


def test_show_puts_one_picture_on_the_page(shown):
    show(line_figure(), alt="A line falls and rises.")
    ((bundle, options),) = shown
    assert set(bundle) == {"image/png", "text/html", "text/plain"}
    assert options["raw"] and options["metadata"]["image/png"]["width"] == 4 * PAGE_DPI


def test_show_closes_a_pyplot_figure_so_that_it_is_not_shown_twice(shown):
    figure, _ = plt.subplots()
    show(figure, alt="Empty axes.")
    assert figure.number not in plt.get_fignums() and len(shown) == 1


def test_outside_a_notebook_nothing_is_shown_or_printed(capfd):
    assert not page.in_notebook()
    show(line_figure(), alt="A line falls and rises.")
    assert capfd.readouterr() == ("", "")
