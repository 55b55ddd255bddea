"""Images: only a PNG that is what its header says is kept."""

import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.passes.designs import Image, ImageRole
from rules.passes.images import BYTES_MAX, Size, check_png, fault_of
from rules.passes.refusals import PassImageInvalid
from tests.pictures import SIGNATURE, chunk, header, pixels, png

END = chunk(b"IEND")
ROW = b"\0" + bytes(30)
GOOD = SIGNATURE + header(10, 4) + pixels(ROW * 4) + END
PALETTE = chunk(b"PLTE", bytes(12))


def refused(content: bytes) -> str:
    """Why an image is not kept."""
    with pytest.raises(PassImageInvalid) as raised:
        check_png(content)
    return raised.value.facts["what"]


@pytest.mark.parametrize(
    ("depth", "color", "row", "parts"),
    [
        (1, 0, 2, b""),
        (16, 0, 20, b""),
        (2, 3, 3, PALETTE),
        (8, 4, 20, b""),
        (16, 6, 80, b""),
        (8, 6, 40, chunk(b"tEXt", b"a\0b")),
    ],
)
def test_every_form_that_encoders_write_is_taken(depth: int, color: int, row: int, parts: bytes) -> None:
    """Designers save with what they have; a row is as long as depth and colour say, rounded up to bytes."""
    whole = SIGNATURE + header(10, 4, depth, color) + parts + pixels((b"\0" + bytes(row)) * 4) + END
    assert check_png(whole) == Size(10, 4)


@pytest.mark.parametrize(("width", "height", "size"), [(8, 8, 79), (1, 1, 2), (3, 5, 25), (5, 1, 9)])
def test_an_interlaced_image_is_counted_pass_by_pass(width: int, height: int, size: int) -> None:
    """Photo editors offer it; its seven passes have rows of their own, and some of them none."""
    content = SIGNATURE + header(width, height, 8, 0, interlace=1)
    assert check_png(content + pixels(bytes(size)) + END) == Size(width, height)
    assert "fewer pixels" in refused(content + pixels(bytes(size - 1)) + END)
    assert "more pixels" in refused(content + pixels(bytes(size + 1)) + END)


def test_pixels_may_come_in_many_pieces() -> None:
    """Encoders flush when their buffer is full: the stream goes on from one piece to the next."""
    stream = zlib.compress(ROW * 4)
    pieces = b"".join(chunk(b"IDAT", stream[at : at + 3]) for at in range(0, len(stream), 3))
    assert check_png(SIGNATURE + header(10, 4) + pieces + END) == Size(10, 4)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"GIF89a" + bytes(100), "no PNG"),
        (b"\xff\xd8\xff\xe0", "no PNG"),
        (b"<svg/>", "no PNG"),
        (SIGNATURE, "ends too early"),
        (SIGNATURE + pixels(b"") + END, "does not begin with a header"),
        (SIGNATURE + chunk(b"IHDR", b"short") + END, "does not begin with a header"),
        (SIGNATURE + header(10, 4) + pixels(ROW * 4), "ends too early"),
        (GOOD[:-6], "ends too early"),
        (GOOD + b"PK\x03\x04", "something follows its end"),
        (GOOD[:20] + b"\x7f" + GOOD[21:], "a checksum in it is wrong"),
        (SIGNATURE + header(0, 4) + pixels(b"") + END, "0 x 4 pixels"),
        (SIGNATURE + header(2_049, 4) + pixels(b"") + END, "2049 x 4 pixels"),
        (SIGNATURE + header(2**31 - 1, 2**31 - 1) + pixels(b"") + END, "pixels"),
        (SIGNATURE + header(10, 4, depth=4, color=2) + pixels(ROW * 4) + END, "what no PNG is"),
        (SIGNATURE + header(10, 4, color=5) + pixels(ROW * 4) + END, "what no PNG is"),
        (SIGNATURE + header(10, 4, interlace=2) + pixels(ROW * 4) + END, "what no PNG is"),
        (SIGNATURE + header(10, 4, 8, 3) + pixels((b"\0" + bytes(10)) * 4) + END, "colours are missing"),
        (SIGNATURE + header(10, 4) + chunk(b"acTL", bytes(8)) + pixels(ROW * 4) + END, "animated"),
        (SIGNATURE + header(10, 4) + END, "fewer pixels"),
        (SIGNATURE + header(10, 5) + pixels(ROW * 4) + END, "fewer pixels"),
        (SIGNATURE + header(10, 3) + pixels(ROW * 4) + END, "more pixels"),
        (SIGNATURE + header(10, 4) + pixels(ROW * 4) + pixels(ROW) + END, "more pixels"),
        (SIGNATURE + header(10, 4) + chunk(b"IDAT", b"no stream") + END, "cannot be read"),
        (SIGNATURE + header(10, 4) + chunk(b"tEXt") * 1_100 + pixels(ROW * 4) + END, "parts"),
        (bytes(BYTES_MAX + 1), "bytes"),
    ],
)
def test_what_is_no_whole_png_is_refused_with_a_reason(content: bytes, why: str) -> None:
    """A phone that cannot read an image does not install the card, and says nothing to anybody."""
    what = refused(content)
    assert why in what
    assert len(what) < 200


def test_a_small_file_that_unpacks_to_a_large_one_is_stopped() -> None:
    """Half a megabyte of zeroes can say half a gigabyte: no more of it is unpacked than its header claims."""
    assert "more pixels" in refused(SIGNATURE + header(10, 4) + pixels(bytes(100_000_000)) + END)


@given(st.binary(max_size=200), st.integers(0, len(GOOD)), st.integers(0, 20))
def test_no_bytes_do_more_than_be_refused(noise: bytes, at: int, taken: int) -> None:
    """Whatever arrives is either a picture or refused in words: it raises nothing else."""
    for content in (noise, SIGNATURE + noise, GOOD[:at] + noise + GOOD[at + taken :]):
        with suppress(PassImageInvalid):
            assert check_png(content) == Size(10, 4)


def test_a_length_that_lies_does_not_read_beyond_the_end() -> None:
    """Four bytes say how long a part is, up to 4 GiB."""
    assert "too early" in refused(SIGNATURE + struct.pack(">I", 2**32 - 1) + GOOD[12:])


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (Image(ImageRole.ICON, "", 29, 29), ""),
        (Image(ImageRole.ICON, "", 87, 87, 3), ""),
        (Image(ImageRole.ICON, "", 87, 87), "at most 40 x 40"),
        (Image(ImageRole.ICON, "", 40, 20), "a square"),
        (Image(ImageRole.ICON, "", 29, 31), ""),
        (Image(ImageRole.LOGO, "", 320, 100, 2), ""),
        (Image(ImageRole.LOGO, "", 321, 100, 2), "at most 320 x 100"),
        (Image(ImageRole.STRIP, "", 1_125, 432, 3), ""),
        (Image(ImageRole.STRIP, "", 375, 145), "at most 375 x 144"),
        (Image(ImageRole.THUMBNAIL, "", 90, 60), ""),
        (Image(ImageRole.HERO, "", 1_032, 336), ""),
    ],
)
def test_an_image_fits_what_it_is_for(image: Image, what: str) -> None:
    """Wallets cut what is larger, in the middle of a word of the logo."""
    found = fault_of(image)
    assert bool(found) == bool(what)
    assert what in found


def test_pictures_of_tests_are_whole() -> None:
    """What other tests take for granted."""
    assert check_png(png(29, 31)) == Size(29, 31)
