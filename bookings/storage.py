"""Where the bytes of bookers' files are: below `UPLOADS_ROOT`, each named by its row's id. No address leads there."""

import os
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef

from bookings.models import AnswerFile, Attendee

PENDING: Final = timedelta(days=1)
"""How long a file waits for its booking."""
_YOUNG: Final = timedelta(hours=1)
"""Bytes are written before their row: so long they are left alone without one."""
_BATCH: Final = 500


def write(file_id: UUID, content: bytes) -> None:
    """Keep these bytes, or none of them. Raises OSError, as when the disk is full."""
    path = _path(file_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def read(file_id: UUID) -> bytes | None:
    """The bytes; None when they are gone."""
    try:
        return _path(file_id).read_bytes()
    except FileNotFoundError:
        return None


def remove(file_ids: Collection[UUID]) -> None:
    """Remove these bytes; those that are gone already are no error."""
    for file_id in file_ids:
        _path(file_id).unlink(missing_ok=True)


def remove_unneeded(now: datetime) -> int:
    """Remove files that waited too long for a booking, and those of bookings that are gone. Gives how many bytes' files
    went.

    Rows first, then bytes without a row: whatever a run leaves behind, the next one finds. Safe to repeat, and to run
    twice at once.
    """
    booked = Attendee.objects.filter(series_id=OuterRef("series_id"))
    old = AnswerFile.objects.filter(created_at__lt=now - PENDING)
    old.filter(series_id=None).delete()
    old.exclude(series_id=None).exclude(Exists(booked)).delete()
    removed = 0
    for batch in _batches(_files_before(now - _YOUNG)):
        known = set(AnswerFile.objects.filter(pk__in=batch).values_list("pk", flat=True))
        for file_id, path in batch.items():
            if file_id not in known:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _path(file_id: UUID) -> Path:
    return Path(settings.UPLOADS_ROOT) / file_id.hex[:2] / file_id.hex


def _files_before(instant: datetime) -> Iterator[tuple[UUID, Path]]:
    for path in Path(settings.UPLOADS_ROOT).glob("??/*"):
        try:
            file_id, changed = UUID(path.stem), path.stat().st_mtime
        except (ValueError, FileNotFoundError):
            continue
        if changed < instant.timestamp():
            yield file_id, path


def _batches(files: Iterator[tuple[UUID, Path]]) -> Iterator[dict[UUID, Path]]:
    batch: dict[UUID, Path] = {}
    for file_id, path in files:
        batch[file_id] = path
        if len(batch) == _BATCH:
            yield batch
            batch = {}
    yield batch
