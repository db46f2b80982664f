"""A program that writes an uploaded file anew: `python rewriting.py (image|logo|pdf) < upload > result`.

Decoders are large programs, and what they read here comes from strangers. So they run in a process of their own, with
little memory and time, which may end as it likes: `workestra.uploads.taking` starts it and takes what comes out only
after a clean end. Refusals leave a sentence on standard error and the exit code `REFUSED`. It imports nothing of the
project.
"""

import io
import resource
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

REFUSED: Final = 3
MEMORY_BYTES: Final = 1_000_000_000
CPU_SECONDS: Final = 10
MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 2_000
MAX_PAGES: Final = 500
MAX_RESULT_BYTES: Final = 15_000_000
MAX_LOGO_SIDE: Final = 2_000
LOGO_SIZE: Final = (320, 60)
"""Pixels of a logo as it is kept: twice those that it is shown with."""
LIGHT_LOGO_BYTES: Final = 1_500
LOGO_COLORS: Final = 64

_MODES: Final = {"L": "L", "1": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "P": "RGBA", "PA": "RGBA"}
"""Which pixels an image is written with; any other (CMYK, YCbCr) becomes RGB."""
_DEEP_GRAYS: Final = ("I;16", "I;16B", "I;16L", "I")
"""What 16 bits of gray come as."""

# What a page must not bring along, wherever it stands: programs, files inside the file, forms, and private data.
_DROPPED_KEYS: Final = (
    *("/AA", "/OpenAction", "/JS", "/JavaScript", "/AcroForm", "/XFA", "/Names"),
    *("/EF", "/AF", "/EmbeddedFiles", "/RichMediaContent", "/RichMediaSettings", "/Rendition"),
    *("/Metadata", "/PieceInfo", "/Threads", "/URI", "/Next"),
)
# Streams may point to data in other files, on disk or elsewhere (ISO 32000-1, 7.3.8.2 and 8.10.4).
_DROPPED_OF_STREAMS: Final = ("/F", "/FFilter", "/FDecodeParms", "/Ref", "/OPI", "/PS", "/Level1")
_ANNOTATIONS: Final = frozenset(
    {
        *("/Link", "/Text", "/FreeText", "/Highlight", "/Underline", "/Squiggly", "/StrikeOut", "/Widget"),
        *("/Line", "/Square", "/Circle", "/Polygon", "/PolyLine", "/Ink", "/Stamp", "/Caret", "/Popup"),
    }
)
_WEB: Final = (b"https://", b"http://", b"mailto:")


class Refused(Exception):
    """The file is not taken; the message is for the person who sent it."""


def image(data: bytes) -> bytes:
    """The first frame, upright, at most `MAX_SIDE` pixels a side and without metadata; PNG and GIF become PNG."""
    pixels, kind = _pixels(data, ("PNG", "JPEG", "WEBP", "GIF"), MAX_PIXELS)
    pixels.thumbnail((MAX_SIDE, MAX_SIDE))
    format_ = {"JPEG": "JPEG", "WEBP": "WEBP"}.get(kind, "PNG")
    return _written(_fresh(pixels), format_, **({} if format_ == "PNG" else {"quality": 85}))


def logo(data: bytes) -> bytes:
    """A PNG of a logo, within `LOGO_SIZE`; one that is heavy even so gets `LOGO_COLORS`."""
    from PIL import Image

    pixels, _ = _pixels(data, ("PNG", "JPEG", "WEBP"), MAX_PIXELS, MAX_LOGO_SIDE)
    pixels.thumbnail(LOGO_SIZE, Image.Resampling.LANCZOS)
    fresh = _fresh(pixels)
    written = _written(fresh, "PNG", optimize=True)
    if len(written) <= LIGHT_LOGO_BYTES:
        return written
    # The one way to choose colors that minds transparency.
    return _written(
        fresh.convert("RGBA").quantize(LOGO_COLORS, Image.Quantize.FASTOCTREE), "PNG", optimize=True
    )


def _pixels(data: bytes, formats: Any, most: int, longest: int | None = None) -> tuple[Any, str]:
    """The first frame, upright, and the format it came in."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = most
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    too_many = f"This image has more than {most // 1_000_000} million pixels."
    try:
        with Image.open(io.BytesIO(data), formats=formats) as opened:
            if longest is not None and max(opened.size) > longest:
                raise Refused(
                    f"This image is {opened.width} pixels wide and {opened.height} high. {longest} a side fit."
                )
            if opened.width * opened.height > most:
                raise Refused(too_many)
            kind = opened.format or ""
            opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
            upright = ImageOps.exif_transpose(opened)
            return _plain(upright), kind
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(too_many) from error


def _plain(upright: Any) -> Any:
    """The picture in a mode of `_MODES`."""
    if upright.mode in _DEEP_GRAYS:
        # Pillow would not scale these but cut them off: nearly all of the picture would be white.
        return upright.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    # A color, or a gray, may stand for nothing there (the chunk tRNS of PNG).
    has_holes = upright.mode in ("1", "L", "RGB") and "transparency" in upright.info
    return upright.convert("RGBA" if has_holes else _MODES.get(upright.mode, "RGB"))


def _fresh(pixels: Any) -> Any:
    """A new image: it has nothing but pixels."""
    from PIL import Image

    fresh = Image.new(pixels.mode, pixels.size)
    fresh.paste(pixels)
    return fresh


def _written(picture: Any, format_: str, **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, format_, **options)
    return written.getvalue()


def pdf(data: bytes) -> bytes:
    """The pages in a new document: what can be seen, and links to web pages; no programs, forms or attached files."""
    import pikepdf

    try:
        source = pikepdf.open(io.BytesIO(data))
    except pikepdf.PasswordError as error:
        raise Refused("This PDF is protected by a password.") from error
    if not 0 < len(source.pages) <= MAX_PAGES:
        raise Refused(f"A PDF may have {MAX_PAGES} pages.")
    fresh = pikepdf.new()
    fresh.pages.extend(source.pages)
    for each in list(fresh.objects):
        for holder in _holders(each, pikepdf):
            _disarm(holder, pikepdf)
    written = io.BytesIO()
    fresh.save(written, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return written.getvalue()


def _holders(top: Any, pikepdf: Any) -> Iterator[Any]:
    """The dictionaries and streams in an indirect object: itself, and what stands in it directly."""
    waiting = [top]
    while waiting:
        each = waiting.pop()
        if isinstance(each, pikepdf.Stream | pikepdf.Dictionary):
            yield each
            inner = [each[key] for key in list(each.keys()) if key != "/Parent"]
        elif isinstance(each, pikepdf.Array):
            inner = list(each)
        else:
            continue
        waiting += [part for part in inner if isinstance(part, pikepdf.Object) and not part.is_indirect]


def _disarm(holder: Any, pikepdf: Any) -> None:
    is_link = holder.get("/S") == "/URI" and bytes(holder.get("/URI", b"")).lower().startswith(_WEB)
    if holder.get("/Subtype") == "/PS":
        holder["/Subtype"] = pikepdf.Name("/Form")
    if isinstance(holder, pikepdf.Stream):
        _drop(holder, _DROPPED_OF_STREAMS)
    _drop(holder, [key for key in _DROPPED_KEYS if not (is_link and key == "/URI")])
    action = holder.get("/A")
    if isinstance(action, pikepdf.Dictionary) and not _is_harmless(action):
        _drop(holder, ["/A"])
    annotations = holder.get("/Annots")
    if isinstance(annotations, pikepdf.Array):
        kept = [
            each
            for each in annotations
            if isinstance(each, pikepdf.Dictionary) and str(each.get("/Subtype", "")) in _ANNOTATIONS
        ]
        holder["/Annots"] = pikepdf.Array(kept)


def _is_harmless(action: Any) -> bool:
    """Whether it only goes to another page of the document or of the web."""
    if action.get("/S") == "/GoTo":
        return True
    return action.get("/S") == "/URI" and bytes(action.get("/URI", b"")).lower().startswith(_WEB)


def _drop(holder: Any, keys: Any) -> None:
    for key in keys:
        if key in holder:
            del holder[key]


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main(kind: str) -> int:
    _limit()
    writers: dict[str, Callable[[bytes], bytes]] = {"image": image, "logo": logo, "pdf": pdf}
    try:
        written = writers[kind](sys.stdin.buffer.read())
    except Refused as refused:
        sys.stderr.write(str(refused))
        return REFUSED
    if len(written) > MAX_RESULT_BYTES:
        sys.stderr.write("This file is too large once it is unpacked.")
        return REFUSED
    sys.stdout.buffer.write(written)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
