"""Files from strangers: what is taken is written anew, the rest is refused in words."""

import io
import struct
import zlib
from typing import Any

import pikepdf
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workestra.uploads.kinds import MAX_BYTES, BadFile, Kind, safe_name, size_words
from workestra.uploads.taking import Upload, taken


def take(name: str, data: bytes) -> Upload:
    return taken(name, data, len(data))


def picture(format_: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, 90 if mode in {"L", "I;16"} else "teal").save(written, format_, **options)
    return written.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(100_000), 9)
    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def armed_pdf() -> bytes:
    """A page with everything that a reader might run, open or send."""
    document = pikepdf.new()
    document.add_blank_page()
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert('evil')")
    document.Root.OpenAction = script
    document.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA="evil")
    page = document.pages[0].obj
    page.AA = pikepdf.Dictionary(O=script)
    page.PieceInfo = pikepdf.Dictionary(Private="evil")

    def link(**action: Any) -> pikepdf.Object:
        inside = pikepdf.Dictionary(**action)
        note = {"Type": pikepdf.Name.Annot, "Subtype": pikepdf.Name.Link, "Rect": [0, 0, 9, 9]}
        return document.make_indirect(pikepdf.Dictionary(A=inside, **note))

    page.Annots = pikepdf.Array(
        [
            link(S=pikepdf.Name.URI, URI="https://good.example/", Next=script),
            link(S=pikepdf.Name.URI, URI="javascript:evil()"),
            link(S=pikepdf.Name.Launch, F="evil.exe"),
            link(S=pikepdf.Name.SubmitForm, F="https://evil.example/"),
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, Rect=[0, 0, 9, 9]
            ),
        ]
    )
    document.attachments["evil.exe"] = b"MZevil"
    outside = document.make_stream(b"", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, F="evil.bin")
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=outside))
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def spelled_out(data: bytes) -> bytes:
    """The document with nothing compressed."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as document:
        document.save(
            written,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.all,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    return written.getvalue()


@pytest.mark.parametrize(
    ("sent", "kind"), [("PNG", Kind.PNG), ("GIF", Kind.PNG), ("JPEG", Kind.JPEG), ("WEBP", Kind.WEBP)]
)
def test_an_image_is_written_anew(sent: str, kind: Kind) -> None:
    upload = take(f"Plan B.{sent.lower()}", picture(sent))
    assert upload.kind is kind
    assert upload.name == f"Plan B{kind.ending}"
    with Image.open(io.BytesIO(upload.content)) as image:
        assert image.size == (60, 40)


def test_an_image_keeps_no_metadata_and_nothing_behind_its_end() -> None:
    exif = Image.Exif()
    exif[0x010E] = "my home address"
    exif[0x0112] = 6  # On its side.
    upload = take("me.jpg", picture("JPEG", exif=exif) + b"<script>evil()</script>")
    assert b"home" not in upload.content
    assert b"evil" not in upload.content
    with Image.open(io.BytesIO(upload.content)) as image:
        assert image.size == (40, 60)
        assert not image.getexif()
    words = PngInfo()
    words.add_text("Comment", "my home address")
    assert b"home" not in take("me.png", picture("PNG", pnginfo=words)).content


def test_a_large_image_becomes_smaller_and_an_animated_one_still() -> None:
    with Image.open(io.BytesIO(take("wide.png", picture("PNG", (3000, 600))).content)) as image:
        assert image.size == (2000, 400)
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(take("two.gif", written.getvalue()).content)) as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("mode", "format_"), [("L", "PNG"), ("P", "PNG"), ("RGBA", "WEBP"), ("I;16", "PNG"), ("CMYK", "JPEG")]
)
def test_images_of_other_colors_are_taken(mode: str, format_: str) -> None:
    assert take("a", picture(format_, mode=mode)).content


def test_a_pdf_keeps_its_pages_and_web_links_and_nothing_that_runs() -> None:
    upload = take("deck.pdf", armed_pdf())
    assert (upload.name, upload.kind) == ("deck.pdf", Kind.PDF)
    plain = spelled_out(upload.content)
    assert b"https://good.example/" in plain
    for word in (b"evil", b"JavaScript", b"/JS", b"OpenAction", b"/AA", b"Launch", b"EmbeddedFile", b"XFA"):
        assert word in spelled_out(armed_pdf()), word
        assert word not in plain, word


def test_a_pdf_with_a_password_is_refused() -> None:
    document = pikepdf.new()
    document.add_blank_page()
    written = io.BytesIO()
    document.save(written, encryption=pikepdf.Encryption(user="secret", owner="secret"))
    with pytest.raises(BadFile, match="password"):
        take("deck.pdf", written.getvalue())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("häh\r\nja".encode(), "häh\nja"),
        ("häh".encode("utf-8-sig"), "häh"),
        ("häh".encode("utf-16"), "häh"),
        ("häh".encode("cp1252"), "häh"),
    ],
)
def test_a_text_becomes_utf_8(sent: bytes, kept: str) -> None:
    upload = take("notes.md", sent)
    assert (upload.name, upload.kind, upload.content.decode()) == ("notes.txt", Kind.TEXT, kept)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.png", b"", "empty"),
        ("a.svg", b"<svg onload='evil()'/>", "This kind of file is not taken"),
        ("a.html", b"<script>evil()</script>", "This kind of file is not taken"),
        ("a.docx", b"PK\x03\x04", "This kind of file is not taken"),
        ("a.exe", b"MZ", "This kind of file is not taken"),
        ("a.txt", b"MZ\x00\x01", "something else"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "image is damaged"),
        ("a.jpg", b"\xff\xd8\xff" + bytes(1000), "image is damaged"),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBPevil", "image is damaged"),
        ("a.pdf", b"%PDF-1.7 and nothing", "PDF is damaged"),
        ("a.png", png_header(60_000, 60_000), "more than 50 million pixels"),
        ("a.png", png_header(7_000, 7_000), "image is damaged"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), "5 MB fit"),
    ],
)
def test_what_is_not_taken_is_told_why(name: str, data: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        take(name, data)


def test_a_pdf_that_unpacks_to_more_than_the_memory_there_is_ends_nothing_but_its_reader() -> None:
    document = pikepdf.new()
    document.add_blank_page()
    bomb = zlib.compress(bytes(50_000_000), 9)
    for _round in range(2):
        bomb = zlib.compress(bomb, 9)
    filters = pikepdf.Array([pikepdf.Name.FlateDecode] * 3)
    page = document.pages[0].obj
    page.Contents = document.make_stream(bomb)
    page.Contents.stream_dict.Filter = filters
    written = io.BytesIO()
    document.save(written, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)
    try:
        upload = take("deck.pdf", written.getvalue())
    except BadFile:
        return
    assert len(upload.content) < MAX_BYTES


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\priya\\deck.JPEG", "deck.png"),
        ('a"b\r\nSet-Cookie: x=1.png', "abSet-Cookie x=1.png"),
        ("evil\u202egnp.exe", "evilgnp.png"),
        ("", "file.png"),
        ("...", "file.png"),
        ("x" * 500, f"{'x' * 96}.png"),
        ("Präsentation 2.png", "Präsentation 2.png"),
    ],
)
def test_a_name_is_only_a_name(name: str, safe: str) -> None:
    assert safe_name(name, Kind.PNG) == safe


def test_sizes_are_said_shortly() -> None:
    assert [size_words(each) for each in (1, 240_000, 999_600, 1_240_000, 5_000_000)] == [
        *("1 KB", "240 KB", "1 MB", "1.2 MB", "5 MB")
    ]
