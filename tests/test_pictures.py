"""Pictures of students: what is shown, what is left out, and that no pixel of the rest is lost."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from autograde.grading.pictures import (
    MAX_PIXELS,
    MAX_SCANS,
    NoPicture,
    harmless_picture,
    is_harmless,
    without_odd_pictures,
)
from autograde.grading.prose import markdown2html
from autograde.wall.believed import shown


def picture(kind="png", size=(3, 2), **options):
    """A small picture in base64, unlike in every pixel."""
    made = Image.frombytes("RGB", size, bytes(range(3 * size[0] * size[1])))
    file = io.BytesIO()
    made.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def part(name, body):
    """A part of a PNG."""
    return struct.pack("!I", len(body)) + name + body + struct.pack("!I", zlib.crc32(name + body))


def png(width, height, *more, frames=0):
    """A PNG that says that it is so large, in base64; its pixels are not there."""
    header = part(b"IHDR", struct.pack("!IIBBBBB", width, height, 8, 0, 0, 0, 0))
    moving = part(b"fcTL", bytes(26)) * frames
    parts = [header, *more, moving, part(b"IDAT", zlib.compress(b"")), part(b"IEND", b"")]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def jpeg(width, height, scans=1):
    """A JPEG that says that it is so large, in base64; its pixels are not there."""
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack("!HH", height, width) + b"\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34"
    return base64.b64encode(b"\xff\xd8" + frame + scans * scan + b"\xff\xd9").decode()


def opened(encoded):
    """The picture, decoded."""
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def test_a_png_keeps_its_pixels_and_loses_its_texts():
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "x" * 5000, zip=True)
    given = picture(pnginfo=about, dpi=(100, 100))
    kept = harmless_picture("image/png", given)
    assert opened(kept).tobytes() == opened(given).tobytes()
    assert opened(given).text and not opened(kept).text
    assert opened(kept).info["dpi"] == opened(given).info["dpi"]


def test_an_animated_png_still_moves():
    second = Image.new("RGB", (3, 2), "red")
    given = picture(save_all=True, append_images=[second], duration=50)
    kept = opened(harmless_picture("image/png", given))
    assert kept.n_frames == 2
    kept.seek(1)
    assert kept.convert("RGB").tobytes() == second.tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["plain", "progressive"])
def test_a_jpeg_stays_as_it_is(options):
    given = picture("jpeg", (10, 8), **options)
    assert harmless_picture("image/jpeg", given) == given


def test_what_follows_the_end_of_a_png_is_cut_off():
    given = picture()
    more = base64.b64encode(base64.b64decode(given) + b"<script>").decode()
    assert harmless_picture("image/png", more) == harmless_picture("image/png", given)


@pytest.mark.parametrize("make", [png, jpeg])
def test_the_largest_picture_is_let_through_and_a_larger_one_is_not(make):
    kind = f"image/{'png' if make is png else 'jpeg'}"
    assert MAX_PIXELS == 4000 * 4000
    assert harmless_picture(kind, make(4000, 4000))
    with pytest.raises(NoPicture, match=r"it is 4,001 × 4,000 pixels large; up to 16,000,000"):
        harmless_picture(kind, make(4001, 4000))


def test_no_picture_has_side_of_length_zero_and_none_is_four_billion_wide():
    with pytest.raises(NoPicture, match="0 × 5 pixels"):
        harmless_picture("image/png", png(0, 5))
    with pytest.raises(NoPicture, match="4,294,967,295 × 4,294,967,295"):
        harmless_picture("image/png", png(2**32 - 1, 2**32 - 1))


def test_the_pixels_of_all_frames_count():
    assert harmless_picture("image/png", png(4000, 1000, frames=50))  # 200 million
    with pytest.raises(NoPicture, match="51 frames have 204,000,000 pixels"):
        harmless_picture("image/png", png(4000, 1000, frames=51))


def test_a_jpeg_of_very_many_scans_or_of_two_sizes_is_refused():
    assert harmless_picture("image/jpeg", jpeg(9, 9, scans=MAX_SCANS))
    with pytest.raises(NoPicture, match="damaged JPEG"):
        harmless_picture("image/jpeg", jpeg(9, 9, scans=MAX_SCANS + 1))
    second = b"\xff\xc0\x00\x0b\x08" + struct.pack("!HH", 60_000, 60_000) + b"\x01\x01\x11\x00"
    data = base64.b64decode(jpeg(9, 9))
    with pytest.raises(NoPicture, match="damaged JPEG"):
        harmless_picture("image/jpeg", base64.b64encode(data[:-2] + second + b"\xff\xd9"))


@pytest.mark.parametrize("count", [8, 20, 40])
def test_half_a_picture_is_none(count):
    for kind in ("png", "jpeg"):
        half = base64.b64encode(base64.b64decode(picture(kind))[:count]).decode()
        with pytest.raises(NoPicture, match="damaged"):
            harmless_picture(f"image/{kind}", half)


@pytest.mark.parametrize(
    "given", ["no base64!", None, 7, "é", base64.b64encode(b"GIF89a").decode()]
)
def test_what_is_no_picture_is_refused(given):
    with pytest.raises(NoPicture, match=r"base64|it is no PNG"):
        harmless_picture("image/png", given)


def test_one_kind_is_not_taken_for_another():
    with pytest.raises(NoPicture, match="it is no JPEG"):
        harmless_picture("image/jpeg", picture())


def test_where_a_picture_is_left_out_the_text_says_why():
    found = shown({"text/plain": "<Figure>", "image/png": png(10**5, 10**5), "text/html": "<b>"})
    assert set(found) == {"text/plain"}
    first, second = found["text/plain"].split("\n")
    assert first == "<Figure>"
    assert second.startswith("… a picture was left out: it is 100,000 × 100,000 pixels large")
    assert shown({"image/png": "x"}) == {
        "text/plain": "… a picture was left out: it is not in base64 …"
    }


def test_prose_keeps_its_pictures_but_no_odd_ones():
    right = f"![a]( data:image/png;base64,{picture()} )"
    assert without_odd_pictures(right) == right
    for address in (
        f"data:image/png;base64,{png(10**5, 10**5)}",
        f"data:image/svg+xml;base64,{picture()}",
        f"DATA: image/gif;base64,{picture()}",
        "data:image/png,%89PNG",
    ):
        assert without_odd_pictures(f"a ![b]({address}) c") == "a ![b](data:,) c"
        assert not is_harmless(address)
    assert without_odd_pictures("data: image of a cart") == "data: image of a cart"


def test_a_page_shows_no_odd_picture_of_prose():
    assert "<img" in markdown2html(f"![a](data:image/png;base64,{picture()})")
    bomb = markdown2html(f"![a](data&colon;image/png;base64,{png(10**5, 10**5)})")
    assert "<img" not in bomb and "[picture: a]" in bomb
