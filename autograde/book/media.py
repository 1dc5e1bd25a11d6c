"""Pictures of notebooks as files: their size, and a still one of each animation."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from autograde.errors import CourseError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ANIMATION = (b"acTL", b"fcTL", b"fdAT")  # a reader that knows none of these shows the first frame
MAX_WIDTH = 8_192


@dataclass(frozen=True)
class Picture:
    """A PNG.

    Args:
        png: the file; APNG, if it moves.
        alt: what is to be seen, in words.
        width: in CSS pixels; the file's own without it.
    """

    png: bytes
    alt: str
    width: int | None = None

    def __post_init__(self) -> None:
        if not self.png.startswith(SIGNATURE) or len(self.png) < 24:
            raise CourseError("one of its pictures is no PNG; make the notebook anew", 1)

    @property
    def name(self) -> str:
        """The file's name: the same picture is one file."""
        return f"media/{hashlib.sha256(self.png).hexdigest()[:16]}.png"

    @property
    def still_name(self) -> str:
        """The name of the first frame's file."""
        return self.name.replace(".png", ".still.png")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page, in CSS pixels."""
        across, down = struct.unpack(">II", self.png[16:24])
        if not 0 < across <= MAX_WIDTH or not down:
            raise CourseError(f"one of its pictures is {across} × {down} pixels", 1)
        width = min(self.width or across, MAX_WIDTH)
        return width, max(1, round(down * width / across))

    @property
    def moves(self) -> bool:
        """Whether it is an animation."""
        return any(kind == b"acTL" for kind, _ in chunks(self.png))

    def still(self) -> bytes:
        """The first frame as a PNG of its own."""
        kept = (whole for kind, whole in chunks(self.png) if kind not in ANIMATION)
        return SIGNATURE + b"".join(kept)

    def files(self) -> dict[str, bytes]:
        """The files that the page shows."""
        return {self.name: self.png} | ({self.still_name: self.still()} if self.moves else {})

    def html(self) -> str:
        """The picture on a page; who asked for less motion gets the still one."""
        width, height = self.size
        image = (
            f'<img src="{self.name}" alt="{escape(self.alt)}" width="{width}" '
            f'height="{height}" decoding="async">'
        )
        if not self.moves:
            return f"<figure>{image}</figure>"
        return (
            f'<figure class="moving" data-still="{self.still_name}"><picture>'
            f'<source media="(prefers-reduced-motion: reduce), print" srcset="{self.still_name}">'
            f"{image}</picture></figure>"
        )


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind of each part of a PNG, and the whole part."""
    place = len(SIGNATURE)
    while place + 8 <= len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place : place + length + 12]
        place += length + 12
