"""Texts and pictures that come from students, made fit to be written down and shown."""

import base64
import re
from typing import Any

PICTURES = ("image/png", "image/jpeg")
PICTURE_DETAILS = ("alt", "height", "width")
HTML_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def safe_text(value: object) -> str:
    """`str(value)` that cannot raise and can be written as UTF-8."""
    try:
        text = str(value)
    except BaseException:  # An exception's __str__ is the student's code.
        text = f"<{type(value).__name__} that cannot be shown>"
    return text.encode("utf-8", "replace").decode("utf-8")


def without_html(prose: str) -> str:
    """Markdown with a space in each HTML tag, which makes it plain text for a browser.

    Unlike an escape, the space changes neither code nor formulas.
    """
    return HTML_TAG.sub("< ", prose)


def encoded_picture(value: object) -> str:
    """A picture in base64, or an empty string if it is not one."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode("ascii")
    except (TypeError, ValueError):
        return ""


def picture_details(metadata: object) -> dict[str, Any]:
    """Size and alternative text of a picture, as far as they are what they should be."""
    if not isinstance(metadata, dict):
        return {}
    return {
        name: safe_text(value) if name == "alt" else value
        for name, value in metadata.items()
        if name in PICTURE_DETAILS and (name == "alt" or isinstance(value, int | float))
    }
