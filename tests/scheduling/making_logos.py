"""Logos for tests: finished ones, and files as people send them."""

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from scheduling.domain.logos import LogoImage, logo_image
from scheduling.services.logos import keep_logo
from tests.conftest import MONDAY_MORNING
from workestra.demo.services import LOGO


def png(
    size: tuple[int, int], color: str = "teal", format_: str = "PNG", mode: str = "RGB", **how: Any
) -> bytes:
    """A picture of one color."""
    written = io.BytesIO()
    Image.new(mode, size, color).save(written, format_, **how)
    return written.getvalue()


LARKHILL = logo_image(LOGO.read_bytes())
OTHER = logo_image(png((60, 60), "navy"))


def kept(*images: LogoImage) -> None:
    """Have these in the database."""
    for image in images:
        keep_logo(image, MONDAY_MORNING)


def a_file(content: bytes, name: str = "logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/png")
