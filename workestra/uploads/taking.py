"""Taking a file from a stranger: it is looked at, and kept only as our own programs write it anew."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import Final

from workestra.uploads import rewriting
from workestra.uploads.kinds import (
    MAX_BYTES,
    MAX_LOGO_BYTES,
    BadFile,
    Kind,
    check_logo,
    kind_of,
    plain_text,
    safe_name,
    size_words,
)

PATIENCE_SECONDS: Final = 20
_PROGRAM: Final = Path(rewriting.__file__)
# Each may take a gigabyte for a moment.
_TURNS: Final = Semaphore(2)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is kept."""

    name: str
    kind: Kind
    content: bytes


def taken(name: str, data: bytes, size: int) -> Upload:
    """The file, written anew. `size` is how long it was sent; `data` may be only its beginning when that is too long.

    Raises BadFile: too large, empty, of a kind that is not taken, damaged, or made to harm.
    """
    _check_size(data, size, MAX_BYTES)
    kind = kind_of(name, data)
    content = plain_text(data) if kind is Kind.TEXT else _rewritten("image" if kind.is_image else "pdf", data)
    return Upload(safe_name(name, kind), kind, content)


def taken_logo(data: bytes, size: int) -> bytes:
    """The logo as a PNG, small enough for every page and mail; `data` and `size` as for `taken`. Raises BadFile."""
    _check_size(data, size, MAX_LOGO_BYTES)
    check_logo(data)
    return _rewritten("logo", data)


def _check_size(data: bytes, size: int, most: int) -> None:
    if size > most:
        raise BadFile(f"This file has {size_words(size)}. {size_words(most)} fit.")
    if len(data) < size:
        raise BadFile("These files are too many at once. Send this one again by itself.")
    if not data:
        raise BadFile("This file is empty.")


def _rewritten(writer: str, data: bytes) -> bytes:
    if not _TURNS.acquire(timeout=PATIENCE_SECONDS):
        raise BadFile("Many files are coming in at this moment. Send it again.")
    try:
        ended = subprocess.run(  # noqa: S603  Nothing of the command comes from outside.
            [sys.executable, "-I", str(_PROGRAM), writer],
            input=data,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadFile("This file takes too long to read.") from error
    finally:
        _TURNS.release()
    if ended.returncode == rewriting.REFUSED:
        raise BadFile(ended.stderr.decode())
    if ended.returncode or not ended.stdout:
        what = "PDF" if writer == "pdf" else "image"
        raise BadFile(f"This {what} is damaged. Open it, save it again and send the new one.")
    return ended.stdout
