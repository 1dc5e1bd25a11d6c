"""Pictures on the page: as PNG bytes that are the same every time, and with words for readers who
do not see them. What the pictures show lives elsewhere."""

import html
import io
import sys
from base64 import b64encode
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib.desk.kernel import STATIC as STATIC
from course_lib.desk.kernel import in_notebook
from course_lib.desk.kernel import is_static as is_static

PAGE_DPI = 100  # pixels of the page an inch
PRINT_DPI = 180  # pixels of the file an inch: sharp on dense screens
PALETTE = 128


def png_bytes(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """The figure as a PNG file, the same bytes every time: it holds no date and no version.

    A palette of 128 colours keeps it at about a third of the size, without a visible difference.
    """
    return palette_png(rendered(figure, dpi).quantize(PALETTE, dither=Image.Dither.NONE))


def rendered(figure: Figure, dpi: int) -> Image.Image:
    """The figure in pixels."""
    before = figure.dpi
    figure.set_dpi(dpi)
    try:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    finally:
        figure.set_dpi(before)


def palette_png(picture: Image.Image, level: int = 9) -> bytes:
    """The bytes of a PNG file of this picture."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def show(figure: Figure, alt: str) -> None:
    """Put a figure on the page, with alternative text.

    Args:
        figure: a matplotlib figure, of `new_figure` or of pyplot; pyplot forgets it afterwards, so
            that the notebook does not show it a second time.
        alt: what is to be seen, in one to three sentences: the finding and the numbers behind it.

    Raises:
        ValueError: there is no alternative text.
    """
    show_png(png_bytes(figure), alt, width=round(figure.get_figwidth() * PAGE_DPI))
    forget(figure)


def show_png(png: bytes, alt: str, width: int | None = None) -> None:
    """Put a PNG picture, animated or not, on the page; outside a notebook nothing happens."""
    bundle, metadata = picture_bundle(png, alt, width)
    if in_notebook():
        from IPython.display import display

        display(bundle, metadata=metadata, raw=True)


def picture_bundle(
    png: bytes, alt: str, width: int | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One picture in the forms that different readers' programs take, and its metadata.

    JupyterLab and nbconvert ignore the metadata of a PNG, and write "No description has been
    provided for this image" instead. Both prefer HTML, and keep the text that stands in there.
    """
    if not alt.strip():
        raise ValueError("every picture needs alternative text: say what is to be seen")
    code = b64encode(png).decode("ascii")
    size = f' width="{width}"' if width else ""
    page = f'<img alt="{html.escape(alt)}"{size} src="data:image/png;base64,{code}">'
    metadata = {"alt": alt} | ({"width": width} if width else {})
    return {"image/png": code, "text/html": page, "text/plain": alt}, {"image/png": metadata}


def forget(figure: Figure) -> None:
    """Close the figure if pyplot made it."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
