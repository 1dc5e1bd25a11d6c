"""Pictures that come from students, judged by their headers: nothing here decodes one.

A file of some kilobytes can stand for gigabytes of pixels, for which whoever opens the page would
have to find room. What is no picture, or too large a one, is left out, and a sentence says so.
"""

import base64
import re
import struct
from collections.abc import Iterator

MAX_PIXELS = 16_000_000
MAX_MOVING_PIXELS = 200_000_000  # of all frames of an animated picture
MAX_PARTS = 5_000  # of a file
MAX_SCANS = 64  # of a JPEG: each goes through all pixels
PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# What has pixels in it, or says how they are shown; no texts and no colour profiles, packed or not.
PNG_PARTS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"pHYs", b"gAMA",
     b"sRGB")
)  # fmt: skip
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
IN_PROSE = re.compile(r"data:\s*image/([\w.+-]*)([^,\s()]{0,200}),([\w+/=%-]*)", re.IGNORECASE)


class NoPicture(ValueError):
    """It cannot be shown; the message says why, about "it"."""


def harmless_picture(kind: str, encoded: object) -> str:
    """A picture in base64, as small as it can be without touching a pixel.

    Args:
        kind: "image/png" or "image/jpeg".
        encoded: what is said to be such a picture, in base64.

    Raises:
        NoPicture: it is none of this kind, is damaged, or has too many pixels.
    """
    try:
        data = base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError):
        raise NoPicture("it is not in base64") from None
    if kind == "image/png" and data.startswith(PNG_START):
        return base64.b64encode(checked_png(data)).decode("ascii")
    if kind == "image/jpeg" and data.startswith(JPEG_START):
        return base64.b64encode(checked_jpeg(data)).decode("ascii")
    raise NoPicture(f"it is no {kind.removeprefix('image/').upper()}")


def checked_png(data: bytes) -> bytes:
    """A PNG, animated or not, without the parts that are not shown."""
    parts = list(png_parts(data))
    names = [name for name, _ in parts]
    if names[:1] != [b"IHDR"] or len(parts[0][1]) != 25 or b"IDAT" not in names:
        raise NoPicture("it is a damaged PNG")
    width, height = struct.unpack("!II", parts[0][1][8:16])
    require_size(width, height, names.count(b"fcTL"))
    return PNG_START + b"".join(part for name, part in parts if name in PNG_PARTS)


def png_parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name of each part, and the whole part, up to the one that is the last."""
    place = len(PNG_START)
    for _ in range(MAX_PARTS):
        if place + 12 > len(data):
            break
        (length,), name = struct.unpack("!I", data[place : place + 4]), data[place + 4 : place + 8]
        end = place + 12 + length
        if end > len(data):
            break
        yield name, data[place:end]
        if name == b"IEND":
            return
        place = end
    raise NoPicture("it is a damaged PNG")


def checked_jpeg(data: bytes) -> bytes:
    """A JPEG with one size that is not too large."""
    place, sizes, scans = 2, set(), 0
    for _ in range(MAX_PARTS):
        found = MARKER.search(data, place)
        if found is None or found[1] == b"\xd9":
            break
        place, kind = found.end(), found[1][0]
        if kind in FRAME_HEADERS and place + 7 <= len(data):
            sizes.add(struct.unpack("!HH", data[place + 3 : place + 7])[::-1])
        scans += kind == 0xDA
        place += int.from_bytes(data[place : place + 2], "big")
    if len(sizes) != 1 or not 0 < scans <= MAX_SCANS:
        raise NoPicture("it is a damaged JPEG")
    require_size(*sizes.pop())
    return data


def require_size(width: int, height: int, frames: int = 1) -> None:
    """Refuse pictures without pixels, and those with too many."""
    pixels, moving = width * height, width * height * frames
    if not pixels:
        raise NoPicture(f"it is {width:,} × {height:,} pixels large")
    if pixels > MAX_PIXELS:
        raise NoPicture(
            f"it is {width:,} × {height:,} pixels large; up to {MAX_PIXELS:,} pixels are shown"
        )
    if moving > MAX_MOVING_PIXELS:
        raise NoPicture(
            f"its {frames:,} frames have {moving:,} pixels; up to {MAX_MOVING_PIXELS:,} are shown"
        )


def is_harmless(address: str) -> bool:
    """Whether an address is a picture of this kind that is there in full."""
    found = IN_PROSE.fullmatch(address)
    try:
        if found is None or found[2].lower() != ";base64":
            return False
        harmless_picture(f"image/{found[1].lower()}", found[3])
    except NoPicture:
        return False
    return True


def without_odd_pictures(prose: str) -> str:
    """Markdown in which only those pictures are left that `harmless_picture` lets through."""
    return IN_PROSE.sub(lambda found: found[0] if is_harmless(found[0]) else "data:,", prose)
