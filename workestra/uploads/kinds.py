"""Which files are taken from people, and what they are called."""

import re
import unicodedata
from enum import StrEnum
from typing import Final

MAX_BYTES: Final = 5_000_000
MAX_NAME: Final = 100

KINDS_IN_WORDS: Final = "PNG, JPEG, WebP, GIF, PDF or plain text, up to 5 MB."
ACCEPT: Final = "image/png,image/jpeg,image/webp,image/gif,application/pdf,text/plain,.txt,.md"
"""For the browser's file dialog; the server looks for itself."""

MAX_LOGO_BYTES: Final = 1_000_000
LOGO_KINDS_IN_WORDS: Final = "PNG, JPEG or WebP, up to 1 MB and 2000 pixels a side."
LOGO_ACCEPT: Final = "image/png,image/jpeg,image/webp"

_TEXT_ENDINGS: Final = (".txt", ".md")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


class BadFile(ValueError):
    """The file is not taken; the message is for the person who sent it."""


class Kind(StrEnum):
    """What an accepted file is written as. GIF becomes PNG."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"
    PDF = "application/pdf"
    TEXT = "text/plain"

    @property
    def ending(self) -> str:
        return _ENDINGS[self]

    @property
    def is_image(self) -> bool:
        return self.value.startswith("image/")


_ENDINGS: Final = {
    Kind.PNG: ".png",
    Kind.JPEG: ".jpg",
    Kind.WEBP: ".webp",
    Kind.PDF: ".pdf",
    Kind.TEXT: ".txt",
}


def kind_of(name: str, data: bytes) -> Kind:
    """What a file is, by its first bytes; its name only decides whether to read it as text. Raises BadFile."""
    if kind := _raster(data):
        return kind
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Kind.PNG
    if data.startswith(b"%PDF-"):
        return Kind.PDF
    if name.lower().endswith(_TEXT_ENDINGS):
        return Kind.TEXT
    raise BadFile(f"This kind of file is not taken. Send {KINDS_IN_WORDS}")


def check_logo(data: bytes) -> None:
    """Refuse, by its first bytes, what cannot be a logo. Raises BadFile."""
    if _raster(data):
        return
    if b"<svg" in data[:2000].lower():
        raise BadFile("An SVG can carry programs, so it is not taken. Save the logo as PNG and send that.")
    raise BadFile(f"This kind of file is not taken. Send {LOGO_KINDS_IN_WORDS}")


def _raster(data: bytes) -> Kind | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    return Kind.WEBP if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def plain_text(data: bytes) -> bytes:
    """The text in UTF-8 without a byte order mark, its line breaks as "\\n". Raises BadFile for what is no text."""
    text = _decoded(data)
    if _CONTROL.search(text):
        raise BadFile("This file is called a text, but it is something else.")
    return text.replace("\r\n", "\n").replace("\r", "\n").encode()


def _decoded(data: bytes) -> str:
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFile("This file is called a text, but it is something else.")


def safe_name(name: str, kind: Kind) -> str:
    """The file's own name without folders and without characters that mislead, with the ending of what it is now."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem, dot, ending = last.rpartition(".")
    if not dot or len(ending) > 5:
        stem = last
    shown = "".join(each for each in stem if unicodedata.category(each)[0] not in "CZ" or each == " ")
    stem = re.sub(r'["*:<>?|]', "", shown).strip(" .")[: MAX_NAME - len(kind.ending)].strip(" .")
    return f"{stem or 'file'}{kind.ending}"


def size_words(size: int) -> str:
    """ "240 KB", "1.2 MB", "5 MB"; "1 KB" for anything smaller."""
    if size < 999_500:
        return f"{max(1, round(size / 1000))} KB"
    return f"{size / 1_000_000:.1f}".removesuffix(".0") + " MB"
