"""Logos: small PNGs of whatever raster image was sent, and nothing else."""

import io

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scheduling.domain.logos import is_key, logo_image, shown_size
from tests.scheduling.making_logos import png
from tests.uploads.test_taking import png_header
from workestra.uploads.kinds import MAX_LOGO_BYTES, BadFile
from workestra.uploads.taking import taken_logo


def take(data: bytes) -> bytes:
    return taken_logo(data, len(data))


@pytest.mark.parametrize(
    ("format_", "mode", "size", "kept", "shown"),
    [
        ("PNG", "RGBA", (2000, 400), (300, 60), (150, 30)),
        ("JPEG", "RGB", (2000, 100), (320, 16), (320, 16)),
        ("WEBP", "RGB", (40, 40), (40, 40), (30, 30)),
        ("PNG", "P", (4, 2000), (1, 60), (1, 30)),
    ],
)
def test_a_logo_becomes_a_png_with_twice_the_pixels_it_is_shown_with(
    format_: str, mode: str, size: tuple[int, int], kept: tuple[int, int], shown: tuple[int, int]
) -> None:
    content = take(png(size, "teal" if mode != "P" else "white", format_, mode if mode != "P" else "RGB"))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", kept)
    assert shown_size(logo_image(content).key) == shown


def test_a_heavy_logo_gets_fewer_colors_and_keeps_what_is_transparent() -> None:
    noise = Image.effect_noise((400, 75), 90).convert("RGBA")
    noise.putalpha(Image.linear_gradient("L").resize((400, 75)))
    written = io.BytesIO()
    noise.save(written, "PNG")
    content = take(written.getvalue())
    assert len(content) < 25_000
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "P"
        assert image.convert("RGBA").getpixel((160, 0))[3] < 20


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_a_color_that_stands_for_nothing_stays_transparent(mode: str) -> None:
    picture = Image.new(mode, (40, 20), "white")
    picture.paste("black", (20, 0, 40, 20))
    hole = (255, 255, 255) if mode == "RGB" else 255
    written = io.BytesIO()
    picture.save(written, "PNG", transparency=hole)
    with Image.open(io.BytesIO(take(written.getvalue()))) as kept:
        seen = kept.convert("RGBA")
        assert seen.getpixel((5, 10))[3] == 0
        assert seen.getpixel((35, 10)) == (0, 0, 0, 255)


def test_sixteen_bits_of_gray_keep_their_grays() -> None:
    picture = Image.new("I;16", (40, 20), 0)
    picture.paste(0x8080, (20, 0, 40, 20))
    written = io.BytesIO()
    picture.save(written, "PNG")
    with Image.open(io.BytesIO(take(written.getvalue()))) as kept:
        seen = kept.convert("L")
        assert (seen.getpixel((5, 10)), seen.getpixel((35, 10))) == (0, 128)


def test_a_logo_brings_nothing_but_pixels() -> None:
    words = PngInfo()
    words.add_text("Comment", "my home address <svg")
    content = take(png((20, 20), pnginfo=words) + b"<script>evil()</script>")
    assert b"home" not in content
    assert b"evil" not in content


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"<?xml version='1.0'?><!-- a logo -->\n<SVG onload='evil()'/>", "An SVG can carry programs"),
        (b"GIF89a" + bytes(20), "This kind of file is not taken. Send PNG, JPEG or WebP"),
        (b"%PDF-1.7", "This kind of file is not taken. Send PNG, JPEG or WebP"),
        (b"RIFF\x00\x00\x00\x00WEBPevil", "image is damaged"),
        (png((2001, 10)), "2001 pixels wide and 10 high. 2000 a side fit"),
        (png_header(60_000, 60_000), "more than 50 million pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(MAX_LOGO_BYTES), "1 MB fit"),
    ],
)
def test_what_is_no_logo_is_told_why(data: bytes, why: str) -> None:
    with pytest.raises(BadFile, match=why):
        take(data)


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "0" * 32, f"{'0' * 32}-1x1\n", f"{'0' * 32}-1x١"])
def test_anything_else_is_no_key(text: str) -> None:
    assert not is_key(text)
    with pytest.raises(ValueError, match="no logo"):
        shown_size(text)
